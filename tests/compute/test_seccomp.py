"""The filter, step by step as the kernel takes it: https://www.kernel.org/doc/Documentation/networking/filter.txt"""

import errno
import struct

import pytest

from clary.compute import seccomp

ALLOWED, KILLED = 0x7FFF0000, 0x80000000


def run(machine: str, number: int, first: int = 0, architecture: int = 0) -> int:
    data = struct.pack("=iIQQ", number, architecture or seccomp.ARCHITECTURES[machine][0], 0, first)
    steps = [struct.unpack("=HBBI", step) for step in _eights(seccomp.program(machine))]
    accumulator, at = 0, 0
    while True:
        code, if_true, if_false, value = steps[at]
        at += 1
        if code == seccomp.RETURN:
            return int(value)
        if code == seccomp.LOAD:
            (accumulator,) = struct.unpack_from("=I", data, value)
            continue
        tests = {
            seccomp.EQUAL: accumulator == value,
            seccomp.AT_LEAST: accumulator >= value,
            seccomp.ANY_BIT: bool(accumulator & value),
        }
        at += if_true if tests[code] else if_false


def _eights(program: bytes) -> list[bytes]:
    return [program[at : at + 8] for at in range(0, len(program), 8)]


@pytest.mark.parametrize("machine", sorted(seccomp.ARCHITECTURES))
def test_what_it_refuses(machine: str) -> None:
    _, calls = seccomp.ARCHITECTURES[machine]
    refused = {number: run(machine, number) for number in range(500)}
    for number, verdict in refused.items():
        if number in calls.values():
            assert verdict == 0x50000 | errno.EPERM
        elif number == seccomp.CLONE3:
            assert verdict == 0x50000 | errno.ENOSYS
        else:
            assert verdict == ALLOWED
    new_user, thread = 0x10000000, 0x3D0F00
    assert run(machine, seccomp.CLONE[machine], new_user) == 0x50000 | errno.EPERM
    assert run(machine, seccomp.CLONE[machine], thread) == ALLOWED
    assert run(machine, 1, architecture=0x40000003) == KILLED
    assert run(machine, 0x40000000 | 165) == 0x50000 | errno.EPERM


def test_an_unknown_machine_has_no_filter() -> None:
    assert seccomp.program("riscv64") == struct.pack("=HBBI", seccomp.RETURN, 0, 0, ALLOWED)
