//! A person at a terminal, played by Python's `pty`, which every machine has that can run these tests.

use std::process::Command;

use crate::program::original_python;
use crate::said::Said;

/// Types the first line of a pair, waits until the second is shown, and so on; then waits for the end. Prints all that
/// was shown, without what moves the cursor, and the exit code.
const PERSON: &str = "\
import os, pty, re, select, sys, time
count = int(sys.argv[1])
words, rest = sys.argv[2:2 + count], sys.argv[2 + count:]
pid, terminal = pty.fork()
if pid == 0:
    os.execvp(words[0], words)
shown, deadline = b'', time.monotonic() + 40
def read(what):
    ready, _, _ = select.select([terminal], [], [], max(0, deadline - time.monotonic()))
    if not ready:
        sys.exit('no %r in %r' % (what, shown))
    try:
        return os.read(terminal, 4096)
    except OSError:
        return b''
for typed, expected in zip(rest[0::2], rest[1::2]):
    os.write(terminal, typed.encode())
    seen = b''
    while expected.encode() not in seen:
        more = read(expected)
        if not more:
            sys.exit('ended before %r, after %r' % (expected, shown))
        seen, shown = seen + more, shown + more
while True:
    more = read('an end')
    if not more:
        break
    shown += more
code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
plain = re.sub(r'\\x1b\\[[?\\d;]*[a-zA-Z]|\\r|\\x07', '', shown.decode('utf-8', 'replace'))
sys.stdout.write(plain)
sys.exit(code)
";

/// Runs `command` on a terminal. `talk` is what is typed, in turn with what must be shown after it; an empty text types
/// nothing. It must end by itself after that.
pub fn talk(command: &Command, talk: &[(&str, &str)]) -> Said {
    let mut words = vec![command.get_program()];
    words.extend(command.get_args());
    let mut person = Command::new(original_python());
    person.args(["-c", PERSON]).arg(words.len().to_string()).args(&words);
    person.args(talk.iter().flat_map(|(typed, shown)| [typed, shown]));
    for (key, value) in command.get_envs() {
        person.env(key, value.unwrap_or_default());
    }
    if let Some(folder) = command.get_current_dir() {
        person.current_dir(folder);
    }
    person.output().expect("cannot run python").into()
}
