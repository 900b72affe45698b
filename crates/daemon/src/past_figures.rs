//! What is remembered of figures: each as one number, counters as what is added to them in a second.

use model::past::Values;
use model::time::Wall;
use model::usage::{MachineUsage, ProcessUsage};

/// The figures of a process, in the order of `model::past::OF_PROCESS`. `before` are those before these.
pub(crate) fn process(before: Option<&ProcessUsage>, now: &ProcessUsage) -> Values {
    // The counters of another child have nothing to do with these; the sampler says whether it is the same.
    let before = before.filter(|_| now.cpu_permille.is_some());
    let since = before.map(|it| it.at);
    let cpu = now.cpu_permille.map(u64::from);
    let rate = |counter: fn(&ProcessUsage) -> Option<u64>| {
        per_second(before.and_then(counter)?, counter(now)?, since?, now.at)
    };
    [
        cpu,
        cpu,
        Some(now.resident_bytes / 1024),
        now.proportional_bytes.map(|it| it / 1024),
        rate(|it| it.read_bytes),
        rate(|it| it.written_bytes),
        Some(now.threads.into()),
        now.descriptors.map(u64::from),
        None,
    ]
}

/// The figures of the machine, in the order of `model::past::OF_MACHINE`.
pub(crate) fn machine(before: Option<&MachineUsage>, now: &MachineUsage) -> Values {
    let cpu = now.cpu_permille.map(u64::from);
    let rate = |counter: fn(&MachineUsage) -> u64| {
        let before = before?;
        per_second(counter(before), counter(now), before.at, now.at)
    };
    [
        cpu,
        cpu,
        percent(now.load[0]),
        Some(now.memory_bytes.saturating_sub(now.available_bytes) / 1024),
        Some(now.swapped_bytes / 1024),
        rate(|it| it.disks.iter().map(|it| it.read_bytes).sum()),
        rate(|it| it.disks.iter().map(|it| it.written_bytes).sum()),
        rate(|it| it.networks.iter().map(|it| it.received_bytes).sum()),
        rate(|it| it.networks.iter().map(|it| it.sent_bytes).sum()),
    ]
}

/// How much a counter has grown in a second. One that shrinks, as when a disk was taken away, says nothing.
fn per_second(before: u64, now: u64, since: Wall, until: Wall) -> Option<u64> {
    let micros = u64::try_from(until.micros - since.micros).ok().filter(|it| *it > 0)?;
    let per_second = u128::from(now.checked_sub(before)?) * 1_000_000 / u128::from(micros);
    u64::try_from(per_second).ok()
}

/// A load in hundredths.
#[expect(
    clippy::as_conversions,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a conversion that saturates is what is wanted: no load is beyond it"
)]
fn percent(load: f64) -> Option<u64> {
    (load.is_finite() && load >= 0.0).then_some((load * 100.0).round() as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn used(seconds: i64, cpu_permille: Option<u32>, read: Option<u64>) -> ProcessUsage {
        ProcessUsage {
            at: Wall::from_seconds(seconds),
            cpu_permille,
            resident_bytes: 4096,
            read_bytes: read,
            ..ProcessUsage::default()
        }
    }

    #[test]
    fn counters_become_what_is_added_in_a_second() {
        let now = used(15, Some(7), Some(1500));
        let rate = |before: Option<&ProcessUsage>, now| process(before, &now)[4];
        assert_eq!(
            process(Some(&used(10, None, Some(500))), &now)[..5],
            [Some(7), Some(7), Some(4), None, Some(200)]
        );
        assert_eq!(rate(None, now), None);
        assert_eq!(rate(Some(&used(10, None, Some(2000))), now), None, "it began anew");
        assert_eq!(rate(Some(&used(10, None, None)), now), None, "it is hidden");
        assert_eq!(rate(Some(&used(15, None, Some(500))), now), None, "no time has passed");
        let other = used(15, None, Some(1500));
        assert_eq!(rate(Some(&used(10, None, Some(500))), other), None, "it is another child");
        assert_eq!((percent(1.234), percent(f64::NAN)), (Some(123), None));
    }
}
