"""multipart/form-data as it arrives: small fields into memory, the file onward, piece by piece.

https://www.rfc-editor.org/rfc/rfc7578
"""

import re
from collections.abc import Callable, Iterable
from typing import Literal

from clary.errors import AWSError
from clary.wire.message import Sink

FIELDS = 20 * 1024  # bytes of all that stands before the file: AWS's limit
HEAD = 4096  # bytes of one part's headers: ours
OPENING = re.compile(r'multipart/form-data\s*;.*boundary=(?:"([^"]{1,70})"|([^\s;,"]{1,70}))', re.IGNORECASE)
PARAMETER = re.compile(r';\s*(name|filename)="((?:[^"\\]|\\.)*)"', re.IGNORECASE)

Open = Callable[[dict[str, str], str], Sink]


def malformed() -> AWSError:
    return AWSError(
        "MalformedPOSTRequest", "The body of your POST request is not well-formed multipart/form-data.", 400
    )


class Form:
    """A Sink of the whole body. Where the part named `file` begins, all fields are known: `opened(fields, filename)`
    judges them and gives the sink of the file. What follows the file is read and forgotten, as AWS does.
    """

    def __init__(self, content_type: str, opened: Open) -> None:
        """Raises MalformedPOSTRequest for a content type without a boundary."""
        found = OPENING.match(content_type)
        if found is None:
            raise malformed()
        self._boundary = b"\r\n--" + (found[1] or found[2]).encode()
        self._opened = opened
        self._data = bytearray(b"\r\n")  # so that the first boundary looks like the others
        self._state: Literal["preamble", "after", "head", "field", "file", "end"] = "preamble"
        self._name = ""
        self._size = 0  # bytes of what was read before the file
        self.fields: dict[str, str] = {}  # by their names in lower case
        self.file: Sink | None = None
        self.size = 0  # bytes of the file

    @property
    def complete(self) -> bool:
        return self._state == "end"

    def write(self, chunks: Iterable[bytes]) -> None:
        for chunk in chunks:
            if self._state != "end":
                self._data += chunk
                while self._step():
                    pass

    def trailers(self, trailers: dict[str, str]) -> None:
        """A form has none."""

    def abort(self) -> None:
        if self.file is not None:
            self.file.abort()

    def _step(self) -> bool:
        """Whether it got any further with the bytes that are there."""
        match self._state:
            case "preamble" | "field":
                return self._until_boundary()
            case "after":
                return self._after_boundary()
            case "head":
                return self._read_head()
            case "file":
                return self._pass_on()
            case "end":
                self._data.clear()
                return False

    def _until_boundary(self) -> bool:
        at = self._data.find(self._boundary)
        self._check_size(at if at >= 0 else len(self._data))
        if at < 0:
            return False
        self._size += at + len(self._boundary)
        if self._state == "field":
            # https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-HTTPPOSTForms.html: names in any case
            self.fields.setdefault(self._name.lower(), _text(bytes(self._data[:at])))
        self._cut(at)
        return True

    def _check_size(self, more: int) -> None:
        """All that stands before the file counts, for all of it is held in memory, whoever sends it."""
        if self._size + more > FIELDS:
            raise AWSError(
                "MaxPostPreDataLengthExceeded",
                "Your POST request fields preceeding the upload file was too large.",
                400,
            )

    def _cut(self, at: int) -> None:
        del self._data[: at + len(self._boundary)]
        self._state = "after"

    def _after_boundary(self) -> bool:
        if len(self._data) < 2:
            return False
        mark = bytes(self._data[:2])
        if mark not in {b"\r\n", b"--"}:
            raise malformed()
        if mark == b"\r\n":
            self._state = "head"  # the line end stays: a part without headers has an empty line at once
        else:
            self._state = "end"
        return True

    def _read_head(self) -> bool:
        at = self._data.find(b"\r\n\r\n")
        if at < 0:
            if len(self._data) > HEAD:
                raise malformed()
            return False
        self._check_size(at)
        self._size += at + 4
        lines = _text(bytes(self._data[:at])).split("\r\n")
        del self._data[: at + 4]
        # The boundary may follow at once, with the line end that closes the head as its own.
        self._data[:0] = b"" if not self._data.startswith(self._boundary[2:]) else b"\r\n"
        disposition = next((line for line in lines if line.lower().startswith("content-disposition:")), "")
        parameters = {name.lower(): _unescape(value) for name, value in PARAMETER.findall(disposition)}
        if "name" not in parameters:
            raise malformed()
        self._name = parameters["name"]
        self._state = "field"
        if self._name.lower() == "file":
            self.file = self._opened(self.fields, parameters.get("filename", ""))
            self._state = "file"
        return True

    def _pass_on(self) -> bool:
        """The file, but for what may be the beginning of a boundary."""
        assert self.file is not None
        at = self._data.find(self._boundary)
        end = at if at >= 0 else len(self._data) - len(self._boundary) + 1
        if end > 0:
            self.size += end
            self.file.write([bytes(self._data[:end])])
            del self._data[:end]
        if at < 0:
            return False
        self._state = "end"
        return True


def _text(data: bytes) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        raise malformed() from error


def _unescape(text: str) -> str:
    return re.sub(r"\\(.)", r"\1", text).replace("%22", '"')
