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

/// `man`.
pub(crate) fn man(out: &mut dyn Write) -> Result<u8, Trouble> {
    Man::new(args::table()).render(out)?;
    Ok(DONE)
}
