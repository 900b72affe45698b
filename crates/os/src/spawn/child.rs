//! The child's side: from fork to exec in system calls, on what was made before the fork.
//!
//! Nothing here allocates, locks, or can panic. The steps and their order are the original's
//! (`process.py`, `_spawn_as_child`), and so are the last words of a child that fails.

use std::convert::Infallible;
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::RawFd;
use std::sync::atomic::AtomicU32;

use model::spawn::SetupStage;

use super::{Identity, Plan, SetupError, board};
use crate::limits::Pair;

/// What a child leaves with when it could not become its program.
const NOT_SPAWNED: libc::c_int = 127;

/// The last of the last words.
const THE_END: &[u8] = b"\nsupervisor: child process was not spawned\n";

/// All a child needs, made before the fork.
pub(super) struct Prepared<'a> {
    pub(super) plan: &'a Plan,
    /// Ends with a null pointer; so does `env`.
    pub(super) argv: &'a [*const libc::c_char],
    pub(super) env: &'a [*const libc::c_char],
    pub(super) words: &'a Words,
    pub(super) cell: &'a AtomicU32,
    /// Where the descriptors are that become 0, 1 and 2.
    pub(super) stdio: [RawFd; 3],
    /// Where the one is that becomes 3.
    pub(super) link: Option<RawFd>,
    /// The number from which on no descriptor is needed; `None` when the table is a copy anyway.
    pub(super) separate_from: Option<u32>,
    /// No descriptor has a higher number, for kernels that do not close ranges.
    pub(super) highest: RawFd,
}

/// What it could not do, to complete `supervisor: couldn't ...: `.
pub(super) struct Words {
    user: Vec<u8>,
    directory: Vec<u8>,
    exec: Vec<u8>,
}

impl Words {
    pub(super) fn of(plan: &Plan) -> Self {
        let name = plan.argv.first().unwrap_or(&plan.path);
        let directory = plan.directory.as_deref().unwrap_or_default();
        let uid = plan.identity.as_ref().map_or(0, |it| it.uid);
        Self {
            user: format!("setuid to {uid}").into_bytes(),
            directory: [b"chdir to ", directory.to_bytes()].concat(),
            exec: [b"exec ", name.to_bytes()].concat(),
        }
    }

    fn at(&self, stage: SetupStage) -> &[u8] {
        match stage {
            SetupStage::User => &self.user,
            SetupStage::Directory => &self.directory,
            SetupStage::Exec => &self.exec,
            SetupStage::Session | SetupStage::Files | SetupStage::Limits | SetupStage::Umask => {
                stage.as_str().as_bytes()
            }
        }
    }
}

/// Whether `close_range` works here: this call closes nothing.
pub(super) fn can_close_ranges() -> bool {
    close_range(u32::MAX, 0).is_ok()
}

/// Makes the child and returns its pid. The child never returns.
pub(super) fn fork(prepared: &Prepared<'_>) -> io::Result<u32> {
    let files = if prepared.separate_from.is_some() { libc::CLONE_FILES } else { 0 };
    let flags = libc::c_long::from(files | libc::SIGCHLD);
    let none: libc::c_long = 0;
    // SAFETY: without `CLONE_VM` the child runs on a copy of this memory and of this stack, as after
    // `fork`. No lock can be held by another thread that it would wait for, since it takes none.
    let pid = unsafe { libc::syscall(libc::SYS_clone, flags, none, none, none, none) };
    match pid {
        0 => become_program(prepared),
        -1 => Err(io::Error::last_os_error()),
        pid => u32::try_from(pid).map_err(io::Error::other),
    }
}

/// In the parent: sees to it that the child leads its group, whoever of the two comes first.
pub(super) fn ensure_group(pid: u32) {
    let Ok(pid) = libc::pid_t::try_from(pid) else {
        return;
    };
    // It fails when the child is past its exec, and has therefore done so itself.
    // SAFETY: takes two numbers and touches no memory of ours.
    unsafe { libc::setpgid(pid, pid) };
}

/// Of the C kind, so that a panic, were there one, would end the child here instead of unwinding
/// into a second copy of the parent.
extern "C" fn become_program(it: &Prepared<'_>) -> ! {
    // SAFETY: takes two numbers and touches no memory of ours.
    let grouped = check(unsafe { libc::setpgid(0, 0) });
    if let Some(first) = it.separate_from
        && let Err(errno) = close_range(first, libc::CLOSE_RANGE_UNSHARE)
    {
        // Its descriptor 2 is still that of the parent, and no place for its words.
        board::say_failed(it.cell, SetupError { stage: SetupStage::Files, errno });
        leave();
    }
    board::say_separate(it.cell);
    let failed = match grouped {
        Ok(()) => match set_up(it) {
            Ok(never) => match never {},
            Err(failed) => failed,
        },
        Err(errno) => Failed::at(SetupStage::Session)(errno),
    };
    board::say_failed(it.cell, failed.error);
    last_words(it.words, failed);
    leave()
}

