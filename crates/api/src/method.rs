//! The table of methods: names, parameters, results and words of help, each said once.

use model::role::Role::{self, Admin, Operator, Viewer};

use Kind::{Array, Boolean, Int, String, Struct};
use Method as M;

/// The version of the interface: what `getAPIVersion` answers.
pub const API_VERSION: &str = "3.0";

/// The types a signature can name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "each is the word of `as_str` in another case")]
pub enum Kind {
    Array,
    Boolean,
    Double,
    Int,
    String,
    Struct,
}

impl Kind {
    /// The word signatures use.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Array => "array",
            Self::Boolean => "boolean",
            Self::Double => "double",
            Self::Int => "int",
            Self::String => "string",
            Self::Struct => "struct",
        }
    }
}

/// What a method does. Some go by several names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "the table has a sentence on each")]
pub enum Method {
    ApiVersion,
    SupervisorVersion,
    Identification,
    State,
    Pid,
    ReadMainLog,
    ClearMainLog,
    Shutdown,
    Restart,
    Reread,
    AddGroup,
    RemoveGroup,
    Start,
    StartGroup,
    StartAll,
    Stop,
    StopGroup,
    StopAll,
    Signal,
    SignalGroup,
    SignalAll,
    AllConfigInfo,
    ProcessInfo,
    AllProcessInfo,
    ReadStdout,
    ReadStderr,
    TailStdout,
    TailStderr,
    ClearLogs,
    ClearAllLogs,
    SendStdin,
    SendEvent,
    ListMethods,
    MethodHelp,
    MethodSignature,
    Multicall,
    Plan,
    Update,
    ListExtensions,
    Adopt,
    Forget,
    Succeed,
    Upgrade,
    Inspect,
    Overview,
    Processes,
    Recent,
    Process,
    ProcessOptions,
    Groups,
    Listeners,
    Machine,
    StartNamed,
    StopNamed,
    RestartNamed,
    SignalNamed,
    ClearNamed,
    Exits,
    Why,
    /// As [`Self::ClearNamed`], but the logs are kept and new ones begun.
    RotateNamed,
    Audit,
    History,
    FiguresOf,
}

/// One parameter: its type, its name, and what it means.
pub type Parameter = (Kind, &'static str, &'static str);

/// One name a client can call.
#[derive(Debug)]
pub struct Entry {
    /// The whole name, for example `supervisor.getState`.
    pub name: &'static str,
    /// What it does.
    pub method: Method,
    /// Who may call it: this role and those above it.
    pub role: Role,
    /// The type of its answer, and what the answer says.
    pub result: (Kind, &'static str),
    /// Its parameters.
    pub params: &'static [Parameter],
    /// How many of them, at the end, may be left out.
    pub optional: usize,
    /// What it does, in words.
    pub help: &'static str,
}

impl Entry {
    /// Whether a call may have this many arguments.
    pub fn takes(&self, count: usize) -> bool {
        count <= self.params.len() && count + self.optional >= self.params.len()
    }

    /// The types of its answer and its parameters, the answer first.
    pub fn signature(&self) -> Vec<&'static str> {
        let params = self.params.iter().map(|(kind, ..)| kind.as_str());
        std::iter::once(self.result.0.as_str()).chain(params).collect()
    }

    /// Its help, with a line for each parameter and one for the answer in the form clients parse.
    pub fn documentation(&self) -> std::string::String {
        let mut text = format!("{}\n\n", self.help);
        for (kind, name, help) in self.params {
            text.extend(["@param ", kind.as_str(), " ", name, " ", help, "\n"]);
        }
        text.extend(["@return ", self.result.0.as_str(), " result ", self.result.1, "\n"]);
        text
    }
}

/// The entry of this name.
pub fn find(name: &str) -> Option<&'static Entry> {
    let table: &'static [Entry] = if name.starts_with("menshen.") { &EXTENSIONS } else { &ENTRIES };
    table.binary_search_by(|it| it.name.cmp(name)).ok().and_then(|index| table.get(index))
}

/// Who may read and empty the log of the supervisor itself: whoever may read the audit, which is in it, and so are
/// pieces of a configuration that could not be read, with what may be secret in them.
pub const MAIN_LOG_ROLE: Role = Admin;

const NAME: Parameter = (String, "name", "The process, as `name` or `group:name`.");
const NAMES: Parameter =
    (String, "name", "The process, as `name` or `group:name`, or `group:*` for a whole group.");
const GROUP: Parameter = (String, "name", "The group.");
const SIGNAL: Parameter = (String, "signal", "The signal, as a name (`HUP`) or a number (`1`).");
const STARTED: Parameter =
    (Boolean, "wait", "Whether to answer only when it is up or has failed; true when left out.");
