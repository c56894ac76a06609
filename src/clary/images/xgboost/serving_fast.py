"""Predictions for a few dense rows, without what xgboost's Python takes around them: several times the trees' time.

The same function of the same library is called (XGBoosterPredictFromDense, 1.4 and newer), on a configuration that is
made once. It is only used when it says of probe rows exactly what Booster.predict says.
"""

from __future__ import annotations

import ctypes
import json
import threading
from collections.abc import Callable
from concurrent import futures
from typing import Any

from ..runtime import told  # noqa: TID252 - in the container the package is no `clary`
from .packages import numpy, xgboost

SMALL = 32  # rows that are predicted without letting other threads run meanwhile: handing over takes longer
MANY = 4096  # rows that are worth a thread for each processor; the function may be called by several at once
_PROBES = 64


class Fast:
    def __init__(self, booster: Any, features: int, last: int) -> None:
        self._booster = booster  # owns the handle
        self._handle = booster.handle
        self.features = features
        self._config = json.dumps(
            {
                "type": 0,
                "training": False,
                "iteration_begin": 0,
                "iteration_end": last,
                "missing": float("nan"),
                "strict_shape": False,
                "cache_id": 0,
            }
        ).encode()
        library = xgboost.core._LIB  # noqa: SLF001 - the library that xgboost itself has loaded
        self._error = library.XGBGetLastError
        self._call = library.XGBoosterPredictFromDense
        self._call_small = ctypes.PyDLL(library._name).XGBoosterPredictFromDense  # noqa: SLF001 - its path
        self._own = threading.local()

    @staticmethod
    def of(booster: Any, features: int, slow: Callable[[Any], Any]) -> Fast | None:
        """None where this version or this model has to take the long way."""
        if not features or not hasattr(xgboost.core._LIB, "XGBoosterPredictFromDense"):  # noqa: SLF001 - see above
            return None
        limit = int(getattr(booster, "best_ntree_limit", 0) or 0)
        random = numpy.random.RandomState(0)
        probes = random.standard_cauchy((_PROBES, features)).astype(numpy.float32)
        probes[random.uniform(size=probes.shape) < 0.1] = numpy.nan
        expected = slow(xgboost.DMatrix(probes))
        for last in {limit, limit // _parallel(booster)}:
            fast = Fast(booster, features, last)
            try:
                found = fast.predict(probes)
            except RuntimeError:
                continue
            if found.dtype == expected.dtype and numpy.array_equal(found, expected):
                return fast
        return None

    def predict(self, rows: Any) -> Any:
        """Of contiguous float32 rows, what Booster.predict gives. Raises RuntimeError with the library's words."""
        if len(rows) < MANY or told.CPUS < 2:
            return self._predict(rows)
        with futures.ThreadPoolExecutor(told.CPUS) as pool:
            return numpy.concatenate(list(pool.map(self._predict, numpy.array_split(rows, told.CPUS))))

    def _predict(self, rows: Any) -> Any:
        try:
            own = self._own.own
        except AttributeError:
            own = self._own.own = _Own()
        count = len(rows)
        interface = b'{"data":[%d,true],"shape":[%d,%d],"typestr":"<f4","version":3}' % (
            rows.__array_interface__["data"][0],
            count,
            rows.shape[1],
        )
        call = self._call_small if count <= SMALL else self._call
        if call(self._handle, interface, self._config, own.proxy, *own.to):
            raise RuntimeError(self._error().decode())
        sizes = own.shape[: own.dimensions.value]
        total = 1
        for size in sizes:
            total *= size
        flat = numpy.frombuffer(ctypes.string_at(own.out, 4 * total), dtype=numpy.float32)
        return flat.reshape(sizes) if len(sizes) > 1 else flat


class _Own:
    """What a thread has to itself: where the library puts its answer, and a proxy matrix. Without one the library makes
    one for each call, and that looks up the cgroup's processors in files: half of a call's time.
    """

    def __init__(self) -> None:
        self.shape = ctypes.POINTER(ctypes.c_uint64)()
        self.dimensions = ctypes.c_uint64()
        self.out = ctypes.POINTER(ctypes.c_float)()
        self.to = (ctypes.byref(self.shape), ctypes.byref(self.dimensions), ctypes.byref(self.out))
        self._library = xgboost.core._LIB  # noqa: SLF001 - see above
        self.proxy = ctypes.c_void_p()
        if hasattr(self._library, "XGProxyDMatrixCreate"):
            self._library.XGProxyDMatrixCreate(ctypes.byref(self.proxy))

    def __del__(self) -> None:
        if self.proxy.value:
            self._library.XGDMatrixFree(self.proxy)


def _parallel(booster: Any) -> int:
    """Trees of a round, which older versions count their limit by."""
    try:
        told = json.loads(booster.save_config())["learner"]["gradient_booster"]
    except (AttributeError, KeyError, ValueError):
        return 1
    told = told.get("gbtree", told)
    return max(int(told.get("gbtree_model_param", told.get("gbtree_train_param", {})).get("num_parallel_tree", 1)), 1)
