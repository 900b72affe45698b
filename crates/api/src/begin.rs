//! The first step of a call: who is meant, what is asked, and everything that can be answered at once.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use model::audit::Asker;
use model::child::Channel;
use model::event::Event;
use model::fault::{Fault, FaultCode};
use model::name::{FullName, Namespec};
use model::past::{MACHINE, Query};
use model::signal::Signal;
use model::spec::ProcessSpec;
use model::state::{ProcessState, SupervisorState};
use supervisor::effect::Settled;
use supervisor::input::{Departure, Request, Selection};
use supervisor::supervisor::Found;
use wire::value::{Members, MethodCall, Value};

use crate::arguments::{Arguments, incorrect};
use crate::batch::CALLS_MAX;
use crate::call::{Chore, Context, Interface, Refusal};
use crate::method::{API_VERSION, ENTRIES, EXTENSIONS, Entry, Method, find};
use crate::shape::{self, Shape};
use crate::{allowed, config_info, facts, inspection, options, past, process_info, recent, why};

/// How far a call gets by itself.
pub(crate) enum Begun {
    Done(Value),
    Ask(Request, Shape),
    Chore(Chore, Shape),
    Calls(Vec<Members>),
}

type Start = Result<Begun, Refusal>;

/// Takes a call as far as it gets by itself.
pub(crate) fn begin(call: MethodCall, interface: Interface, asker: &Asker, context: &Context<'_>) -> Start {
    let entry = find(&call.name).filter(|it| interface == Interface::Own || is_offered(it, context));
    let entry = entry.ok_or(Fault::from(FaultCode::UnknownMethod))?;
    allowed::check(entry.name, entry.role, asker)?;
    if !entry.takes(call.params.len()) {
        return Err(incorrect());
    }
    if answers_only_when_up(entry.method) && is_leaving(context) {
        return Err(Fault::from(FaultCode::ShutdownState).into());
    }
    match dispatch(entry.method, &Arguments(call.params), context)? {
        Begun::Chore(Chore::Remember(query), shape) => {
            Ok(Begun::Chore(Chore::Remember(past::veiled(query, asker.role)), shape))
        }
        begun @ (Begun::Done(_) | Begun::Ask(..) | Begun::Chore(..) | Begun::Calls(_)) => Ok(begun),
    }
}

/// Whether the configuration has the interface this method belongs to.
fn is_offered(entry: &Entry, context: &Context<'_>) -> bool {
    context.identity.has_supervisor_namespace || entry.name.starts_with("system.")
}

/// Every method of `supervisor` but one (`rpcinterface.py`, `_update`).
const fn answers_only_when_up(method: Method) -> bool {
    !matches!(
        method,
        Method::SendEvent
            | Method::ListMethods
            | Method::MethodHelp
            | Method::MethodSignature
            | Method::Multicall
            | Method::ListExtensions
            | Method::Audit
            | Method::Adopt
            | Method::Forget
            | Method::Succeed
            | Method::Upgrade
    )
}

fn is_leaving(context: &Context<'_>) -> bool {
    match context.supervisor.state() {
        SupervisorState::Running | SupervisorState::Fatal => false,
        SupervisorState::Restarting | SupervisorState::Shutdown => true,
    }
}

