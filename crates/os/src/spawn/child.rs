//! The child's side: from fork to exec in system calls, on what was made before the fork.
//!
//! Nothing here allocates, locks, or can panic, and nothing asks the C library, whose variables would be the parent's.
//! The steps and their order are the original's
//! (`process.py`, `_spawn_as_child`), and so are the last words of a child that fails.

use std::convert::Infallible;
use std::ffi::CString;
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::RawFd;

use model::spawn::SetupStage;

use super::board::Cell;
use super::launch::Launch;
use super::{Identity, Plan, SetupError};
use crate::limits::Pair;
use crate::raw::call;

/// What a child leaves with when it could not become its program.
const NOT_SPAWNED: usize = 127;

/// The last of the last words.
const THE_END: &[u8] = b"\nsupervisor: child process was not spawned\n";

/// All a child needs, made before it is. It stays as it is until the child has become its program.
#[derive(Debug)]
pub(super) struct Prepared {
    pub(super) plan: Plan,
    pub(super) words: Words,
    /// Where it says how far it has come.
    pub(super) cell: Cell,
    /// Where the descriptors are that become 0, 1 and 2.
    pub(super) stdio: [RawFd; 3],
    /// Where the one is that becomes 3.
    pub(super) link: Option<RawFd>,
    /// The number from which on no descriptor is needed; `None` when the table is a copy anyway.
    pub(super) separate_from: Option<u32>,
    /// The parent whose death is to be the child's.
    pub(super) bound_to: Option<u32>,
    /// No descriptor has a higher number, for kernels that do not close ranges.
    pub(super) highest: RawFd,
    /// The signals that are not as the child must have them, and whether it ignores them.
    pub(super) signals: Vec<(libc::c_int, bool)>,
    /// Lists for `execve`: each ends with a null pointer and lives as long as `plan`, whose texts do not move.
    argv: Vec<*const libc::c_char>,
    env: Vec<*const libc::c_char>,
}

impl Prepared {
    /// What `plan` needs; the rest is the caller's to fill in.
    pub(super) fn of(plan: Plan, cell: Cell) -> Self {
        let (argv, env) = (pointers(&plan.argv), pointers(&plan.env));
        let words = Words::of(&plan);
        let stdio = [-1; 3];
        Self {
            plan,
            words,
            cell,
            stdio,
            link: None,
            separate_from: None,
            bound_to: None,
            highest: -1,
            signals: Vec::new(),
            argv,
            env,
        }
    }
}

/// A list as `execve` wants it; valid as long as `strings`.
fn pointers(strings: &[CString]) -> Vec<*const libc::c_char> {
    strings.iter().map(|it| it.as_ptr()).chain([std::ptr::null()]).collect()
}

/// What it could not do, to complete `supervisor: couldn't ...: `.
#[derive(Debug)]
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

/// Makes the child and returns its pid.
///
/// Where it shares the descriptors it shares the memory too, on a stack of its own: to copy the memory, even as the
/// kernel does it, page by page when somebody writes, takes longer than all the rest.
pub(super) fn launch(launch: &Launch) -> io::Result<u32> {
    let Some(prepared) = launch.prepared() else {
        return Err(io::ErrorKind::InvalidInput.into());
    };
    let pid = if prepared.separate_from.is_some() { share(launch, prepared) } else { fork(prepared) };
    match pid {
        -1 => Err(io::Error::last_os_error()),
        pid => u32::try_from(pid).map_err(io::Error::other),
    }
}

/// A child that shares memory and descriptors with us, until it no longer needs to.
fn share(launch: &Launch, prepared: &Prepared) -> libc::c_int {
    let flags = libc::CLONE_VM
        | libc::CLONE_FILES
        | libc::CLONE_PARENT_SETTID
        | libc::CLONE_CHILD_CLEARTID
        | libc::SIGCHLD;
    let sharing = launch.sharing().as_ptr();
    let prepared = std::ptr::from_ref(prepared).cast_mut().cast();
    let no_tls = std::ptr::null_mut::<libc::c_void>();
    // SAFETY: the stack is the child's alone and large enough; what it is given stays as it is until the kernel has
    // cleared `sharing`, which lives as long; and it touches nothing else of ours: no allocator, no lock, no variable
    // of the thread.
    unsafe { libc::clone(begin, launch.stack_top(), flags, prepared, sharing, no_tls, sharing) }
}

extern "C" fn begin(prepared: *mut libc::c_void) -> libc::c_int {
    // SAFETY: `share` has passed a pointer to what stays as it is while this child shares the memory.
    become_program(unsafe { &*prepared.cast::<Prepared>() })
}

