//! Old groups, new groups: what would have to change.

use std::collections::BTreeMap;
use std::sync::Arc;

use model::name::{GroupName, ProcessName};
use model::spec::{GroupSpec, ProcessSpec};

/// The difference between the active groups and those of a configuration.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ChangeSet {
    /// Groups that are not active, in the order of the configuration.
    pub added: Vec<GroupName>,
    /// Active groups that would have to be replaced, in the order of the configuration.
    pub changed: Vec<GroupName>,
    /// Active groups the configuration does not have, in the order in which they became active.
    pub removed: Vec<GroupName>,
    /// What it is about each of `changed`, in the same order.
    pub details: Vec<GroupChange>,
}

/// Why a group would have to be replaced.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupChange {
    /// Which.
    pub group: GroupName,
    /// What differs about the group itself: `priority`, or `kind` for what is particular to
    /// listeners and FastCGI.
    pub options: Vec<&'static str>,
    /// Whether the same processes stand in another order.
    pub reordered: bool,
    /// What differs about its processes, by name.
    pub processes: Vec<(ProcessName, ProcessChange)>,
}

/// What is different about one process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ProcessChange {
    /// The group does not have it yet.
    Added,
    /// The group would not have it any more.
    Removed,
    /// These options differ, in alphabetical order.
    Changed(Vec<&'static str>),
}

/// How `active`, in the order in which the groups became active, would have to change to become `new`
/// (`supervisord.py`, `diff_to_active`).
pub(crate) fn changes<'a>(
    active: impl Iterator<Item = &'a GroupSpec> + Clone,
    new: &[Arc<GroupSpec>],
) -> ChangeSet {
    let old: BTreeMap<_, _> = active.clone().map(|it| (&it.name, it)).collect();
    let kept: BTreeMap<_, _> = new.iter().map(|it| (&it.name, it)).collect();
    let mut set = ChangeSet::default();
    for group in new {
        match old.get(&group.name) {
            None => set.added.push(group.name.clone()),
            Some(old) if old.is_changed_by(group) => {
                set.changed.push(group.name.clone());
                set.details.push(group_change(old, group));
            }
            Some(_) => {}
        }
    }
    set.removed = active.filter(|it| !kept.contains_key(&it.name)).map(|it| it.name.clone()).collect();
    set
}

fn group_change(old: &GroupSpec, new: &GroupSpec) -> GroupChange {
    let own = [("kind", old.kind == new.kind), ("priority", old.priority == new.priority)];
    let (before, after) = (by_name(old), by_name(new));
    let mut processes: BTreeMap<&ProcessName, ProcessChange> = BTreeMap::new();
    for (name, process) in &after {
        match before.get(name) {
            None => drop(processes.insert(name, ProcessChange::Added)),
            Some(earlier) => {
                let options = earlier.differing_options(process);
                if !options.is_empty() {
                    processes.insert(name, ProcessChange::Changed(options));
                }
            }
        }
    }
    for name in before.keys().filter(|it| !after.contains_key(*it)) {
        processes.insert(name, ProcessChange::Removed);
    }
    let order = |spec: &GroupSpec| spec.processes.iter().map(|it| it.name.clone()).collect::<Vec<_>>();
    GroupChange {
        group: new.name.clone(),
        options: own.into_iter().filter(|(_, same)| !same).map(|(name, _)| name).collect(),
        reordered: before.keys().eq(after.keys()) && order(old) != order(new),
        processes: processes.into_iter().map(|(name, change)| (name.clone(), change)).collect(),
    }
}

fn by_name(spec: &GroupSpec) -> BTreeMap<&ProcessName, &ProcessSpec> {
    spec.processes.iter().map(|it| (&it.name, &**it)).collect()
}
