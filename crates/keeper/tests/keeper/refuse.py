"""Executes a program to which the kernel refuses some system calls: refuse.py ERRNO CALL[,CALL] PROGRAM [WORD...]

By a seccomp filter (seccomp(2)), as containers have them.
"""

import ctypes
import errno
import os
import struct
import sys

IOCTL = 29 if os.uname().machine == "aarch64" else 16
CALLS = {"pidfd_send_signal": 424, "pidfd_open": 434, "clone3": 435, "close_range": 436}
PIDFD_GET_INFO = 0xC040FF0B

LOAD, EQUAL, RETURN = 0x20, 0x15, 0x06
ALLOW = 0x7FFF0000


def step(code, true, false, value):
    return struct.pack("HBBI", code, true, false, value)


def program(refusal, names):
    steps = []
    for name in names:
        if name == "pidfd_get_info":
            # The number of the call, and of the request, which is its second argument.
            steps += [step(LOAD, 0, 0, 0), step(EQUAL, 0, 3, IOCTL)]
            steps += [step(LOAD, 0, 0, 24), step(EQUAL, 0, 1, PIDFD_GET_INFO), step(RETURN, 0, 0, refusal)]
        else:
            steps += [step(LOAD, 0, 0, 0), step(EQUAL, 0, 1, CALLS[name]), step(RETURN, 0, 0, refusal)]
    return b"".join(steps + [step(RETURN, 0, 0, ALLOW)])


def main():
    refusal = 0x00050000 | getattr(errno, sys.argv[1])
    steps = program(refusal, sys.argv[2].split(","))
    room = ctypes.create_string_buffer(steps, len(steps))
    filter_ = struct.pack("HxxxxxxP", len(steps) // 8, ctypes.addressof(room))
    libc = ctypes.CDLL(None, use_errno=True)
    no_new_privileges, set_seccomp, mode_filter = 38, 22, 2
    for words in [(no_new_privileges, 1, 0, 0, 0), (set_seccomp, mode_filter, ctypes.c_char_p(filter_))]:
        if libc.prctl(*words) != 0:
            sys.exit(f"prctl: {os.strerror(ctypes.get_errno())}")
    os.execv(sys.argv[3], sys.argv[3:])


main()
