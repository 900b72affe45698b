//! What the machine says to the log about events and those who listen to them. The words are
//! Supervisor's (`dispatchers.py`, `process.py`) except where a variant says otherwise.

use std::fmt;

use model::child::Channel;
use model::event::{bytes_repr, text_or_repr};
use model::level::Level;
use model::name::{GroupName, ProcessName};

/// A line for the log, about events.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "the fields are the blanks of the line that documents the variant")]
pub enum EventNote {
    /// `'x' stdout emitted a comm event`
    Communicated { process: ProcessName, channel: Channel },
    /// `event 0 sent to listener x`
    EventSent { serial: u64, process: ProcessName },
    /// `epipe occurred while sending event 0 to listener x, listener state unchanged`
    ListenerClosed { serial: u64, process: ProcessName },
    /// `no room for event 0 in the standard input of listener x, which does not read; it is tried again`. Our
    /// own: the original dies of this.
    ListenerFull { serial: u64, process: ProcessName },
    /// `pool g event buffer overflowed, discarding event 0`. Only the first of a burst is told to those who
    /// do not look for details.
    BufferOverflow { pool: GroupName, serial: u64, is_first: bool },
    /// `pool g has handed out all that waited; 7 events were discarded since it overflowed`. Our own: the
    /// end of such a burst.
    BufferEmptied { pool: GroupName, count: u64 },
    /// `rebuffering event 0 for pool g (buf size=1, max=10)`
    Rebuffering { serial: u64, pool: GroupName, waiting: usize, size: usize },
    /// `x: BUSY -> ACKNOWLEDGED`
    ListenerMoved { process: ProcessName, from: String, to: String },
    /// `x: event was processed`
    EventProcessed { process: ProcessName },
    /// `x: event was rejected`
    EventRejected { process: ProcessName },
    /// `x: bad result line: 'y'`
    BadResult { process: ProcessName, line: Vec<u8> },
    /// `x: sent b'hello', which is not part of the eventlistener protocol in state READY`. Our own: what
    /// somebody must know to mend the listener.
    SpokeOutOfTurn { process: ProcessName, state: String, bytes: Vec<u8> },
    /// `x: has entered the UNKNOWN state and will no longer receive events, ...`
    ListenerLost { process: ProcessName },
    /// `x: is killed so that it begins anew`. Our own, as the next.
    MendingListener { process: ProcessName },
    /// `x: has said nothing for 300 seconds since another daemon took over; ...`
    ListenerSilent { process: ProcessName, seconds: u64 },
    /// `x: is left in the UNKNOWN state; ...`
    ListenerLeftAlone { process: ProcessName, times: usize, seconds: u64 },
}

impl EventNote {
    /// How much it matters.
    pub const fn level(&self) -> Level {
        match self {
            Self::Communicated { .. }
            | Self::EventSent { .. }
            | Self::ListenerClosed { .. }
            | Self::ListenerFull { .. }
            | Self::BufferOverflow { is_first: false, .. }
            | Self::Rebuffering { .. }
            | Self::ListenerMoved { .. }
            | Self::EventProcessed { .. } => Level::Debug,
            Self::EventRejected { .. }
            | Self::BadResult { .. }
            | Self::SpokeOutOfTurn { .. }
            | Self::ListenerLost { .. }
            | Self::BufferEmptied { .. }
            | Self::ListenerSilent { .. }
            | Self::MendingListener { .. }
            | Self::ListenerLeftAlone { .. } => Level::Warn,
            Self::BufferOverflow { is_first: true, .. } => Level::Error,
        }
    }
}

impl fmt::Display for EventNote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Communicated { process, channel } => {
                write!(f, "'{process}' {channel} emitted a comm event")
            }
            Self::EventSent { serial, process } => write!(f, "event {serial} sent to listener {process}"),
            Self::ListenerClosed { serial, process } => write!(
                f,
                "epipe occurred while sending event {serial} to listener {process}, listener state unchanged"
            ),
            Self::ListenerFull { serial, process } => write!(
                f,
                "no room for event {serial} in the standard input of listener {process}, which does not \
                 read; it is tried again"
            ),
            Self::BufferOverflow { pool, serial, is_first: _ } => {
                write!(f, "pool {pool} event buffer overflowed, discarding event {serial}")
            }
            Self::BufferEmptied { pool, count } => {
                let events =
                    if *count == 1 { "1 event was".to_owned() } else { format!("{count} events were") };
                write!(
                    f,
                    "pool {pool} has handed out all that waited; {events} discarded since it overflowed"
                )
            }
            Self::Rebuffering { serial, pool, waiting, size } => {
                write!(f, "rebuffering event {serial} for pool {pool} (buf size={waiting}, max={size})")
            }
            Self::ListenerMoved { process, from, to } => write!(f, "{process}: {from} -> {to}"),
            Self::EventProcessed { process } => write!(f, "{process}: event was processed"),
            Self::EventRejected { process } => write!(f, "{process}: event was rejected"),
            Self::BadResult { process, line } => {
                let text = text_or_repr(line);
                let shown =
                    if text.contains(char::is_control) { bytes_repr(line) } else { format!("'{text}'") };
                write!(f, "{process}: bad result line: {shown}")
            }
            Self::SpokeOutOfTurn { process, state, bytes } => write!(
                f,
                "{process}: sent {}, which is not part of the eventlistener protocol in state {state}",
                bytes_repr(bytes)
            ),
            Self::ListenerLost { process } => write!(
                f,
                "{process}: has entered the UNKNOWN state and will no longer receive events, this usually \
                 indicates the process violated the eventlistener protocol"
            ),
            Self::ListenerSilent { process, seconds } => write!(
                f,
                "{process}: has said nothing for {seconds} seconds since another daemon took over; what it said last \
                 may be lost"
            ),
            Self::MendingListener { process } => write!(f, "{process}: is killed so that it begins anew"),
            Self::ListenerLeftAlone { process, times, seconds } => write!(
                f,
                "{process}: is left in the UNKNOWN state; it was restarted {times} times within {seconds} \
                 seconds"
            ),
        }
    }
}