/// Ends the child, and nothing but the child: nothing of the parent's is flushed or run.
fn leave() -> ! {
    // SAFETY: ends this process at once.
    unsafe { libc::_exit(NOT_SPAWNED) }
}

/// A step that failed.
#[derive(Clone, Copy)]
struct Failed {
    error: SetupError,
    /// The reason, where it is not the name of the error.
    reason: Option<&'static str>,
}

impl Failed {
    const fn at(stage: SetupStage) -> impl Fn(i32) -> Self {
        move |errno| Self { error: SetupError { stage, errno }, reason: None }
    }

    const fn because(reason: &'static str) -> impl Fn(i32) -> Self {
        move |errno| Self { error: SetupError { stage: SetupStage::User, errno }, reason: Some(reason) }
    }
}

fn set_up(it: &Prepared<'_>) -> Result<Infallible, Failed> {
    install(it).map_err(Failed::at(SetupStage::Files))?;
    if let Some(limits) = it.plan.nofile {
        limit(limits).map_err(Failed::at(SetupStage::Limits))?;
    }
    if let Some(identity) = &it.plan.identity {
        become_user(identity)?;
    }
    if let Some(directory) = &it.plan.directory {
        // SAFETY: the path is NUL-terminated and alive.
        check(unsafe { libc::chdir(directory.as_ptr()) }).map_err(Failed::at(SetupStage::Directory))?;
    }
    if let Some(mask) = it.plan.umask {
        // SAFETY: takes a number and cannot fail.
        unsafe { libc::umask(mask) };
    }
    reset_signals();
    // SAFETY: the path is NUL-terminated, both lists end with a null pointer, and all of it is alive.
    unsafe { libc::execve(it.plan.path.as_ptr(), it.argv.as_ptr(), it.env.as_ptr()) };
    Err(Failed::at(SetupStage::Exec)(errno()))
}

/// Puts the descriptors where they belong and closes all others.
fn install(it: &Prepared<'_>) -> Result<(), i32> {
    let [stdin, stdout, stderr] = it.stdio;
    move_to(stdin, 0)?;
    move_to(stdout, 1)?;
    move_to(stderr, 2)?;
    if let Some(link) = it.link {
        move_to(link, 3)?;
    }
    let first: RawFd = if it.link.is_some() { 4 } else { 3 };
    if close_range(first.unsigned_abs(), 0).is_ok() {
        return Ok(());
    }
    for number in first..=it.highest {
        // SAFETY: closes a number; whatever it was, this process has no use for it any more.
        unsafe { libc::close(number) };
    }
    Ok(())
}

/// `dup2`, which also clears close-on-exec. It is interrupted only in theory, and is then done again.
fn move_to(from: RawFd, to: RawFd) -> Result<(), i32> {
    loop {
        // SAFETY: takes two numbers; what `to` was before, this process has no use for any more.
        if unsafe { libc::dup2(from, to) } >= 0 {
            return Ok(());
        }
        if errno() != libc::EINTR {
            return Err(errno());
        }
    }
}

fn limit((soft, hard): Pair) -> Result<(), i32> {
    let limit = libc::rlimit {
        rlim_cur: soft.unwrap_or(libc::RLIM_INFINITY),
        rlim_max: hard.unwrap_or(libc::RLIM_INFINITY),
    };
    // SAFETY: the pointer is to a live `rlimit`, which the call only reads.
    check(unsafe { libc::setrlimit(libc::RLIMIT_NOFILE, &raw const limit) })
}

/// Becomes another user, by the rules and with the words of the original (`options.py`,
/// `drop_privileges`): whoever is that user already stays as he is, groups and all, and nobody but
/// root may even try.
///
/// By system calls rather than by the library's functions, which in a process that had threads would
/// wait for those threads to do the same.
fn become_user(identity: &Identity) -> Result<(), Failed> {
    // SAFETY: reads a number of this process.
    let own = unsafe { libc::getuid() };
    if own == identity.uid {
        return Ok(());
    }
    if own != 0 {
        return Err(Failed::because("Can't drop privilege as nonroot user")(libc::EPERM));
    }
    let (count, groups) = (identity.groups.len(), identity.groups.as_ptr());
    // SAFETY: the pointer and the count describe one live list, which the call only reads.
    check_long(unsafe { libc::syscall(SYS_SETGROUPS, count, groups) })
        .map_err(Failed::because("Could not set groups of effective user"))?;
    // SAFETY: takes a number.
    check_long(unsafe { libc::syscall(SYS_SETGID, identity.gid) })
        .map_err(Failed::because("Could not set group id of effective user"))?;
    // SAFETY: takes a number.
    check_long(unsafe { libc::syscall(SYS_SETUID, identity.uid) }).map_err(Failed::at(SetupStage::User))
}

