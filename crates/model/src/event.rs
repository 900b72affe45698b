//! Events: their types, who covers whom, and what each carries.

use crate::child::Channel;
use crate::name::{FullName, GroupName};
use crate::state::{ProcessState, SupervisorState};

/// A type of event; those with children are abstract: subscribed to, never sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "each is the protocol name of `as_str` in another case")]
pub enum EventType {
    Event,
    ProcessState,
    ProcessStateStopped,
    ProcessStateStarting,
    ProcessStateRunning,
    ProcessStateBackoff,
    ProcessStateStopping,
    ProcessStateExited,
    ProcessStateFatal,
    ProcessStateUnknown,
    ProcessCommunication,
    ProcessCommunicationStdout,
    ProcessCommunicationStderr,
    ProcessLog,
    ProcessLogStdout,
    ProcessLogStderr,
    RemoteCommunication,
    SupervisorStateChange,
    SupervisorStateChangeRunning,
    SupervisorStateChangeStopping,
    Tick,
    Tick5,
    Tick60,
    Tick3600,
    ProcessGroup,
    ProcessGroupAdded,
    ProcessGroupRemoved,
}

/// The name of each type and the type above it.
const TYPES: [(EventType, &str, Option<EventType>); 27] = {
    use EventType as E;
    [
        (E::Event, "EVENT", None),
        (E::ProcessState, "PROCESS_STATE", Some(E::Event)),
        (E::ProcessStateStopped, "PROCESS_STATE_STOPPED", Some(E::ProcessState)),
        (E::ProcessStateStarting, "PROCESS_STATE_STARTING", Some(E::ProcessState)),
        (E::ProcessStateRunning, "PROCESS_STATE_RUNNING", Some(E::ProcessState)),
        (E::ProcessStateBackoff, "PROCESS_STATE_BACKOFF", Some(E::ProcessState)),
        (E::ProcessStateStopping, "PROCESS_STATE_STOPPING", Some(E::ProcessState)),
        (E::ProcessStateExited, "PROCESS_STATE_EXITED", Some(E::ProcessState)),
        (E::ProcessStateFatal, "PROCESS_STATE_FATAL", Some(E::ProcessState)),
        (E::ProcessStateUnknown, "PROCESS_STATE_UNKNOWN", Some(E::ProcessState)),
        (E::ProcessCommunication, "PROCESS_COMMUNICATION", Some(E::Event)),
        (E::ProcessCommunicationStdout, "PROCESS_COMMUNICATION_STDOUT", Some(E::ProcessCommunication)),
        (E::ProcessCommunicationStderr, "PROCESS_COMMUNICATION_STDERR", Some(E::ProcessCommunication)),
        (E::ProcessLog, "PROCESS_LOG", Some(E::Event)),
        (E::ProcessLogStdout, "PROCESS_LOG_STDOUT", Some(E::ProcessLog)),
        (E::ProcessLogStderr, "PROCESS_LOG_STDERR", Some(E::ProcessLog)),
        (E::RemoteCommunication, "REMOTE_COMMUNICATION", Some(E::Event)),
        (E::SupervisorStateChange, "SUPERVISOR_STATE_CHANGE", Some(E::Event)),
        (E::SupervisorStateChangeRunning, "SUPERVISOR_STATE_CHANGE_RUNNING", Some(E::SupervisorStateChange)),
        (
            E::SupervisorStateChangeStopping,
            "SUPERVISOR_STATE_CHANGE_STOPPING",
            Some(E::SupervisorStateChange),
        ),
        (E::Tick, "TICK", Some(E::Event)),
        (E::Tick5, "TICK_5", Some(E::Tick)),
        (E::Tick60, "TICK_60", Some(E::Tick)),
        (E::Tick3600, "TICK_3600", Some(E::Tick)),
        (E::ProcessGroup, "PROCESS_GROUP", Some(E::Event)),
        (E::ProcessGroupAdded, "PROCESS_GROUP_ADDED", Some(E::ProcessGroup)),
        (E::ProcessGroupRemoved, "PROCESS_GROUP_REMOVED", Some(E::ProcessGroup)),
    ]
};

impl EventType {
    /// Every type, abstract ones included.
    pub fn all() -> impl Iterator<Item = Self> {
        TYPES.iter().map(|(it, _, _)| *it)
    }

