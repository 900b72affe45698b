use std::fs::File;
use std::io::Read;
use std::path::Path;

use super::*;
use crate::fd;

fn strings(words: &[&str]) -> Vec<CString> {
    words.iter().map(|it| CString::new(*it).unwrap()).collect()
}

fn plan(words: &[&str]) -> Plan {
    Plan {
        path: CString::new(words[0]).unwrap(),
        argv: strings(words),
        env: strings(&["PATH=/usr/bin:/bin"]),
        directory: None,
        umask: None,
        identity: None,
        nofile: None,
        cgroup: None,
    }
}

fn shell(script: &str) -> Plan {
    plan(&["/bin/sh", "-c", script])
}

struct Lived {
    status: i32,
    said: String,
    error: Option<(SetupStage, i32)>,
}

/// Runs a child to its end; descriptors 1 and 2 are one pipe.
fn live_in(spawner: &mut Spawner, plan: &Plan) -> Lived {
    let (reader, writer) = fd::pipe().unwrap();
    let null = fd::null().unwrap();
    let out = writer.as_fd();
    let born =
        spawner.spawn(plan.clone(), &Files { stdin: null.as_fd(), stdout: out, stderr: out, link: None });
    let born = born.unwrap();
    spawner.settle();
    drop(writer);
    let mut said = Vec::new();
    File::from(reader).read_to_end(&mut said).unwrap();
    let mut status = 0;
    let pid = i32::try_from(born.pid).unwrap();
    // SAFETY: the pointer is to live memory for the call to fill.
    assert_eq!(unsafe { libc::waitpid(pid, &raw mut status, 0) }, pid);
    let error = spawner.read(born.note).map(|it| (it.stage, it.errno));
    Lived { status, said: String::from_utf8_lossy(&said).into_owned(), error }
}

fn live(plan: &Plan) -> Lived {
    live_in(&mut Spawner::new().unwrap(), plan)
}

fn exited(code: i32) -> i32 {
    code << 8
}

/// Both ways of making a child.
fn each_way(test: impl Fn(&mut Spawner)) {
    for forced in [false, true] {
        let mut spawner = Spawner::new().unwrap();
        if forced {
            spawner.can_close_ranges = false;
        }
        test(&mut spawner);
    }
}

#[test]
fn a_child_that_is_bound_lives_as_long_as_its_parent() {
    each_way(|spawner| {
        spawner.bind_children();
        let lived = live_in(spawner, &shell("echo up"));
        assert_eq!((lived.said.as_str(), lived.status, lived.error), ("up\n", exited(0), None));
    });
}

#[test]
fn a_child_is_its_program_with_its_arguments_and_environment_and_no_others() {
    each_way(|spawner| {
        let mut plan = shell("echo $0 $1 $A $HOME; exit 3");
        plan.argv.extend(strings(&["zero", "one two"]));
        plan.env.extend(strings(&["A=b=c"]));
        let lived = live_in(spawner, &plan);
        assert_eq!((lived.said.as_str(), lived.status, lived.error), ("zero one two b=c\n", exited(3), None));
    });
}

#[test]
fn a_child_has_the_descriptors_it_was_given_and_no_others() {
    let _inheritable = rustix::io::dup(fd::null().unwrap()).unwrap();
    each_way(|spawner| {
        let lived = live_in(spawner, &plan(&["/bin/ls", "/proc/self/fd"]));
        // The fourth is the directory that is being listed.
        assert_eq!(lived.said, "0\n1\n2\n3\n");

        let (reader, writer) = fd::pipe().unwrap();
        let (link, theirs) = fd::pipe().unwrap();
        let null = fd::null().unwrap();
        let out = writer.as_fd();
        let files = Files { stdin: null.as_fd(), stdout: out, stderr: out, link: Some(theirs.as_fd()) };
        let born = spawner.spawn(shell("echo linked >&3; ls /proc/$$/fd"), &files).unwrap();
        spawner.settle();
        drop((writer, theirs));
        let (mut said, mut linked) = (String::new(), String::new());
        File::from(reader).read_to_string(&mut said).unwrap();
        File::from(link).read_to_string(&mut linked).unwrap();
        assert_eq!((said.as_str(), linked.as_str()), ("0\n1\n2\n3\n", "linked\n"));
        let pid = i32::try_from(born.pid).unwrap();
        // SAFETY: no status is asked for.
        assert_eq!(unsafe { libc::waitpid(pid, std::ptr::null_mut(), 0) }, pid);
    });
}

