//! How often a stranger may guess.
//!
//! Each try counts as a failure until it has succeeded, so that many at once are no way around. From one
//! source the first few are free; after those each one doubles the pause before the next. From all sources
//! together there is one try every two seconds, and some in advance; those that have once succeeded from
//! where they are do not share that with strangers, so that nobody can lock them out from elsewhere.

use std::collections::BTreeMap;
use std::time::Duration;

use model::audit::Door;
use model::time::Mono;

/// How many failures from one source are free.
pub const FREE: u32 = 5;

/// The pause after the first failure that is not.
pub const PAUSE_MIN: Duration = Duration::from_secs(1);

/// The longest pause: a stranger who never gives up has 288 tries a day.
pub const PAUSE_MAX: Duration = Duration::from_mins(5);

/// When the failures of a source that does not try any more are forgotten: no sooner than it pays to wait for it.
const FORGOTTEN_AFTER: Duration = Duration::from_hours(1);

/// The same for one that has succeeded.
const TRUSTED_FOR: Duration = Duration::from_hours(7 * 24);

/// How many tries there are in advance, over all sources that have never succeeded.
pub const ADVANCE: u32 = 30;

/// How long it takes until there is one more.
pub const ONE_MORE: Duration = Duration::from_secs(2);

/// How many sources are kept in mind.
const SOURCES_MAX: usize = 4096;

/// Whom tries are counted for: an address; of IPv6 the network, since who has one address there has them
/// all; on a unix socket a user of the machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Source {
    /// An address.
    V4([u8; 4]),
    /// A network of 64 bits.
    V6([u8; 8]),
    /// A user of the machine.
    Uid(Option<u32>),
}

impl Source {
    /// Whoever comes by this door.
    pub fn of(door: &Door) -> Self {
        match door {
            Door::Unix { uid, .. } => Self::Uid(*uid),
            Door::Inet(address) => match address.to_canonical() {
                core::net::IpAddr::V4(it) => Self::V4(it.octets()),
                core::net::IpAddr::V6(it) => {
                    let mut network = [0; 8];
                    network.iter_mut().zip(it.octets()).for_each(|(to, from)| *to = from);
                    Self::V6(network)
                }
            },
        }
    }
}

/// What is known of a source.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Record {
    failures: u32,
    last: Mono,
    trusted_until: Option<Mono>,
}

/// How often strangers have tried.
#[derive(Debug, Default)]
pub struct Throttle {
    sources: BTreeMap<Source, Record>,
    /// How many of the common tries are taken, at `counted`.
    taken: u32,
    counted: Mono,
}

impl Throttle {
    /// Begins a try, which counts as failed until [`Throttle::succeeded`].
    ///
    /// # Errors
    /// When it is too early: how long there is to wait.
    pub fn begin(&mut self, source: Source, now: Mono) -> Result<(), Duration> {
        self.pass(now);
        let record = self.sources.get(&source).copied().map(|it| it.at(now));
        if let Some(record) = record {
            let next = record.last + pause(record.failures);
            if next > now {
                return Err(next - now);
            }
        }
        let is_trusted = record.is_some_and(|it| it.is_trusted(now));
        if !is_trusted {
            if self.taken >= ADVANCE {
                return Err((self.counted + ONE_MORE) - now);
            }
            if self.taken == 0 {
                self.counted = now;
            }
            self.taken += 1;
        }
        if record.is_none() {
            self.make_room(now);
        }
        let record = record.unwrap_or(Record { failures: 0, last: now, trusted_until: None });
        let failures = record.failures.saturating_add(1);
        self.sources.insert(source, Record { failures, last: now, ..record });
        Ok(())
    }

    /// A try has succeeded: its source has a clean slate.
    pub fn succeeded(&mut self, source: Source, now: Mono) {
        let was_trusted = self.sources.get(&source).is_some_and(|it| it.is_trusted(now));
        if !was_trusted {
            self.taken = self.taken.saturating_sub(1);
        }
        let trusted_until = Some(now + TRUSTED_FOR);
        self.sources.insert(source, Record { failures: 0, last: now, trusted_until });
    }

    /// Gives back the common tries that time has brought.
    fn pass(&mut self, now: Mono) {
        let steps = (now - self.counted).as_secs() / ONE_MORE.as_secs();
        let steps = u32::try_from(steps).unwrap_or(u32::MAX);
        self.taken = self.taken.saturating_sub(steps);
        self.counted = self.counted + ONE_MORE.saturating_mul(steps);
    }

