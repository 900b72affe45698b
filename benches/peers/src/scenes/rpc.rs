//! Calls over one connection that is kept alive.

use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use rustix::process::Pid;
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

use super::{Contenders, Scene, record};
use crate::arguments::Arguments;
use crate::client::{self, Client};
use crate::fleet::{self, Fleet};
use crate::procs;
use crate::sheet::Sheet;

const PROGRAMS: usize = 1000;

/// How long one method is called in one round.
const WINDOW: Duration = Duration::from_millis(1500);

/// A row: what is called, how long the answer is about, and whether client and server share one processor.
///
/// Where they do not, each wakes the other on a processor that has gone to sleep. In a virtual machine that takes longer than all
/// the server does, and is measured instead of it.
struct Method {
    row: &'static str,
    name: &'static str,
    answer_bytes: usize,
    on_one_processor: bool,
}

const METHODS: [Method; 3] = [
    Method { row: "rpc-state", name: "supervisor.getState", answer_bytes: 400, on_one_processor: false },
    Method { row: "rpc-state-one", name: "supervisor.getState", answer_bytes: 400, on_one_processor: true },
    Method {
        row: "rpc-all",
        name: "supervisor.getAllProcessInfo",
        answer_bytes: 1_100_000,
        on_one_processor: false,
    },
];

pub(crate) struct Calls;

impl Scene for Calls {
    fn title(&self) -> String {
        format!("XML-RPC with {PROGRAMS} programs")
    }

    fn play(&self, contenders: &Contenders, arguments: &Arguments, sheet: &mut Sheet) {
        for contender in contenders.iter().filter(|it| matches!(it.name(), "menshen" | "supervisor")) {
            let outcome = fleet::Scene::of(PROGRAMS, arguments).and_then(|scene| {
                let fleet = Fleet::launch(&**contender, &scene)?;
                fleet.until_started()?;
                fleet.until_running()?;
                fleet.settle();
                methods(&fleet, arguments, sheet)
            });
            record(sheet, &self.title(), contender.name(), outcome);
        }
        for method in METHODS.iter().filter(|it| arguments.wants(it.row)) {
            let outcome = limit(method, arguments, sheet);
            record(sheet, &self.title(), "limit", outcome);
        }
    }
}

fn methods(fleet: &Fleet<'_>, arguments: &Arguments, sheet: &mut Sheet) -> Result<()> {
    let mut client = Client::connect(&fleet.scene.file("s.sock"))?;
    for method in METHODS.iter().filter(|it| arguments.wants(it.row)) {
        let request = client::request(method.name, "");
        let _together =
            method.on_one_processor.then(|| Together::with(procs::own(fleet.root))).transpose()?;
        for _ in 0..arguments.rounds(5) {
            let (rate, body) = rate(&mut client, &request)?;
            let text = String::from_utf8_lossy(&body);
            let running = text.matches("<string>RUNNING</string>").count();
            let wanted = if method.row == "rpc-all" { PROGRAMS } else { 1 };
            ensure!(running == wanted, "{} says that {running} of {wanted} run", method.name);
            sheet.push(method.row, fleet.contender.name(), rate);
        }
    }
    fleet.check_alive()
}

/// Calls a second, and the last answer.
fn rate(client: &mut Client, request: &[u8]) -> Result<(f64, Vec<u8>)> {
    let began = Instant::now();
    let (mut count, mut body) = (0_u32, Vec::new());
    while began.elapsed() < WINDOW {
        let next = client.send(request)?;
        ensure!(body.is_empty() || next.len().abs_diff(body.len()) < 4096, "an answer is cut off");
        body = next;
        count += 1;
    }
    Ok((f64::from(count) / began.elapsed().as_secs_f64(), body))
}

fn limit(method: &Method, arguments: &Arguments, sheet: &mut Sheet) -> Result<()> {
    let folder = tempfile::tempdir()?;
    let socket = folder.path().join("s");
    let mut command = Command::new(&arguments.limit);
    command.arg("serve").arg(&socket).arg(method.answer_bytes.to_string());
    let server = command.spawn().context("cannot run the limit")?;
    client::until_answers(&socket, Duration::from_secs(5))?;
    let pid = i32::try_from(server.id())?;
    let _together = method.on_one_processor.then(|| Together::with([pid])).transpose()?;
    let mut client = Client::connect(&socket)?;
    for _ in 0..arguments.rounds(5) {
        sheet.push(method.row, "limit", rate(&mut client, &client::request("x", ""))?.0);
    }
    ensure!(procs::is_alive(pid), "the limit has ended");
    Ok(())
}

/// Processes that run where this one runs, which is on one processor while this exists.
struct Together {
    /// Where each could run before.
    before: Vec<(Option<Pid>, CpuSet)>,
}

impl Together {
    fn with(pids: impl IntoIterator<Item = i32>) -> Result<Self> {
        let ours = sched_getaffinity(None)?;
        let first = (0..CpuSet::MAX_CPU).find(|it| ours.is_set(*it)).context("no processor is ours")?;
        let mut one = CpuSet::new();
        one.set(first);
        let mut together = Self { before: Vec::new() };
        for pid in pids.into_iter().map(Pid::from_raw).chain([None]) {
            together.before.push((pid, sched_getaffinity(pid)?));
            sched_setaffinity(pid, &one)?;
        }
        Ok(together)
    }
}

impl Drop for Together {
    fn drop(&mut self) {
        for (pid, processors) in self.before.drain(..) {
            // One that is gone needs no other.
            let _ = sched_setaffinity(pid, &processors);
        }
    }
}
