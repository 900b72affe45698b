//! A systemd of one's own: the real one, as PID 1 of namespaces that end with it, of which the machine sees nothing.

use std::fs;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use crate::house::House;
use crate::said::Said;
use crate::wait::{until, until_some};
use crate::{proc, program};

const SYSTEMD: &str = "/lib/systemd/systemd";

const UNSHARED: &[&str] =
    &["--pid", "--mount", "--cgroup", "--uts", "--ipc", "--net", "--fork", "--mount-proc"];

/// Targets that units depend on by themselves, empty: nothing of the machine is to be started.
const TARGETS: &[&str] =
    &["sysinit", "basic", "shutdown", "network", "umount", "final", "multi-user", "rescue"];

/// Builds the world and becomes its PID 1; `$1` is the folder, `$2` the program. Settings of the kernel are those of the
/// machine, so they cannot be written.
const WORLD: &str = r#"
set -e
mount --make-rprivate /
mount --bind /proc/sys /proc/sys
mount -o remount,bind,ro /proc/sys
mount -t tmpfs -o mode=755 dev "$1/dev"
for it in null zero full random urandom tty; do
    : >"$1/dev/$it"
    mount --bind "/dev/$it" "$1/dev/$it"
done
mkdir "$1/dev/shm" "$1/dev/pts"
ln -s "$1/console" "$1/dev/console"
mount --move "$1/dev" /dev
mount -t tmpfs -o mode=755 run /run
mount -t tmpfs -o mode=755 etc /etc/systemd
mkdir /etc/systemd/system
mount --bind "$1/units" /etc/systemd/system
umount -R /sys/fs/cgroup
mount -t cgroup2 cgroup2 /sys/fs/cgroup
exec env -i container=other PATH=/usr/sbin:/usr/bin:/sbin:/bin SYSTEMD_UNIT_PATH=/etc/systemd/system \
    SYSTEMD_GENERATOR_PATH=/nowhere SYSTEMD_ENVIRONMENT_GENERATOR_PATH=/nowhere \
    "$2" --system --unit=multi-user.target --log-target=console --show-status=0
"#;

/// It and everything it has started end when it is dropped.
pub struct Systemd {
    outer: Child,
    /// The PID 1, by the number it has outside.
    pid: i32,
    /// The control group that is the whole tree of its world.
    cgroup: PathBuf,
}

