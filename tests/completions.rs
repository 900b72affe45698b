//! Completions in the real shells: what a person types on a terminal, with the Tab key in it, is run as if they had
//! typed all of it.

use std::process::Command;

use e2e::house::House;
use e2e::program::Make::{self, Menshen};
use e2e::program::original_python;
use e2e::said::Said;

/// A person at a terminal: types the first line of a pair, waits until the second is shown, and so on.
const PERSON: &str = "\
import os, pty, select, sys, time
shell, rest = sys.argv[1].split(), sys.argv[2:]
pid, terminal = pty.fork()
if pid == 0:
    os.execvp(shell[0], shell)
for typed, expected in zip(rest[0::2], rest[1::2]):
    os.write(terminal, typed.encode() + b'\\n')
    seen, deadline = b'', time.monotonic() + 30
    while expected.encode() not in seen:
        ready, _, _ = select.select([terminal], [], [], max(0, deadline - time.monotonic()))
        if not ready:
            sys.exit('no %r after %r, but %r' % (expected, typed, seen))
        seen += os.read(terminal, 4096)
os.close(terminal)
os.waitpid(pid, 0)
print('all shown')
";

const PROGRAMS: &str = "\
[program:worker]
command=cat
startsecs=0
[program:api]
command=cat
startsecs=0
[program:cron]
command=cat
autostart=false
[group:web]
programs=api,cron
";

/// What is typed in each shell once it knows the completions, and what is shown then.
const TYPED: [&str; 6] = [
    // A file, a verb, a process.
    "menshen -c superv\tstat\twor\t",
    "worker                           RUNNING",
    // A process of a group: a colon parts no words.
    "menshen -c supervisord.conf status web:cr\t",
    "web:cron                         STOPPED",
    // The value of an option, before and after an equals sign.
    "menshen -c supervisord.conf wait wor\t--until=ru\t",
    "worker: running",
];

#[track_caller]
fn completes(shell: &str, prepare: &str) {
    if Make::is_original() {
        return; // It has none.
    }
    let house = House::new(PROGRAMS).started();
    house.until_state("web:api", "RUNNING");
    house.until_state("worker", "RUNNING");
    // It makes the links of the programs.
    drop(house.command_of(Menshen, "menshen"));
    let path = format!("{}:{}", house.path("bin").display(), std::env::var("PATH").unwrap_or_default());
    let mut command = Command::new(original_python());
    command.args(["-c", PERSON, shell, prepare, "RE ADY"]).args(TYPED).current_dir(house.folder());
    command
        .env(e2e::proc::MARK, house.here())
        .env("HOME", house.folder())
        .env("XDG_CONFIG_HOME", house.folder());
    command.env("PATH", path).env("TERM", "dumb").env("NO_COLOR", "1").env("LC_ALL", "C.UTF-8");
    let said = Said::from(command.output().expect("cannot run python"));
    assert_eq!(said.out, "all shown\n", "{}", said.err);
}

#[test]
fn bash_completes_what_runs() {
    completes("bash --norc -i", "source <(menshen completions bash); echo 'RE' ADY");
}

#[test]
fn zsh_completes_what_runs() {
    completes(
        "zsh -f -i",
        "autoload -Uz compinit; compinit -D -u; source <(menshen completions zsh); echo 'RE' ADY",
    );
}

#[test]
fn fish_completes_what_runs() {
    completes("fish --private -i", "menshen completions fish | source; echo 'RE' ADY");
}

#[test]
fn a_server_that_is_not_there_completes_nothing_and_says_nothing() {
    if Make::is_original() {
        return; // It has none.
    }
    let house = House::new(PROGRAMS);
    let mut command = house.command_of(Menshen, "menshen");
    command.args(["complete", "--", "menshen", "-c", "supervisord.conf", "stop", ""]);
    let said = Said::from(command.output().expect("cannot run menshen")).expect_code(0);
    assert_eq!(said.all(), "");
}
