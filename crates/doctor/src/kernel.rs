//! The calls of the kernel.

use os::probe;

use crate::Promise::{ExitCodes, Many, OutlivesBoth, OutlivesDaemon, OutlivesKeeper, StopMeansStop, Works};
use crate::{Finding, Subject, Verdict, refusal};

const ALLOW: &str = "allow the call in the container's seccomp profile, or use a newer kernel";

pub(crate) fn examine() -> Vec<Finding> {
    vec![
        plain(
            &CLONE,
            probe::child(),
            Verdict::No,
            "no program can be started",
            "allow clone in the seccomp profile",
        ),
        pidfd_open(),
        pidfd_signal(),
        exit_status(),
        plain(
            &CLOSE_RANGE,
            probe::close_range(),
            Verdict::Degraded,
            "each start copies the keeper's table of descriptors first: slower with hundreds of programs",
            ALLOW,
        ),
        plain(
            &SUBREAPER,
            probe::subreaper(),
            Verdict::Degraded,
            "processes that a program leaves behind go to process 1, and cannot be found and stopped with it",
            "run Menshen as process 1 of the container, or allow prctl in the seccomp profile",
        ),
        plain(
            &MEMORY_FILE,
            probe::memory_file(),
            Verdict::No,
            "the keeper and the daemon cannot hand on what they know",
            "allow memfd_create in the seccomp profile",
        ),
        plain(
            &SPLICE,
            probe::splice(),
            Verdict::Degraded,
            "logs are copied through the daemon: more work per byte",
            ALLOW,
        ),
    ]
}

fn plain(
    subject: &Subject,
    outcome: Result<(), i32>,
    otherwise: Verdict,
    meaning: &str,
    remedy: &str,
) -> Finding {
    match outcome {
        Ok(()) => subject.well("works"),
        Err(errno) => subject.found(otherwise, refusal(errno), meaning, remedy),
    }
}

const CLONE: Subject =
    Subject { name: "clone", promises: &[Works], purpose: "makes programs (clone3 is not needed)" };
const CLOSE_RANGE: Subject = Subject {
    name: "close_range",
    promises: &[Many],
    purpose: "gives programs their descriptors and no others",
};
const SUBREAPER: Subject = Subject {
    name: "subreaper",
    promises: &[StopMeansStop],
    purpose: "keeps what programs leave behind within reach",
};
const MEMORY_FILE: Subject = Subject {
    name: "memfd",
    promises: &[OutlivesDaemon, OutlivesKeeper],
    purpose: "hands on what is known from one process to the next",
};
const SPLICE: Subject =
    Subject { name: "splice", promises: &[], purpose: "moves output to logs inside the kernel" };

const PIDFD_OPEN: Subject = Subject {
    name: "pidfd_open",
    promises: &[OutlivesKeeper, OutlivesBoth],
    purpose: "watches a program that is nobody's child any more",
};

fn pidfd_open() -> Finding {
    plain(
        &PIDFD_OPEN,
        probe::pidfd_open().map(drop),
        Verdict::No,
        "when the keeper dies, the programs run on but nobody can watch them safely",
        "allow pidfd_open in the seccomp profile (kernel 5.3 or newer); until then use orphans=kill in [supervisord]",
    )
}

const PIDFD_SIGNAL: Subject = Subject {
    name: "pidfd_send_signal",
    promises: &[OutlivesKeeper, OutlivesBoth],
    purpose: "signals such a program, and never a stranger with its old number",
};

fn pidfd_signal() -> Finding {
    let outcome = match probe::pidfd_open() {
        Ok(process) => probe::pidfd_signal(&process),
        Err(errno) => Err(errno),
    };
    plain(
        &PIDFD_SIGNAL,
        outcome,
        Verdict::No,
        "programs taken over after the keeper's death cannot be stopped safely",
        "allow pidfd_send_signal in the seccomp profile (kernel 5.1 or newer)",
    )
}

const EXIT_STATUS: Subject = Subject {
    name: "pidfd_exit_status",
    promises: &[ExitCodes],
    purpose: "tells how a program ended that is nobody's child any more",
};

fn exit_status() -> Finding {
    plain(
        &EXIT_STATUS,
        probe::exit_through_pidfd(),
        Verdict::No,
        "a program that ends after the keeper's death is told as `exit status unknown`, which counts as not expected",
        "kernel 6.15 or newer has it",
    )
}