/// A child that is a copy of us.
fn fork(prepared: &Prepared) -> libc::c_int {
    // SAFETY: the child runs on a copy of this memory. No lock can be held by another thread that it would wait for,
    // since it takes none.
    match unsafe { libc::fork() } {
        0 => become_program(prepared),
        pid => pid,
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
extern "C" fn become_program(it: &Prepared) -> ! {
    // SAFETY: takes two numbers and touches no memory of ours.
    let grouped = unsafe { call(libc::SYS_setpgid, [0; 4]) };
    if let Some(first) = it.separate_from
        && let Err(errno) = close_range(first, libc::CLOSE_RANGE_UNSHARE)
    {
        // Its descriptor 2 is still that of the parent, and no place for its words.
        it.cell.say_failed(SetupError { stage: SetupStage::Files, errno });
        leave();
    }
    it.cell.say_separate();
    let failed = match grouped {
        Ok(_) => match set_up(it) {
            Ok(never) => match never {},
            Err(failed) => failed,
        },
        Err(errno) => Failed::at(SetupStage::Session)(errno),
    };
    it.cell.say_failed(failed.error);
    last_words(&it.words, failed);
    leave()
}

/// Ends the child, and nothing but the child: nothing of the parent's is flushed or run.
fn leave() -> ! {
    loop {
        // SAFETY: ends this process at once, whatever memory it shares.
        let _ = unsafe { call(libc::SYS_exit_group, [NOT_SPAWNED, 0, 0, 0]) };
    }
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

fn set_up(it: &Prepared) -> Result<Infallible, Failed> {
    if let Some(door) = &it.plan.cgroup {
        enter(door);
    }
    install(it).map_err(Failed::at(SetupStage::Files))?;
    if let Some(limits) = it.plan.nofile {
        limit(limits).map_err(Failed::at(SetupStage::Limits))?;
    }
    if let Some(identity) = &it.plan.identity {
        become_user(identity)?;
    }
    if let Some(parent) = it.bound_to {
        // Now, since another user would have undone it.
        bind_to(parent).map_err(Failed::at(SetupStage::Session))?;
    }
    if let Some(directory) = &it.plan.directory {
        // SAFETY: the path is NUL-terminated and alive.
        unsafe { call(libc::SYS_chdir, [directory.as_ptr().addr(), 0, 0, 0]) }
            .map_err(Failed::at(SetupStage::Directory))?;
    }
    if let Some(mask) = it.plan.umask {
        // SAFETY: takes a number and cannot fail.
        let _ = unsafe { call(libc::SYS_umask, [usize::try_from(mask).unwrap_or(0), 0, 0, 0]) };
    }
    set_signals(&it.signals);
    let [path, argv, env] = [it.plan.path.as_ptr().addr(), it.argv.as_ptr().addr(), it.env.as_ptr().addr()];
    // SAFETY: the path is NUL-terminated, both lists end with a null pointer, and all of it is alive.
    match unsafe { call(libc::SYS_execve, [path, argv, env, 0]) } {
        Ok(_) => Err(Failed::at(SetupStage::Exec)(libc::ENOEXEC)), // It does not return.
        Err(errno) => Err(Failed::at(SetupStage::Exec)(errno)),
    }
}

/// Enters a control group. Where that fails, it is in the parent's as any other, and nobody takes it for more.
fn enter(door: &CString) {
    let flags = place(libc::O_WRONLY | libc::O_CLOEXEC);
    // SAFETY: the path is NUL-terminated and alive.
    let opened = unsafe { call(libc::SYS_openat, [place(libc::AT_FDCWD), door.as_ptr().addr(), flags, 0]) };
    if let Ok(fd) = opened {
        // SAFETY: reads one byte, which is a constant of this program.
        let _ = unsafe { call(libc::SYS_write, [fd, b"0".as_ptr().addr(), 1, 0]) };
        // SAFETY: closes what was just opened.
        let _ = unsafe { call(libc::SYS_close, [fd, 0, 0, 0]) };
    }
}

/// Lets this process be killed when `parent` dies; ends it at once when that has happened already.
fn bind_to(parent: u32) -> Result<(), i32> {
    let [what, how] = [place(libc::PR_SET_PDEATHSIG), place(libc::SIGKILL)];
    // SAFETY: takes two numbers.
    unsafe { call(libc::SYS_prctl, [what, how, 0, 0]) }?;
    // SAFETY: reads a number of this process.
    if unsafe { call(libc::SYS_getppid, [0; 4]) }.ok().map(u32::try_from) != Some(Ok(parent)) {
        leave();
    }
    Ok(())
}

/// Puts the descriptors where they belong and closes all others.
fn install(it: &Prepared) -> Result<(), i32> {
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
        let _ = unsafe { call(libc::SYS_close, [place(number), 0, 0, 0]) };
    }
    Ok(())
}

/// `dup2`, which also clears close-on-exec. It is interrupted only in theory, and is then done again.
fn move_to(from: RawFd, to: RawFd) -> Result<(), i32> {
    loop {
        // SAFETY: takes numbers; what `to` was before, this process has no use for any more.
        match unsafe { call(libc::SYS_dup3, [place(from), place(to), 0, 0]) } {
            Ok(_) => return Ok(()),
            Err(libc::EINTR) => {}
            Err(errno) => return Err(errno),
        }
    }
}

/// A descriptor as an argument.
fn place(number: RawFd) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

fn limit((soft, hard): Pair) -> Result<(), i32> {
    let limit = libc::rlimit64 { rlim_cur: soft.unwrap_or(u64::MAX), rlim_max: hard.unwrap_or(u64::MAX) };
    let (kind, limit) = (usize::try_from(libc::RLIMIT_NOFILE).unwrap_or(0), &raw const limit);
    // SAFETY: the pointer is to a live `rlimit64`, which the call only reads.
    unsafe { call(libc::SYS_prlimit64, [0, kind, limit.addr(), 0]) }.map(drop)
}

/// Becomes another user, by the rules and with the words of the original (`options.py`,
/// `drop_privileges`): whoever is that user already stays as he is, groups and all, and nobody but
/// root may even try.
///
/// By system calls rather than by the library's functions, which in a process that had threads would
/// wait for those threads to do the same.
fn become_user(identity: &Identity) -> Result<(), Failed> {
    let wanted = usize::try_from(identity.uid).unwrap_or(usize::MAX);
    let group = usize::try_from(identity.gid).unwrap_or(usize::MAX);
    // SAFETY: reads a number of this process.
    let own = unsafe { call(libc::SYS_getuid, [0; 4]) };
    if own == Ok(wanted) {
        return Ok(());
    }
    if own != Ok(0) {
        return Err(Failed::because("Can't drop privilege as nonroot user")(libc::EPERM));
    }
    let (count, groups) = (identity.groups.len(), identity.groups.as_ptr());
    // SAFETY: the pointer and the count describe one live list, which the call only reads.
    unsafe { call(SYS_SETGROUPS, [count, groups.addr(), 0, 0]) }
        .map_err(Failed::because("Could not set groups of effective user"))?;
    // SAFETY: takes a number.
    unsafe { call(SYS_SETGID, [group, 0, 0, 0]) }
        .map_err(Failed::because("Could not set group id of effective user"))?;
    // SAFETY: takes a number.
    unsafe { call(SYS_SETUID, [wanted, 0, 0, 0]) }.map_err(Failed::at(SetupStage::User))?;
    Ok(())
}

// Where a word has 32 bits, the calls of these names take numbers of 16; better not to compile there.
#[cfg(target_pointer_width = "64")]
use libc::{SYS_setgid as SYS_SETGID, SYS_setgroups as SYS_SETGROUPS, SYS_setuid as SYS_SETUID};

/// The signals that are not as a new process must have them, and whether it is to ignore them. Asked once: only what
/// is ignored outlives `execve`, and nothing here is ever ignored later.
///
/// Two are ignored, as they are in every child of the original: its interpreter ignores `SIGPIPE` and `SIGXFSZ`, and
/// that is inherited. Programs have come to rely on getting `EPIPE` and `EFBIG` instead.
pub(super) fn wrong_signals() -> Vec<(libc::c_int, bool)> {
    let wrong = |signal: libc::c_int| {
        let mut action = MaybeUninit::<libc::sigaction>::zeroed();
        // SAFETY: the pointer is to live memory for the call to fill; no new action is given.
        if unsafe { libc::sigaction(signal, std::ptr::null(), action.as_mut_ptr()) } != 0 {
            return None; // One of the C library's own.
        }
        // SAFETY: all-zero is a valid `sigaction`, and the call has filled it in besides.
        let is_ignored = unsafe { action.assume_init() }.sa_sigaction == libc::SIG_IGN;
        let wanted = matches!(signal, libc::SIGPIPE | libc::SIGXFSZ);
        (is_ignored != wanted).then_some((signal, wanted))
    };
    (1..=libc::SIGRTMAX()).filter_map(wrong).collect()
}

/// Every signal as a new process expects it, blocked ones included.
fn set_signals(wrong: &[(libc::c_int, bool)]) {
    for (signal, ignored) in wrong {
        let number = usize::try_from(*signal).unwrap_or(0);
        let handler = if *ignored { libc::SIG_IGN } else { libc::SIG_DFL };
        // As the kernel has it: handler, flags, restorer, mask.
        let action = [handler, 0, 0, 0];
        // SAFETY: the pointer is to a live action, which the call only reads; the old one is not asked for.
        let _ =
            unsafe { call(libc::SYS_rt_sigaction, [number, action.as_ptr().addr(), 0, SIGNAL_SET_BYTES]) };
    }
    let none = [0_u8; SIGNAL_SET_BYTES];
    let how = usize::try_from(libc::SIG_SETMASK).unwrap_or(0);
    // SAFETY: the pointer is to a live set, which the call only reads; the old one is not asked for.
    let _ = unsafe { call(libc::SYS_rt_sigprocmask, [how, none.as_ptr().addr(), 0, SIGNAL_SET_BYTES]) };
}

/// The size of a set of signals, as the kernel has it.
const SIGNAL_SET_BYTES: usize = 8;

fn close_range(first: u32, flags: libc::c_uint) -> Result<(), i32> {
    let [first, last, flags] = [first, u32::MAX, flags].map(|it| usize::try_from(it).unwrap_or(usize::MAX));
    // SAFETY: takes numbers. Called only for descriptors nobody in this process needs any more.
    unsafe { call(libc::SYS_close_range, [first, last, flags, 0]) }.map(drop)
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
    let _ = unsafe { call(libc::SYS_writev, [2, pieces.as_ptr().addr(), pieces.len(), 0]) };
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