#[test]
fn a_child_leads_a_group_of_its_own_in_our_session() {
    each_way(|spawner| {
        let lived = live_in(spawner, &shell("cut -d' ' -f5,6 /proc/$$/stat; echo $$"));
        let words: Vec<&str> = lived.said.split_whitespace().collect();
        assert_eq!(words[0], words[2], "group");
        // Read as the child reads its own: in a container the leader of our session may live outside,
        // and its number is 0, which `getsid` of `rustix` does not expect.
        let own = std::fs::read_to_string("/proc/self/stat").unwrap();
        let own = own.rsplit(')').next().unwrap().split_whitespace().nth(3).unwrap();
        assert_eq!(words[1], own, "session");
    });
}

#[test]
fn a_child_has_its_directory_its_umask_and_its_limits() {
    let room = tempfile::tempdir().unwrap();
    let room = std::fs::canonicalize(room.path()).unwrap();
    let mut plan = shell("pwd; umask; ulimit -Sn; ulimit -Hn");
    plan.directory = Some(CString::new(room.to_str().unwrap()).unwrap());
    plan.umask = Some(0o27);
    plan.nofile = Some((Some(64), Some(128)));
    let lived = live(&plan);
    assert_eq!(lived.said, format!("{}\n0027\n64\n128\n", room.display()));
}

#[test]
fn a_child_ignores_two_signals_and_blocks_none() {
    let said = live(&plan(&["/bin/cat", "/proc/self/status"])).said;
    let mask = |name: &str| {
        let line = said.lines().find_map(|it| it.strip_prefix(name)).unwrap();
        let all = u64::from_str_radix(line.trim(), 16).unwrap();
        // 32 and 33 are the C library's own, which it lets nobody touch.
        all & !(0b11 << 31)
    };
    // SIGPIPE is 13, SIGXFSZ is 25.
    assert_eq!(mask("SigIgn:"), (1 << 12) | (1 << 24));
    assert_eq!((mask("SigBlk:"), mask("SigCgt:")), (0, 0));
}

#[test]
fn a_child_that_fails_says_where_in_the_words_of_the_original() {
    let room = tempfile::tempdir().unwrap();
    let script = |name: &str, text: &str| {
        let path = room.path().join(name);
        // Written by another process: a descriptor of ours that is open for writing could be
        // copied into a child of a neighbouring test, and executing the file would be `ETXTBSY`.
        let made = live(&shell(&format!("printf '{text}' > {0} && chmod 755 {0}", path.display())));
        assert_eq!(made.status, 0);
        path.to_str().unwrap().to_owned()
    };
    let no_shebang = script("plain", "true\\n");
    let no_interpreter = script("lost", "#!/no/such/interpreter\\n");
    let in_directory = |directory: &str| {
        let mut plan = shell("true");
        plan.directory = Some(CString::new(directory).unwrap());
        plan
    };
    let mut limited = shell("true");
    limited.nofile = Some((Some(2), Some(1)));
    let named = |path: &str| Plan { argv: strings(&["name"]), ..plan(&[path]) };
    let cases = [
        (in_directory("/nonexistent"), SetupStage::Directory, libc::ENOENT, "chdir to /nonexistent: ENOENT"),
        (in_directory("/dev/null"), SetupStage::Directory, libc::ENOTDIR, "chdir to /dev/null: ENOTDIR"),
        (named("/nonexistent"), SetupStage::Exec, libc::ENOENT, "exec name: ENOENT"),
        (named("/etc/passwd"), SetupStage::Exec, libc::EACCES, "exec name: EACCES"),
        (named(&no_shebang), SetupStage::Exec, libc::ENOEXEC, "exec name: ENOEXEC"),
        (named(&no_interpreter), SetupStage::Exec, libc::ENOENT, "exec name: ENOENT"),
        (limited, SetupStage::Limits, libc::EINVAL, "set its resource limits: EINVAL"),
    ];
    each_way(|spawner| {
        for (plan, stage, errno, words) in &cases {
            let lived = live_in(spawner, plan);
            assert_eq!(lived.error, Some((*stage, *errno)), "{words}");
            let said = format!("supervisor: couldn't {words}\nsupervisor: child process was not spawned\n");
            assert_eq!(lived.said, said);
            assert_eq!(lived.status, exited(127));
        }
    });
}

#[test]
fn a_child_becomes_its_user_when_ours_is_root() {
    if !rustix::process::getuid().is_root() {
        return;
    }
    let identity = |uid| Some(Identity { uid, gid: 65534, groups: vec![65534, 42] });
    let mut plan = shell("id -u; id -g; id -G");
    plan.identity = identity(65534);
    assert_eq!(live(&plan).said, "65534\n65534\n65534 42\n");

    plan.identity = identity(0);
    assert_eq!(live(&plan).said.lines().next(), Some("0"), "whoever is that user already stays as he is");

    plan.identity = Some(Identity { uid: u32::MAX, gid: 0, groups: vec![] });
    let lived = live(&plan);
    assert_eq!(lived.error, Some((SetupStage::User, libc::EINVAL)));
    assert!(lived.said.starts_with("supervisor: couldn't setuid to 4294967295: EINVAL\n"), "{}", lived.said);
}

