"""Numbers as Java 8 writes them, which the public container runs on: Double.toString.

Java 8 to 18 do not always find the shortest digits (2.0E-3 is 0.002, yet 2^-44 is 5.6843418860808015E-14, where Java 19
says 5.684341886080802E-14): what is sent on to the next container is to be the same text, so the same steps are taken,
down to where their integers of 32 and 64 bits run over. https://bugs.openjdk.org/browse/JDK-4511638
"""

from __future__ import annotations

import math
import struct
from typing import Tuple

Digits = Tuple[str, int]  # and where the point stands: ("125", 1) is 1.25
KEPT = 1 << 14  # texts that are remembered: a model's outputs come again
_HIDDEN = 52  # bits of a double's fraction
_FIVES = 27  # powers of five whose bits are known; three bits for each beyond
_doubles: dict[float, str] = {float(number): f"{number}.0" for number in range(1, 256)}


def double_text(value: float) -> str:
    """Double.toString."""
    found = _doubles.get(value)
    if found is None:
        if not value:
            return "0.0" if math.copysign(1.0, value) > 0 else "-0.0"
        if 1e-3 <= abs(value) < 1e7:
            return repr(value)  # plain digits, and none too many: Java's and Python's are the same
        found = _double(value)
        if len(_doubles) < KEPT:
            _doubles[value] = found
    return found


def _double(value: float) -> str:
    (bits,) = struct.unpack("<Q", struct.pack("<d", value))
    sign = "-" if bits >> 63 else ""
    power, fraction = bits >> _HIDDEN & 0x7FF, bits & (1 << _HIDDEN) - 1
    if power == 0x7FF:
        return "NaN" if fraction else sign + "Infinity"
    lacking = 0
    if power:
        fraction |= 1 << _HIDDEN
    else:  # of the smallest, whose highest bit is not the hidden one
        lacking = _HIDDEN + 1 - fraction.bit_length()
        fraction, power = fraction << lacking, 1
    digits, point = _digits(fraction, power - 1023 - lacking, _HIDDEN + 1 - lacking)
    return f"{sign}{digits[0]}.{digits[1:] or '0'}E{point - 1}"


def _digits(fraction: int, power: int, significant: int) -> Digits:
    """Of fraction * 2^(power - 52), whose highest bit is set. `significant`: bits that the number has."""
    bits = _HIDDEN + 1 - ((fraction & -fraction).bit_length() - 1)
    tiny = max(0, bits - power - 1)
    if tiny == 0 and power <= 62:
        return _whole(fraction << power - _HIDDEN if power > _HIDDEN else fraction >> _HIDDEN - power,
                      len(str(1 << power - significant - 1)) - 1 if power - significant > 4 else 0)  # fmt: skip
    guess = (fraction / (1 << _HIDDEN) - 1.5) * 0.289529654 + 0.176091259 + power * 0.301029995663981
    exponent = math.floor(guess)
    five = max(0, -exponent)
    b2, s2 = five + tiny + power, max(0, exponent) + tiny
    m2 = b2 - significant
    b2 -= bits - 1
    common = min(b2, s2)
    b2, s2, m2 = b2 - common, s2 - common, m2 - common - (bits == 1)
    if m2 < 0:
        b2, s2, m2 = b2 - m2, s2 - m2, 0
    tens = max(0, exponent)
    need = max(bits + b2 + _bits_of_five(five), s2 + 1 + _bits_of_five(tens + 1))
    words = 32 if need < 32 else 64 if need < 64 else 0
    given = fraction >> _HIDDEN + 1 - bits
    return _generated(given * 5**five << b2, 5**tens << s2, 5**five << m2, exponent, words)


def _bits_of_five(exponent: int) -> int:
    return (5**exponent).bit_length() if 0 < exponent < _FIVES else exponent * 3


def _whole(value: int, dropped: int) -> Digits:
    """Of an integer, whose `dropped` last digits say nothing."""
    if dropped:
        value, rest = divmod(value, 10**dropped)
        value += rest >= 10**dropped >> 1
    text = str(value)
    return text.rstrip("0"), len(text) + dropped


def _generated(value: int, scale: int, half: int, exponent: int, words: int) -> Digits:
    """Digits of value / scale until what is left is within half of the last place, of numbers of so many bits."""
    tens = scale * 10
    digit, value = divmod(value, scale)
    value, half = value * 10, _wrapped(half * 10, words)
    low, high = value < half, _over(value, half, tens, words)
    digits = []
    if digit or high:
        digits.append(digit)
    else:
        exponent -= 1
    if exponent < -3 or exponent >= 8:  # written with an exponent: at least two digits
        low = high = False
    while not (low or high):
        digit, value = divmod(value, scale)
        value, half = value * 10, _wrapped(half * 10, words)
        low, high = (value < half, _over(value, half, tens, words)) if half > 0 else (True, True)
        digits.append(digit)
    if high and (not low or _upwards(_wrapped((value << 1), words) - tens, words, digits[-1])):
        return _rounded_up(digits, exponent + 1)
    return "".join(map(str, digits)), exponent + 1


def _over(value: int, half: int, tens: int, words: int) -> bool:
    return _wrapped(value + half, words) > tens if words else value + half >= tens


def _upwards(difference: int, words: int, last: int) -> bool:
    difference = _wrapped(difference, words)
    return difference > 0 or (difference == 0 and last & 1 == 1)


def _wrapped(value: int, words: int) -> int:
    """As a signed integer of so many bits; 0 for one that has room for all."""
    if not words or -(1 << words - 1) <= value < 1 << words - 1:
        return value
    return (value + (1 << words - 1) & (1 << words) - 1) - (1 << words - 1)


def _rounded_up(digits: list[int], point: int) -> Digits:
    place = len(digits) - 1
    while digits[place] == 9 and place > 0:
        digits[place] = 0
        place -= 1
    if digits[place] == 9:
        digits[place], point = 1, point + 1
    else:
        digits[place] += 1
    return "".join(map(str, digits)), point