    /// Forgets who need not be kept in mind, if there are too many; at worst the one that tried longest ago.
    fn make_room(&mut self, now: Mono) {
        if self.sources.len() < SOURCES_MAX {
            return;
        }
        self.sources.retain(|_, it| it.is_trusted(now) || now - it.last < FORGOTTEN_AFTER);
        while self.sources.len() >= SOURCES_MAX {
            let oldest = self.sources.iter().min_by_key(|(_, it)| (it.is_trusted(now), it.last));
            let Some(source) = oldest.map(|(it, _)| *it) else { return };
            self.sources.remove(&source);
        }
    }
}

impl Record {
    /// As it is now.
    fn at(mut self, now: Mono) -> Self {
        if now - self.last >= FORGOTTEN_AFTER {
            self.failures = 0;
        }
        self
    }

    fn is_trusted(&self, now: Mono) -> bool {
        self.trusted_until.is_some_and(|it| it > now)
    }
}

/// How long a source must wait after so many failures in a row.
fn pause(failures: u32) -> Duration {
    match failures.checked_sub(FREE) {
        None => Duration::ZERO,
        Some(over) => PAUSE_MIN.saturating_mul(2_u32.saturating_pow(over)).min(PAUSE_MAX),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Mono {
        Mono(Duration::from_secs(seconds))
    }

    fn source(number: u32) -> Source {
        Source::V4(number.to_be_bytes())
    }

    /// Tries as often as it may for so long, and always fails.
    fn guess(throttle: &mut Throttle, sources: u32, from: u64, seconds: u64) -> usize {
        let mut tries = 0;
        for now in from..from + seconds {
            for number in 0..sources {
                while throttle.begin(source(number), at(now)).is_ok() {
                    tries += 1;
                }
            }
        }
        tries
    }

    #[test]
    fn a_stranger_who_never_gives_up_is_held_back_further_and_further() {
        let mut throttle = Throttle::default();
        assert_eq!(guess(&mut throttle, 1, 1000, 1), 5);
        // At 1, 3, 7, 15, 31, 63, 127 and 255 seconds.
        assert_eq!(guess(&mut throttle, 1, 1001, 299), 8);
        assert_eq!(guess(&mut throttle, 1, 1300, 86_400), 288);
        assert!(throttle.begin(source(0), at(87_700)).unwrap_err() <= PAUSE_MAX);
        // Another is not held back by it.
        assert_eq!(throttle.begin(source(9), at(87_700)), Ok(()));
    }

    #[test]
    fn a_thousand_strangers_have_no_more_tries_together_than_one_in_two_seconds() {
        let mut throttle = Throttle::default();
        let tries = guess(&mut throttle, 1000, 0, 3600);
        assert_eq!(tries, usize::try_from(ADVANCE).unwrap() + 3599 / 2);
    }

    #[test]
    fn whoever_has_come_in_before_is_not_locked_out_by_strangers() {
        let mut throttle = Throttle::default();
        let (me, other) = (Source::Uid(Some(1)), Source::Uid(Some(2)));
        throttle.begin(me, at(0)).unwrap();
        throttle.succeeded(me, at(0));
        guess(&mut throttle, 1000, 1, 100);
        assert_eq!(throttle.begin(other, at(100)), Err(Duration::from_secs(1)));
        assert_eq!(throttle.begin(me, at(100)), Ok(()));
        throttle.succeeded(me, at(100));
        // To have come in once is no licence to guess.
        for _ in 0..FREE {
            throttle.begin(me, at(101)).unwrap();
        }
        assert_eq!(throttle.begin(me, at(101)), Err(PAUSE_MIN));
    }

    #[test]
    fn tries_that_run_at_once_count_as_failed() {
        let mut throttle = Throttle::default();
        for _ in 0..FREE {
            throttle.begin(source(1), at(1)).unwrap();
        }
        assert!(throttle.begin(source(1), at(1)).is_err());
        throttle.succeeded(source(1), at(1));
        assert_eq!(throttle.begin(source(1), at(1)), Ok(()));
    }

    #[test]
    fn the_sources_kept_in_mind_are_bounded() {
        let mut throttle = Throttle::default();
        for number in 0..20_000 {
            let now = at(u64::from(number) * 2);
            throttle.begin(source(number), now).unwrap();
            if number == 0 {
                throttle.succeeded(source(0), now);
            }
            assert!(throttle.sources.len() <= SOURCES_MAX);
        }
        assert!(throttle.sources.contains_key(&source(0)));
    }

    #[test]
    fn an_address_of_the_new_kind_stands_for_its_network() {
        let of = |text: &str| Source::of(&Door::Inet(text.parse().unwrap()));
        assert_eq!(of("2001:db8::1"), of("2001:db8::ffff:1"));
        assert_ne!(of("2001:db8::1"), of("2001:db8:0:1::1"));
        assert_eq!(of("::ffff:10.0.0.1"), of("10.0.0.1"));
    }
}
