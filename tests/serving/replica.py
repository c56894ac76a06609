"""A container for the data plane's tests: a small real server of frames that can misbehave when asked.

`python replica.py PATH [NAME]` listens there. What the request's custom attributes say is done: `status=415`,
`sleep=0.5`, `until=PATH`, `sign=FOLDER`, `exit`, `garbage`, `parts=3`, `go-on=PATH`, `wide=N`, `cut`, `answer=…`,
`big=N`, `session=s`, `close=s`. Nothing is answered until there is something at `until`, and nothing after the first
part until there is at `go-on`; the sign is a file of the process. Otherwise the body comes back behind the name.
"""

import asyncio
import os
import sys
from pathlib import Path
from typing import Any

from clary.images.runtime import frames

NAME = sys.argv[2] if len(sys.argv) > 2 else "echo"
CUSTOM, SESSION = "x-amzn-sagemaker-custom-attributes", "x-amzn-sagemaker-{}-session-id"


def wishes(headers: dict[str, str]) -> dict[str, str]:
    return dict(each.partition("=")[::2] for each in headers.get(CUSTOM, "").split(";"))


class Frames(asyncio.Protocol):
    def connection_made(self, transport: Any) -> None:
        self.transport = transport
        self.reader = frames.Reader()

    def data_received(self, data: bytes) -> None:
        out = []
        for number, kind, head, body in self.reader.feed(data):
            if kind == frames.WHOLE:
                wish = wishes(head["headers"])
                if wish == {"": ""}:
                    out.append(frames.pack(number, frames.WHOLE, good(head), NAME.encode() + b":" + body))
                else:
                    task = asyncio.get_running_loop().create_task(self.odd(number, head, body, wish))
                    TASKS.add(task)
                    task.add_done_callback(TASKS.discard)
        if out:
            self.transport.write(b"".join(out))

    async def odd(self, number: int, head: Any, body: bytes, wish: dict[str, str]) -> None:
        write = self.transport.write
        sign(wish.get("sign", ""))
        await asyncio.sleep(float(wish.get("sleep", 0)))
        await until(wish.get("until", ""))
        if "exit" in wish:
            os._exit(3)
        elif "garbage" in wish:
            write(b"HTTP/1.1 200 OK\r\n\r\nthis is no frame" * 10)
        elif "status" in wish:
            answer = frames.head(status=int(wish["status"]), headers={"content-type": "text/plain"})
            write(frames.pack(number, frames.WHOLE, answer, wish.get("answer", "no").encode()))
        elif "parts" in wish:
            write(frames.pack(number, frames.BEGIN, good(head)))
            for part in range(int(wish["parts"])):
                await until(wish.get("go-on", "") if part else "")
                await asyncio.sleep(0.01)
                write(frames.pack(number, frames.PART, b"", b"%d;" % part + bytes(int(wish.get("wide", 0)))))
            if "cut" in wish:
                self.transport.abort()
            else:
                write(frames.pack(number, frames.END))
        elif "big" in wish:
            write(frames.pack(number, frames.WHOLE, good(head), b"x" * int(wish["big"])))
        else:
            headers = {"content-type": "text/plain", CUSTOM: head["headers"][CUSTOM]}
            if "session" in wish:
                headers[SESSION.format("new")] = wish["session"] + "; Expires=2030-01-01T00:00:00Z"
            if "close" in wish:
                headers[SESSION.format("closed")] = wish["close"]
            answer = frames.head(status=200, headers=headers)
            said = f"{NAME}:{head['path']}:{sorted(head['headers'].items())}:".encode()
            write(frames.pack(number, frames.WHOLE, answer, said + body))


def sign(folder: str) -> None:
    if folder:
        Path(folder, str(os.getpid())).touch()


def there(path: str) -> bool:
    return not path or Path(path).exists()


async def until(path: str) -> None:
    while not there(path):  # noqa: ASYNC110 - it is another process that puts something there
        await asyncio.sleep(0.01)


TASKS: set[Any] = set()
_heads: dict[str, bytes] = {}


def good(head: Any) -> bytes:
    kind = head["headers"].get("content-type", "")
    if kind not in _heads:
        _heads[kind] = frames.head(status=200, headers={"content-type": kind})
    return _heads[kind]


async def main() -> None:
    loop = asyncio.get_running_loop()
    await loop.create_unix_server(Frames, sys.argv[1])
    print("ready", flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    import uvloop

    uvloop.run(main())