    /// Its row; a test sees to it that every type has one.
    fn row(self) -> &'static (Self, &'static str, Option<Self>) {
        TYPES.iter().find(|(it, _, _)| *it == self).unwrap_or(&TYPES[0])
    }

    /// The name used in `events=` and in headers.
    pub fn as_str(self) -> &'static str {
        self.row().1
    }

    /// The type above it.
    pub fn parent(self) -> Option<Self> {
        self.row().2
    }

    /// The type with this name, in any case.
    pub fn parse(name: &str) -> Option<Self> {
        TYPES.iter().find(|(_, it, _)| it.eq_ignore_ascii_case(name)).map(|(it, _, _)| *it)
    }

    /// Whether who subscribes to this type gets events of type `other`.
    pub fn covers(self, other: Self) -> bool {
        std::iter::successors(Some(other), |it| it.parent()).any(|it| it == self)
    }

    /// The type that says a process has come to `state`.
    pub const fn entering(state: ProcessState) -> Self {
        match state {
            ProcessState::Stopped => Self::ProcessStateStopped,
            ProcessState::Starting => Self::ProcessStateStarting,
            ProcessState::Running => Self::ProcessStateRunning,
            ProcessState::Backoff => Self::ProcessStateBackoff,
            ProcessState::Stopping => Self::ProcessStateStopping,
            ProcessState::Exited => Self::ProcessStateExited,
            ProcessState::Fatal => Self::ProcessStateFatal,
            ProcessState::Unknown => Self::ProcessStateUnknown,
        }
    }
}

/// How often a tick comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "snake_case"))]
pub enum TickPeriod {
    /// Every 5 seconds.
    Five,
    /// Every minute.
    Sixty,
    /// Every hour.
    Hour,
}

impl TickPeriod {
    /// Its length in seconds.
    pub const fn seconds(self) -> i64 {
        match self {
            Self::Five => 5,
            Self::Sixty => 60,
            Self::Hour => 3600,
        }
    }
}

/// What a change of state tells beside the two states.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "snake_case"))]
pub enum StateDetail {
    /// Nothing (FATAL, UNKNOWN).
    None,
    /// Failed starts so far (STARTING, BACKOFF).
    Tries(u32),
    /// The child (RUNNING, STOPPING, STOPPED); 0 when there is none.
    Pid(u32),
    /// The child, and whether its ending was expected (EXITED).
    Ended {
        /// The child that has ended.
        pid: u32,
        /// Whether its ending was one of the expected ones.
        expected: bool,
    },
}

impl StateDetail {
    /// As the end of a payload, with the blank before it.
    fn tokens(self) -> String {
        match self {
            Self::None => String::new(),
            Self::Tries(tries) => format!(" tries:{tries}"),
            Self::Pid(pid) => format!(" pid:{pid}"),
            Self::Ended { pid, expected } => format!(" expected:{} pid:{pid}", u8::from(expected)),
        }
    }
}

/// Something that happened, with all that its payload needs.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "snake_case"))]
pub enum Event {
    /// A process has changed its state.
    ProcessState {
        /// Which.
        name: FullName,
        /// The state it left.
        from: ProcessState,
        /// The state it has now.
        to: ProcessState,
        /// What else its payload tells.
        detail: StateDetail,
    },
    /// A process wrote something.
    ProcessLog {
        /// Which.
        name: FullName,
        /// Its child.
        pid: u32,
        /// Where.
        channel: Channel,
        /// What.
        #[cfg_attr(feature = "serde", serde(with = "crate::written::bytes"))]
        data: Vec<u8>,
    },
    /// A process sent something between capture tokens.
    ProcessCommunication {
        /// Which.
        name: FullName,
        /// Its child.
        pid: u32,
        /// Where.
        channel: Channel,
        /// What.
        #[cfg_attr(feature = "serde", serde(with = "crate::written::bytes"))]
        data: Vec<u8>,
    },
    /// A client sent something.
    RemoteCommunication {
        /// Its own word for the kind.
        kind: String,
        /// What.
        data: String,
    },
    /// The supervisor has changed its state; only its start and its stop are told.
    SupervisorStateChange(SupervisorState),
    /// Time has passed.
    Tick {
        /// Which clock.
        period: TickPeriod,
        /// Seconds since the epoch, rounded down to the period.
        when: i64,
    },
    /// A group has become active.
    GroupAdded(GroupName),
    /// A group is gone.
    GroupRemoved(GroupName),
}

impl Event {
    /// Its concrete type.
    pub const fn kind(&self) -> EventType {
        match self {
            Self::ProcessState { to, .. } => EventType::entering(*to),
            Self::ProcessLog { channel: Channel::Stdout, .. } => EventType::ProcessLogStdout,
            Self::ProcessLog { channel: Channel::Stderr, .. } => EventType::ProcessLogStderr,
            Self::ProcessCommunication { channel: Channel::Stdout, .. } => {
                EventType::ProcessCommunicationStdout
            }
            Self::ProcessCommunication { channel: Channel::Stderr, .. } => {
                EventType::ProcessCommunicationStderr
            }
            Self::RemoteCommunication { .. } => EventType::RemoteCommunication,
            Self::SupervisorStateChange(SupervisorState::Running) => EventType::SupervisorStateChangeRunning,
            Self::SupervisorStateChange(
                SupervisorState::Fatal | SupervisorState::Restarting | SupervisorState::Shutdown,
            ) => EventType::SupervisorStateChangeStopping,
            Self::Tick { period: TickPeriod::Five, .. } => EventType::Tick5,
            Self::Tick { period: TickPeriod::Sixty, .. } => EventType::Tick60,
            Self::Tick { period: TickPeriod::Hour, .. } => EventType::Tick3600,
            Self::GroupAdded(_) => EventType::ProcessGroupAdded,
            Self::GroupRemoved(_) => EventType::ProcessGroupRemoved,
        }
    }

