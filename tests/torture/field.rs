//! A house under torture: its load, its pair, its bystanders, and what is known of them in the end.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use e2e::disk::SmallDisk;
use e2e::house::House;
use e2e::program::Make;
use e2e::wait::until;
use e2e::{proc, rpc};
use rustix::process::Signal;

use crate::cases::Limits;
use crate::ledger::{Heard, Ledger, Life};
use crate::lines::{Lines, judge, whole_log};
use crate::table::Row;

/// How much goes on while the faults are done.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Load {
    pub(crate) writers: usize,
    pub(crate) lines_per_second: usize,
    pub(crate) loopers: usize,
    pub(crate) idle: usize,
}

/// How many strangers there are, who must not notice anything.
const CANARIES: usize = 50;

/// How long somebody may be dead before he is reaped.
const ZOMBIE_AFTER: Duration = Duration::from_secs(1);

/// How many descriptors more than before are no leak: connections that are just being closed.
const DESCRIPTORS_SPARE: usize = 2;

/// How long the bytes that are in pipes may take to reach their files when all is calm again.
const DRAIN: Duration = Duration::from_secs(20);

/// The two processes, as far as they live.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Pair {
    pub(crate) keeper: Option<i32>,
    pub(crate) daemon: Option<i32>,
}

pub(crate) struct Field {
    pub(crate) house: House,
    pub(crate) load: Load,
    pub(crate) row: Row,
    /// A disk that must stay until all is judged.
    pub(crate) disk: Option<SmallDisk>,
    canaries: Vec<Child>,
    /// When each of the dead was first seen dead.
    dead: BTreeMap<i32, Instant>,
    zombies: BTreeSet<i32>,
    untold: Vec<Life>,
    /// What the keeper and the daemon held before anything was done to them.
    held: (usize, usize),
    began: Instant,
}

impl Field {
    /// A house with `load` and `sections`, not started.
    pub(crate) fn new(case: &'static str, load: Load, sections: &str) -> Self {
        let exe = std::env::current_exe().expect("a program knows its file");
        let house =
            House::of(Make::Menshen, &format!("{}{sections}", programs(&exe.display().to_string(), load)));
        house.configure_daemon("runtime_directory={here}/run\nlogfile_maxbytes=0\nminfds=4096\n");
        for folder in ["locks", "logs"] {
            std::fs::create_dir(house.path(folder)).expect("cannot make a folder");
        }
        let canary =
            || Command::new("sleep").arg("1000000").stdin(Stdio::null()).spawn().expect("cannot run sleep");
        Self {
            house,
            load,
            row: Row { case, ..Row::default() },
            disk: None,
            canaries: (0..CANARIES).map(|_| canary()).collect(),
            dead: BTreeMap::new(),
            zombies: BTreeSet::new(),
            untold: Vec::new(),
            held: (0, 0),
            began: Instant::now(),
        }
    }

    /// Starts it in the ordinary way, and waits until the whole load runs.
    pub(crate) fn start(&mut self) {
        self.house.start();
        self.settle();
    }

    /// The same, with pauses left out and places to die at (`os::failpoint`).
    pub(crate) fn start_hurried(&mut self) {
        self.launch();
        self.settle();
    }

    /// Starts it after both have died.
    pub(crate) fn start_anew(&mut self) {
        self.launch();
    }

