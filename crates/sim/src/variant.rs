//! Another configuration than the one there is, from a number: what an update is to bring about.

use std::sync::Arc;

use model::signal::Signal;
use model::spec::{CommandLine, DEFAULT_RESULT_HANDLER, GroupKind, GroupSpec, ListenerSpec, ProcessSpec};

use crate::script::Group;

/// What becomes of a group; `None`: it is gone.
///
/// A group with a child that cannot be signaled is neither removed nor replaced: then the oracle could
/// not tell which of the others stay down.
pub(crate) fn of(group: &Group, seed: u64) -> Option<Arc<GroupSpec>> {
    let spec = group.spec()?;
    let is_sound = !group.programs.iter().flat_map(|it| &it.lives).any(|it| it.denied);
    let fate = number(seed, group.name.as_bytes()) % 10;
    if is_sound && fate == 0 {
        return None;
    }
    let kind = if is_sound && fate == 1 {
        let events = Vec::new();
        let result_handler = DEFAULT_RESULT_HANDLER.to_owned();
        GroupKind::Listener(ListenerSpec { buffer_size: Some(10), events, result_handler })
    } else {
        GroupKind::Plain
    };
    let processes = spec.processes.iter().filter_map(|it| process(it, group, seed)).collect();
    Some(Arc::new(GroupSpec { name: spec.name.clone(), priority: spec.priority, kind, processes }))
}

fn process(spec: &Arc<ProcessSpec>, group: &Group, seed: u64) -> Option<Arc<ProcessSpec>> {
    let name = format!("{}:{}", group.name, spec.name);
    match number(seed, name.as_bytes()) % 8 {
        0 => None,
        1 | 2 => {
            let command = CommandLine { text: format!("{seed}"), words: Ok(Vec::new()) };
            Some(Arc::new(ProcessSpec { command, ..ProcessSpec::clone(spec) }))
        }
        3 | 4 => Some(Arc::new(ProcessSpec { stopsignal: Signal::INT, ..ProcessSpec::clone(spec) })),
        _ => Some(spec.clone()),
    }
}

/// A number that looks like chance and is the same for ever (FNV-1a).
fn number(seed: u64, name: &[u8]) -> u64 {
    let start = 0xcbf2_9ce4_8422_2325 ^ seed.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let mixed = name.iter().fold(start, |it, byte| (it ^ u64::from(*byte)).wrapping_mul(0x100_0000_01b3));
    mixed >> 17
}
