//! `wait`, and orders that do not wait as long as it takes: for a time, or not at all.

use std::time::{Duration, Instant};

use clap::{Args, ValueEnum};
use model::fault::FaultCode;
use model::state::ProcessState;

use crate::client::CallError;
use crate::remote::RemoteProcess;
use crate::verbs::orders::{self, Wish};
use crate::verbs::paint::Tone;
use crate::verbs::{DONE, Desk, FAILED, Trouble, targets};

/// Between two looks at the server: at first, and when nothing has happened for long. A person sees no
/// difference, and the server hardly any.
const LOOK_EVERY: Duration = Duration::from_millis(50);
const LOOK_EVERY_MAX: Duration = Duration::from_millis(500);

/// How long an order waits for its processes.
#[derive(Debug, Clone, Copy, Args)]
pub(crate) struct Patience {
    /// Do not wait until it is so
    #[arg(long)]
    pub no_wait: bool,
    /// Wait no longer than this
    #[arg(long, value_name = "SECONDS", conflicts_with = "no_wait")]
    pub timeout: Option<u64>,
}

/// What is waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Until {
    /// It is RUNNING
    Running,
    /// It does not run and will not be started by itself
    Stopped,
    /// It has ended by itself
    Exited,
}

/// Where a process stands on its way.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Way {
    There,
    Going,
    /// It will not get there by itself, for this reason.
    Lost(String),
}

impl Until {
    const fn word(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Stopped => "stopped",
            Self::Exited => "exited",
        }
    }

    fn look(self, process: &RemoteProcess) -> Way {
        let there = |it: bool| if it { Way::There } else { Way::Going };
        let given_up = || Way::Lost(format!("it was given up: {}", process.description));
        match (self, process.known_state()) {
            (_, None) => Way::Lost(format!("it is {}", process.state_name)),
            (Self::Running | Self::Exited, Some(ProcessState::Fatal)) => given_up(),
            (Self::Running, Some(state)) => there(state == ProcessState::Running),
            (Self::Exited, Some(state)) => there(state == ProcessState::Exited),
            (Self::Stopped, Some(state)) => there(state.is_stopped()),
        }
    }
}

/// `wait NAME... --until running|stopped|exited`.
pub(crate) fn wait(
    desk: &mut Desk<'_>,
    names: &[String],
    until: Until,
    timeout: Option<u64>,
) -> Result<u8, Trouble> {
    let processes = desk.client.processes()?;
    let picked = targets::select(&mut desk.client, names, &processes)?;
    let names: Vec<_> = picked.into_iter().map(RemoteProcess::full_name).collect();
    watch(desk, names, until, deadline(timeout))
}

/// `start`, `stop` and `restart` with a limit to the wait.
pub(crate) fn order(
    desk: &mut Desk<'_>,
    wish: &Wish,
    names: &[String],
    patience: Patience,
) -> Result<u8, Trouble> {
    let processes = desk.client.processes()?;
    let picked = targets::select(&mut desk.client, names, &processes)?;
    let names: Vec<_> = picked.into_iter().map(RemoteProcess::full_name).collect();
    let deadline = deadline(patience.timeout);
    match wish {
        Wish::Start => hasten(desk, names, Until::Running, patience, deadline),
        Wish::Stop => hasten(desk, names, Until::Stopped, patience, deadline),
        // A process cannot be started before it is down, so this much has to be waited for.
        Wish::Restart => {
            let down = Patience { no_wait: false, ..patience };
            match hasten(desk, names.clone(), Until::Stopped, down, deadline)? {
                DONE => hasten(desk, names, Until::Running, patience, deadline),
                code => Ok(code),
            }
        }
        Wish::Signal(_) | Wish::Clear | Wish::Rotate => orders::carry_out(desk, wish, &names),
    }
}

fn deadline(timeout: Option<u64>) -> Option<Instant> {
    timeout.and_then(|it| Instant::now().checked_add(Duration::from_secs(it)))
}

/// Sends each process on its way, and waits if that is asked for.
fn hasten(
    desk: &mut Desk<'_>,
    names: Vec<String>,
    until: Until,
    patience: Patience,
    deadline: Option<Instant>,
) -> Result<u8, Trouble> {
    let mut sent = Vec::new();
    let mut code = DONE;
    for name in names {
        let result = match until {
            Until::Running => desk.client.start_soon(&name),
            Until::Stopped | Until::Exited => desk.client.stop_soon(&name),
        };
        match result {
            Ok(()) if patience.no_wait => {
                let word = if until == Until::Running { "starting" } else { "stopping" };
                say(desk, &name, Tone::Passing, word)?;
            }
            Err(error) if is_so(&error, until) && patience.no_wait => {
                let word = if until == Until::Running { "already running" } else { "not running" };
                say(desk, &name, Tone::Quiet, word)?;
            }
            Ok(()) => sent.push(name),
            // Somebody else has sent it on its way, if it is not there already.
            Err(error) if is_so(&error, until) => sent.push(name),
            Err(error @ CallError::Fault { .. }) => {
                let reason = orders::reason(&mut desk.client, &name, error.fault(), &error.to_string());
                fail(desk, &name, &reason)?;
                code = FAILED;
            }
            Err(error) => return Err(error.into()),
        }
    }
    if patience.no_wait {
        return Ok(code);
    }
    Ok(code.max(watch(desk, sent, until, deadline)?))
}

fn is_so(error: &CallError, until: Until) -> bool {
    let wanted = match until {
        Until::Running => FaultCode::AlreadyStarted,
        Until::Stopped | Until::Exited => FaultCode::NotRunning,
    };
    error.fault() == Some(wanted)
}

/// Waits until all of `left` are there, or one can be waited for no longer; says so for each.
fn watch(
    desk: &mut Desk<'_>,
    mut left: Vec<String>,
    until: Until,
    deadline: Option<Instant>,
) -> Result<u8, Trouble> {
    let mut code = DONE;
    let mut pause = LOOK_EVERY;
    loop {
        let processes = desk.client.processes()?;
        let late = deadline.is_some_and(|it| it <= Instant::now());
        let mut going = Vec::new();
        for name in left {
            let found = processes.iter().find(|it| it.full_name() == name);
            let way = match found {
                Some(process) => until.look(process),
                // A process that is removed has stopped before.
                None if until == Until::Stopped => Way::There,
                None => Way::Lost("there is no such process any more".to_owned()),
            };
            match way {
                Way::There => say(desk, &name, Tone::Good, until.word())?,
                Way::Going if late => {
                    let state = found.map_or("gone", |it| it.state_name.as_str());
                    fail(desk, &name, &format!("the time is up and it is {state}"))?;
                    code = FAILED;
                }
                Way::Going => going.push(name),
                Way::Lost(reason) => {
                    fail(desk, &name, &reason)?;
                    code = FAILED;
                }
            }
        }
        if going.is_empty() {
            return Ok(code);
        }
        desk.out.flush()?;
        left = going;
        let rest = deadline.map(|it| it.saturating_duration_since(Instant::now()));
        std::thread::sleep(rest.map_or(pause, |it| it.min(pause)));
        pause = (pause * 2).min(LOOK_EVERY_MAX);
    }
}

fn say(desk: &mut Desk<'_>, name: &str, tone: Tone, word: &str) -> Result<(), Trouble> {
    let line = format!("{name}: {}", desk.paint.text(tone, word));
    desk.say(line)
}

fn fail(desk: &mut Desk<'_>, name: &str, reason: &str) -> Result<(), Trouble> {
    let line = format!("{name}: {}: {reason}", desk.paint.text(Tone::Bad, "failed"));
    desk.say(line)
}