    /// Starts it anew if both are dead, as a service manager would.
    pub(crate) fn revive(&mut self) {
        for _ in 0..3 {
            // Who becomes the other has no name for a moment.
            if self.pair() != Pair::default() {
                return;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        self.launch();
    }

    fn launch(&mut self) {
        let mut command = self.house.command("supervisord");
        command.args(["-n", "-c", "supervisord.conf"]).env("MENSHEN_FAILPOINT", self.failpoint());
        self.house.start_command(&mut command);
        self.house.until_answering();
    }

    /// The file that says where to die.
    pub(crate) fn failpoint(&self) -> PathBuf {
        self.house.path("failpoint")
    }

    /// Has whoever comes by a place at that passage die there.
    pub(crate) fn die_at(&self, point: &str, passage: u64) {
        let next = self.failpoint().with_extension("next");
        std::fs::write(&next, format!("{point} {passage}\n")).expect("cannot write the failpoint");
        std::fs::rename(&next, self.failpoint()).expect("cannot set the failpoint");
    }

    /// Adds lines to `[supervisord]`.
    pub(crate) fn configure(&self, lines: &str) {
        self.house.configure_daemon(lines);
    }

    /// Whether more is wanted.
    pub(crate) fn goes_on(&self, limits: Limits) -> bool {
        self.elapsed() < limits.time && self.row.faults < limits.faults
    }

    /// Waits until the load runs, counts what is held, and lets the loopers loose.
    pub(crate) fn settle(&mut self) {
        let wanted = self.load.writers + self.load.idle + 1;
        until("the load runs", || self.running() >= wanted);
        self.held = self.held_when_calm();
        if self.load.loopers > 0 {
            self.ctl(&["start", "looper:*"]);
        }
        self.began = Instant::now();
    }

    fn running(&self) -> usize {
        let answer = self.house.call("supervisor.getAllProcessInfo", &[]).unwrap_or_default();
        let is_running = |it: &&str| rpc::member(it, "statename").as_deref() == Some("RUNNING");
        rpc::structs(&answer).filter(is_running).count()
    }

    /// Runs `supervisorctl` and does not mind what it says.
    pub(crate) fn ctl(&self, words: &[&str]) {
        drop(self.house.ctl(words));
    }

    pub(crate) fn pair(&self) -> Pair {
        let mut pair = Pair::default();
        for pid in proc::marked(&self.house.here()) {
            match proc::called(pid).as_deref() {
                Some("menshen-keeper") if proc::is_alive(pid) => pair.keeper = Some(pid),
                Some("menshen-daemon") if proc::is_alive(pid) => pair.daemon = Some(pid),
                Some(_) | None => {}
            }
        }
        pair
    }

    /// Both, once both are there.
    pub(crate) fn whole_pair(&self) -> (i32, i32) {
        e2e::wait::until_some("there are a keeper and a daemon", || {
            let pair = self.pair();
            Some((pair.keeper?, pair.daemon?))
        })
    }

    /// Waits until another keeper has taken the place of one that was killed. While that one is dying, the daemon does not know of
    /// it and still answers; whoever takes its place and is killed in the midst of that leaves nobody.
    pub(crate) fn until_followed(&self, dead: i32) {
        until("another keeper is there", || self.pair().keeper.is_some_and(|it| it != dead));
    }

    pub(crate) fn answers(&self) -> bool {
        self.house.call("supervisor.getState", &[]).is_some_and(|it| it.contains("RUNNING"))
    }

    /// Waits until it answers again after a fault at `since`, and writes down how long that took.
    pub(crate) fn until_back(&mut self, since: Instant) {
        until("the supervisor answers again", || self.answers());
        self.row.away.push(since.elapsed());
    }

    /// Looks for what must not be seen even in the midst of it.
    pub(crate) fn look(&mut self) {
        let pair = self.pair();
        let parents: Vec<i32> = [pair.keeper, pair.daemon].into_iter().flatten().collect();
        let now = Instant::now();
        let dead: BTreeSet<i32> = parents
            .iter()
            .flat_map(|parent| proc::children(*parent))
            .filter(|pid| proc::state(*pid) == Some('Z'))
            .collect();
        self.dead.retain(|pid, _| dead.contains(pid));
        for pid in dead {
            let since = *self.dead.entry(pid).or_insert(now);
            if now - since > ZOMBIE_AFTER {
                self.zombies.insert(pid);
            }
        }
    }

    /// Looks for `time`, every now and then.
    pub(crate) fn look_for(&mut self, time: Duration) {
        let end = Instant::now() + time;
        loop {
            self.look();
            let rest = end.saturating_duration_since(Instant::now());
            if rest.is_zero() {
                return;
            }
            std::thread::sleep(rest.min(Duration::from_millis(300)));
        }
    }

    pub(crate) fn elapsed(&self) -> Duration {
        self.began.elapsed()
    }

    pub(crate) fn complain(&mut self, text: impl Into<String>) {
        self.row.complaints.push(text.into());
    }

    fn held_when_calm(&self) -> (usize, usize) {
        let mut before = (0, 0);
        until("the descriptors have settled", || {
            let now = self.held_now();
            std::mem::replace(&mut before, now) == now
        });
        before
    }

    /// Without logs, which are opened and closed as it likes, and without what stands for an adopted child.
    fn held_now(&self) -> (usize, usize) {
        let (keeper, daemon) = self.whole_pair();
        let count = |pid| {
            proc::descriptor_targets(pid)
                .iter()
                .filter(|it| !it.contains(".log") && !it.contains("[pidfd]"))
                .count()
        };
        (count(keeper), count(daemon))
    }
}

/// The end.
impl Field {
    /// Calms it down, ends it in order, and judges it.
    pub(crate) fn judged(mut self) -> Row {
        until("the supervisor answers", || self.answers());
        self.row.seconds = self.began.elapsed().as_secs_f64();
        self.ctl(&["stop", "looper:*"]);
        self.judge_descriptors();
        self.house.write("quit", "now\n");
        until("every writer has stopped", || {
            let ledger = self.ledger();
            ledger.slots().iter().filter(|it| it.starts_with('w')).count() <= ledger.ends.len()
        });
        self.judge_lines();
        self.judge_events();
        self.ctl(&["stop", "all"]);
        self.judge_survivors();
        self.end();
        self.judge_lives();
        self.judge_canaries();
        self.row.zombies = self.zombies.len();
        let is_excused = self.row.untold <= self.row.excused;
        if let Some((slot, pid)) = self.untold.first().filter(|_| !is_excused) {
            self.complain(format!("nobody told of the end of {slot} with pid {pid}, for one"));
        }
        if !self.row.is_clean() {
            let folder = self.keep_evidence();
            self.complain(format!("what it wrote is in {folder}"));
        }
        std::mem::take(&mut self.row)
    }

    fn ledger(&self) -> Ledger {
        Ledger::read(&self.house.text("ledger"))
    }

    fn judge_descriptors(&mut self) {
        let ((keeper, daemon), before) = (self.held_when_calm(), self.held);
        let over = |now: usize, then: usize| now.saturating_sub(then + DESCRIPTORS_SPARE);
        self.row.descriptors = over(keeper, before.0) + over(daemon, before.1);
        if self.row.descriptors > 0 {
            self.complain(format!(
                "descriptors of keeper and daemon: {before:?} before, {:?} now",
                (keeper, daemon)
            ));
        }
    }

    fn judge_lines(&mut self) {
        let ledger = self.ledger();
        let written: u64 = ledger.ends.values().sum();
        let began = Instant::now();
        let mut found = self.lines(&ledger);
        while found.whole < written && began.elapsed() < DRAIN {
            std::thread::sleep(Duration::from_millis(200));
            found = self.lines(&ledger);
        }
        self.row.lines = found;
    }

    fn lines(&self, ledger: &Ledger) -> Lines {
        let mut found = Lines::default();
        for slot in ledger.slots().into_iter().filter(|it| it.starts_with('w')) {
            let ends = ledger.ends.iter().filter(|((name, _), _)| name == slot);
            let ends = ends.map(|((_, pid), written)| (*pid, *written)).collect();
            found.add(&judge(slot, &whole_log(&self.house.path(&format!("logs/{slot}.log"))), &ends));
        }
        found
    }

    fn judge_events(&mut self) {
        let ledger = self.ledger();
        let is_looper = |(slot, _): &&(String, u32)| slot.starts_with('l');
        let began = Instant::now();
        loop {
            let heard = Heard::read(&self.house.text("heard"), self.row.is_damaged);
            let lives = || ledger.starts.iter().filter(|(life, _)| is_looper(life));
            let told = |life| heard.ends.get(life).copied().unwrap_or(0);
            self.row.untold = lives().map(|(life, count)| count.saturating_sub(told(life))).sum();
            self.untold =
                lives().filter(|(life, count)| told(life) < **count).map(|(life, _)| life.clone()).collect();
            let exits = |life| heard.exits.get(life).copied().unwrap_or(0);
            self.row.told_again = lives().map(|(life, count)| exits(life).saturating_sub(*count)).sum();
            self.row.told_again += heard.repeated;
            if self.row.untold == 0 || began.elapsed() > DRAIN {
                return;
            }
            std::thread::sleep(Duration::from_millis(200));
        }
    }

    fn judge_survivors(&mut self) {
        let lives = |pid: &i32| is_actor(*pid) && proc::is_alive(*pid);
        self.row.survivors += proc::marked(&self.house.here()).iter().filter(|it| lives(it)).count();
    }

    /// Asks it to end, and waits until both are gone.
    fn end(&mut self) {
        if let Some(keeper) = self.pair().keeper {
            proc::send(keeper, Signal::TERM);
        }
        until("both have ended", || self.pair() == Pair::default());
        let log = self.house.log();
        for word in ["panicked", "uncaptured"] {
            if log.contains(word) || self.house.text("err").contains(word) {
                self.complain(format!("the log says `{word}`"));
            }
        }
    }

    fn judge_lives(&mut self) {
        let ledger = self.ledger();
        self.row.starts = ledger.starts.values().sum();
        self.row.exits = ledger.exits.values().sum();
        self.row.copies = ledger.copies;
        for oddity in ledger.oddities.iter().take(5) {
            self.row.complaints.push(format!("the ledger says `{oddity}`"));
        }
        // Whoever does not end by himself was started once, whatever happened to his guards.
        let mut lives: BTreeMap<&str, usize> = BTreeMap::new();
        for ((slot, _), count) in &ledger.starts {
            *lives.entry(slot).or_default() += count;
        }
        let again: Vec<_> =
            lives.iter().filter(|(slot, count)| !slot.starts_with(['l', 't']) && **count != 1).collect();
        if let Some((slot, count)) = again.first() {
            let text = format!(
                "{} programs were started more than once: {slot} {count} times, for one",
                again.len()
            );
            self.row.complaints.push(text);
        }
    }

    /// Copies what was written, for whoever wants to know why, and says where.
    fn keep_evidence(&self) -> String {
        let folder = std::env::current_exe().unwrap_or_default().with_file_name("torture-evidence");
        let folder = folder.join(self.row.case);
        let made = std::fs::create_dir_all(&folder);
        for name in ["main.log", "err", "ledger", "heard", "ear.err", "supervisord.conf"] {
            let _ = std::fs::copy(self.house.path(name), folder.join(name));
        }
        made.map_or_else(|error| error.to_string(), |()| folder.display().to_string())
    }

    fn judge_canaries(&mut self) {
        self.row.canaries_hurt = self.canaries.iter_mut().filter_map(|it| it.try_wait().ok()?).count();
    }
}

impl Drop for Field {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.keep_evidence();
        }
        for canary in &mut self.canaries {
            // One that is gone already has been counted.
            let _ = canary.kill();
            let _ = canary.wait();
        }
    }
}