const STOPPED: Parameter =
    (Boolean, "wait", "Whether to answer only when it has stopped; true when left out.");
const OFFSET: Parameter = (Int, "offset", "Where to begin; when negative, how many bytes before the end.");
const LENGTH: Parameter = (Int, "length", "How many bytes to read; 0 for all there are.");
const TAIL_OFFSET: Parameter = (Int, "offset", "Where the caller left off.");
const TAIL_LENGTH: Parameter = (Int, "length", "How many bytes to read at most.");

const OK: (Kind, &str) = (Boolean, "Always true; anything else is a fault.");
const TEXT: (Kind, &str) = (String, "The text.");
const TAIL: (Kind, &str) = (Array, "The text, the size of the log, and whether bytes were left out.");
const RESULTS: (Kind, &str) = (
    Array,
    "A struct for each process: `name`, `group`, `status` (a fault code, 80 for success), `description`.",
);

const READ: &[Parameter] = &[NAME, OFFSET, LENGTH];
const TAIL_FROM: &[Parameter] = &[NAME, TAIL_OFFSET, TAIL_LENGTH];
const READ_STDOUT: &str = "Reads from the log of a process's standard output.";
const READ_STDERR: &str = "Reads from the log of a process's standard error.";
const TAIL_STDOUT: &str =
    "Reads the end of the log of a process's standard output, for a caller who asks again and again.";
const TAIL_STDERR: &str =
    "Reads the end of the log of a process's standard error, for a caller who asks again and again.";
const READ_MAIN: &str = "Reads from the log of the supervisor itself.";
const CLEAR: &str = "Empties both logs of a process.";
const VERSION: &str = "Tells the version of this interface.";

