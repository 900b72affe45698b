//! `[eventlistener:x]`: a program that is told what happens.

use model::event::EventType;
use model::name::GroupName;
use model::spec::{DEFAULT_RESULT_HANDLER, GroupKind, GroupSpec, ListenerSpec};

use crate::diagnostic::{Report, Reported, Wrong};
use crate::ini::Section;
use crate::option::{listener as option, process};
use crate::section::plugin::check_plugin;
use crate::section::program::{bare_name, processes};
use crate::section::{Context, Reader};
use crate::settings::Unhosted;
use crate::suggest;
use crate::value;

/// The pool, and its judge if that cannot be hosted.
pub(crate) fn read(
    context: Context<'_>,
    section: &Section,
    report: &mut Report,
) -> Result<(GroupSpec, Option<Unhosted>), Reported> {
    let mut reader = Reader::new(context, section, context.scope(), report);
    // Its default differs from that of the processes.
    let priority = reader.value(&option::POOL_PRIORITY, value::integer);
    let buffer_size = read_buffer_size(&mut reader);
    let judge = read_judge(&mut reader);
    let events = read_events(&mut reader);
    let redirected = refuse_redirection(&mut reader);
    // The original takes the name as it stands and checks it only for the processes.
    let processes = processes(context, section, bare_name(section), report);
    let (judge, unhosted) = judge?;
    redirected?;
    let processes = processes?;
    let name = GroupName::parse(bare_name(section)).map_err(|error| {
        let wrong = value::ValueError::from(error).into();
        Reader::new(context, section, context.scope(), report).wrong_section(wrong)
    })?;
    let listener = ListenerSpec { buffer_size: buffer_size?, events: events?, result_handler: judge };
    Ok((GroupSpec { name, priority: priority?, kind: GroupKind::Listener(listener), processes }, unhosted))
}

/// The size, if it is written: who wrote none did not ask for the smallness of the original's default.
fn read_buffer_size(reader: &mut Reader<'_, '_>) -> Result<Option<i64>, Reported> {
    let size = reader.value(&option::BUFFER_SIZE, value::integer)?;
    if size >= 1 {
        return Ok(reader.field(&option::BUFFER_SIZE).map(|_| size));
    }
    let original = format!("[{}] section sets invalid buffer_size ({size})", reader.section.name);
    let wrong = Wrong::new(format!("`{size}` is too small"), original);
    Err(reader.wrong(&option::BUFFER_SIZE, wrong.or_else_write("write a number of 1 or more")))
}

fn read_judge(reader: &mut Reader<'_, '_>) -> Result<(String, Option<Unhosted>), Reported> {
    let judge = reader.text(&option::RESULT_HANDLER)?.unwrap_or_default();
    check_plugin(reader, &option::RESULT_HANDLER, &judge, DEFAULT_RESULT_HANDLER)
}

fn read_events(reader: &mut Reader<'_, '_>) -> Result<Vec<EventType>, Reported> {
    let text = reader.text(&option::EVENTS)?.unwrap_or_default();
    if text.is_empty() {
        let original = format!("[{}] section requires an \"events\" line", reader.section.name);
        return Err(reader.missing(&option::EVENTS, original));
    }
    let mut events = Ok(Vec::new());
    for name in value::list(&text) {
        match (EventType::parse(name), &mut events) {
            (Some(kind), Ok(events)) if !events.contains(&kind) => events.push(kind),
            (Some(_), _) => {}
            (None, _) => events = Err(unknown_event(reader, name)),
        }
    }
    events
}

fn unknown_event(reader: &mut Reader<'_, '_>, name: &str) -> Reported {
    let upper = name.to_uppercase();
    let original = format!("Unknown event type {upper} in [{}] events", reader.section.name);
    let wrong = match name {
        "" => Wrong::new("there is a comma too many", original),
        _ => Wrong::new(format!("there are no events of type `{name}`"), original),
    };
    let meant = suggest::nearest(&upper, EventType::all().map(EventType::as_str));
    let wrong = match meant {
        Some(meant) => wrong.or_else_write(format!("write `{meant}`")),
        None => wrong,
    };
    reader.wrong(&option::EVENTS, wrong)
}

/// Standard output carries the protocol, so nothing else may be put into it.
fn refuse_redirection(reader: &mut Reader<'_, '_>) -> Result<(), Reported> {
    if !reader.value(&process::REDIRECT_STDERR, value::boolean)? {
        return Ok(());
    }
    let original = format!(
        "[{}] section sets redirect_stderr=true but this is not allowed because it will interfere with the \
         eventlistener protocol",
        reader.section.name
    );
    let wrong = Wrong::new("standard output of a listener carries its protocol and nothing else", original);
    Err(reader.wrong(&process::REDIRECT_STDERR, wrong.or_else_write("write `false`")))
}
