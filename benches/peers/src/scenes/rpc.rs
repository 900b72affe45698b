//! Calls over one connection that is kept alive.

use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};

use super::{Contenders, Scene, record};
use crate::arguments::Arguments;
use crate::client::{self, Client};
use crate::fleet::{self, Fleet};
use crate::procs;
use crate::sheet::Sheet;

const PROGRAMS: usize = 1000;

/// How long one method is called in one round.
const WINDOW: Duration = Duration::from_millis(1500);

/// About as long as the answers of the two methods.
const LIMITS: [(&str, usize); 2] = [("rpc-state", 400), ("rpc-all", 1_100_000)];

/// The rows and what they call.
const METHODS: [(&str, &str); 2] =
    [("rpc-state", "supervisor.getState"), ("rpc-all", "supervisor.getAllProcessInfo")];

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
        for (row, bytes) in LIMITS.into_iter().filter(|(row, _)| arguments.wants(row)) {
            let outcome = limit(row, bytes, arguments, sheet);
            record(sheet, &self.title(), "limit", outcome);
        }
    }
}

fn methods(fleet: &Fleet<'_>, arguments: &Arguments, sheet: &mut Sheet) -> Result<()> {
    let mut client = Client::connect(&fleet.scene.file("s.sock"))?;
    for (row, method) in METHODS.into_iter().filter(|(row, _)| arguments.wants(row)) {
        let request = client::request(method, "");
        for _ in 0..arguments.rounds(5) {
            let (rate, body) = rate(&mut client, &request)?;
            let text = String::from_utf8_lossy(&body);
            let running = text.matches("<string>RUNNING</string>").count();
            let wanted = if row == "rpc-all" { PROGRAMS } else { 1 };
            ensure!(running == wanted, "{method} says that {running} of {wanted} run");
            sheet.push(row, fleet.contender.name(), rate);
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

fn limit(row: &'static str, bytes: usize, arguments: &Arguments, sheet: &mut Sheet) -> Result<()> {
    let folder = tempfile::tempdir()?;
    let socket = folder.path().join("s");
    let mut command = Command::new(&arguments.limit);
    command.arg("serve").arg(&socket).arg(bytes.to_string());
    let server = command.spawn().context("cannot run the limit")?;
    client::until_answers(&socket, Duration::from_secs(5))?;
    let mut client = Client::connect(&socket)?;
    for _ in 0..arguments.rounds(5) {
        sheet.push(row, "limit", rate(&mut client, &client::request("x", ""))?.0);
    }
    ensure!(procs::is_alive(i32::try_from(server.id())?), "the limit has ended");
    Ok(())
}
