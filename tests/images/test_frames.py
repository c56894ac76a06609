"""What one side packs, the other reads, however the bytes are cut on their way."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clary.images.runtime import frames

HEADS = st.dictionaries(st.text(max_size=8), st.text(max_size=8), max_size=3).map(
    lambda said: frames.head(headers=said)
)
MESSAGES = st.lists(
    st.tuples(st.integers(0, 2**32 - 1), st.integers(0, frames.STEPS), st.just(b"") | HEADS, st.binary(max_size=64))
)


@given(MESSAGES, st.lists(st.integers(1, 40), min_size=1))
def test_messages_arrive_as_they_were_sent(messages: list[tuple[int, int, bytes, bytes]], cuts: list[int]) -> None:
    data = b"".join(frames.pack(*message) for message in messages)
    reader, found, at, turn = frames.Reader(), [], 0, 0
    while at < len(data):
        size = cuts[turn % len(cuts)]
        found += reader.feed(data[at : at + size])
        at, turn = at + size, turn + 1
    assert [(number, kind, body) for number, kind, _, body in found] == [
        (number, kind, body) for number, kind, _, body in messages
    ]
    heads = [frames.head(**head) if head else b"" for _, _, head, _ in found]
    assert heads == [head for _, _, head, _ in messages]


def test_what_is_no_message_is_refused() -> None:
    with pytest.raises(ValueError, match="not a frame"):
        frames.Reader().feed(b"GET / HTTP/1.1\r\n\r\n")
