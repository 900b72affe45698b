//! Who wants which events, what waits for them, and who has them.
//!
//! Nothing is sent from here while the machine is in the middle of a step: events are put into the
//! pools that want them, and `delivery.rs` hands them out at the end of the step. That way a listener
//! that asks for an event and breaks the protocol in one breath gets none, as in the original.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use model::child::ChildId;
use model::event::{Event, EventType, TickPeriod};
use model::listener::{Letter, Said};
use model::name::{FullName, GroupName, ProcessName};
use model::spec::ListenerSpec;
use model::time::{Mono, Stamp};

use crate::deadline::{Reason, TimerKey, Timers};
use crate::effect::{Effect, Effects};
use crate::event_note::EventNote;
use crate::ledger::Diary;
use crate::listener::{Judge, Listener, ListenerState, Verdict};
use crate::memory::{Change, PoolMemory, PoolState};
use crate::ticks::Ticks;

/// How many events may wait in a pool whose `buffer_size` was not written.
///
/// The original's default of 10 loses events whenever more than a handful of programs start at once:
/// each says two or three things within a second. This is enough for 3000 programs, at some two
/// megabytes for a pool whose listener never reads.
pub(crate) const UNWRITTEN_BUFFER_SIZE: usize = 10_000;

/// How many bytes of what programs and clients said may wait in a pool, whatever its `buffer_size`.
/// An event of `PROCESS_LOG` may have 128 KiB, so a mere number of events is no limit.
pub(crate) const POOL_BYTES_MAX: usize = 64 * 1024 * 1024;

/// How long a pool rests after an event was rejected, or could not be sent. The original sends it again
/// at once and keeps a whole processor busy with a listener that always says `FAIL`; this limits it to
/// once a second.
pub(crate) const REJECTION_PAUSE: Duration = Duration::from_secs(1);

/// How often a listener that has broken the protocol is restarted within [`MENDING_PERIOD`]. One that
/// does it more often will not be mended by restarts, and is left alone, as the original does at once.
pub(crate) const MENDINGS_MAX: usize = 3;

/// See [`MENDINGS_MAX`].
pub(crate) const MENDING_PERIOD: Duration = Duration::from_hours(1);

/// The highest serial number; the next one is 0 (`events.py`, which goes by Python's `sys.maxsize`).
const SERIAL_MAX: u64 = i64::MAX.unsigned_abs();

/// All pools and all listeners.
#[derive(Debug, Default)]
pub(crate) struct Bus {
    pub(crate) pools: BTreeMap<GroupName, Pool>,
    /// The children of pools, from their first word to their end.
    pub(crate) listeners: BTreeMap<ChildId, Listener>,
    /// The pools that may have something to hand out since they were last looked at.
    awake: BTreeSet<GroupName>,
    pub(crate) next_serial: u64,
    pub(crate) ticks: Ticks,
    pub(crate) diary: Diary,
}

/// Where what is done about a pool is told: in effects, and to who remembers.
struct Told<'a> {
    fx: &'a mut Effects,
    diary: &'a mut Diary,
}

/// One listener pool.
#[derive(Debug)]
pub(crate) struct Pool {
    events: Vec<EventType>,
    judge: Judge,
    size: usize,
    waiting: VecDeque<Letter>,
    waiting_bytes: usize,
    next_serial: u64,
    dropped: u64,
    /// How many of them since nothing has waited for the last time.
    burst: u64,
    /// Until when it rests.
    pub(crate) pause: Option<TimerKey>,
    /// When each of its processes was last restarted for breaking the protocol.
    mendings: BTreeMap<ProcessName, VecDeque<Mono>>,
}

/// How a pool is doing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PoolInfo {
    /// Which.
    pub name: GroupName,
    /// How many events wait in it.
    pub waiting: usize,
    /// How many may.
    pub size: usize,
    /// How many it had no room for since it became active.
    pub dropped: u64,
    /// Where the talk with each of its processes stands that has said something: `READY`, `BUSY`,
    /// `ACKNOWLEDGED` or `UNKNOWN`.
    pub talks: BTreeMap<ProcessName, &'static str>,
}

impl Bus {
    /// Makes a pool active: it gets the events from now on.
    pub(crate) fn open(&mut self, name: GroupName, spec: &ListenerSpec, now: Stamp, timers: &mut Timers) {
        let written = spec.buffer_size.map(|it| usize::try_from(it).unwrap_or(1));
        let size = written.unwrap_or(UNWRITTEN_BUFFER_SIZE).max(1);
        let pool = Pool::new(spec, size);
        self.diary.write(|| Change::Pool { name: name.clone(), pool: pool.state() });
        self.pools.insert(name, pool);
        self.set_clocks(now, timers);
    }

