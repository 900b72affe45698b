//! How much there may be of things.

use std::fs;

use crate::Promise::Many;
use crate::{Finding, House, Subject, Verdict, refusal};

/// What the keeper and the daemon each hold for a process in ordinary times: its output and its errors.
const DESCRIPTORS_PER_PROCESS: u64 = 2;

/// What each of them needs for itself: links, logs, sockets, clients.
const DESCRIPTORS_OF_THEIR_OWN: u64 = 128;

/// How many pages a pipe has at first (pipe(7)).
const PAGES_PER_PIPE: u64 = 16;

pub(crate) fn examine(house: &House) -> Vec<Finding> {
    vec![descriptors(house), pipes(house), oom()]
}

const DESCRIPTORS: Subject =
    Subject { name: "descriptors", promises: &[Many], purpose: "says how many programs fit (RLIMIT_NOFILE)" };

/// How many processes fit under a limit on descriptors.
fn fitting(limit: u64) -> u64 {
    limit.saturating_sub(DESCRIPTORS_OF_THEIR_OWN) / DESCRIPTORS_PER_PROCESS
}

fn descriptors(house: &House) -> Finding {
    let Some(limit) = os::limits::nofile().1 else {
        return DESCRIPTORS.well("no limit");
    };
    let fit = fitting(limit);
    let seen = format!("at most {limit} each: about {fit} processes fit");
    let wanted = u64::try_from(house.processes).unwrap_or(u64::MAX);
    let remedy = "LimitNOFILE= in the systemd unit, docker run --ulimit nofile=, or limits.conf";
    if wanted > fit {
        let meaning = format!("the configuration has {wanted} processes: some will not start");
        return DESCRIPTORS.found(Verdict::No, seen, meaning, remedy);
    }
    if limit < 1024 {
        return DESCRIPTORS.found(Verdict::Degraded, seen, "that is few", remedy);
    }
    DESCRIPTORS.well(seen)
}

const PIPES: Subject = Subject {
    name: "pipe_memory",
    promises: &[],
    purpose: "lets programs write on while nobody reads (fs.pipe-user-pages-soft)",
};

fn pipes(house: &House) -> Finding {
    if os::user::own_uid() == 0 {
        return PIPES.well("no limit for root");
    }
    let text = fs::read_to_string("/proc/sys/fs/pipe-user-pages-soft").unwrap_or_default();
    let Ok(pages) = text.trim().parse::<u64>() else {
        return PIPES.well("cannot be seen");
    };
    let whole = pages / PAGES_PER_PIPE / DESCRIPTORS_PER_PROCESS;
    let seen = format!("{pages} pages for this user: {whole} processes get pipes of full size");
    if pages == 0 || u64::try_from(house.processes).is_ok_and(|it| it <= whole) {
        return PIPES.well(seen);
    }
    let meaning = "programs beyond that get pipes of 4 or 8 KiB, and wait sooner while the daemon is away";
    PIPES.found(Verdict::Degraded, seen, meaning, "raise fs.pipe-user-pages-soft with sysctl")
}

const OOM: Subject = Subject {
    name: "oom_score_adj",
    promises: &[],
    purpose: "lets the kernel kill programs rather than their guards when memory is short",
};

fn oom() -> Finding {
    let path = "/proc/self/oom_score_adj";
    let Some(own) = fs::read_to_string(path).ok().and_then(|it| it.trim().parse::<i32>().ok()) else {
        return OOM.found(Verdict::Degraded, "cannot be read", "the kernel may choose a guard", "");
    };
    let lowered = fs::write(path, (own - 1).max(-1000).to_string());
    // Back to what it was, which is always allowed.
    let _ = fs::write(path, own.to_string());
    match lowered {
        Ok(()) => OOM.well(format!("can be lowered from {own}")),
        Err(error) => OOM.found(
            Verdict::Degraded,
            refusal(error.raw_os_error().unwrap_or_default()),
            "when memory is short, the kernel may choose the keeper or the daemon",
            "give large programs a higher score of their own: command=choom -n 500 -- PROGRAM",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_says_how_many_fit() {
        for (limit, fit) in [(0, 0), (100, 0), (1024, 448), (20_000, 9_936)] {
            assert_eq!(fitting(limit), fit);
        }
        let crowded = House { processes: usize::MAX, ..House::default() };
        let found = descriptors(&crowded);
        assert!(found.verdict == Verdict::No || found.seen == "no limit", "{found:?}");
    }
}