#[expect(clippy::too_many_lines, reason = "a table: a line for each method")]
fn dispatch(method: Method, arguments: &Arguments, context: &Context<'_>) -> Start {
    match method {
        Method::ApiVersion => Ok(done(text(API_VERSION))),
        Method::SupervisorVersion => Ok(done(text(&context.identity.version))),
        Method::Identification => Ok(done(text(&context.identity.identifier))),
        Method::State => Ok(done(state(context))),
        Method::Pid => Ok(done(Value::Int(context.identity.pid.into()))),
        Method::ReadMainLog => read_main_log(arguments),
        Method::ClearMainLog => Ok(Begun::Chore(Chore::ClearMainLog, Shape::True)),
        Method::Shutdown => Ok(Begun::Ask(Request::Leave(Departure::Shutdown), Shape::True)),
        Method::Restart => Ok(Begun::Ask(Request::Leave(Departure::Restart), Shape::True)),
        Method::Reread => Ok(Begun::Chore(Chore::Reread, Shape::Changes)),
        Method::AddGroup => {
            Ok(Begun::Ask(Request::AddGroup { name: arguments.compared_name(0)? }, Shape::True))
        }
        Method::RemoveGroup => {
            Ok(Begun::Ask(Request::RemoveGroup { name: arguments.group_name(0)? }, Shape::True))
        }
        Method::Start => start(arguments, context),
        Method::StartGroup => Ok(start_many(group(&arguments.group_name(0)?, context)?, arguments.wait(1))),
        Method::StartAll => Ok(start_many(Selection::All, arguments.wait(0))),
        Method::Stop => stop(arguments, context),
        Method::StopGroup => Ok(stop_many(group(&arguments.group_name(0)?, context)?, arguments.wait(1))),
        Method::StopAll => Ok(stop_many(Selection::All, arguments.wait(0))),
        Method::Signal => signal(arguments, context),
        Method::SignalGroup => signal_many(group(&arguments.group_name(0)?, context)?, arguments, 1, context),
        Method::SignalAll => signal_many(Selection::All, arguments, 0, context),
        Method::AllConfigInfo => Ok(done(all_config_info(context))),
        Method::ProcessInfo => process_info(&arguments.namespec(0)?, context),
        Method::AllProcessInfo => Ok(done(all_process_info(context))),
        Method::ReadStdout => read_log(arguments, Channel::Stdout, context),
        Method::ReadStderr => read_log(arguments, Channel::Stderr, context),
        Method::TailStdout => tail_log(arguments, Channel::Stdout, context),
        Method::TailStderr => tail_log(arguments, Channel::Stderr, context),
        Method::ClearLogs => clear_logs(arguments.namespec(0)?, context),
        Method::ClearAllLogs => Ok(clear_all_logs(context)),
        Method::SendStdin => send_stdin(arguments, context),
        Method::SendEvent => send_event(arguments),
        Method::ListMethods => Ok(done(list_methods(context))),
        Method::MethodHelp => Ok(done(text(&described(&arguments.shown(0)?, context)?.documentation()))),
        Method::MethodSignature => {
            let signature = described(&arguments.shown(0)?, context)?.signature();
            Ok(done(Value::Array(signature.into_iter().map(text).collect())))
        }
        Method::Multicall => multicall(arguments.calls()?),
        Method::Plan => Ok(Begun::Chore(Chore::Preview, Shape::Plan(arguments.names(0)?))),
        Method::Update => {
            let (names, configured) = (arguments.names(0)?, Vec::new());
            let request = Request::Update { names, configured, tape: 0 };
            Ok(Begun::Ask(request, Shape::Updated))
        }
        Method::Audit => Ok(done(context.audit.value())),
        Method::History => Ok(remember(past::happenings(arguments, context)?)),
        Method::FiguresOf => Ok(remember(past::figures(arguments, context)?)),
        Method::Inspect => Ok(done(inspection::all(context))),
        Method::Exits => Ok(done(why::exits(&process(&arguments.text(0)?, context)?, context))),
        Method::Why => Ok(done(why::called(arguments, &process(&arguments.text(0)?, context)?, context)?)),
        Method::Overview => Ok(done(facts::overview(context))),
        Method::Processes => Ok(done(facts::processes(context))),
        Method::Recent => Ok(done(recent::all(context))),
        Method::Process => Ok(done(facts::process(&process(&arguments.text(0)?, context)?, context)?)),
        Method::ProcessOptions => Ok(done(options::of(&process(&arguments.text(0)?, context)?, context)?)),
        Method::Groups => Ok(done(facts::groups(context))),
        Method::Listeners => Ok(done(facts::listeners(context))),
        Method::Machine => Ok(done(facts::machine(context))),
        Method::StartNamed => Ok(start_many(several(arguments, context)?, arguments.wait(1))),
        Method::StopNamed => Ok(stop_many(several(arguments, context)?, arguments.wait(1))),
        Method::RestartNamed => Ok(restart_many(several(arguments, context)?, arguments.wait(1))),
        Method::SignalNamed => signal_many(several(arguments, context)?, arguments, 1, context),
        Method::ClearNamed => Ok(clear_several(&several(arguments, context)?, context)),
        Method::RotateNamed => Ok(rotate_several(&several(arguments, context)?, context)),
        Method::Adopt => decide(arguments, context, |name, named| Request::Adopt { name, named }),
        Method::Forget => decide(arguments, context, |name, named| Request::Forget { name, named }),
        Method::Succeed => Ok(Begun::Chore(Chore::Succeed, Shape::True)),
        Method::Upgrade => Ok(Begun::Chore(Chore::Upgrade { path: arguments.text(0)?.into() }, Shape::True)),
        Method::ListExtensions => Ok(done(Value::Array(EXTENSIONS.iter().map(|it| text(it.name)).collect()))),
    }
}

