"""Arithmetic as the JVM does it, to the last bit: fma, dot products, exp, log, erf.

Spark's BLAS on Java 11 and newer is netlib's Java11BLAS: dense vectors are added up by fused multiply-adds, in 4 sums.
https://github.com/luhenry/netlib (blas/src/main/java/dev/ludovic/netlib/blas/Java11BLAS.java)
HotSpot's Math.exp on x86-64 is Intel's LIBM, which isn't libm's to the last bit in one case of 400. Its algorithm:
e^x = 2^n * T[j] * (1 + P(y)) where x = (n * 64 + j) * ln(2) / 64 + y and T[j] = 2^(j / 64), kept as two numbers.
Math.log is rounded correctly nearly always, and so here; libm's isn't in one case of 1,600. On other processors HotSpot
takes other ways, so there the last bit may be another.
"""

from __future__ import annotations

import ctypes
import ctypes.util
import math
import struct
from decimal import Context, Decimal
from typing import Any, Sequence

from .vectors import Vector


def _fused() -> Any:
    try:
        library = ctypes.CDLL("libm.so.6")
    except OSError:  # looking for it elsewhere starts other programs
        library = ctypes.CDLL(ctypes.util.find_library("m"))
    library.fma.argtypes = [ctypes.c_double] * 3
    library.fma.restype = ctypes.c_double
    return library.fma


fma: Any = _fused()

_EXACT = Context(prec=40)
_ROOT_HALF = 0.7071065902709961  # fdlibm compares first bits: 0x6a09e


def _bits(value: int) -> float:
    return float(struct.unpack("<d", struct.pack("<Q", value))[0])


PER_LN2 = _bits(0x40571547652B82FE)  # 64 / ln(2)
LN2_HIGH = _bits(0x3F862E42FEFA0000)  # ln(2) / 64, its first bits and the rest
LN2_LOW = _bits(0x3D1CF79ABC9E3B3A)
SHIFT = 6755399441055744.0  # 1.5 * 2^52: adding it rounds to an integer
# The polynomial's coefficients of y^2 ... y^6: about 1/2, 1/6, 1/24, 1/120, 1/720
P2, P3, P4, P5, P6 = map(
    _bits, (0x3FDFFFFFFFFFFFFE, 0x3FC5555555548BA1, 0x3FA55555555B9E25, 0x3F811115C090CF0F, 0x3F56C15CE3289860)
)


def _powers() -> tuple[list[float], list[float]]:
    """2^(j / 64) as a number that isn't above it, and what is missing to it, relative to that number."""
    high, low = [], []
    root = _EXACT.power(Decimal(2), Decimal(1) / 64)
    for index in range(64):
        exact = _EXACT.power(root, index)
        near = math.floor(_EXACT.multiply(exact, Decimal(2**52))) / 2.0**52
        rest = _EXACT.divide(_EXACT.subtract(exact, Decimal(near)), Decimal(near))
        high.append(near)
        low.append(float(rest) if index else 0.0)
    return high, low


HIGH, LOW = _powers()
TINY, LARGE = 2.0**-54, 619.0  # beyond LARGE results lose bits at the ends of what a double holds


def exp(x: float) -> float:
    """Math.exp."""
    if not TINY <= abs(x) <= LARGE:
        return _exp_far(x)
    shifted = x * PER_LN2 + SHIFT
    count = shifted - SHIFT
    y = x - count * LN2_HIGH - count * LN2_LOW
    place = int(count)
    index = place & 63
    square = y * y
    cube = y * square
    first = cube * square * (P5 + P6 * y)
    part = (cube * (P3 + P4 * y) + ((y + LOW[index]) + first)) + square * P2
    power = math.ldexp(HIGH[index], place >> 6)
    return part * power + power


def _exp_far(x: float) -> float:
    if abs(x) < TINY:
        return 1.0 + x
    try:
        return math.exp(x)
    except OverflowError:
        return math.inf


def log(x: float) -> float:
    """Math.log, by as many digits as it takes to round correctly."""
    if x != x or x < 0:  # noqa: PLR0124 - NaN
        return math.nan
    if x == 0:
        return -math.inf
    if x in (math.inf, 1.0):
        return x if x > 1 else 0.0
    return float(_EXACT.ln(Decimal(x)))


def power(x: float, y: float) -> float:
    """Math.pow of x >= 0, y > 0, rounded correctly, as HotSpot's is but in one case of thousands."""
    if x in (0.0, 1.0, math.inf) or x != x or y in (1.0, 2.0):  # noqa: PLR0124 - NaN
        return math.pow(x, y)
    return float(_EXACT.power(Decimal(x), Decimal(y)))


_LOG_GAMMA_HALF = 0.5723649429247001  # as Commons Math has it: libm's last bits are others


