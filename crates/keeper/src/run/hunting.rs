//! Stop means stop: what is left of those who were to be stopped with a child.
//!
//! A child whose group was told to stop has not ended before its group has: until then it lingers, its end is not
//! reported, and what comes for it goes to those who are left, one by one and each held to be the one it was. Whoever
//! survives being killed is named.

use std::collections::BTreeMap;
use std::time::Duration;

use os::errno::ESRCH;
use os::procfs::Stat;
use os::signals;
use wire::keeper::handover::End;
use wire::keeper::{Report, SURVIVORS_MAX, Scope, Standing};

use super::children::{send_to, send_to_group};
use super::{Keeper, now};
use crate::hunt::{Hunt, Who};
use crate::table::Life;
use crate::voice::say;

/// How often those who are left are looked at: nobody tells of the end of a grandchild. A stop is not held up by more
/// than this.
const LOOK_WAIT: Duration = Duration::from_millis(50);

impl Keeper {
    /// Sends a signal to a child, and to all that belong to it if that is wanted; to nobody who is not certainly still
    /// the one that was meant.
    pub(super) fn send(&mut self, id: u64, signal: i32, scope: Scope) -> Result<(), i32> {
        let child = self.holdings.table.get_mut(id).filter(|it| it.is_to_stop()).ok_or(ESRCH)?;
        if scope != Scope::Process && signal != 0 {
            child.held.hunt.get_or_insert(Hunt::new(scope)).signaled(scope, signal, now());
        }
        let who = (child.pid, child.start_ticks);
        match (child.life, scope) {
            (Life::Living, Scope::Process) => send_to(child, signal),
            (Life::Living, Scope::Group) => send_to_group(child, signal),
            (Life::Living, Scope::Tree) => {
                let quarry = child.held.hunt.as_mut().map(|it| it.quarry(who, &everybody()));
                let sent = send_to(child, signal);
                quarry.into_iter().flatten().for_each(|it| strike(it, signal));
                sent
            }
            (Life::Lingering(_), _) => {
                // Only they are left, whomever it was meant for.
                let hunt = child.held.hunt.as_mut().ok_or(ESRCH)?;
                hunt.signaled(scope, signal, now());
                hunt.quarry(who, &everybody()).into_iter().for_each(|it| strike(it, signal));
                Ok(())
            }
            (Life::Ended(_), _) => Err(ESRCH),
        }
    }

    /// A child itself has ended. That is its end, unless others were to be stopped with it and have not.
    pub(super) fn leader_ended(&mut self, id: u64, end: End) {
        let is_left = self.holdings.table.get_mut(id).is_some_and(|child| {
            let is_own = child.standing == Standing::Own;
            let Some(hunt) = &mut child.held.hunt else {
                return false;
            };
            // Asked at once, while nobody else can have the number, so that mostly nobody has to be looked for.
            let is_alone = is_own && !hunt.has_seen() && signals::send_to_group(child.pid, 0) == Err(ESRCH);
            !is_alone && !hunt.quarry((child.pid, child.start_ticks), &everybody()).is_empty()
        });
        if !is_left {
            return self.ended(id, end);
        }
        self.set_life(id, Life::Lingering(end));
        self.hunt_at = self.hunt_at.or_else(|| now().checked_add(LOOK_WAIT));
    }

    /// Looks at what is left of children that linger.
    pub(super) fn look_at_lingering(&mut self, now: Duration) {
        self.hunt_at = None;
        let all = everybody();
        let mut over = Vec::new();
        for (id, child) in self.holdings.table.iter_mut() {
            let (Life::Lingering(end), Some(hunt)) = (child.life, &mut child.held.hunt) else {
                continue;
            };
            let left = hunt.quarry((child.pid, child.start_ticks), &all);
            let given_up_at = hunt.given_up_at();
            if left.is_empty() || given_up_at.is_some_and(|at| at <= now) {
                over.push((id, end, left));
                continue;
            }
            if given_up_at.is_some() {
                // Some may have been born while the others were killed.
                for who in left {
                    strike(who, signals::KILL);
                }
            }
            self.hunt_at = now.checked_add(LOOK_WAIT);
        }
        for (id, end, left) in over {
            if !left.is_empty() {
                self.name_survivors(id, left.into_iter().map(|(pid, _)| pid).take(SURVIVORS_MAX).collect());
            }
            self.ended(id, end);
        }
    }

    fn name_survivors(&mut self, child: u64, pids: Vec<u32>) {
        let slot = self.holdings.table.get(child).map(|it| String::from_utf8_lossy(&it.slot).into_owned());
        let words: Vec<_> = pids.iter().map(u32::to_string).collect();
        say(&format!(
            "{} has ended, but not even SIGKILL ends {}",
            slot.unwrap_or_default(),
            words.join(", ")
        ));
        self.report(Report::Survivors { child, pids });
    }
}

/// All processes there are.
fn everybody() -> BTreeMap<u32, Stat> {
    let pids = os::procfs::pids().into_iter();
    pids.filter_map(|pid| Some((pid, os::procfs::stat(pid).ok()?))).collect()
}

fn strike((pid, start_ticks): Who, signal: i32) {
    // One that is gone, or may not be signaled, is counted when they are looked at again.
    let _ = os::pidfd::signal_exactly(pid, start_ticks, signal);
}