fn remember(query: Query) -> Begun {
    let shape = match &query {
        Query::Points { subject, .. } if subject == MACHINE => Shape::MachineFigures,
        Query::Points { .. } | Query::Happenings { .. } | Query::LastExits { .. } => Shape::Past,
    };
    Begun::Chore(Chore::Remember(query), shape)
}

fn done(value: Value) -> Begun {
    Begun::Done(value)
}

fn text(text: &str) -> Value {
    Value::String(text.to_owned())
}

fn bad_name(named: &str) -> Refusal {
    Fault::about(FaultCode::BadName, named).into()
}

/// The process the client named; a whole group is none.
fn process(named: &str, context: &Context<'_>) -> Result<FullName, Refusal> {
    match context.supervisor.find(Namespec::parse(named)) {
        Found::Process(name) => Ok(name),
        Found::Group(_) | Found::Nothing => Err(bad_name(named)),
    }
}

/// The group with this very name.
fn group(named: &str, context: &Context<'_>) -> Result<Selection, Refusal> {
    match context.supervisor.find(Namespec { group: named, process: None }) {
        Found::Group(name) => Ok(Selection::Group(name)),
        Found::Process(_) | Found::Nothing => Err(bad_name(named)),
    }
}

/// The processes the client named; if it is wrong about one, about none.
fn several(arguments: &Arguments, context: &Context<'_>) -> Result<Selection, Refusal> {
    let nothing = || Fault::about(FaultCode::IncorrectParameters, "names is empty");
    let mut names = BTreeSet::new();
    for named in arguments.names(0)?.ok_or_else(nothing)? {
        match context.supervisor.find(Namespec::parse(&named)) {
            Found::Process(name) => drop(names.insert(name)),
            Found::Group(group) => names.extend(by_priority(context).filter(|it| it.group == group)),
            Found::Nothing => return Err(bad_name(&named)),
        }
    }
    Ok(Selection::Named(names))
}

fn state(context: &Context<'_>) -> Value {
    let state = context.supervisor.state();
    Value::Struct(Members::from([
        ("statecode", Value::Int(state.code().into())),
        ("statename", text(state.as_str())),
    ]))
}

fn read_main_log(arguments: &Arguments) -> Start {
    let (offset, length) = (arguments.number(0)?, arguments.number(1)?);
    Ok(Begun::Chore(Chore::ReadMainLog { offset, length }, Shape::Text))
}

fn start(arguments: &Arguments, context: &Context<'_>) -> Start {
    let (named, wait) = (arguments.namespec(0)?, arguments.wait(1));
    match context.supervisor.find(Namespec::parse(&named)) {
        Found::Process(name) => {
            let request = Request::Start { name, named, wait, obstacle: None };
            Ok(Begun::Ask(request, Shape::True))
        }
        Found::Group(name) => Ok(start_many(Selection::Group(name), wait)),
        Found::Nothing => Err(bad_name(&named)),
    }
}

fn start_many(selection: Selection, wait: bool) -> Begun {
    // Their program files are looked at by the daemon.
    Begun::Ask(Request::StartMany { selection, obstacles: BTreeMap::new(), wait }, Shape::Results)
}

fn stop(arguments: &Arguments, context: &Context<'_>) -> Start {
    let (named, wait) = (arguments.namespec(0)?, arguments.wait(1));
    match context.supervisor.find(Namespec::parse(&named)) {
        Found::Process(name) => Ok(Begun::Ask(Request::Stop { name, named, wait }, Shape::True)),
        Found::Group(name) => Ok(stop_many(Selection::Group(name), wait)),
        Found::Nothing => Err(bad_name(&named)),
    }
}