/// Whether `pid` is one of ours, and not somebody who has got its number since.
fn is_actor(pid: i32) -> bool {
    std::fs::read(format!("/proc/{pid}/cmdline")).is_ok_and(|it| it.windows(6).any(|it| it == b"\0play\0"))
}

/// What becomes of what writers write, on its way to the log: nothing for some, and for each of the others what takes
/// the long way.
const WAYS: [(&str, &str); 4] = [
    ("writer", ""),
    ("writer_prefix", "stdout_logfile_format=prefix\n"),
    ("writer_json", "stdout_logfile_format=json\n"),
    ("writer_capture", "stdout_capture_maxbytes=1KB\n"),
];

fn programs(exe: &str, load: Load) -> String {
    let Load { writers, lines_per_second, loopers, idle } = load;
    let ear = format!(
        "[eventlistener:ear]\ncommand={exe} play ear\ndirectory={{here}}\nbuffer_size=100000\n\
         events=PROCESS_STATE_EXITED,PROCESS_STATE_STOPPED\nstderr_logfile={{here}}/ear.err\n"
    );
    let section = |name: &str, letter: char, count: usize, words: &str, options: &str| {
        if count == 0 {
            return String::new();
        }
        let slot = format!("{letter}%(process_num)03d");
        let part = name.split('_').next().unwrap_or(name);
        format!(
            "[program:{name}]\ncommand={exe} play {part} {slot}{words}\ndirectory={{here}}\nnumprocs={count}\n\
             process_name={slot}\nautorestart=true\nstderr_logfile=NONE\n{options}"
        )
    };
    let rate = format!(" {lines_per_second}");
    let log = "stdout_logfile={here}/logs/w%(process_num)03d.log\nstdout_logfile_maxbytes=1MB\nstdout_logfile_backups=500\n";
    let looping = "autostart=false\nstartsecs=0\nstartretries=1000\nstdout_logfile=NONE\n";
    let mut first = 0;
    let mut writing = |(at, (name, change)): (usize, (&str, &str))| {
        let count = writers / WAYS.len() + usize::from(at < writers % WAYS.len());
        let options = format!("numprocs_start={first}\n{log}{change}");
        first += count;
        section(name, 'w', count, &rate, &options)
    };
    [
        ear,
        WAYS.iter().copied().enumerate().map(&mut writing).collect(),
        section("looper", 'l', loopers, "", looping),
        section("idle", 'i', idle, "", "stdout_logfile=NONE\n"),
    ]
    .concat()
}
