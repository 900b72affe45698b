//! What an update would do, process by process, and which changes a running child does not notice.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use model::fault::{Fault, FaultCode};
use model::name::{FullName, GroupName, ProcessName};
use model::spec::{GroupKind, GroupSpec, ProcessSpec};

use crate::group::Group;
use crate::process::Process;

/// What a changed option asks of a child that runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// Nothing: it is obeyed from now on.
    Live,
    /// To make room for another.
    Restart,
}

/// Which options are changed in place and which need a new child, each with the reason.
pub const RULES: [(&str, Reach, &str); 43] = [
    ("autorestart", Reach::Live, "looked at when the child ends"),
    ("autostart", Reach::Live, "looked at when a process is first there"),
    ("command", Reach::Restart, "a child cannot become another program"),
    ("directory", Reach::Restart, "only a child can change its directory"),
    ("environment", Reach::Restart, "given once, when the program begins"),
    ("exitcodes", Reach::Live, "looked at when the child ends"),
    ("killasgroup", Reach::Live, "looked at when it is killed"),
    ("priority", Reach::Live, "looked at when several are started or stopped"),
    ("process_name", Reach::Restart, "the child was told its name"),
    ("redirect_stderr", Reach::Restart, "it decides how many pipes the child has"),
    ("serverurl", Reach::Restart, "a variable of the child, given once"),
    ("startretries", Reach::Live, "looked at when a start fails"),
    ("startsecs", Reach::Live, "looked at when a child is made"),
    ("stderr_capture_maxbytes", Reach::Restart, "a message that has begun would be cut in two"),
    ("stderr_events_enabled", Reach::Restart, "listeners would miss the beginning of a line"),
    ("stderr_logfile", Reach::Live, "the daemon writes the file; the child has only a pipe"),
    ("stderr_logfile_also", Reach::Live, "the daemon writes the files; the child has only a pipe"),
    ("stderr_logfile_backups", Reach::Live, "looked at when the log is rotated"),
    ("stderr_logfile_compress", Reach::Live, "looked at when the log is rotated"),
    ("stderr_logfile_format", Reach::Restart, "a line that has begun would be cut in two"),
    ("stderr_logfile_maxbytes", Reach::Live, "looked at when the log is written"),
    ("stderr_logfile_on_full", Reach::Live, "looked at when the log takes nothing"),
    ("stderr_logfile_rotate", Reach::Live, "looked at when the log is written"),
    ("stderr_logfile_total_maxbytes", Reach::Live, "looked at when the log is rotated"),
    ("stderr_syslog", Reach::Restart, "a line that has begun would be cut in two"),
    ("stdout_capture_maxbytes", Reach::Restart, "a message that has begun would be cut in two"),
    ("stdout_events_enabled", Reach::Restart, "listeners would miss the beginning of a line"),
    ("stdout_logfile", Reach::Live, "the daemon writes the file; the child has only a pipe"),
    ("stdout_logfile_also", Reach::Live, "the daemon writes the files; the child has only a pipe"),
    ("stdout_logfile_backups", Reach::Live, "looked at when the log is rotated"),
    ("stdout_logfile_compress", Reach::Live, "looked at when the log is rotated"),
    ("stdout_logfile_format", Reach::Restart, "a line that has begun would be cut in two"),
    ("stdout_logfile_maxbytes", Reach::Live, "looked at when the log is written"),
    ("stdout_logfile_on_full", Reach::Live, "looked at when the log takes nothing"),
    ("stdout_logfile_rotate", Reach::Live, "looked at when the log is written"),
    ("stdout_logfile_total_maxbytes", Reach::Live, "looked at when the log is rotated"),
    ("stdout_syslog", Reach::Restart, "a line that has begun would be cut in two"),
    ("stopasgroup", Reach::Live, "looked at when it is stopped"),
    ("stopastree", Reach::Live, "looked at when it is stopped"),
    ("stopsignal", Reach::Live, "looked at when it is stopped"),
    ("stopwaitsecs", Reach::Live, "looked at when it is stopped"),
    ("umask", Reach::Restart, "only a child can change its umask"),
    ("user", Reach::Restart, "a child keeps the user it was made with"),
];

/// What becomes of a process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// It is new.
    Added,
    /// It is stopped and forgotten.
    Removed,
    /// It is stopped if it runs, and begins anew with its new options.
    Restarted,
    /// It gets its new options in place.
    Changed,
}

impl Action {
    /// The word clients know it by.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Added => "added",
            Self::Removed => "removed",
            Self::Restarted => "restarted",
            Self::Changed => "changed",
        }
    }
}