const fn entry(
    name: &'static str,
    method: Method,
    role: Role,
    result: (Kind, &'static str),
    params: &'static [Parameter],
    help: &'static str,
) -> Entry {
    Entry { name, method, role, result, params, optional: 0, help }
}

/// An entry whose last parameter may be left out.
const fn waiting(
    name: &'static str,
    method: Method,
    role: Role,
    result: (Kind, &'static str),
    params: &'static [Parameter],
    help: &'static str,
) -> Entry {
    Entry { name, method, role, result, params, optional: 1, help }
}

const KINDS: Parameter =
    (Array, "kinds", "Of which kinds: start, exit, state, action, config, supervisor; of all when empty.");
const SINCE: Parameter =
    (Int, "since", "From when, in seconds since the epoch; when negative, so many seconds before now.");
const UNTIL: Parameter = (Int, "until", "Until when, in the same way; until now when 0.");
const BEFORE: Parameter = (Int, "before", "Before when, in the same way; until now when 0.");
const MOST: Parameter =
    (Int, "most", "How many at most: the last ones, or the coarser ones; 0 for the usual.");
const LANGUAGE: Parameter =
    (String, "language", "In which language the sentences are: `en` or `zh-Hans`; English unless given.");
const OF_WHOM: Parameter = (
    String,
    "name",
    "The process, as `name` or `group:name`, also one that is gone; left out: all, or the machine.",
);

const SEVERAL: Parameter =
    (Array, "names", "The processes, each as `name` or `group:name`, or `group:*` for a whole group.");
const GROUPS: Parameter = (Array, "groups", "The groups it is about; all when left out or empty.");

/// What the original does not have. `system.listMethods` leaves these out, since clients take it for the
/// list of what Supervisor can do; `menshen.listMethods` tells them.
#[rustfmt::skip]
pub const EXTENSIONS: [Entry; 27] = [
    entry("menshen.adopt", M::Adopt, Admin, OK, &[NAME],
        "Takes the child of a process that is in doubt for its own."),
    entry("menshen.clearProcessLogs", M::ClearNamed, Operator, RESULTS, &[SEVERAL], "Empties the logs of these processes."),
    entry("menshen.forget", M::Forget, Admin, OK, &[NAME],
        "Leaves the child of a process that is in doubt alone, so that the process can be started."),
    entry("menshen.getAllProcessInfo", M::Inspect, Viewer, (Array, "A struct for each process."), &[],
        "Tells of every process what supervisor.getAllProcessInfo tells, and more: `starts`, and `restarts` for those \
            of them that nobody asked for; `stdout_bytes_dropped` and `stderr_bytes_dropped`, what its logs did not get; once a child has ended, `ended` with the last end, which a start does not \
            forget (`at`, `cause`: expected, unexpected, too early, stopped or killed, `description`, and `code` or \
            `signal` and `core`); for an event listener `listener` (`state` of one that runs, and of its pool `waiting`, `size` \
            and `dropped`, which count events)."),
    entry("menshen.getAudit", M::Audit, Admin,
        (Array, "A struct for each, the oldest first."), &[],
        "Tells who changed what: the last thousand changes of this life of the daemon, and those that were refused."),
    entry("menshen.getExits", M::Exits, Viewer, (Array, "A struct for each end, the oldest first."), &[NAME],
        "Tells how the last children of a process ended: ten of them at most, of this life of the daemon unless a history \
            is kept."),
    Entry { optional: 4, ..entry("menshen.getFigures", M::FiguresOf, Viewer,
        (Array, "A struct for each stretch of time, the oldest first."), &[SINCE, UNTIL, MOST, OF_WHOM],
        "Tells what a process, or the machine, has used: as it was looked at for the last hour, by minutes for a day, \
            and by ten minutes for thirty days. `NO_FILE` where no history is kept (`history_file`).") },
    entry("menshen.getGroups", M::Groups, Viewer, (Array, "A struct for each group."), &[],
        "Tells the groups that are active, in the order in which they are started."),
    Entry { optional: 5, ..entry("menshen.getHistory", M::History, Viewer,
        (Array, "A struct for each happening, the oldest first."), &[KINDS, SINCE, BEFORE, MOST, OF_WHOM],
        "Tells what has happened: starts, exits, states, orders and who gave them (to the role admin), changes of the \
            configuration. `NO_FILE` where no history is kept (`history_file`).") },
    entry("menshen.getListeners", M::Listeners, Viewer, (Array, "A struct for each pool of event listeners."), &[],
        "Tells how the event listeners are doing, and how many events wait for them."),
    entry("menshen.getMachine", M::Machine, Viewer, (Struct, "What is known of it."), &[],
        "Tells what the whole machine uses: processors, memory, swap, disks, networks."),
    entry("menshen.getProcess", M::Process, Viewer, (Struct, "What is known of it."), &[NAME],
        "Tells how a process is, and what it uses."),
    entry("menshen.getProcessOptions", M::ProcessOptions, Viewer, (Struct, "Its options."), &[NAME],
        "Tells how a process is configured and where that was written. What looks like a secret is left out."),
    entry("menshen.getProcesses", M::Processes, Viewer, (Array, "A struct for each process."), &[],
        "Tells how every process is, and what it uses, in the order of group and name."),
    entry("menshen.getRecent", M::Recent, Viewer, (Struct, "`looks`, and `processes` by their names."), &[],
        "Tells what every process used of late, as far as anybody looked: of up to sixty looks, the time on processors and \
            the memory."),
    entry("menshen.getSupervisor", M::Overview, Viewer, (Struct, "What is known of it."), &[],
        "Tells how the supervisor itself is."),
    entry("menshen.listMethods", M::ListExtensions, Viewer, (Array, "The names, sorted."), &[],
        "Tells the names of the methods that Supervisor does not have."),
    waiting("menshen.plan", M::Plan, Viewer,
        (Array, "A struct for each process that `menshen.update` would touch: `group`, `name` (empty for the group \
            as such), `action` (added, removed, restarted, changed), `options` (those that differ)."),
        &[GROUPS],
        "Reads the configuration and tells what an update would do. Nothing is changed, nor is what \
            addProcessGroup knows."),
    waiting("menshen.restartProcesses", M::RestartNamed, Operator, RESULTS, &[SEVERAL, STARTED],
        "Stops those of these processes that run, and starts all of them. Answers when they are down at the earliest."),
    entry("menshen.rotateProcessLogs", M::RotateNamed, Operator, RESULTS, &[SEVERAL],
        "Rotates the logs of these processes although they are not full; empty ones stay as they are."),
    entry("menshen.signalProcesses", M::SignalNamed, Operator, RESULTS, &[SEVERAL, SIGNAL],
        "Sends a signal to those of these processes that run."),
    waiting("menshen.startProcesses", M::StartNamed, Operator, RESULTS, &[SEVERAL, STARTED],
        "Starts those of these processes that do not run."),
    waiting("menshen.stopProcesses", M::StopNamed, Operator, RESULTS, &[SEVERAL, STOPPED],
        "Stops those of these processes that run."),
    entry("menshen.succeed", M::Succeed, Admin, OK, &[],
        "Has another daemon take the place of this one, with the configuration as it is now. Programs run on."),
    waiting("menshen.update", M::Update, Admin,
        (Array, "The structs of `menshen.plan`, each with `status` (a fault code, 80 for success) and `description`."),
        &[GROUPS],
        "Reads the configuration and makes what is active what it says, process by process: a process is restarted \
            only if an option differs that a running child would notice. Answers when all is up or down. With a \
            mistake in the files nothing happens."),
    waiting("menshen.upgrade", M::Upgrade, Admin, OK,
        &[(String, "path", "The new program, an absolute path on the machine of the supervisor.")],
        "Makes keeper and daemon another program while everything runs on. It is tried first; one that cannot go on \
            from here, or that fails in its first seconds, is left again. Answers when the keeper is the new program."),
    waiting("menshen.why", M::Why, Viewer,
        (Struct, "`name`, `state`, `sentences` (an array of text), and `last_lines` of standard error after a bad end."),
        &[NAME, LANGUAGE], "Tells in words why a process is as it is: how it ended, how often, what comes next."),
];

/// Every name, sorted: the order in which `system.listMethods` tells them.
#[rustfmt::skip]
pub const ENTRIES: [Entry; 41] = [
    entry("supervisor.addProcessGroup", M::AddGroup, Admin, OK, &[GROUP],
        "Makes a group of the configuration read last active, and starts what starts by itself."),
    entry("supervisor.clearAllProcessLogs", M::ClearAllLogs, Operator, RESULTS, &[], "Empties the logs of all processes."),
    entry("supervisor.clearLog", M::ClearMainLog, MAIN_LOG_ROLE, OK, &[], "Empties the log of the supervisor itself."),
    entry("supervisor.clearProcessLog", M::ClearLogs, Operator, OK, &[NAME], CLEAR),
    entry("supervisor.clearProcessLogs", M::ClearLogs, Operator, OK, &[NAME], CLEAR),
    entry("supervisor.getAPIVersion", M::ApiVersion, Viewer, (String, "The version."), &[], VERSION),
    entry("supervisor.getAllConfigInfo", M::AllConfigInfo, Viewer, (Array, "A struct for each process."), &[],
        "Tells the options of every process of the configuration read last, active or not."),
    entry("supervisor.getAllProcessInfo", M::AllProcessInfo, Viewer, (Array, "A struct for each process."), &[],
        "Tells how every process is, in the order of group and name."),
    entry("supervisor.getIdentification", M::Identification, Viewer, (String, "The identifier."), &[],
        "Tells the `identifier` of the configuration."),
    entry("supervisor.getPID", M::Pid, Viewer, (Int, "The process id."), &[], "Tells the process id of the supervisor."),
    entry("supervisor.getProcessInfo", M::ProcessInfo, Viewer, (Struct, "What is known of it."), &[NAME],
        "Tells how a process is."),
    entry("supervisor.getState", M::State, Viewer, (Struct, "`statecode` and `statename`."), &[],
        "Tells how the supervisor itself is."),
    entry("supervisor.getSupervisorVersion", M::SupervisorVersion, Viewer, (String, "The version."), &[],
        "Tells the version of the program."),
    entry("supervisor.getVersion", M::ApiVersion, Viewer, (String, "The version."), &[], VERSION),
    entry("supervisor.readLog", M::ReadMainLog, MAIN_LOG_ROLE, TEXT, &[OFFSET, LENGTH], READ_MAIN),
    entry("supervisor.readMainLog", M::ReadMainLog, MAIN_LOG_ROLE, TEXT, &[OFFSET, LENGTH], READ_MAIN),
    entry("supervisor.readProcessLog", M::ReadStdout, Viewer, TEXT, READ, READ_STDOUT),
    entry("supervisor.readProcessStderrLog", M::ReadStderr, Viewer, TEXT, READ, READ_STDERR),
    entry("supervisor.readProcessStdoutLog", M::ReadStdout, Viewer, TEXT, READ, READ_STDOUT),
    entry("supervisor.reloadConfig", M::Reread, Admin,
        (Array, "An array in an array: the names of the groups added, changed and removed."), &[],
        "Reads the configuration again and tells what has changed. Nothing is started or stopped."),
    entry("supervisor.removeProcessGroup", M::RemoveGroup, Admin, OK, &[GROUP],
        "Makes a group whose processes have all stopped inactive."),
    entry("supervisor.restart", M::Restart, Admin, OK, &[],
        "Stops everything and begins again with a fresh configuration. Answers at once."),
    entry("supervisor.sendProcessStdin", M::SendStdin, Operator, OK,
        &[NAME, (String, "chars", "What to write, as text (sent as UTF-8) or base64.")],
        "Writes to the standard input of a process."),
    entry("supervisor.sendRemoteCommEvent", M::SendEvent, Operator, OK,
        &[(String, "type", "The sender's own word for the kind of event."), (String, "data", "Its content.")],
        "Publishes an event to the listeners of REMOTE_COMMUNICATION."),
    entry("supervisor.shutdown", M::Shutdown, Admin, OK, &[], "Stops everything and leaves. Answers at once."),
    entry("supervisor.signalAllProcesses", M::SignalAll, Operator, RESULTS, &[SIGNAL],
        "Sends a signal to every process that runs."),
    entry("supervisor.signalProcess", M::Signal, Operator, OK, &[NAMES, SIGNAL], "Sends a signal to a process."),
    entry("supervisor.signalProcessGroup", M::SignalGroup, Operator, RESULTS, &[GROUP, SIGNAL],
        "Sends a signal to every process of a group that runs."),
    waiting("supervisor.startAllProcesses", M::StartAll, Operator, RESULTS, &[STARTED], "Starts every process that does not run."),
    waiting("supervisor.startProcess", M::Start, Operator, OK, &[NAMES, STARTED], "Starts a process."),
    waiting("supervisor.startProcessGroup", M::StartGroup, Operator, RESULTS, &[GROUP, STARTED],
        "Starts every process of a group that does not run."),
    waiting("supervisor.stopAllProcesses", M::StopAll, Operator, RESULTS, &[STOPPED], "Stops every process that runs."),
    waiting("supervisor.stopProcess", M::Stop, Operator, OK, &[NAMES, STOPPED], "Stops a process."),
    waiting("supervisor.stopProcessGroup", M::StopGroup, Operator, RESULTS, &[GROUP, STOPPED],
        "Stops every process of a group that runs."),
    entry("supervisor.tailProcessLog", M::TailStdout, Viewer, TAIL, TAIL_FROM, TAIL_STDOUT),
    entry("supervisor.tailProcessStderrLog", M::TailStderr, Viewer, TAIL, TAIL_FROM, TAIL_STDERR),
    entry("supervisor.tailProcessStdoutLog", M::TailStdout, Viewer, TAIL, TAIL_FROM, TAIL_STDOUT),
    entry("system.listMethods", M::ListMethods, Viewer, (Array, "The names, sorted."), &[], "Tells the names of all methods."),
    entry("system.methodHelp", M::MethodHelp, Viewer, (String, "The words."), &[(String, "name", "The method.")],
        "Tells what a method does."),
    entry("system.methodSignature", M::MethodSignature, Viewer, (Array, "The type of its answer, then those of its parameters."),
        &[(String, "name", "The method.")], "Tells the types a method deals in."),
    entry("system.multicall", M::Multicall, Viewer,
        (Array, "For each call its answer, or a struct of `faultCode` and `faultString`."),
        &[(Array, "calls", "Structs of `methodName` and `params`.")],
        "Makes many calls, each after the one before has been answered."),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_sorted_so_that_it_can_be_searched() {
        assert!(ENTRIES.is_sorted_by(|a, b| a.name < b.name));
        for it in &ENTRIES {
            assert_eq!(find(it.name).unwrap().name, it.name);
        }
        assert!(find("supervisor.getstate").is_none());
    }

    #[test]
    fn the_signatures_are_those_of_the_original() {
        let lines: Vec<_> =
            ENTRIES.iter().map(|it| format!("{} {}\n", it.name, it.signature().join(","))).collect();
        assert_eq!(lines.concat(), include_str!("../tests/golden/signatures.txt"));
    }

    #[test]
    fn only_a_wait_may_be_left_out() {
        let start = find("supervisor.startProcess").unwrap();
        assert_eq!([0, 1, 2, 3].map(|it| start.takes(it)), [false, true, true, false]);
        let state = find("supervisor.getState").unwrap();
        assert_eq!([0, 1].map(|it| state.takes(it)), [true, false]);
        let all = find("supervisor.stopAllProcesses").unwrap();
        assert_eq!([0, 1, 2].map(|it| all.takes(it)), [true, true, false]);
    }

    #[test]
    fn documentation_names_every_parameter() {
        let text = find("supervisor.readLog").unwrap().documentation();
        let tags: Vec<_> =
            text.lines().filter(|it| it.starts_with('@')).map(|it| it.split(' ').take(3)).collect();
        let tags: Vec<Vec<_>> = tags.into_iter().map(Iterator::collect).collect();
        let wanted =
            [["@param", "int", "offset"], ["@param", "int", "length"], ["@return", "string", "result"]];
        assert_eq!(tags, wanted);
    }
}
