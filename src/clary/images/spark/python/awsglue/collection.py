"""Several dynamic frames by name: https://docs.aws.amazon.com/glue/latest/dg/aws-glue-api-crawler-pyspark-extensions-dynamic-frame-collection.html."""

from __future__ import annotations

from collections.abc import Callable, Iterator, KeysView, ValuesView
from typing import Any


class DynamicFrameCollection:
    def __init__(self, dynamic_frames: dict[str, Any], glue_ctx: Any) -> None:
        self._frames = dict(dynamic_frames)
        self._glue_ctx = glue_ctx

    def __getitem__(self, key: str) -> Any:
        return self.select(key)

    def __len__(self) -> int:
        return len(self._frames)

    def __iter__(self) -> Iterator[str]:
        return iter(self._frames)

    def keys(self) -> KeysView[str]:
        return self._frames.keys()

    def values(self) -> ValuesView[Any]:
        return self._frames.values()

    def select(self, key: str, transformation_ctx: str = "") -> Any:
        return self._frames[key]

    def map(self, callable: Callable[..., Any], transformation_ctx: str = "") -> DynamicFrameCollection:
        """Each frame's own transformation context is the collection's with the frame's name behind it."""
        made = {name: callable(frame, f"{transformation_ctx}{name}") for name, frame in self._frames.items()}
        return DynamicFrameCollection(made, self._glue_ctx)

    def flatmap(self, f: Callable[..., Any], transformation_ctx: str = "") -> DynamicFrameCollection:
        """As `map`, where `f` may give a collection: its frames are called `frame_inner`."""
        made: dict[str, Any] = {}
        for name, frame in self._frames.items():
            result = f(frame, f"{transformation_ctx}{name}")
            if isinstance(result, DynamicFrameCollection):
                made |= {f"{name}_{inner}": one for inner, one in result._frames.items()}
            else:
                made[name] = result
        return DynamicFrameCollection(made, self._glue_ctx)
