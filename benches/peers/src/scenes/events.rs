//! Events, from what happens to the listener that is told.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use rustix::process::Signal;

use super::{Contenders, Scene, record};
use crate::arguments::Arguments;
use crate::client::{self, Client};
use crate::contender::Contender;
use crate::fleet::{self, Fleet};
use crate::procs;
use crate::records;
use crate::sheet::Sheet;

/// The number that listeners put into their first note.
const LISTENER: usize = 1_000_000;

/// How long an event may be on its way.
const EVENT_MAX: Duration = Duration::from_secs(10);

/// The original and ours: nobody else has listeners.
fn able(contenders: &Contenders) -> impl Iterator<Item = &dyn Contender> {
    contenders.iter().map(|it| &**it).filter(|it| matches!(it.name(), "menshen" | "supervisor"))
}

/// A pool of listeners.
fn pool(scene: &fleet::Scene, count: usize, events: &str) -> String {
    format!(
        "[eventlistener:told]\ncommand={} listen {} {LISTENER}\nevents={events}\nbuffer_size=200000\n\
         numprocs={count}\nprocess_name=%(program_name)s_%(process_num)d\n",
        scene.child.display(),
        scene.records.display()
    )
}

/// A program is killed, and a listener is told.
pub(crate) struct Exits;

impl Scene for Exits {
    fn title(&self) -> String {
        "a child's exit, to its listener".to_owned()
    }

    fn play(&self, contenders: &Contenders, arguments: &Arguments, sheet: &mut Sheet) {
        for contender in able(contenders) {
            let outcome = exits(contender, arguments, sheet);
            record(sheet, &self.title(), contender.name(), outcome);
        }
    }
}

fn exits(contender: &dyn Contender, arguments: &Arguments, sheet: &mut Sheet) -> Result<()> {
    let count = arguments.rounds(20);
    let mut scene = fleet::Scene::of(count, arguments)?;
    scene.more = pool(&scene, 1, "PROCESS_STATE_EXITED");
    let fleet = Fleet::launch(contender, &scene)?;
    let first = records::until(&scene.records, count + 1, EVENT_MAX)?;
    std::thread::sleep(Duration::from_millis(1500)); // Longer than startsecs: one that is not up yet has no exit.
    fleet.settle();
    let programs: Vec<i32> = first.iter().filter(|it| it.id < 1_000_000).map(|it| it.pid).collect();
    for (turn, pid) in (1..).zip(programs) {
        let at = records::now();
        procs::signal(pid, Signal::KILL);
        let told = until_told(&scene, turn)?;
        sheet.push("event-exit", contender.name(), records::millis(at, told));
        std::thread::sleep(Duration::from_millis(150));
    }
    Ok(())
}

/// Waits until a listener has noted its event of this number; when that was.
fn until_told(scene: &fleet::Scene, number: u64) -> Result<u64> {
    let began = Instant::now();
    loop {
        let listener =
            |notes: &[records::Record]| notes.iter().find(|it| it.id == 1_000_000).map(|it| it.pid);
        let notes = records::read(&scene.records);
        let pid = listener(&notes);
        if let Some(note) = notes.iter().find(|it| Some(it.pid) == pid && it.id == number) {
            return Ok(note.at);
        }
        ensure!(began.elapsed() < EVENT_MAX, "event {number} was not told within {EVENT_MAX:?}");
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// As many events as one can make, for a pool.
pub(crate) struct Rate;

const LISTENERS: usize = 4;

/// How many events one call makes.
const BATCH: usize = 500;

impl Scene for Rate {
    fn title(&self) -> String {
        format!("events for a pool of {LISTENERS}")
    }

    fn play(&self, contenders: &Contenders, arguments: &Arguments, sheet: &mut Sheet) {
        for _ in 0..arguments.rounds(3) {
            for contender in able(contenders) {
                let batches = if contender.name() == "menshen" && !arguments.quick { 200 } else { 20 };
                let outcome = rate(contender, batches, arguments, sheet);
                record(sheet, &self.title(), contender.name(), outcome);
            }
        }
    }
}

fn rate(contender: &dyn Contender, batches: usize, arguments: &Arguments, sheet: &mut Sheet) -> Result<()> {
    let mut scene = fleet::Scene::of(0, arguments)?;
    scene.more = pool(&scene, LISTENERS, "REMOTE_COMMUNICATION");
    let fleet = Fleet::launch(contender, &scene)?;
    records::until(&scene.records, LISTENERS, EVENT_MAX)?;
    std::thread::sleep(Duration::from_millis(1500));
    fleet.settle();
    let one = "<value><struct><member><name>methodName</name><value><string>supervisor.sendRemoteCommEvent\
               </string></value></member><member><name>params</name><value><array><data><value><string>bench\
               </string></value><value><string>payload</string></value></data></array></value></member>\
               </struct></value>";
    let parameters =
        format!("<param><value><array><data>{}</data></array></value></param>", one.repeat(BATCH));
    let request = client::request("system.multicall", &parameters);
    let mut client = Client::connect(&scene.file("s.sock"))?;
    let began = records::now();
    for _ in 0..batches {
        let answer = client.send(&request)?;
        ensure!(!String::from_utf8_lossy(&answer).contains("faultCode"), "an event was refused");
    }
    let total = batches * BATCH;
    let notes = records::until(&scene.records, LISTENERS + total, Duration::from_mins(1))?;
    let last = notes.iter().map(|it| it.at).max().unwrap_or(began);
    ensure!(notes.len() == LISTENERS + total, "{} events instead of {total}", notes.len() - LISTENERS);
    let count = f64::from(u32::try_from(total)?);
    sheet.push("event-rate", contender.name(), count / records::millis(began, last) * 1e3);
    Ok(())
}
