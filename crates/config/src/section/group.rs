//! `[group:x]`: programs to start, stop and show together.

use std::collections::BTreeSet;

use model::spec::{GroupKind, GroupSpec};

use crate::diagnostic::{Report, Reported, Wrong};
use crate::ini::Section;
use crate::option::{SectionKind, group as option};
use crate::section::program::{bare_name, own_name, processes};
use crate::section::{Context, Reader};
use crate::suggest;
use crate::value;

/// The group, with its programs' sections added to `taken`: they no longer form groups of their own.
pub(crate) fn read(
    context: Context<'_>,
    section: &Section,
    taken: &mut BTreeSet<String>,
    report: &mut Report,
) -> Result<GroupSpec, Reported> {
    let mut reader = Reader::new(context, section, context.scope(), report);
    let name = own_name(&mut reader);
    let programs = reader.text(&option::PROGRAMS);
    let priority = reader.value(&option::PRIORITY, value::integer);
    let mut all = Ok(Vec::new());
    // After the first program the original names that program's section in its messages.
    let mut shown = section.name.clone();
    for program in value::list(&programs?.unwrap_or_default()) {
        let found = find_program(&mut reader, program, &shown);
        let found = found.and_then(|member| {
            shown.clone_from(&member.name);
            taken.insert(member.name.clone());
            let group = name.as_ref().map_err(|it| *it)?;
            processes(context, member, group.as_str(), reader.report)
        });
        match (&mut all, found) {
            (Ok(all), Ok(found)) => all.extend(found),
            (all, Err(Reported)) => *all = Err(Reported),
            (Err(Reported), Ok(_)) => {}
        }
    }
    Ok(GroupSpec { name: name?, priority: priority?, kind: GroupKind::Plain, processes: all? })
}

/// The section of a program that a group names.
fn find_program<'a>(
    reader: &mut Reader<'a, '_>,
    program: &str,
    shown: &str,
) -> Result<&'a Section, Reported> {
    let document = reader.context.document;
    let plain = document.section(&format!("program:{program}"));
    let fcgi = document.section(&format!("fcgi-program:{program}"));
    match (plain, fcgi) {
        (Some(section), None) | (None, Some(section)) => Ok(section),
        (None, None) => {
            let original = format!("[{shown}] names unknown program or fcgi-program {program}");
            let wrong = Wrong::new(format!("there is no [program:{program}]"), original);
            let wrong = match nearest_program(reader, program) {
                Some(meant) => wrong.or_else_write(format!("write `{meant}`")),
                None if reader.context.document.section("include").is_some() => wrong,
                None => wrong.or_else_write("an [include] may be missing"),
            };
            Err(reader.wrong(&option::PROGRAMS, wrong))
        }
        (Some(_), Some(_)) => {
            let original =
                format!("[{shown}] name {program} is ambiguous (exists as program and fcgi-program)");
            let message = format!("there is both [program:{program}] and [fcgi-program:{program}]");
            Err(reader.wrong(&option::PROGRAMS, Wrong::new(message, original)))
        }
    }
}

fn nearest_program<'a>(reader: &Reader<'a, '_>, program: &str) -> Option<&'a str> {
    let programs = reader.context.document.sections.iter().filter(|it| {
        matches!(SectionKind::of(&it.name), Some(SectionKind::Program | SectionKind::FcgiProgram))
    });
    suggest::nearest(program, programs.map(bare_name))
}
