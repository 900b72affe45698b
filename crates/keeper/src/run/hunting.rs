//! Stop means stop: what is left of those who were to be stopped with a child.
//!
//! A child whose group was told to stop has not ended before its group has: until then it lingers, its end is not
//! reported, and what comes for it goes to those who are left, one by one and each held to be the one it was. Whoever
//! survives being killed is named.

use std::time::Duration;

use os::errno::ESRCH;
use os::signals;
use wire::keeper::handover::End;
use wire::keeper::{Report, SURVIVORS_MAX, Scope, Standing};

use super::children::{send_to, send_to_group};
use super::{Keeper, now};
use crate::hunt::{Hunt, Traces, Who};
use crate::kin;
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
            let (pid, cgroup) = (child.pid, child.held.cgroup.clone());
            let begin = || match scope {
                Scope::Process | Scope::Group => Hunt::new(scope, Traces::default()),
                Scope::Tree => Hunt::new(scope, kin::traces(id, pid, cgroup)),
            };
            child.held.hunt.get_or_insert_with(begin).signaled(scope, signal, now());
        }
        let who = (child.pid, child.start_ticks);
        match (child.life, scope) {
            (Life::Living, Scope::Process) => send_to(child, signal),
            (Life::Living, Scope::Group) => send_to_group(child, signal),
            (Life::Living, Scope::Tree) => {
                let quarry = child.held.hunt.as_mut().map(|it| kin::quarry(it, who, &kin::everybody()));
                let sent = send_to(child, signal);
                strike_all(child.held.hunt.as_ref(), quarry.into_iter().flatten(), signal);
                sent
            }
            (Life::Lingering(_), _) => {
                // Only they are left, whomever it was meant for.
                let hunt = child.held.hunt.as_mut().ok_or(ESRCH)?;
                hunt.signaled(scope, signal, now());
                let quarry = kin::quarry(hunt, who, &kin::everybody());
                strike_all(child.held.hunt.as_ref(), quarry.into_iter(), signal);
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
            let is_group = hunt.scope() != Scope::Tree;
            let is_alone = is_own && is_group && signals::send_to_group(child.pid, 0) == Err(ESRCH);
            let who = (child.pid, child.start_ticks);
            !is_alone && !kin::quarry(hunt, who, &kin::everybody()).is_empty()
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
        let all = kin::everybody();
        let mut over = Vec::new();
        for (id, child) in self.holdings.table.iter_mut() {
            let (Life::Lingering(end), Some(hunt)) = (child.life, &mut child.held.hunt) else {
                continue;
            };
            let left = kin::quarry(hunt, (child.pid, child.start_ticks), &all);
            let given_up_at = hunt.given_up_at();
            if left.is_empty() || given_up_at.is_some_and(|at| at <= now) {
                over.push((id, end, left));
                continue;
            }
            if given_up_at.is_some() {
                // Some may have been born while the others were killed.
                strike_all(Some(hunt), left.into_iter(), signals::KILL);
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

/// Sends a signal to those of a hunt. Those of a control group are killed in one stroke.
fn strike_all(hunt: Option<&Hunt>, quarry: impl Iterator<Item = Who>, signal: i32) {
    if signal == signals::KILL
        && let Some(group) =
            hunt.filter(|it| it.scope() == Scope::Tree).and_then(|it| it.traces().cgroup.as_ref())
    {
        // Before Linux 5.14 one by one, as where there is no such group.
        let _ = os::cgroup::kill(group);
    }
    for who in quarry {
        strike(who, signal);
    }
}

fn strike((pid, start_ticks): Who, signal: i32) {
    // One that is gone, or may not be signaled, is counted when they are looked at again.
    let _ = os::pidfd::signal_exactly(pid, start_ticks, signal);
}
