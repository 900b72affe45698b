//! Calls of clients on their way: each is a [`Session`] that asks the machine, has chores done, and
//! ends with one reply. Nothing waits here; a session that needs the machine's answer lies in a map
//! until the answer comes.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use api::call::{Chore, Context, Outcome};
use api::session::{Next, Session};
use http::ask::Ask;
use model::fault::{Fault, FaultCode};
use model::name::FullName;
use model::spawn::SpawnFailure;
use os::clock::LocalZone;
use supervisor::effect::Answer;
use supervisor::input::{Departure, Input, Request, RequestId, Selection};

use crate::birth;
use crate::pending::Call;
use crate::state::Daemon;

/// How long one turn of the loop goes on with calls that have paused. What short ones change is written down together;
/// a long one has the turn to itself.
const CALLS_MAX: Duration = Duration::from_micros(40);

impl Daemon {
    /// Answers a question of the server, now or when the machine has.
    pub(crate) fn take(&mut self, ask: Ask) {
        // Whoever asked may have left since; then nobody misses the answer.
        match ask {
            Ask::Call { call, interface, asker, slot } => {
                self.note_interest(&call);
                self.advance(Call { session: Session::new(call, interface, asker), slot });
                self.settle();
            }
            Ask::Audit(record) => self.audit(record),
            Ask::ProcessLog { name, channel, slot } => {
                drop(slot.send(api::followed::log(&self.context(), &name, &channel)));
            }
            Ask::MainLog { slot } => drop(slot.send(self.main_log_path())),
            Ask::Watching => self.watched(),
            Ask::Metrics { slot } => self.collect_metrics(slot),
            Ask::Unready { slot } => drop(slot.send(self.unready())),
        }
    }

    /// The file of the daemon's own log, unless it goes to the system log.
    pub(crate) fn main_log_path(&self) -> Option<PathBuf> {
        self.log.borrow().path().map(Path::to_owned)
    }

    /// The world at this moment, as calls see it.
    pub(crate) fn context(&self) -> Context<'_> {
        Context {
            supervisor: &self.supervisor,
            now: os::clock::now(),
            zone: &LocalZone,
            identity: &self.identity,
            files: &self.streams,
            usages: &self.figures,
            audit: &self.audit_book,
        }
    }

    /// Takes a call as far as it goes without the machine; what the machine is to be asked waits in the
    /// inbox.
    pub(crate) fn advance(&mut self, mut call: Call) {
        loop {
            let next = call.session.advance(&self.context());
            call.session.take_records().into_iter().for_each(|it| self.audit(it));
            match next {
                // A client that has gone does not want it any more.
                Next::Done(result) => return drop(call.slot.send(result)),
                Next::Turn => return self.calls.pause(call),
                Next::Chore(Chore::Remember(query)) => return self.ask_past(query, call),
                Next::Chore(Chore::Upgrade { path }) => match self.begin_upgrade(&path) {
                    Ok(()) => return self.upgrading = Some(call),
                    Err(fault) => call.session.settle(Outcome::Failed(fault)),
                },
                Next::Chore(chore) => {
                    let outcome = self.chore(chore);
                    call.session.settle(outcome);
                }
                Next::Ask(request) => match self.prepare(request) {
                    Ok(request) => {
                        let id = self.calls.wait(call);
                        // Told by who settles, and not here: a call of many would go as deep as it is long.
                        return self.inbox.push_back(Input::Request { id, request });
                    }
                    Err(fault) => call.session.settle(Outcome::Failed(fault)),
                },
            }
        }
    }

    /// Goes on with calls that have paused, the one that has waited longest first, for a moment.
    pub(crate) fn resume_some(&mut self) {
        let until = os::clock::mono() + CALLS_MAX;
        while let Some(call) = self.calls.resume() {
            self.advance(call);
            if os::clock::mono() >= until {
                break;
            }
        }
        self.settle();
    }

    /// Adds to a request what only a look at the world can tell.
    fn prepare(&mut self, request: Request) -> Result<Request, Fault> {
        match request {
            Request::Start { name, named, wait, obstacle: _ } => {
                let spec = self.supervisor.spec(&name);
                let obstacle = spec.and_then(|it| birth::program(it, &self.inheritance).err());
                Ok(Request::Start { name, named, wait, obstacle })
            }
            Request::Update { names, configured: _, tape: _ } => {
                let read = self.take_configuration();
                let (configured, tape) = read.map_err(|it| Fault::about(FaultCode::CantReread, it))?;
                Ok(Request::Update { names, configured, tape })
            }
            Request::StartMany { selection, wait, obstacles: _ } => {
                let obstacles = self.obstacles(&selection);
                Ok(Request::StartMany { selection, obstacles, wait })
            }
            Request::Adopt { ref name, ref named } => match self.lurkers.get(name) {
                // The keeper could neither signal it nor see its end.
                Some(pid) => Err(Fault::about(
                    FaultCode::Failed,
                    format!(
                        "{named} cannot be adopted: end pid {pid} by hand, then `menshen forget {named}`"
                    ),
                )),
                None => Ok(request),
            },
            Request::Leave(Departure::Restart) => {
                self.check_restart()?;
                Ok(request)
            }
            Request::Leave(Departure::Shutdown)
            | Request::Stop { .. }
            | Request::StopMany { .. }
            | Request::Signal { .. }
            | Request::SignalMany { .. }
            | Request::AddGroup { .. }
            | Request::RemoveGroup { .. }
            | Request::Forget { .. } => Ok(request),
        }
    }

    /// What keeps the processes of a selection that do not run from being started.
    fn obstacles(&self, selection: &Selection) -> BTreeMap<FullName, SpawnFailure> {
        let wanted = |name: &FullName| selection.holds(name);
        let idle = self.supervisor.all_info(os::clock::now()).into_iter().filter(|it| !it.state.is_running());
        let names = idle.map(|it| it.name).filter(wanted);
        let found = names.filter_map(|name| {
            let spec = self.supervisor.spec(&name)?;
            let obstacle = birth::program(spec, &self.inheritance).err()?;
            Some((name, obstacle))
        });
        found.collect()
    }

    /// The machine has answered: the call goes on.
    pub(crate) fn answered(&mut self, id: RequestId, answer: Result<Answer, Fault>) {
        if let Some(mut call) = self.calls.take(id) {
            call.session.settle(Outcome::Answered(answer));
            self.advance(call);
        }
    }
}