#[test]
fn only_root_may_make_a_child_of_another_user() {
    // On a thread of its own, which alone stops being root: the system call, unlike the library's
    // function, is for the calling thread.
    let refused = std::thread::spawn(|| {
        let nobody: libc::c_long = 65534;
        // SAFETY: takes numbers. Whoever is not root already is refused, and is not root after all.
        unsafe { libc::syscall(libc::SYS_setresuid, nobody, nobody, nobody) };
        let mut plan = shell("true");
        plan.identity = Some(Identity { uid: 1, gid: 1, groups: vec![1] });
        live(&plan)
    });
    let refused = refused.join().unwrap();
    assert_eq!(refused.error, Some((SetupStage::User, libc::EPERM)));
    assert_eq!(
        refused.said,
        "supervisor: couldn't setuid to 1: Can't drop privilege as nonroot user\n\
         supervisor: child process was not spawned\n"
    );
}

#[test]
fn an_identity_that_is_our_own_needs_no_right() {
    let own = rustix::process::getuid().as_raw();
    let mut plan = shell("id -u");
    plan.identity = Some(Identity { uid: own, gid: 1, groups: vec![1] });
    assert_eq!(live(&plan).said, format!("{own}\n"));
}

#[test]
fn the_parent_keeps_nothing_of_its_children() {
    let mut spawner = Spawner::new().unwrap();
    let own = |it: &OwnedFd| std::fs::read_link(Path::new("/proc/self/fd").join(it.as_raw_fd().to_string()));
    for _ in 0..20 {
        live_in(&mut spawner, &shell("true"));
        for place in spawner.sets.iter().flat_map(|it| &it.places) {
            assert_eq!(own(place).unwrap(), Path::new("/dev/null"));
        }
    }
}

#[test]
fn many_children_at_once_each_get_their_own_descriptors_and_leave_no_memory() {
    each_way(|spawner| {
        let null = fd::null().unwrap();
        let made: Vec<_> = (0..100)
            .map(|number| {
                let (reader, writer) = fd::pipe().unwrap();
                let out = writer.as_fd();
                let files = Files { stdin: null.as_fd(), stdout: out, stderr: out, link: None };
                let path = if number % 10 == 0 { "/nowhere" } else { "/bin/echo" };
                let born = spawner.spawn(plan(&[path, &number.to_string()]), &files).unwrap();
                (number, reader, born)
            })
            .collect();
        spawner.settle();
        for (number, reader, born) in made {
            let mut said = String::new();
            File::from(reader).read_to_string(&mut said).unwrap();
            let pid = i32::try_from(born.pid).unwrap();
            // SAFETY: no status is asked for.
            assert_eq!(unsafe { libc::waitpid(pid, std::ptr::null_mut(), 0) }, pid);
            let failed = spawner.read(born.note).map(|it| it.stage);
            if number % 10 == 0 {
                assert_eq!(failed, Some(SetupStage::Exec));
            } else {
                assert_eq!((said, failed), (format!("{number}\n"), None));
            }
        }
        assert!(spawner.launches.are_over());
    });
}

#[test]
fn a_pipe_held_for_reading_and_writing_lets_its_child_outlive_all_readers() {
    let mut spawner = Spawner::new().unwrap();
    let (reader, writer) = fd::pipe().unwrap();
    let theirs = fd::reopen_read_write(&writer).unwrap();
    drop(writer);
    let (news, report) = fd::pipe().unwrap();
    // The child waits for the word that all readers are gone, writes to nobody, and says how it went.
    let (word, go) = fd::pipe().unwrap();
    let plan = plan(&["/bin/sh", "-c", "read x; echo lost; echo $? >&2"]);
    let files = Files { stdin: word.as_fd(), stdout: theirs.as_fd(), stderr: report.as_fd(), link: None };
    let born = spawner.spawn(plan, &files).unwrap();
    spawner.settle();
    drop((reader, theirs, report, word));
    rustix::io::write(&go, b"go\n").unwrap();
    let mut said = String::new();
    File::from(news).read_to_string(&mut said).unwrap();
    assert_eq!(said, "0\n");
    let (mut status, pid) = (0, i32::try_from(born.pid).unwrap());
    // SAFETY: the pointer is to live memory for the call to fill.
    assert_eq!(unsafe { libc::waitpid(pid, &raw mut status, 0) }, pid);
    assert_eq!(status, 0);
}