fn stop_many(selection: Selection, wait: bool) -> Begun {
    Begun::Ask(Request::StopMany { selection, wait }, Shape::Results)
}

/// A stop of all that run, and then a start of all.
fn restart_many(selection: Selection, wait: bool) -> Begun {
    let start = Request::StartMany { selection: selection.clone(), obstacles: BTreeMap::new(), wait };
    let stop = Request::StopMany { selection, wait: true };
    Begun::Ask(stop, Shape::First(Box::new(start)))
}

fn signal(arguments: &Arguments, context: &Context<'_>) -> Start {
    let named = arguments.namespec(0)?;
    match context.supervisor.find(Namespec::parse(&named)) {
        Found::Process(name) => {
            let signal = parse_signal(&arguments.signal(1)?)?;
            Ok(Begun::Ask(Request::Signal { name, named, signal }, Shape::True))
        }
        Found::Group(name) => signal_many(Selection::Group(name), arguments, 1, context),
        Found::Nothing => Err(bad_name(&named)),
    }
}

/// A word about the child of one process, which is in doubt.
fn decide(
    arguments: &Arguments,
    context: &Context<'_>,
    request: impl FnOnce(FullName, String) -> Request,
) -> Start {
    let named = arguments.text(0)?;
    let name = process(&named, context)?;
    Ok(Begun::Ask(request(name, named), Shape::True))
}

fn parse_signal(word: &str) -> Result<Signal, Fault> {
    Signal::parse(word).map_err(|_| Fault::about(FaultCode::BadSignal, word))
}

/// The argument at `index` is looked at for each process in turn, as in the original: a word that is no signal is a
/// fault of each of them and not of the call, and where there is none to be signalled, anything will do.
fn signal_many(selection: Selection, arguments: &Arguments, index: usize, context: &Context<'_>) -> Start {
    let infos = by_priority(context).filter_map(|it| context.supervisor.info(&it, context.now));
    let hit: Vec<_> = infos.filter(|it| it.state.is_signallable() && selection.holds(&it.name)).collect();
    if hit.is_empty() {
        return Ok(done(Value::Array(Vec::new())));
    }
    match parse_signal(&arguments.signal(index)?) {
        Ok(signal) => Ok(Begun::Ask(Request::SignalMany { selection, signal }, Shape::Results)),
        Err(fault) => {
            let refused = hit.into_iter().map(|it| Settled { name: it.name, outcome: Err(fault.clone()) });
            Ok(done(Value::Array(refused.map(|it| shape::result(&it)).collect())))
        }
    }
}

/// The active processes, in the order of priority of groups and then of processes.
fn by_priority<'a>(context: &Context<'a>) -> impl Iterator<Item = FullName> + 'a {
    context.supervisor.groups().flat_map(|group| {
        let mut processes: Vec<_> = group.processes.iter().collect();
        processes.sort_by_key(|it| it.priority);
        let full = |it: &ProcessSpec| FullName { group: group.name.clone(), process: it.name.clone() };
        processes.into_iter().map(move |it| full(it)).collect::<Vec<_>>()
    })
}

fn all_config_info(context: &Context<'_>) -> Value {
    let mut all = Vec::new();
    for group in context.supervisor.configured() {
        let whole = Namespec { group: group.name.as_str(), process: None };
        let in_use = matches!(context.supervisor.find(whole), Found::Group(_));
        for process in &group.processes {
            let name = FullName { group: group.name.clone(), process: process.name.clone() };
            // The original tells the file that `AUTO` stands for until the configuration is read again:
            // then what it tells of is no longer what runs (`rpcinterface.py`, `getAllConfigInfo`).
            let runs = context.supervisor.spec(&name).is_some_and(|it| Arc::ptr_eq(it, process));
            let logs = |channel| context.files.path(&name, channel).filter(|_| runs);
            let members = config_info::members(group, process, in_use, &logs);
            all.push((process.name.clone(), Value::Struct(members)));
        }
    }
    // Stable, so that processes of one name keep the order of their groups.
    all.sort_by(|(a, _), (b, _)| a.cmp(b));
    Value::Array(all.into_iter().map(|(_, it)| it).collect())
}

fn process_info(named: &str, context: &Context<'_>) -> Start {
    let name = process(named, context)?;
    let info = context.supervisor.info(&name, context.now).ok_or_else(|| bad_name(named))?;
    Ok(done(process_info::structure(&info, context)))
}