    /// The text that follows the header (`events.py`).
    pub fn payload(&self) -> String {
        match self {
            Self::ProcessState { name, from, detail, .. } => {
                let text = format!(
                    "processname:{} groupname:{} from_state:{from}",
                    name.process.as_str(),
                    name.group.as_str()
                );
                text + &detail.tokens()
            }
            Self::ProcessLog { name, pid, channel, data } => format!(
                "processname:{} groupname:{} pid:{pid} channel:{channel}\n{}",
                name.process.as_str(),
                name.group.as_str(),
                text_or_repr(data)
            ),
            Self::ProcessCommunication { name, pid, data, .. } => format!(
                "processname:{} groupname:{} pid:{pid}\n{}",
                name.process.as_str(),
                name.group.as_str(),
                text_or_repr(data)
            ),
            Self::RemoteCommunication { kind, data } => format!("type:{kind}\n{data}"),
            Self::SupervisorStateChange(_) => String::new(),
            Self::Tick { when, .. } => format!("when:{when}"),
            Self::GroupAdded(name) | Self::GroupRemoved(name) => format!("groupname:{name}\n"),
        }
    }
}

/// `data` as text, or, when it is not UTF-8, the word `Undecodable` and the bytes as Python shows them.
pub fn text_or_repr(data: &[u8]) -> String {
    match std::str::from_utf8(data) {
        Ok(text) => text.to_owned(),
        Err(_) => format!("Undecodable: {}", bytes_repr(data)),
    }
}

/// Bytes as Python's `repr` shows them, for example `b'\x88\n'`.
pub fn bytes_repr(data: &[u8]) -> String {
    let quote = if data.contains(&b'\'') && !data.contains(&b'"') { '"' } else { '\'' };
    let mut text = format!("b{quote}");
    for byte in data {
        match byte {
            b'\n' => text.push_str("\\n"),
            b'\r' => text.push_str("\\r"),
            b'\t' => text.push_str("\\t"),
            b'\\' => text.push_str("\\\\"),
            0x20..=0x7e => {
                let character = char::from(*byte);
                if character == quote {
                    text.push('\\');
                }
                text.push(character);
            }
            _ => {
                let digit = |nibble: u8| char::from_digit(nibble.into(), 16).unwrap_or('?');
                text.extend(['\\', 'x', digit(byte >> 4), digit(byte & 15)]);
            }
        }
    }
    text.push(quote);
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::name::ProcessName;

    #[test]
    fn every_type_finds_its_row_and_its_name_back() {
        assert_eq!(EventType::all().count(), 27);
        for kind in EventType::all() {
            assert_eq!(EventType::parse(&kind.as_str().to_lowercase()), Some(kind));
        }
        assert_eq!(EventType::parse("TICK_6"), None);
    }

    #[test]
    fn an_abstract_type_covers_its_own_and_no_other() {
        assert!(EventType::Event.covers(EventType::Tick5));
        assert!(EventType::Tick.covers(EventType::Tick60));
        assert!(!EventType::Tick5.covers(EventType::Tick60));
        assert!(!EventType::ProcessState.covers(EventType::ProcessLogStdout));
        assert!(!EventType::Tick5.covers(EventType::Tick));
    }

    #[test]
    fn payloads_are_those_of_the_original() {
        let name = FullName { group: GroupName::parse("g").unwrap(), process: ProcessName::expanded("p") };
        let event =
            |to, detail| Event::ProcessState { name: name.clone(), from: ProcessState::Running, to, detail };
        let exited = event(ProcessState::Exited, StateDetail::Ended { pid: 7, expected: false });
        assert_eq!(exited.payload(), "processname:p groupname:g from_state:RUNNING expected:0 pid:7");
        assert_eq!(exited.kind().as_str(), "PROCESS_STATE_EXITED");
        let log = Event::ProcessLog { name, pid: 7, channel: Channel::Stdout, data: b"a\x88\n".to_vec() };
        assert_eq!(
            log.payload(),
            "processname:p groupname:g pid:7 channel:stdout\nUndecodable: b'a\\x88\\n'"
        );
    }

    #[test]
    fn bytes_look_as_in_python() {
        assert_eq!(bytes_repr(b"it's\0"), r#"b"it's\x00""#);
        assert_eq!(bytes_repr(b"'\""), r#"b'\'"'"#);
    }
}
