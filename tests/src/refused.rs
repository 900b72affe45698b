//! Programs to which the kernel refuses a call, as it does in containers and on old machines.

use std::process::Command;

use crate::house::House;
use crate::program::{original_python, root};

/// Installs a seccomp filter that answers some calls with an error, and becomes another program. In Python, so that
/// the tests need no unsafe code of their own: the words are `call=ENOSYS` or `call@argument:value=EPERM`, then `--`,
/// then the program.
const FILTER: &str = r#"
import ctypes, errno, os, platform, struct, sys

X86 = {"pidfd_open": 434, "pidfd_send_signal": 424, "close_range": 436, "memfd_create": 319, "splice": 275,
       "tee": 276, "clone": 56, "clone3": 435, "flock": 73, "prctl": 157, "ioctl": 16}
ARM = {"pidfd_open": 434, "pidfd_send_signal": 424, "close_range": 436, "memfd_create": 279, "splice": 76,
       "tee": 77, "clone": 220, "clone3": 435, "flock": 32, "prctl": 167, "ioctl": 29}
NUMBERS = ARM if platform.machine() == "aarch64" else X86

def statement(code, yes, no, value):
    return struct.pack("HBBI", code, yes, no, value)

LOAD, EQUAL, RETURN, ALLOW, ERROR = 0x20, 0x15, 0x06, 0x7FFF0000, 0x00050000
end = sys.argv.index("--")
program = b""
for word in sys.argv[1:end]:
    call, error = word.split("=")
    call, _, argument = call.partition("@")
    answer = statement(RETURN, 0, 0, ERROR | getattr(errno, error))
    if argument:
        place, value = argument.split(":")
        program += statement(LOAD, 0, 0, 0) + statement(EQUAL, 0, 3, NUMBERS[call])
        program += statement(LOAD, 0, 0, 16 + 8 * int(place)) + statement(EQUAL, 0, 1, int(value, 0)) + answer
    else:
        program += statement(LOAD, 0, 0, 0) + statement(EQUAL, 0, 1, NUMBERS[call]) + answer
program += statement(RETURN, 0, 0, ALLOW)
room = ctypes.create_string_buffer(program)
rules = ctypes.create_string_buffer(struct.pack("HxxxxxxP", len(program) // 8, ctypes.addressof(room)))
libc = ctypes.CDLL(None, use_errno=True)
libc.prctl.argtypes = [ctypes.c_int] + [ctypes.c_ulong] * 4
assert libc.prctl(38, 1, 0, 0, 0) == 0, "PR_SET_NO_NEW_PRIVS"
assert libc.prctl(22, 2, ctypes.addressof(rules), 0, 0) == 0, os.strerror(ctypes.get_errno())
os.execv(sys.argv[end + 1], sys.argv[end + 1:])
"#;

/// A command of the house that runs `program` while the kernel refuses what `words` say: `close_range=ENOSYS`.
pub fn command(house: &House, words: &[&str], program: &str) -> Command {
    let script = house.path("refused.py");
    std::fs::write(&script, FILTER).expect("cannot write the filter");
    let (python, script) = (original_python(), script.display().to_string());
    let python = root().join(python).display().to_string();
    let outer = [&[python.as_str(), &script], words, &["--"]].concat();
    house.command_through(&outer, program)
}