/// What an update does to one process, or to a group as such.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Planned {
    /// The group.
    pub group: GroupName,
    /// The process; `None`: it is about the group as such, and touches none of its processes.
    pub process: Option<ProcessName>,
    /// What becomes of it.
    pub action: Action,
    /// The options that differ, in alphabetical order. Beside those of a program: `kind`, `socket` and
    /// what is particular to listeners, which replace the whole group; and `order`, when the
    /// processes of a group stand in another one.
    pub options: Vec<&'static str>,
}

impl Planned {
    /// Whether it is about this process.
    pub(crate) fn is_about(&self, name: &FullName) -> bool {
        self.group == name.group && self.process.as_ref() == Some(&name.process)
    }
}

/// How a group gets where it is wanted.
#[derive(Debug)]
pub(crate) enum Course {
    /// It becomes active.
    Add(Arc<GroupSpec>),
    /// Its processes are changed one by one.
    Change(Arc<GroupSpec>),
    /// It is stopped and another takes its place.
    Replace(Arc<GroupSpec>),
    /// It is stopped and forgotten.
    Remove,
}

/// What is to be done about one group.
#[derive(Debug)]
pub(crate) struct GroupPlan {
    pub(crate) name: GroupName,
    pub(crate) course: Course,
    pub(crate) items: Vec<Planned>,
}

/// How `active` would become `wanted`: groups that go first, then the others in the order of `wanted`.
/// With `names`, only groups of these names are looked at.
///
/// # Errors
/// `BAD_NAME` for a name that is neither active nor wanted.
pub(crate) fn plan(
    active: &BTreeMap<GroupName, Group>,
    wanted: &[Arc<GroupSpec>],
    names: Option<&[String]>,
) -> Result<Vec<GroupPlan>, Fault> {
    let known = |name: &str| active.contains_key(name) || wanted.iter().any(|it| it.name.as_str() == name);
    if let Some(name) = names.unwrap_or_default().iter().find(|it| !known(it)) {
        return Err(Fault::about(FaultCode::BadName, name.as_str()));
    }
    let meant =
        |name: &GroupName| names.is_none_or(|names| names.iter().any(|it| it.as_str() == name.as_str()));
    let kept: BTreeSet<_> = wanted.iter().map(|it| &it.name).collect();
    let mut going: Vec<_> = active.values().filter(|it| !kept.contains(&it.spec.name)).collect();
    going.sort_by_key(|it| it.rank);
    let removed = going.into_iter().map(remove);
    let others = wanted.iter().map(|spec| match active.get(&spec.name) {
        None => add(spec),
        Some(group) if is_replaced(group, spec) => replace(group, spec),
        Some(group) => change(group, spec),
    });
    Ok(removed.chain(others).filter(|it| meant(&it.name) && !it.is_idle()).collect())
}

impl GroupPlan {
    /// Whether there is nothing to do. A group that is added or removed is something even when it has
    /// no processes.
    fn is_idle(&self) -> bool {
        self.items.is_empty()
    }
}

/// Whether a group can become `spec` only as a whole: when it is of another kind, or on its way out.
fn is_replaced(group: &Group, spec: &GroupSpec) -> bool {
    group.successor.is_some() || group.spec.kind != spec.kind
}

fn item(group: &GroupName, process: &ProcessName, action: Action, options: Vec<&'static str>) -> Planned {
    Planned { group: group.clone(), process: Some(process.clone()), action, options }
}

/// The line for a group as such, where it has no process to be told of.
fn whole(group: &GroupName, action: Action, options: Vec<&'static str>) -> Planned {
    Planned { group: group.clone(), process: None, action, options }
}

fn remove(group: &Group) -> GroupPlan {
    let name = &group.spec.name;
    let mut items: Vec<_> =
        group.in_start_order().map(|it| item(name, &it.name.process, Action::Removed, Vec::new())).collect();
    if items.is_empty() {
        items.push(whole(name, Action::Removed, Vec::new()));
    }
    GroupPlan { name: name.clone(), course: Course::Remove, items }
}

fn add(spec: &Arc<GroupSpec>) -> GroupPlan {
    let mut items: Vec<_> =
        members(spec).map(|it| item(&spec.name, &it.name, Action::Added, Vec::new())).collect();
    if items.is_empty() {
        items.push(whole(&spec.name, Action::Added, Vec::new()));
    }
    GroupPlan { name: spec.name.clone(), course: Course::Add(spec.clone()), items }
}

