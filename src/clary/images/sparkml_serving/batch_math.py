"""java_math.py's arithmetic for many rows at once, to the same bits.

numpy has no fused multiply-add. Here it is made of operations whose errors are known exactly, and one addition that
rounds to odd: Boldo and Melquiond, "Emulation of a FMA and correctly rounded sums: proved algorithms using rounding to
odd", IEEE Transactions on Computers 57 (2008), https://doi.org/10.1109/TC.2007.70819
"""

from __future__ import annotations

from typing import Any, Sequence

from . import java_math
from .batch import Table, np
from .vectors import Vector

_SPLIT = 134217729.0  # 2^27 + 1: halves a double's 53 bits
_ROWS = 4096  # at once: what they take stays in the cache
_SAFE = (1e-250, 1e250)  # of products whose errors are doubles, too


def fma(a: Any, b: float, c: Any, *, safe: bool = False) -> Any:
    """a * b + c of arrays a and c, rounded once. `safe`: no number is so large or small that an error is none."""
    with np.errstate(all="ignore"):
        product = a * b
        high = a * _SPLIT
        high = high - (high - a)
        low = a - high
        whole = b * _SPLIT
        upper = whole - (whole - b)
        lower = b - upper
        error = low * lower - (((product - high * upper) - low * upper) - high * lower)
        total, rest = _two_sum(c, error)
        result, small = _two_sum(product, total)
        last = _odd_sum(rest, small)
        made = result + last
        if safe:
            return made
        size = np.abs(product)
        odd = ~((size > _SAFE[0]) & (size < _SAFE[1])) & (product != 0.0) | ~np.isfinite(c)
        odd |= (np.abs(c) > _SAFE[1]) | ((product == 0.0) & (a != 0.0))
    if not b:
        odd |= ~np.isfinite(a)
    for row in np.flatnonzero(odd).tolist():
        made[row] = java_math.fma(float(a[row]), b, float(c[row]))
    return made


def _two_sum(a: Any, b: Any) -> Any:
    total = a + b
    part = total - a
    return total, (a - (total - part)) + (b - part)


def _odd_sum(a: Any, b: Any) -> Any:
    """a + b; where that isn't exact, of the two numbers around it the one whose last bit is 1."""
    total, error = _two_sum(a, b)
    bits = total.view("i8")
    even = (error != 0.0) & (bits & 1 == 0)
    step = np.where((error > 0.0) == (total > 0.0), 1, -1)
    return np.where(even, bits + step, bits).view("f8")


def ddot(values: Any, other: Sequence[float]) -> Any:
    """BLAS's ddot of each row and `other`."""
    return _by_parts(values, lambda part: _ddot(part, other))


def _ddot(values: Any, other: Sequence[float]) -> Any:
    columns = np.ascontiguousarray(values.T)
    safe = _safe(columns, other)
    sums = [np.zeros(len(values)) for _ in range(4)]
    bound = len(other) & ~3
    for index in range(bound):
        sums[index & 3] = fma(columns[index], other[index], sums[index & 3], safe=safe)
    total = 0.0 + (sums[0] + sums[1] + sums[2] + sums[3])
    for index in range(bound, len(other)):
        total = fma(columns[index], other[index], total, safe=safe)
    return total


def _safe(columns: Any, other: Sequence[float]) -> bool:
    """Whether each number is 0 or of a size whose products and sums have errors that doubles hold."""
    low, high = 1e-100, 1e100
    if not all(value == 0.0 or low < abs(value) < high for value in other):
        return False
    size = np.abs(columns)
    return bool(((size == 0.0) | ((size > low) & (size < high))).all())


def fused(values: Any, other: Sequence[float]) -> Any:
    """A column of dgemv of a transposed matrix: one sum."""

    def of(part: Any) -> Any:
        columns = np.ascontiguousarray(part.T)
        safe = _safe(columns, other)
        total = np.zeros(len(part))
        for column, number in zip(columns, other):
            total = fma(column, number, total, safe=safe)
        return total

    return _by_parts(values, of)


def plain(values: Any, other: Sequence[float], places: Any = None) -> Any:
    """One sum of products, each rounded."""
    total = np.zeros(len(values))
    for index in range(len(other)) if places is None else places:
        total += values[:, index] * other[index]
    return total


def _by_parts(values: Any, function: Any) -> Any:
    parts = [function(values[start : start + _ROWS]) for start in range(0, len(values), _ROWS)]
    return np.concatenate(parts) if parts else np.zeros(0)


def dot(table: Table, other: Vector) -> Any:
    """Spark's BLAS.dot of each row and `other`."""
    if other.indices is not None:
        return plain(table.values, other.tolist(), other.indices)
    return _by_kind(table, lambda values: ddot(values, other.values), lambda values: plain(values, other.values))


def times(table: Table, row: Sequence[float]) -> Any:
    """One number of Spark's gemv of a dense matrix and each row."""
    return _by_kind(table, lambda values: fused(values, row), lambda values: plain(values, row))


def _by_kind(table: Table, dense: Any, sparse: Any) -> Any:
    if not table.sparse.any():
        return dense(table.values)
    if table.sparse.all():
        return sparse(table.values)
    made = np.empty(len(table))
    made[table.sparse] = sparse(table.values[table.sparse])
    made[~table.sparse] = dense(table.values[~table.sparse])
    return made


def exp(x: Any) -> Any:
    """Math.exp of each."""
    size = np.abs(x)
    far = ~((size >= java_math.TINY) & (size <= java_math.LARGE))
    near = np.where(far, 0.5, x)
    count = (near * java_math.PER_LN2 + java_math.SHIFT) - java_math.SHIFT
    y = near - count * java_math.LN2_HIGH - count * java_math.LN2_LOW
    place = count.astype("i8")
    index = place & 63
    square = y * y
    cube = y * square
    first = cube * square * (java_math.P5 + java_math.P6 * y)
    part = cube * (java_math.P3 + java_math.P4 * y) + ((y + np.array(java_math.LOW)[index]) + first)
    part += square * java_math.P2
    power = np.ldexp(np.array(java_math.HIGH)[index], place >> 6)
    made = part * power + power
    for row in np.flatnonzero(far).tolist():
        made[row] = java_math.exp(float(x[row]))
    return made
