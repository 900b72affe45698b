//! Facts as lines of text, in the original's columns.

use crate::remote::{Changes, RemoteConfig, RemoteProcess};

/// A column of names is at least this wide, so that most screens of two servers look alike.
const NAME_WIDTH_MIN: usize = 30;

/// How wide the column of names must be for these.
pub(crate) fn name_width<'a>(names: impl Iterator<Item = &'a str>) -> usize {
    names.map(|it| it.chars().count()).max().unwrap_or(0).max(NAME_WIDTH_MIN) + 3
}

/// One line per process: its name, its state, and what the server has to say about it. A process
/// without a description leaves blanks at the end, as ever.
pub(crate) fn status_lines(processes: &[&RemoteProcess]) -> Vec<String> {
    let names: Vec<_> = processes.iter().map(|it| it.full_name()).collect();
    let width = name_width(names.iter().map(String::as_str));
    let lines = names.iter().zip(processes);
    lines.map(|(name, it)| format!("{name:width$}{:10}{}", it.state_name, it.description)).collect()
}

impl RemoteConfig {
    /// One line of `avail`.
    pub(crate) fn line(&self) -> String {
        let in_use = if self.in_use { "in use" } else { "avail" };
        let autostart = if self.autostart { "auto" } else { "manual" };
        let priorities = format!("{}:{}", self.group_priority, self.process_priority);
        format!("{:32} {in_use:9} {autostart:9} {priorities}", self.name)
    }
}

/// What `reread` prints: the groups a new reading would touch, sorted.
pub(crate) fn change_lines(changes: &Changes) -> Vec<String> {
    let lists =
        [(&changes.added, "available"), (&changes.changed, "changed"), (&changes.removed, "disappeared")];
    let mut found: Vec<_> =
        lists.iter().flat_map(|(names, word)| names.iter().map(move |name| (name, *word))).collect();
    found.sort();
    if found.is_empty() {
        return vec!["No config updates to processes".to_owned()];
    }
    found.into_iter().map(|(name, word)| format!("{name}: {word}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn process(group: &str, name: &str, state: &str, description: &str) -> RemoteProcess {
        RemoteProcess {
            group: group.to_owned(),
            name: name.to_owned(),
            state_name: state.to_owned(),
            description: description.to_owned(),
            ..RemoteProcess::default()
        }
    }

    #[test]
    fn states_stand_in_columns_as_wide_as_the_longest_name() {
        let short = process("cat", "cat", "RUNNING", "pid 24685, uptime 0:00:32");
        let long = process("a_group_of_some_length", "with_a_process", "STARTING", "");
        assert_eq!(
            status_lines(&[&short]),
            ["cat                              RUNNING   pid 24685, uptime 0:00:32"]
        );
        assert_eq!(
            status_lines(&[&short, &long]),
            [
                "cat                                     RUNNING   pid 24685, uptime 0:00:32",
                "a_group_of_some_length:with_a_process   STARTING  ",
            ]
        );
        assert_eq!(status_lines(&[]), Vec::<String>::new());
    }

    #[test]
    fn a_configured_process_stands_in_columns() {
        let it = RemoteConfig {
            name: "g:many_00".to_owned(),
            in_use: true,
            autostart: false,
            group_priority: 999,
            process_priority: 1,
        };
        assert_eq!(it.line(), "g:many_00                        in use    manual    999:1");
    }

    #[test]
    fn changes_are_sorted_by_name_whatever_their_kind() {
        let names = |list: &[&str]| list.iter().map(|&it| it.to_owned()).collect();
        let changes = Changes { added: names(&["c"]), changed: names(&["a"]), removed: names(&["b"]) };
        assert_eq!(change_lines(&changes), ["a: changed", "b: disappeared", "c: available"]);
        assert_eq!(change_lines(&Changes::default()), ["No config updates to processes"]);
    }
}
