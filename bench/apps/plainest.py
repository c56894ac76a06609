"""The bench's model with nothing but uvicorn: what a careful person writes by hand."""

import json
import os
import sys
from typing import Any

import numpy as np
import uvicorn
import xgboost

booster = xgboost.Booster(model_file=os.environ["MODEL"])


async def app(scope: dict[str, Any], receive: Any, send: Any) -> None:
    body = b""
    while True:
        message = await receive()
        body += message.get("body", b"")
        if not message.get("more_body"):
            break
    if scope["path"] == "/json":
        rows = np.array(json.loads(body)["rows"], dtype="float32")
        answer = json.dumps(booster.inplace_predict(rows).tolist()).encode()
    else:
        rows = np.array([line.split(",") for line in body.decode().splitlines()], dtype="float32")
        answer = "\n".join(map(str, booster.inplace_predict(rows).tolist())).encode()
    headers = [(b"content-length", b"%d" % len(answer))]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": answer})


if __name__ == "__main__":
    quiet = {"access_log": False, "log_level": "error", "lifespan": "off", "ws": "none"}
    uvicorn.run(app, port=int(sys.argv[1]), loop="uvloop", http="httptools", **quiet)  # type: ignore[arg-type]  # a dict
