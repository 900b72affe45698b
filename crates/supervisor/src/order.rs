//! In which order things start and stop.

use std::collections::{BTreeMap, BTreeSet};

use model::name::{FullName, GroupName, ProcessName};
use model::spec::GroupSpec;

use crate::group::Group;

/// The names of a group's processes by priority; equal ones as they stand in the configuration.
pub(crate) fn start_order(spec: &GroupSpec) -> Vec<ProcessName> {
    let mut processes: Vec<_> = spec.processes.iter().map(|it| (it.priority, &it.name)).collect();
    processes.sort_by_key(|(priority, _)| *priority);
    let mut seen = BTreeSet::new();
    processes.into_iter().filter(|(_, name)| seen.insert(*name)).map(|(_, name)| name.clone()).collect()
}

/// The groups by priority; equal ones in the order in which they became active.
pub(crate) fn groups_by_priority(groups: &BTreeMap<GroupName, Group>) -> Vec<&Group> {
    let mut list: Vec<_> = groups.values().collect();
    list.sort_by_key(|it| (it.spec.priority, it.rank));
    list
}

/// The processes in the stages in which everything is stopped, the last stage first, so that stages are
/// taken from the end.
///
/// Groups of the highest priority stop first, and the next ones when these have stopped, as in the
/// original (`supervisord.py`, `ordered_stop_groups_phase_1`); but groups of equal priority stop
/// together, where the original takes one after the other. Within a stage the order is the reverse of
/// the starting order.
pub(crate) fn stop_stages(groups: &BTreeMap<GroupName, Group>) -> Vec<Vec<FullName>> {
    let mut stages: Vec<Vec<FullName>> = Vec::new();
    let mut last = None;
    for group in groups_by_priority(groups) {
        if last != Some(group.spec.priority) {
            stages.push(Vec::new());
            last = Some(group.spec.priority);
        }
        if let Some(stage) = stages.last_mut() {
            stage.extend(group.in_start_order().map(|it| it.name.clone()));
        }
    }
    for stage in &mut stages {
        stage.reverse();
    }
    stages
}