    /// Forgets a pool and all that waits in it.
    pub(crate) fn close(&mut self, name: &GroupName, now: Stamp, timers: &mut Timers) {
        if let Some(pause) = self.pools.remove(name).and_then(|it| it.pause) {
            timers.disarm(pause);
        }
        self.awake.remove(name);
        self.diary.write(|| Change::PoolGone { name: name.clone() });
        self.set_clocks(now, timers);
    }

    fn set_clocks(&mut self, now: Stamp, timers: &mut Timers) {
        let Self { pools, ticks, .. } = self;
        let wanted = |period| {
            let kind = Event::Tick { period, when: 0 }.kind();
            pools.values().any(|it| it.wants(kind))
        };
        ticks.run(wanted, now, timers);
    }

    /// It is time to look at a clock: the event, if there is one.
    pub(crate) fn tick(&mut self, period: TickPeriod, now: Stamp, timers: &mut Timers) -> Option<Event> {
        self.ticks.look(period, now, timers).map(|when| Event::Tick { period, when })
    }

    /// Whether this group is a pool.
    pub(crate) fn has(&self, group: &GroupName) -> bool {
        self.pools.contains_key(group)
    }

    /// Puts an event into every pool that wants it: once, even where two of the pool's types cover it.
    ///
    /// It takes a number only if there is such a pool.
    pub(crate) fn post(&mut self, event: &Event, fx: &mut Effects) {
        let (kind, serial) = (event.kind(), self.next_serial);
        let mut shared: Option<Arc<Event>> = None;
        for (name, pool) in self.pools.iter_mut().filter(|(_, it)| it.wants(kind)) {
            let event = shared.get_or_insert_with(|| Arc::new(event.clone())).clone();
            pool.append(name, serial, event, &mut Told { fx: &mut *fx, diary: &mut self.diary });
            self.awake.insert(name.clone());
        }
        if let Some(event) = shared {
            let pools = self.pools.iter().filter(|(_, it)| it.wants(kind));
            let last = |pool: &Pool| pool.waiting.back().map(|it| it.pool_serial);
            let numbers = pools.filter_map(|(name, it)| Some((name.clone(), last(it)?)));
            self.diary.write(|| posted(serial, numbers.collect(), event));
            self.next_serial = after(serial);
        }
    }

    /// Has a pool looked at at the end of this step.
    pub(crate) fn wake(&mut self, group: &GroupName) {
        if self.pools.contains_key(group) {
            self.awake.insert(group.clone());
        }
    }

    /// The pools that want to be looked at, which are then asleep again.
    pub(crate) fn take_awake(&mut self) -> BTreeSet<GroupName> {
        std::mem::take(&mut self.awake)
    }

    /// Takes what a child of a pool has said.
    pub(crate) fn hear(
        &mut self,
        child: ChildId,
        name: &FullName,
        said: Vec<Said>,
        fx: &mut Effects,
    ) -> Vec<Letter> {
        let mut rejected = Vec::new();
        let judge = self.pools.get(&name.group).map_or(Judge::Default, |it| it.judge);
        let is_new = !self.listeners.contains_key(&child);
        let listener = self.listeners.entry(child).or_insert_with(|| Listener::new(name.clone()));
        let before = (!is_new).then(|| listener.memory());
        for word in said {
            match listener.hear(word, judge, fx) {
                Verdict::Nothing | Verdict::Broken(None) => {}
                Verdict::Rejected(letter) | Verdict::Broken(Some(letter)) => rejected.push(letter),
            }
        }
        if before.as_ref() != Some(&listener.memory()) {
            let listener = listener.memory();
            self.diary.write(|| Change::Listener { child, listener });
        }
        self.wake(&name.group);
        rejected
    }

    /// A child has ended; returns the event it had in its hands.
    pub(crate) fn bury(&mut self, child: ChildId) -> Option<Letter> {
        let listener = self.listeners.remove(&child)?;
        self.diary.write(|| Change::ListenerGone { child });
        match listener.state {
            ListenerState::Busy(letter) => Some(letter),
            ListenerState::Acknowledged
            | ListenerState::Ready
            | ListenerState::Deaf
            | ListenerState::Unknown => None,
        }
    }

