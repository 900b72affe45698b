//! `help`, `man`: the table of verbs, told to people.

use std::io::Write;

use clap::builder::StyledStr;
use clap_mangen::Man;

use crate::args;
use crate::verbs::paint::Paint;
use crate::verbs::{DONE, Streams, Trouble};
use config::suggest::nearest;

/// Prints what clap has to say about a command line: help that was asked for, or what is wrong.
pub(crate) fn refuse(error: &clap::Error, streams: &mut Streams<'_>) -> u8 {
    // Without colors: whether there may be any is known only from a command line that is sound.
    let text = error.render().to_string();
    let (stream, code) = if error.use_stderr() {
        (&mut *streams.err, error.exit_code())
    } else {
        (&mut *streams.out, error.exit_code())
    };
    // What cannot be printed changes nothing about the exit code.
    let _ = stream.write_all(text.as_bytes()).and_then(|()| stream.flush());
    u8::try_from(code).unwrap_or(super::USAGE)
}

/// `help [VERB]`, `help options [PATTERN]`.
pub(crate) fn help(
    topic: Option<&str>,
    pattern: Option<&str>,
    paint: Paint,
    out: &mut dyn Write,
) -> Result<u8, Trouble> {
    let mut table = args::table();
    table.build();
    let text = match topic {
        None => styled(&table.render_long_help(), paint),
        Some("options") => config::options_help(pattern.unwrap_or("")),
        Some(verb) => match table.find_subcommand_mut(verb) {
            Some(it) => styled(&it.render_long_help(), paint),
            None => return Err(Trouble::Usage(no_topic(verb, &table))),
        },
    };
    writeln!(out, "{}", text.trim_end())?;
    Ok(DONE)
}

fn styled(text: &StyledStr, paint: Paint) -> String {
    match paint {
        Paint::Colors => text.ansi().to_string(),
        Paint::Plain => text.to_string(),
    }
}

fn no_topic(verb: &str, table: &clap::Command) -> String {
    let verbs = table.get_subcommands().map(clap::Command::get_name);
    match nearest(verb, verbs) {
        Some(meant) => format!("there is no verb \"{verb}\"; did you mean \"{meant}\"?"),
        None => format!("there is no verb \"{verb}\"; menshen help shows them all"),
    }
}

/// How wide the help of verbs is in the manual, which is indented twice on a terminal of 80 columns.
const MANUAL_WIDTH: usize = 72;

/// `man`: the manual of `menshen`, with the help of each verb. A page for each would be forty.
pub(crate) fn man(out: &mut dyn Write) -> Result<u8, Trouble> {
    let page = Man::new(args::table().subcommand_value_name("verb"));
    page.render_title(out)?;
    page.render_name_section(out)?;
    page.render_synopsis_section(out)?;
    page.render_description_section(out)?;
    page.render_options_section(out)?;
    writeln!(out, ".SH VERBS")?;
    for verb in args::table().get_subcommands().filter(|it| !it.is_hide_set()) {
        let called = format!("menshen {}", verb.get_name());
        let mut verb = verb.clone().bin_name(&called).disable_help_flag(true).term_width(MANUAL_WIDTH);
        writeln!(out, ".SS {}\n.nf", verbatim(&called))?;
        for line in verb.render_long_help().to_string().trim_end().lines() {
            writeln!(out, "{}", verbatim(line))?;
        }
        writeln!(out, ".fi")?;
    }
    let mut rest = Vec::new();
    page.render_extra_section(&mut rest)?;
    page.render_version_section(&mut rest)?;
    out.write_all(String::from_utf8_lossy(&rest).replacen(".SH EXTRA", ".SH NOTES", 1).as_bytes())?;
    Ok(DONE)
}

/// A line that `man` shows as it is (`groff_man(7)`, `groff(7)`).
fn verbatim(line: &str) -> String {
    let line = line.replace('\\', "\\e").replace('-', "\\-").replace('\'', "\\(aq");
    if line.starts_with('.') { format!("\\&{line}") } else { line }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_manual_holds_the_help_of_every_verb_and_points_to_no_page_that_is_not_there() {
        let mut out = Vec::new();
        man(&mut out).unwrap();
        let text = String::from_utf8(out).unwrap();
        for verb in args::table().get_subcommands().filter(|it| !it.is_hide_set()) {
            let heading = format!(".SS menshen {}\n", verbatim(verb.get_name()));
            let (_, help) = text.split_once(&heading).unwrap_or_else(|| panic!("no {heading}"));
            assert!(help.starts_with(".nf\n") && help.contains("Usage: menshen "), "{heading}");
        }
        assert!(!text.contains("(1)"));
        assert_eq!(verbatim(".it's a\\-b"), "\\&.it\\(aqs a\\e\\-b");
    }
}
