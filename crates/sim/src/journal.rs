//! What the machine did, as text.

use model::event::Event;
use model::fault::Fault;
use model::time::Mono;
use supervisor::effect::{Answer, Effect, Scope};

/// One effect in one line.
pub(crate) fn line(now: Mono, effect: &Effect) -> String {
    let text = match effect {
        Effect::GroupOpened(group) => format!("open {}", group.name),
        Effect::GroupClosed(name) => format!("close {name}"),
        Effect::ProcessOpened { name, .. } => format!("open {name}"),
        Effect::ProcessChanged { name, .. } => format!("change {name}"),
        Effect::ProcessClosed(name) => format!("close {name}"),
        Effect::Spawn { child, name, .. } => format!("spawn {name} {child}"),
        Effect::Signal { child, signal, scope: Scope::Process } => format!("send {signal} to {child}"),
        Effect::Signal { child, signal, scope: Scope::Group } => {
            format!("send {signal} to the group of {child}")
        }
        Effect::Signal { child, signal, scope: Scope::Tree } => {
            format!("send {signal} to the tree of {child}")
        }
        Effect::Amend { child, .. } => format!("amend {child}"),
        Effect::Adopted { child, name, .. } => format!("adopt {child} as {name}"),
        Effect::Settle { child, adopt: true } => format!("settle that {child} is ours"),
        Effect::Settle { child, adopt: false } => format!("settle that {child} is not ours"),
        Effect::Buried { child } => format!("bury {child}"),
        Effect::Publish(Event::ProcessState { name, from, to, .. }) => format!("{name}: {from} -> {to}"),
        Effect::Publish(event) => format!("{} {}", event.kind().as_str(), event.payload().trim_end()),
        Effect::Send { child, letter } => {
            format!("event {} {} to {child}", letter.serial, letter.event.kind().as_str())
        }
        Effect::Note(note) => format!("{} {note}", note.level().code()),
        Effect::Answer { id, answer } => format!("answer {}: {}", id.0, answer_text(answer)),
        Effect::Quit(departure) => format!("quit {departure:?}"),
    };
    format!("{:8.3} {}", now.0.as_secs_f64(), text.trim_end())
}

/// An answer as scripts expect it: `done`, a fault, or `[a done, b NOT_RUNNING: b]`.
pub(crate) fn answer_text(answer: &Result<Answer, Fault>) -> String {
    match answer {
        Ok(Answer::Done) => "done".to_owned(),
        Ok(Answer::Many(settled)) => {
            let each = settled.iter().map(|it| match &it.outcome {
                Ok(()) => format!("{} done", it.name),
                Err(fault) => format!("{} {fault}", it.name),
            });
            format!("[{}]", each.collect::<Vec<_>>().join(", "))
        }
        Ok(Answer::Updated(updated)) => {
            let each = updated.iter().map(|it| {
                let process = it.planned.process.as_ref().map_or("*", |it| it.as_str());
                let outcome = it.outcome.as_ref().err().map(|it| format!(" {it}")).unwrap_or_default();
                format!("{}:{process} {}{outcome}", it.planned.group, it.planned.action.as_str())
            });
            format!("[{}]", each.collect::<Vec<_>>().join(", "))
        }
        Err(fault) => fault.to_string(),
    }
}