    /// A letter did not reach its listener, which is then as it was before. One that has closed its
    /// standard input is not tried again.
    pub(crate) fn recall(
        &mut self,
        child: ChildId,
        serial: u64,
        is_closed: bool,
        fx: &mut Effects,
    ) -> Option<Letter> {
        let listener = self.listeners.get_mut(&child)?;
        let ListenerState::Busy(letter) = &listener.state else { return None };
        let letter = (letter.serial == serial).then(|| letter.clone())?;
        listener.state = if is_closed { ListenerState::Deaf } else { ListenerState::Ready };
        let (process, memory) = (listener.name.process.clone(), listener.memory());
        self.diary.write(|| Change::Listener { child, listener: memory });
        fx.note(if is_closed {
            EventNote::ListenerClosed { serial, process }
        } else {
            EventNote::ListenerFull { serial, process }
        });
        Some(letter)
    }

    /// Puts an event back to the front of its pool; no other pool has anything to do with it.
    pub(crate) fn put_back(&mut self, letter: Letter, fx: &mut Effects) {
        let name = letter.pool.clone();
        if let Some(pool) = self.pools.get_mut(&name) {
            pool.put_back(&name, letter, &mut Told { fx, diary: &mut self.diary });
            self.awake.insert(name);
        }
    }

    /// Lets a pool rest for a while.
    pub(crate) fn rest(&mut self, name: &GroupName, now: Mono, timers: &mut Timers) {
        if let Some(pool) = self.pools.get_mut(name)
            && pool.pause.is_none()
        {
            pool.pause = Some(timers.arm(now + REJECTION_PAUSE, Reason::Redeliver(name.clone())));
            self.diary.pool(name);
        }
    }

    /// A pool has rested.
    pub(crate) fn rested(&mut self, name: &GroupName) {
        if let Some(pool) = self.pools.get_mut(name) {
            pool.pause = None;
            self.diary.pool(name);
            self.awake.insert(name.clone());
        }
    }

    /// Hands the next event of a pool to a child of it that runs, if it is ready for one. Says whether it
    /// did.
    pub(crate) fn hand_out(&mut self, name: &GroupName, child: ChildId, fx: &mut Effects) -> bool {
        let Some(pool) = self.pools.get_mut(name).filter(|it| it.pause.is_none()) else { return false };
        let Some(listener) = self.listeners.get_mut(&child) else { return false };
        if listener.state != ListenerState::Ready {
            return false;
        }
        let Some(letter) = pool.take() else { return false };
        listener.state = ListenerState::Busy(letter.clone());
        self.diary.write(|| Change::LetterHeld { pool: name.clone(), child });
        if let Some(count) = pool.end_burst() {
            self.diary.pool(name);
            fx.note(EventNote::BufferEmptied { pool: name.clone(), count });
        }
        let process = listener.name.process.clone();
        fx.note(EventNote::EventSent { serial: letter.serial, process });
        fx.push(Effect::Send { child, letter });
        true
    }

    /// Whether this child has broken the protocol since this was last asked.
    pub(crate) fn take_broken(&mut self, child: ChildId) -> bool {
        let Some(listener) = self.listeners.get_mut(&child).filter(|it| it.to_mend) else { return false };
        listener.to_mend = false;
        let listener = listener.memory();
        self.diary.write(|| Change::Listener { child, listener });
        true
    }

    /// Whether a process may be restarted once more for breaking the protocol; if so that is noted.
    pub(crate) fn may_mend(&mut self, name: &FullName, now: Mono) -> bool {
        let Some(pool) = self.pools.get_mut(&name.group) else { return false };
        let mendings = pool.mendings.entry(name.process.clone()).or_default();
        mendings.retain(|it| now - *it < MENDING_PERIOD);
        if mendings.len() >= MENDINGS_MAX {
            return false;
        }
        mendings.push_back(now);
        self.diary.pool(&name.group);
        true
    }

    /// How each pool is doing.
    pub(crate) fn info(&self) -> Vec<PoolInfo> {
        let pools = self.pools.iter();
        let info = |(name, it): (&GroupName, &Pool)| PoolInfo {
            name: name.clone(),
            waiting: it.waiting.len(),
            size: it.size,
            dropped: it.dropped,
            talks: self.listeners.values().filter(|it| it.name.group == *name).map(Listener::talk).collect(),
        };
        pools.map(info).collect()
    }
}

impl Pool {
    fn new(spec: &ListenerSpec, size: usize) -> Self {
        Self {
            events: spec.events.clone(),
            judge: Judge::named(&spec.result_handler),
            size,
            waiting: VecDeque::new(),
            waiting_bytes: 0,
            next_serial: 0,
            dropped: 0,
            burst: 0,
            pause: None,
            mendings: BTreeMap::new(),
        }
    }