impl Systemd {
    /// A systemd that knows one unit: ours as it is shipped, for the program under test and the configuration of `house`, which it
    /// does not start by itself.
    ///
    /// # Errors
    /// Why that cannot be here.
    pub fn booted(house: &House) -> Result<Self, String> {
        let name = house.folder().file_name().expect("it has a name").display();
        let cgroup = ground()?.join(format!("menshen-{name}"));
        write_units(house);
        for folder in ["dev", "units"] {
            fs::create_dir_all(house.path(folder)).expect("cannot make a folder");
        }
        fs::create_dir(&cgroup).expect("it could be made a moment ago");
        let console = fs::File::create(house.path("console")).expect("cannot make a file");
        let outer = Command::new("sh")
            .args(["-c", r#"echo $$ >"$0/cgroup.procs" && exec unshare "$@""#])
            .arg(&cgroup)
            .args(UNSHARED)
            .args(["--kill-child", "sh", "-c", WORLD, "world", &house.here(), SYSTEMD])
            .stdin(Stdio::null())
            .stdout(console.try_clone().expect("a descriptor is left"))
            .stderr(console)
            .spawn()
            .expect("cannot run sh");
        let mut systemd = Self { outer, pid: 0, cgroup };
        let outer_pid = i32::try_from(systemd.outer.id()).expect("a pid fits");
        systemd.pid = until_some("there is a PID 1", || proc::children(outer_pid).first().copied());
        until("systemd has booted", || {
            systemd.ctl(&["is-system-running"]).out.trim() == "running" || {
                let ended = systemd.outer.try_wait().expect("it is our child");
                assert!(ended.is_none(), "systemd ended: {}", house.text("console"));
                false
            }
        });
        Ok(systemd)
    }

    /// Runs `systemctl` in there.
    pub fn ctl(&self, words: &[&str]) -> Said {
        let mut command = Command::new("nsenter");
        command
            .args(["-t", &self.pid.to_string(), "-m", "-p", "-C", "-n", "-i", "-u", "systemctl"])
            .args(words);
        command.stdin(Stdio::null()).output().expect("cannot run nsenter").into()
    }

    /// What it knows of our unit: `MainPID`, `ActiveState`...
    pub fn shows(&self, property: &str) -> String {
        self.ctl(&["show", "menshen", "--value", "-p", property]).out.trim().to_owned()
    }

    /// The control groups of our unit, by their paths below that of the unit.
    pub fn groups(&self) -> Vec<String> {
        let unit = self.cgroup.join("system.slice/menshen.service");
        let entries = fs::read_dir(unit).into_iter().flatten().flatten();
        let folders = entries.filter(|it| it.file_type().is_ok_and(|it| it.is_dir()));
        folders.map(|it| it.file_name().to_string_lossy().into_owned()).collect()
    }
}

impl Drop for Systemd {
    fn drop(&mut self) {
        // With its PID 1 ends whatever is in a namespace.
        drop(self.outer.kill());
        drop(self.outer.wait());
        until("the control groups are empty", || remove_groups(&self.cgroup));
    }
}

/// Where control groups can be made, if all that is needed can be had here.
fn ground() -> Result<PathBuf, String> {
    if !fs::exists(SYSTEMD).unwrap_or_default() {
        return Err(format!("there is no {SYSTEMD} here"));
    }
    let mounts = fs::read_to_string("/proc/mounts").unwrap_or_default();
    let mount = mounts.lines().find_map(|line| {
        let mut words = line.split(' ').skip(1);
        let path = words.next()?;
        (words.next()? == "cgroup2").then(|| PathBuf::from(path))
    });
    let mount = mount.ok_or("there is no cgroup v2 here")?;
    let probe = mount.join(format!("menshen-e2e-probe-{}", std::process::id()));
    fs::create_dir(&probe).map_err(|error| format!("no control group can be made here: {error}"))?;
    drop(fs::remove_dir(probe));
    let status = Command::new("unshare").args(UNSHARED).arg("true").stderr(Stdio::null()).status();
    if !status.is_ok_and(|it| it.success()) {
        return Err("namespaces cannot be made here".to_owned());
    }
    Ok(mount)
}

fn write_units(house: &House) {
    fs::create_dir_all(house.path("units/menshen.service.d")).expect("cannot make a folder");
    for target in TARGETS {
        let text = format!("[Unit]\nDescription={target}\nDefaultDependencies=no\n");
        house.write(&format!("units/{target}.target"), &text);
    }
    let shipped = fs::read_to_string(program::root().join("packaging/systemd/menshen.service"));
    let unit = shipped
        .expect("it is there")
        .replace("/usr/local/bin/menshen", &program::menshen().display().to_string())
        .replace("/etc/supervisord.conf", &house.path("supervisord.conf").display().to_string());
    house.write("units/menshen.service", &unit);
    // By which the processes are found.
    let mark = format!("[Service]\nEnvironment={}={}\n", proc::MARK, house.here());
    house.write("units/menshen.service.d/mark.conf", &mark);
}

/// Removes a control group with all below it; says whether it is gone.
fn remove_groups(path: &PathBuf) -> bool {
    for entry in fs::read_dir(path).into_iter().flatten().flatten() {
        if entry.file_type().is_ok_and(|it| it.is_dir()) {
            remove_groups(&entry.path());
        }
    }
    drop(fs::remove_dir(path));
    !path.exists()
}
