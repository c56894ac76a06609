"""Many models in one container, loaded and unloaded while it runs.
https://docs.aws.amazon.com/sagemaker/latest/dg/mms-container-apis.html
"""

from __future__ import annotations

import json
import threading
import traceback
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote

from . import models
from .application import TOO_LARGE, Application, Call, answered, request
from .messages import Answer, Request
from .told import Entry

_PAGE = 100  # models of an answer, unless `limit` asks for fewer
_GROWTH = 2  # a model in memory, as a multiple of its files
_KEPT = 0.1  # of the memory, which requests need


class MultiModel(Application):
    def __init__(self, entry: Entry, parallel: int, largest: int | None) -> None:
        super().__init__(None, parallel, largest)
        self._entry = entry
        self._models: dict[str, tuple[str, Any]] = {}  # folder and model; None while it is loaded
        self._lock = threading.Lock()
        self.together = not models.serving(entry.image).scripted(entry.environ)

    def answer(self, calls: list[Call]) -> list[Answer]:
        """Requests for the same model are answered together."""
        answers: list[Any] = [None] * len(calls)
        waiting: dict[str, list[tuple[int, Request]]] = {}
        for place, call in enumerate(calls):
            method, path, _, body = call
            path, _, query = path.partition("?")
            words = path.split("/")
            invoked = len(words) == 4 and words[1] == "models" and words[3] == "invoke" and method == "POST"
            if invoked and self.largest is not None and len(body) > self.largest:
                answers[place] = TOO_LARGE
            elif invoked:
                waiting.setdefault(unquote(words[2]), []).append((place, request(call)))
            elif words[1:2] == ["models"] and len(words) in {2, 3}:
                answers[place] = self._manage(method, [unquote(word) for word in words[2:]], query, body)
            else:
                answers[place] = self._other(method, path)
        for name, asked in waiting.items():
            _, model = self._models.get(name, ("", None))
            requests = [each for _, each in asked]
            found = [_missing(name)] * len(asked) if model is None else answered(model, requests)
            for (place, _), answer in zip(asked, found):
                answers[place] = answer
        return answers

    def close(self) -> None:
        for _, model in self._models.values():
            if model is not None:
                model.close()

    def _manage(self, method: str, name: list[str], query: str, body: bytes) -> Answer:
        if not name:
            if method == "POST":
                return self._load(body)
            return self._list(query) if method == "GET" else Answer(b"", status=405)
        found = self._models.get(name[0])
        if method not in {"GET", "DELETE"}:
            return Answer(b"", status=405)
        if found is None or found[1] is None:
            return _missing(name[0])
        if method == "GET":
            return _json({"modelName": name[0], "modelUrl": found[0]})
        with self._lock:
            self._models.pop(name[0], None)
        found[1].close()
        print(f"Model {name[0]} unregistered.", flush=True)
        return _json({"status": f'Model "{name[0]}" unregistered'})

    def _list(self, query: str) -> Answer:
        asked = parse_qs(query)
        limit, start = asked.get("limit", [str(_PAGE)])[0], asked.get("next_page_token", ["0"])[0]
        if not (limit.isdigit() and start.isdigit() and int(limit)):
            return _json({"message": "limit and next_page_token are numbers"}, 400)
        there = sorted((name, folder) for name, (folder, model) in self._models.items() if model is not None)
        end = int(start) + int(limit)
        page = [{"modelName": name, "modelUrl": folder} for name, folder in there[int(start) : end]]
        return _json({"models": page, **({"nextPageToken": str(end)} if end < len(there) else {})})

    def _load(self, body: bytes) -> Answer:
        try:
            asked = json.loads(body)
            name, folder = str(asked["model_name"]), str(asked["url"])
        except (ValueError, KeyError, TypeError):
            return _json({"message": "model_name and url are expected, in JSON"}, 400)
        with self._lock:
            if name in self._models:
                return _json({"message": f"Model {name} is already registered."}, 409)
            if not _room(folder):
                return _json({"message": f"Insufficient resources to load model {name}."}, 507)
            self._models[name] = (folder, None)
        entry = self._entry.at(folder)
        try:
            model = models.load([entry])
        except MemoryError:
            return self._not_loaded(name, f"Insufficient resources to load model {name}.", 507)
        except Exception as error:  # noqa: BLE001 - whatever is wrong with the model
            traceback.print_exc()
            return self._not_loaded(name, f"Unable to load model: {error}", 500)
        with self._lock:
            self._models[name] = (folder, model)
        return _json({"status": f"Model {name} loaded"})

    def _not_loaded(self, name: str, said: str, status: int) -> Answer:
        with self._lock:
            self._models.pop(name, None)
        return _json({"message": said}, status)


def _missing(name: str) -> Answer:
    return _json({"message": f"Model not found: {name}"}, 404)


def _json(told: dict[str, Any], status: int = 200) -> Answer:
    return Answer(json.dumps(told).encode(), "application/json", status)


def _room(folder: str) -> bool:
    """Whether the memory that is left takes the model."""
    left, whole = _memory()
    size = sum(file.stat().st_size for file in Path(folder).rglob("*") if file.is_file())
    return size * _GROWTH < left - whole * _KEPT


def _memory() -> tuple[float, float]:
    """Bytes that are left and all there are: the cgroup's, else the machine's."""
    for limit, used in (
        ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory.current"),
        ("/sys/fs/cgroup/memory/memory.limit_in_bytes", "/sys/fs/cgroup/memory/memory.usage_in_bytes"),
    ):
        if Path(limit).exists() and Path(used).exists() and Path(limit).read_text().strip().isdigit():
            most = int(Path(limit).read_text())
            if most < 1 << 50:  # version 1 says so where there is none
                return most - int(Path(used).read_text()), most
    told = dict(line.split(":") for line in Path("/proc/meminfo").read_text().splitlines())
    return int(told["MemAvailable"].split()[0]) * 1024.0, int(told["MemTotal"].split()[0]) * 1024.0
