//! The case in which keeper and daemon become other programs, good ones and bad ones, while everything runs.
#![expect(
    clippy::unnecessary_wraps,
    reason = "all cases have one signature, and some are refused by the machine"
)]

use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use e2e::program::menshen;
use e2e::said::Said;

use crate::cases::{Case, Limits};
use crate::chance::Chance;
use crate::deaths;
use crate::field::Field;

/// Places on the way from one program to the other.
const POINTS: &[&str] =
    &["keeper.upgrade", "keeper.probed", "keeper.become", "keeper.became", "daemon.upgraded"];

/// How long a way may take to come by the place where somebody is to die.
const PASSED_WITHIN: Duration = Duration::from_secs(3);

/// Programs that nobody can become: each with its file's text.
const BROKEN: &[(&str, &str)] = &[
    ("fails", "#!/bin/sh\nexit 3\n"),
    // The head of a program for another kind of machine.
    ("foreign", "\x7fELF\x01\x02\x01"),
    ("hangs", "#!/bin/sh\nsleep 1000\n"),
    // Passes for good when it is tried, and fails when it counts.
    ("late", "#!/bin/sh\ncase $* in *--probe*) exit 85 ;; esac\nexit 4\n"),
];

fn runnable(field: &Field, name: &str, text: &str) -> PathBuf {
    let path = field.house.write(name, text);
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).expect("cannot make it runnable");
    path
}

fn upgrade_to(field: &Field, program: &PathBuf) -> Said {
    let mut command = field.house.command("menshen");
    let said = command.arg("upgrade").arg(program).args(["-c", "supervisord.conf"]).output();
    said.expect("cannot run menshen").into()
}

pub(crate) fn upgrade(case: &Case, chance: &mut Chance, limits: Limits) -> Option<Field> {
    let mut field = deaths::raised(case);
    let good = ["one", "two"].map(|name| {
        let path = field.house.path(name);
        std::fs::copy(menshen(), &path).expect("cannot copy the program");
        path
    });
    let broken: Vec<_> = BROKEN.iter().map(|(name, text)| runnable(&field, name, text)).collect();
    while field.goes_on(limits) {
        field.look_for(chance.millis(20, 300));
        let since = Instant::now();
        match chance.below(4) {
            0 => {
                // One that hangs is given ten seconds, which is too long for a torture: it is left out, mostly.
                let program = chance.of(&broken).expect("there are some").clone();
                if program.ends_with("hangs") && !chance.one_in(8) {
                    continue;
                }
                let said = upgrade_to(&field, &program);
                if said.code == 0 {
                    field.complain(format!("{} was taken for a program: {said:?}", program.display()));
                }
            }
            1 | 2 => die_on_the_way(&mut field, chance, &good),
            _ => {
                let program = chance.of(&good).expect("there are two").clone();
                let said = upgrade_to(&field, &program);
                if said.code != 0 {
                    field.complain(format!("an upgrade failed: {said:?}"));
                }
            }
        }
        field.row.faults += 1;
        field.revive();
        field.until_back(since);
    }
    Some(field)
}

/// Whoever comes by a place on the way dies there.
fn die_on_the_way(field: &mut Field, chance: &mut Chance, good: &[PathBuf]) {
    let point = chance.of(POINTS).expect("there are some");
    field.die_at(point, 1);
    field.row.excused += usize::from(point.starts_with("keeper"));
    let program = chance.of(good).expect("there are two").clone();
    // Its answer may have died with the one who owed it.
    drop(upgrade_to(field, &program));
    let since = Instant::now();
    while field.failpoint().exists() && since.elapsed() < PASSED_WITHIN {
        field.look_for(Duration::from_millis(5));
    }
    // Nobody has come by, because one of the earlier deaths has brought back the old program first.
    std::fs::remove_file(field.failpoint()).ok();
}