fn replace(group: &Group, spec: &Arc<GroupSpec>) -> GroupPlan {
    let about_group = kind_options(&group.spec.kind, &spec.kind);
    let mut items: Vec<_> = gone(group, spec).collect();
    items.extend(members(spec).map(|it| match group.processes.get(&it.name) {
        None => item(&spec.name, &it.name, Action::Added, Vec::new()),
        Some(process) => {
            let mut options = process.spec.differing_options(it);
            options.extend_from_slice(&about_group);
            options.sort_unstable();
            item(&spec.name, &it.name, Action::Restarted, options)
        }
    }));
    if items.is_empty() {
        items.push(whole(&spec.name, Action::Restarted, about_group));
    }
    GroupPlan { name: spec.name.clone(), course: Course::Replace(spec.clone()), items }
}

fn change(group: &Group, spec: &Arc<GroupSpec>) -> GroupPlan {
    let mut items: Vec<_> = gone(group, spec).collect();
    items.extend(members(spec).filter_map(|it| match group.processes.get(&it.name) {
        None => Some(item(&spec.name, &it.name, Action::Added, Vec::new())),
        Some(process) => {
            let (action, options) = difference(process, it)?;
            Some(item(&spec.name, &it.name, action, options))
        }
    }));
    // A program that stands alone has one priority for itself and its group: it is told once.
    let told = items.iter().any(|it| it.options.contains(&"priority"));
    let own =
        [("order", is_reordered(group, spec)), ("priority", group.spec.priority != spec.priority && !told)];
    let options: Vec<_> = own.into_iter().filter(|(_, differs)| *differs).map(|(name, _)| name).collect();
    if !options.is_empty() {
        items.insert(0, whole(&spec.name, Action::Changed, options));
    }
    GroupPlan { name: spec.name.clone(), course: Course::Change(spec.clone()), items }
}

/// The processes of a group that `spec` does not have.
fn gone(group: &Group, spec: &GroupSpec) -> impl Iterator<Item = Planned> {
    let kept: BTreeSet<_> = spec.processes.iter().map(|it| it.name.clone()).collect();
    group
        .in_start_order()
        .filter(move |it| !kept.contains(&it.name.process))
        .map(|it| item(&it.name.group, &it.name.process, Action::Removed, Vec::new()))
}

/// What it takes to give a process other options; `None` when they are the same.
fn difference(process: &Process, new: &ProcessSpec) -> Option<(Action, Vec<&'static str>)> {
    let options = process.spec.differing_options(new);
    if process.fate.is_some() {
        return Some((Action::Restarted, options)); // It is stopping for an earlier update.
    }
    if options.is_empty() {
        return None;
    }
    let is_touched = process.phase.child().is_some() || process.is_wanted_up() || new.autostart;
    let restarts = options.iter().any(|it| needs_restart(it)) && is_touched;
    Some((if restarts { Action::Restarted } else { Action::Changed }, options))
}

/// An option without a rule is taken for one that matters.
fn needs_restart(option: &str) -> bool {
    RULES.iter().find(|(name, ..)| *name == option).is_none_or(|(_, reach, _)| *reach == Reach::Restart)
}

/// Whether processes that both have stand in another order.
fn is_reordered(group: &Group, spec: &GroupSpec) -> bool {
    let kept: BTreeSet<_> = members(spec).map(|it| &it.name).collect();
    let before = group.spec.processes.iter().map(|it| &it.name).filter(|it| kept.contains(it));
    let after = members(spec).map(|it| &it.name).filter(|it| group.processes.contains_key(*it));
    !before.eq(after)
}

/// The processes of a group; of two with one name the last counts.
pub(crate) fn members(spec: &GroupSpec) -> impl Iterator<Item = &Arc<ProcessSpec>> {
    let last: BTreeMap<_, _> = spec.processes.iter().map(|it| (&it.name, it)).collect();
    spec.processes.iter().filter(move |it| last.get(&it.name).is_some_and(|last| Arc::ptr_eq(last, it)))
}

/// What differs about two kinds of group.
fn kind_options(old: &GroupKind, new: &GroupKind) -> Vec<&'static str> {
    match (old, new) {
        (GroupKind::Plain, GroupKind::Plain) => Vec::new(),
        (GroupKind::FastCgi(old), GroupKind::FastCgi(new)) => {
            if old == new {
                Vec::new()
            } else {
                vec!["socket"]
            }
        }
        (GroupKind::Listener(old), GroupKind::Listener(new)) => {
            let all = [
                ("buffer_size", old.buffer_size == new.buffer_size),
                ("events", old.events == new.events),
                ("result_handler", old.result_handler == new.result_handler),
            ];
            all.into_iter().filter(|(_, same)| !same).map(|(name, _)| name).collect()
        }
        (GroupKind::Plain | GroupKind::FastCgi(_) | GroupKind::Listener(_), _) => vec!["kind"],
    }
}