    /// Becomes what is remembered of it, but for its rest.
    pub(crate) fn resume(&mut self, memory: PoolMemory) {
        let PoolMemory { state: PoolState { serial, dropped, burst, rests_until: _, mendings }, waiting } =
            memory;
        self.next_serial = serial;
        self.dropped = dropped;
        self.burst = burst;
        self.mendings = mendings;
        self.waiting_bytes = waiting.iter().map(|it| bytes_of(&it.event)).sum();
        self.waiting = waiting;
    }

    /// What is to be remembered of it.
    pub(crate) fn memory(&self) -> PoolMemory {
        PoolMemory { state: self.state(), waiting: self.waiting.clone() }
    }

    /// All but what waits in it.
    pub(crate) fn state(&self) -> PoolState {
        let rests_until = self.pause.map(TimerKey::at);
        let (serial, mendings) = (self.next_serial, self.mendings.clone());
        let (dropped, burst) = (self.dropped, self.burst);
        PoolState { serial, dropped, burst, rests_until, mendings }
    }

    fn wants(&self, kind: EventType) -> bool {
        self.events.iter().any(|it| it.covers(kind))
    }

    /// Puts an event behind all others. That is written down by who puts it into all pools that want it.
    fn append(&mut self, name: &GroupName, serial: u64, event: Arc<Event>, told: &mut Told<'_>) {
        self.make_room(name, bytes_of(&event), told);
        let letter = Letter { serial, pool: name.clone(), pool_serial: self.next_serial, event };
        self.next_serial = after(self.next_serial);
        self.waiting_bytes += bytes_of(&letter.event);
        self.waiting.push_back(letter);
    }

    fn put_back(&mut self, name: &GroupName, letter: Letter, told: &mut Told<'_>) {
        let (serial, pool) = (letter.serial, name.clone());
        let (waiting, size) = (self.waiting.len(), self.size);
        told.fx.note(EventNote::Rebuffering { serial, pool, waiting, size });
        self.make_room(name, bytes_of(&letter.event), told);
        self.waiting_bytes += bytes_of(&letter.event);
        told.diary.write(|| Change::LetterFirst { letter: letter.clone() });
        self.waiting.push_front(letter);
    }

    /// Drops the oldest until one more with this many bytes has room; an empty pool has room for any.
    fn make_room(&mut self, name: &GroupName, bytes: usize, told: &mut Told<'_>) {
        while self.waiting.len() >= self.size || self.waiting_bytes + bytes > POOL_BYTES_MAX {
            let Some(letter) = self.take() else { return };
            self.dropped += 1;
            self.burst += 1;
            told.diary.write(|| Change::LetterDropped { pool: name.clone() });
            told.diary.pool(name);
            let (pool, serial, is_first) = (name.clone(), letter.serial, self.burst == 1);
            told.fx.note(EventNote::BufferOverflow { pool, serial, is_first });
        }
    }

    /// Whether anything waits in it.
    pub(crate) fn has_letters(&self) -> bool {
        !self.waiting.is_empty()
    }

    /// How many events were dropped since nothing waited for the last time; none while something waits. So
    /// a listener that is always a little too slow is not told of with each event.
    fn end_burst(&mut self) -> Option<u64> {
        (self.burst > 0 && self.waiting.is_empty()).then(|| std::mem::take(&mut self.burst))
    }

    fn take(&mut self) -> Option<Letter> {
        let letter = self.waiting.pop_front()?;
        self.waiting_bytes -= bytes_of(&letter.event);
        Some(letter)
    }
}

/// How it is written down that an event waits in these pools, with its number in each.
fn posted(serial: u64, mut pools: Vec<(GroupName, u64)>, event: Arc<Event>) -> Change {
    match pools.pop() {
        Some((pool, pool_serial)) if pools.is_empty() => {
            Change::LetterLast { letter: Letter { serial, pool, pool_serial, event } }
        }
        last => {
            pools.extend(last);
            Change::LetterForAll { serial, pools, event }
        }
    }
}

/// How much of an event's size is not ours to bound.
fn bytes_of(event: &Event) -> usize {
    match event {
        Event::ProcessLog { data, .. } | Event::ProcessCommunication { data, .. } => data.len(),
        Event::RemoteCommunication { kind, data } => kind.len() + data.len(),
        Event::ProcessState { .. }
        | Event::SupervisorStateChange(_)
        | Event::Tick { .. }
        | Event::GroupAdded(_)
        | Event::GroupRemoved(_) => 0,
    }
}

/// The number after this one.
pub(crate) const fn after(serial: u64) -> u64 {
    if serial >= SERIAL_MAX { 0 } else { serial + 1 }
}