fn all_process_info(context: &Context<'_>) -> Value {
    let all = context.supervisor.all_info(context.now);
    Value::Array(all.iter().map(|it| process_info::structure(it, context)).collect())
}

fn read_log(arguments: &Arguments, channel: Channel, context: &Context<'_>) -> Start {
    let name = process(&arguments.namespec(0)?, context)?;
    let (offset, length) = (arguments.number(1)?, arguments.number(2)?);
    match context.files.path(&name, channel) {
        Some(path) => Ok(Begun::Chore(Chore::ReadLog { path, offset, length }, Shape::Text)),
        None => Err(Fault::from(FaultCode::NoFile).into()),
    }
}

fn tail_log(arguments: &Arguments, channel: Channel, context: &Context<'_>) -> Start {
    let name = process(&arguments.namespec(0)?, context)?;
    let (offset, length) = (arguments.number(1)?, arguments.number(2)?);
    match context.files.path(&name, channel) {
        Some(path) => Ok(Begun::Chore(Chore::TailLog { path, offset, length }, Shape::Tail)),
        None => Ok(done(shape::tail(String::new(), 0, false))),
    }
}

fn clear_logs(named: String, context: &Context<'_>) -> Start {
    let name = process(&named, context)?;
    Ok(Begun::Chore(Chore::ClearLogs { names: vec![name] }, Shape::One(named)))
}

fn clear_all_logs(context: &Context<'_>) -> Begun {
    let names = by_priority(context).collect();
    Begun::Chore(Chore::ClearLogs { names }, Shape::Results)
}

fn clear_several(selection: &Selection, context: &Context<'_>) -> Begun {
    let names = by_priority(context).filter(|it| selection.holds(it)).collect();
    Begun::Chore(Chore::ClearLogs { names }, Shape::Results)
}

fn rotate_several(selection: &Selection, context: &Context<'_>) -> Begun {
    let names = by_priority(context).filter(|it| selection.holds(it)).collect();
    Begun::Chore(Chore::RotateLogs { names }, Shape::Results)
}

fn send_stdin(arguments: &Arguments, context: &Context<'_>) -> Start {
    let bytes = arguments.bytes(1)?;
    let named = arguments.namespec(0)?;
    let name = process(&named, context)?;
    let info = context.supervisor.info(&name, context.now);
    let is_up = info.is_some_and(|it| it.pid.is_some() && it.state != ProcessState::Stopping);
    match context.supervisor.child_of(&name) {
        Some((child, _)) if is_up => {
            Ok(Begun::Chore(Chore::SendStdin { name, child, bytes }, Shape::One(named)))
        }
        Some(_) | None => Err(Fault::about(FaultCode::NotRunning, named).into()),
    }
}

fn send_event(arguments: &Arguments) -> Start {
    let event = Event::RemoteCommunication { kind: arguments.shown(0)?, data: arguments.shown(1)? };
    Ok(Begun::Chore(Chore::Publish(event), Shape::True))
}

fn list_methods(context: &Context<'_>) -> Value {
    Value::Array(ENTRIES.iter().filter(|it| is_offered(it, context)).map(|it| text(it.name)).collect())
}

fn described(name: &str, context: &Context<'_>) -> Result<&'static Entry, Refusal> {
    let entry = find(name).filter(|it| is_offered(it, context));
    entry.ok_or_else(|| Fault::from(FaultCode::SignatureUnsupported).into())
}

fn multicall(calls: &[Value]) -> Start {
    if calls.len() > CALLS_MAX {
        let reason = format!("more than {CALLS_MAX} calls");
        return Err(Fault::about(FaultCode::IncorrectParameters, reason).into());
    }
    let is_struct = |it: &Value| match it {
        Value::Struct(members) => Some(members.clone()),
        Value::Int(_)
        | Value::Bool(_)
        | Value::String(_)
        | Value::Double(_)
        | Value::DateTime(_)
        | Value::Array(_)
        | Value::Nil => None,
    };
    let calls: Option<Vec<_>> = calls.iter().map(is_struct).collect();
    calls.map(Begun::Calls).ok_or_else(|| Refusal::Internal("a call is no struct".to_owned()))
}