// Where a word has 32 bits, the calls of these names take numbers of 16; better not to compile there.
#[cfg(target_pointer_width = "64")]
use libc::{SYS_setgid as SYS_SETGID, SYS_setgroups as SYS_SETGROUPS, SYS_setuid as SYS_SETUID};

/// Every signal as a new process expects it, blocked ones included. But two stay ignored, as they
/// are in every child of the original: its interpreter ignores `SIGPIPE` and `SIGXFSZ`, and that is
/// inherited. Programs have come to rely on getting `EPIPE` and `EFBIG` instead.
fn reset_signals() {
    for signal in 1..=libc::SIGRTMAX() {
        let mut action = MaybeUninit::<libc::sigaction>::zeroed();
        let handler = match signal {
            libc::SIGPIPE | libc::SIGXFSZ => libc::SIG_IGN,
            _ => libc::SIG_DFL,
        };
        // SAFETY: all-zero is a valid `sigaction`; the reference ends with the statement.
        unsafe { action.assume_init_mut() }.sa_sigaction = handler;
        // Refused for `SIGKILL`, `SIGSTOP` and those of the C library, which are as they should be.
        // SAFETY: the pointer is to a live `sigaction`; the old one is not asked for.
        unsafe { libc::sigaction(signal, action.as_ptr(), std::ptr::null_mut()) };
    }
    let mut none = MaybeUninit::<libc::sigset_t>::zeroed();
    // SAFETY: the pointer is to live memory of the right type, which the call initializes.
    unsafe { libc::sigemptyset(none.as_mut_ptr()) };
    // SAFETY: initialized above; the old mask is not asked for.
    unsafe { libc::sigprocmask(libc::SIG_SETMASK, none.as_ptr(), std::ptr::null_mut()) };
}

fn close_range(first: u32, flags: libc::c_uint) -> Result<(), i32> {
    // SAFETY: takes numbers. Called only for descriptors nobody in this process needs any more.
    check_long(unsafe { libc::syscall(libc::SYS_close_range, first, u32::MAX, flags) })
}

/// Says on its own descriptor 2 what it could not do, in one piece: `supervisor: couldn't chdir to
/// /nowhere: ENOENT`, and the end.
fn last_words(words: &Words, failed: Failed) {
    let mut digits = [0; 12];
    let reason = match failed.reason.or_else(|| crate::errno::known_name(failed.error.errno)) {
        Some(reason) => reason.as_bytes(),
        None => decimal(failed.error.errno.unsigned_abs(), &mut digits),
    };
    let pieces = [b"supervisor: couldn't ", words.at(failed.error.stage), b": ", reason, THE_END]
        .map(|it: &[u8]| libc::iovec { iov_base: it.as_ptr().cast_mut().cast(), iov_len: it.len() });
    // SAFETY: five live pieces, which the call only reads. Where nobody can be told, nothing is lost.
    unsafe { libc::writev(2, pieces.as_ptr(), 5) };
}

/// A number in digits, at the end of `room`.
fn decimal(mut number: u32, room: &mut [u8; 12]) -> &[u8] {
    let mut used = 0;
    for place in room.iter_mut().rev() {
        *place = b'0' | u8::try_from(number % 10).unwrap_or(0);
        number /= 10;
        used += 1;
        if number == 0 {
            break;
        }
    }
    room.split_at_checked(room.len().saturating_sub(used)).map_or(&[], |(_, digits)| digits)
}

fn check(result: libc::c_int) -> Result<(), i32> {
    if result == 0 { Ok(()) } else { Err(errno()) }
}

fn check_long(result: libc::c_long) -> Result<(), i32> {
    if result == 0 { Ok(()) } else { Err(errno()) }
}

fn errno() -> i32 {
    // SAFETY: the C library keeps one of these for each thread, for as long as the thread lives.
    let place = unsafe { libc::__errno_location() };
    // SAFETY: as above; and only this thread ever uses it.
    unsafe { *place }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_written_without_help() {
        for number in [0, 7, 10, 4095, u32::MAX] {
            assert_eq!(decimal(number, &mut [0; 12]), number.to_string().as_bytes());
        }
    }
}
