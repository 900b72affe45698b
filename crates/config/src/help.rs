//! What the table of options says, for people.

use std::fmt::Write as _;

use crate::option::{self, OptionInfo, SectionKind, Since};
use crate::suggest;

/// The text of `menshen help options`: all options, or those of one section, or one option.
///
/// `wanted` is empty, a kind of section such as `program`, or the name of an option.
pub fn options_help(wanted: &str) -> String {
    let wanted = wanted.trim_matches(['[', ']']).trim_end_matches(":x").trim_end_matches(':');
    let kinds: Vec<SectionKind> = SectionKind::ALL
        .into_iter()
        .filter(|it| wanted.is_empty() || it.prefix().trim_end_matches(':') == wanted)
        .collect();
    if !kinds.is_empty() {
        return kinds.into_iter().map(section_help).collect::<Vec<_>>().join("\n");
    }
    let wanted = wanted.to_lowercase();
    let found: Vec<String> = SectionKind::ALL
        .into_iter()
        .filter_map(|kind| Some(format!("{}\n{}", title(kind), option_help(option::find(kind, &wanted)?))))
        .collect();
    if found.is_empty() { unknown(&wanted) } else { found.join("\n") }
}

fn unknown(wanted: &str) -> String {
    let sections = SectionKind::ALL.map(|it| it.prefix().trim_end_matches(':'));
    let names = option::all().map(|it| it.name).chain(sections);
    match suggest::nearest(wanted, names) {
        Some(meant) => format!("There is no section or option `{wanted}`. Did you mean `{meant}`?\n"),
        None => format!("There is no section or option `{wanted}`.\n"),
    }
}

/// How a section is written.
pub(crate) fn title(kind: SectionKind) -> String {
    match kind.prefix() {
        prefix if prefix.ends_with(':') => format!("[{prefix}x]"),
        name => format!("[{name}]"),
    }
}

fn section_help(kind: SectionKind) -> String {
    let options: Vec<String> = option::of(kind).map(option_help).collect();
    format!("{}\n{}\n\n{}", title(kind), kind.doc(), options.join(""))
}

fn option_help(row: &OptionInfo) -> String {
    let mut text = format!("  {} ({}", row.name, row.kind.as_str());
    let written = match row.default {
        _ if row.required => write!(text, "; required"),
        Some("") | None => Ok(()),
        Some(default) => write!(text, "; default {default}"),
    };
    written.expect("writing to a string cannot fail");
    if let Since::Menshen(version) = row.since {
        write!(text, "; since Menshen {version}").expect("writing to a string cannot fail");
    }
    format!("{text})\n      {}\n", row.doc)
}

/// The table as a Markdown document.
pub fn options_markdown() -> String {
    let mut text = String::from("# Options\n");
    for kind in SectionKind::ALL {
        let heading = format!(
            "\n## `{}`\n\n{}\n\n| Option | Type | Default | Since | Meaning |\n|---|---|---|---|---|\n",
            title(kind),
            kind.doc()
        );
        text.push_str(&heading);
        text.extend(option::of(kind).map(markdown_row));
    }
    text
}

fn markdown_row(row: &OptionInfo) -> String {
    let default = match row.default {
        _ if row.required => "*required*".to_owned(),
        Some("") | None => "–".to_owned(),
        Some(default) => format!("`{default}`"),
    };
    let since = match row.since {
        Since::Supervisor => "Supervisor".to_owned(),
        Since::Menshen(version) => format!("Menshen {version}"),
    };
    let doc = row.doc.replace('|', "\\|").replace('*', "\\*");
    format!("| `{}` | {} | {default} | {since} | {doc} |\n", row.name, row.kind.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn help_can_be_had_for_everything_a_section_or_an_option() {
        let all = options_help("");
        for row in option::all() {
            assert!(all.contains(&format!("  {} (", row.name)), "{}", row.name);
        }
        assert_eq!(options_help("group"), options_help("[group:x]"));
        insta::assert_snapshot!(options_help("group"), @r"
        [group:x]
        Programs to start, stop and show together.

          programs (list)
              The programs that belong to it.
          priority (number; default 999)
              Lower starts earlier and stops later.
        ");
        insta::assert_snapshot!(options_help("NUMPROCS").lines().take(3).collect::<Vec<_>>().join("\n"), @r"
        [program:x]
          numprocs (number; default 1)
              How many processes to run.
        ");
        assert!(options_help("nunprocs").contains("Did you mean `numprocs`?"));
    }

    #[test]
    fn the_document_has_a_row_for_every_option_of_every_section() {
        let rows: usize = SectionKind::ALL.into_iter().map(|it| option::of(it).count()).sum();
        let document = options_markdown();
        assert_eq!(document.lines().filter(|it| it.starts_with("| `")).count(), rows);
    }
}