def erf(x: float) -> float:
    """Erf.erf of Commons Math, which breeze takes: the regularized gamma function P(1/2, x^2).

    Its own exp and log are rounded correctly nearly always, and so here.
    https://github.com/apache/commons-math/blob/MATH_3_6_1/src/main/java/org/apache/commons/math3/special (Erf, Gamma)
    """
    if not 0.0 < abs(x) <= 40.0:
        return x if x == 0.0 or x != x else math.copysign(1.0, x)  # noqa: PLR0124 - NaN
    square = x * x
    if not square:
        return math.copysign(0.0, x)
    logarithm = -square + 0.5 * float(_EXACT.ln(Decimal(square))) - _LOG_GAMMA_HALF
    scale = float(_EXACT.exp(Decimal(logarithm)))
    if square >= 1.5:
        return math.copysign(1.0 - scale * (1.0 / _fraction(square)), x)
    term = total = 2.0
    count = 0.0
    while abs(term / total) > _ENOUGH:
        count += 1.0
        term *= square / (0.5 + count)
        total += term
    return math.copysign(scale * total, x)


_ENOUGH = 1e-15


def _fraction(x: float) -> float:
    """The continued fraction of Q(1/2, x), by the modified Lentz algorithm, as ContinuedFraction.evaluate."""
    value = c = 1.0 - 0.5 + x
    d = 0.0
    count = 1
    while True:
        a, b = 2.0 * count + 1.0 - 0.5 + x, count * (0.5 - count)
        d = 1.0 / (a + b * d)
        c = a + b / c
        value *= c * d
        if abs(c * d - 1.0) < _ENOUGH:
            return value
        count += 1


_LN2 = (6.93147180369123816490e-01, 1.90821492927058770002e-10)
_LP = (
    6.666666666666735130e-01,
    3.999999999940941908e-01,
    2.857142874366239149e-01,
    2.222219843214978396e-01,
    1.818357216161805012e-01,
    1.531383769920937332e-01,
    1.479819860511658591e-01,
)


def log1p(x: float) -> float:
    """Math.log1p, which is fdlibm's: ln(1 + x) = k * ln(2) + ln(1 + f), where 1 + f is in [sqrt(1/2), sqrt(2)).

    https://www.netlib.org/fdlibm/s_log1p.c
    """
    if not -1.0 < x < math.inf:
        return -math.inf if x == -1.0 else (x if x > 0 else math.nan)
    if abs(x) < 2.0**-29:
        return x if abs(x) < 2.0**-54 else x - x * x * 0.5
    count, f, rest, near = 0, x, 0.0, False
    if not -0.2929 < x < 0.41422:
        whole = 1.0 + x if x < 2.0**53 else x
        part, count = math.frexp(whole)  # of [1/2, 1)
        if part < _ROOT_HALF:
            part, count = part * 2.0, count - 1
        if x < 2.0**53:
            exponent = math.frexp(whole)[1] - 1
            rest = (1.0 - (whole - x) if exponent > 0 else x - (whole - 1.0)) / whole
        f = part - 1.0
        near = abs(f) < 2.0**-20
    half = 0.5 * f * f
    high, low = count * _LN2[0], count * _LN2[1] + rest
    if near:
        r = half * (1.0 - 0.66666666666666666 * f)
        return (high + low if f == 0.0 else high - ((r - low) - f)) if count else f - r
    s = f / (2.0 + f)
    z = s * s
    r = 0.0
    for coefficient in reversed(_LP):
        r = z * (coefficient + r)
    return high - ((half - (s * (half + r) + low)) - f) if count else f - (half - s * (half + r))


def ddot(x: Sequence[float], y: Sequence[float]) -> float:
    """BLAS's ddot of dense vectors, y finite: fused multiply-adds in four sums. Zeros and ones need no fma."""
    sums = [0.0, 0.0, 0.0, 0.0]
    bound = len(x) & ~3
    for index in range(bound):
        value = x[index]
        if value == 1.0:
            sums[index & 3] += y[index]
        elif value != 0.0:
            sums[index & 3] = fma(value, y[index], sums[index & 3])
    total = 0.0 + (sums[0] + sums[1] + sums[2] + sums[3])
    for index in range(bound, len(x)):
        total = fma(x[index], y[index], total)
    return total


def dot(x: Vector, y: Vector) -> float:
    """Spark's BLAS.dot: which of both are dense decides how it adds up. Raises BadRow where the sizes differ."""
    if x.indices is None and y.indices is None:
        return ddot(x.values, y.values)
    if x.indices is None:
        x, y = y, x
    total = 0.0
    if y.indices is None:
        numbers = y.values
        for index, value in zip(x.indices or (), x.values):
            total += value * numbers[index]
        return total
    others = dict(zip(y.indices, y.values))
    for index, value in zip(x.indices or (), x.values):
        if index in others:
            total += value * others[index]
    return total
