"""The calls that a sandboxed program may not make: those that ask the kernel for what a job has no business with.

A filter of classic BPF: https://docs.kernel.org/userspace-api/seccomp_filter.html. What it refuses fails with EPERM, as
under Docker's default profile (https://docs.docker.com/engine/security/seccomp/), whose list this follows.
"""

import errno
import os
import struct

# Architecture as audit sees it (linux/audit.h), and the numbers of its calls (asm/unistd_64.h, asm-generic/unistd.h).
ARCHITECTURES = {
    "x86_64": (
        0xC000003E,
        {
            "acct": 163, "add_key": 248, "bpf": 321, "clock_adjtime": 305, "clock_settime": 227, "delete_module": 176,
            "fanotify_init": 300, "finit_module": 313, "fsconfig": 431, "fsmount": 432, "fsopen": 430, "fspick": 433,
            "init_module": 175, "io_uring_enter": 426, "io_uring_register": 427, "io_uring_setup": 425, "ioperm": 173,
            "iopl": 172, "kcmp": 312, "kexec_file_load": 320, "kexec_load": 246, "keyctl": 250, "lookup_dcookie": 212,
            "mount": 165, "mount_setattr": 442, "move_mount": 429, "move_pages": 279, "name_to_handle_at": 303,
            "open_by_handle_at": 304, "open_tree": 428, "perf_event_open": 298, "pivot_root": 155, "quotactl": 179,
            "reboot": 169, "request_key": 249, "setns": 308, "settimeofday": 164, "swapoff": 168, "swapon": 167,
            "syslog": 103, "umount2": 166, "unshare": 272, "userfaultfd": 323, "vhangup": 153, "chroot": 161,
        },
    ),
    "aarch64": (
        0xC00000B7,
        {
            "acct": 89, "add_key": 217, "bpf": 280, "clock_adjtime": 266, "clock_settime": 112, "delete_module": 106,
            "fanotify_init": 262, "finit_module": 273, "fsconfig": 431, "fsmount": 432, "fsopen": 430, "fspick": 433,
            "init_module": 105, "io_uring_enter": 426, "io_uring_register": 427, "io_uring_setup": 425, "kcmp": 272,
            "kexec_file_load": 294, "kexec_load": 104, "keyctl": 219, "lookup_dcookie": 18, "mount": 40,
            "mount_setattr": 442, "move_mount": 429, "move_pages": 239, "name_to_handle_at": 264,
            "open_by_handle_at": 265, "open_tree": 428, "perf_event_open": 241, "pivot_root": 41, "quotactl": 60,
            "reboot": 142, "request_key": 218, "setns": 268, "settimeofday": 170, "swapoff": 225, "swapon": 224,
            "syslog": 116, "umount2": 39, "unshare": 97, "userfaultfd": 282, "vhangup": 58, "chroot": 51,
        },
    ),
}  # fmt: skip
# The calls by which root becomes or makes somebody else, where there is nobody else: they do nothing, and say that it
# went well, as Charliecloud has it: https://hpc.github.io/charliecloud/faq.html#how-does-charliecloud-emulate-root
OTHERS = {
    "x86_64": {
        "setuid": 105, "setgid": 106, "setreuid": 113, "setregid": 114, "setgroups": 116, "setresuid": 117,
        "setresgid": 119, "setfsuid": 122, "setfsgid": 123, "chown": 92, "fchown": 93, "lchown": 94, "fchownat": 260,
    },
    "aarch64": {
        "setuid": 146, "setgid": 144, "setreuid": 145, "setregid": 143, "setgroups": 159, "setresuid": 147,
        "setresgid": 149, "setfsuid": 151, "setfsgid": 152, "fchown": 55, "fchownat": 54,
    },
}  # fmt: skip
CLONE = {"x86_64": 56, "aarch64": 220}
CLONE3 = 435
NEW_NAMESPACES = 0x7E020000  # CLONE_NEWUSER, NEWNS, NEWPID, NEWNET, NEWIPC, NEWUTS, NEWCGROUP: linux/sched.h
X32 = 0x40000000  # x86's other numbering of the same calls: asm/unistd.h

LOAD, EQUAL, ANY_BIT, AT_LEAST, RETURN = 0x20, 0x15, 0x45, 0x35, 0x06  # linux/bpf_common.h
ALLOW, REFUSE, KILL = 0x7FFF0000, 0x00050000, 0x80000000  # linux/seccomp.h
NUMBER, ARCHITECTURE, FIRST_ARGUMENT = 0, 4, 16  # offsets in struct seccomp_data


def program(machine: str = "", *, alone: bool = False) -> bytes:
    """The filter for bubblewrap's --seccomp; lets everything pass on a machine that is not in the table. `alone`: root
    in there is the only user there is.
    """
    machine = machine or os.uname().machine
    if machine not in ARCHITECTURES:
        return _step(RETURN, ALLOW)
    architecture, calls = ARCHITECTURES[machine]
    steps = [_step(LOAD, ARCHITECTURE), _step(EQUAL, architecture, 1, 0), _step(RETURN, KILL), _step(LOAD, NUMBER)]
    steps += [_step(AT_LEAST, X32, 0, 1), _step(RETURN, REFUSE | errno.EPERM)]
    for number in sorted(calls.values()):
        steps += [_step(EQUAL, number, 0, 1), _step(RETURN, REFUSE | errno.EPERM)]
    for number in sorted(OTHERS[machine].values()) if alone else ():
        steps += [_step(EQUAL, number, 0, 1), _step(RETURN, REFUSE)]
    # clone3 hides its flags from a filter: said to be missing, so that the C library takes clone, which does not.
    steps += [_step(EQUAL, CLONE3, 0, 1), _step(RETURN, REFUSE | errno.ENOSYS)]
    steps += [_step(EQUAL, CLONE[machine], 0, 3), _step(LOAD, FIRST_ARGUMENT), _step(ANY_BIT, NEW_NAMESPACES, 0, 1)]
    steps += [_step(RETURN, REFUSE | errno.EPERM), _step(RETURN, ALLOW)]
    return b"".join(steps)


def _step(code: int, value: int, if_true: int = 0, if_false: int = 0) -> bytes:
    return struct.pack("=HBBI", code, if_true, if_false, value)
