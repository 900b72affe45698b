//! `help`: the topics, and the forms of each.

use crate::command::{self, TABLE};
use crate::session::{Failure, Session};

/// How wide the list of topics may be; the original counts one less than the 80 of a terminal.
const WIDTH: usize = 79;

/// What heads the list of topics.
const HEADER: &str = "default commands (type help <topic>):";

/// `help [topic]`.
pub(crate) fn help(session: &mut Session<'_>, topic: &str) -> Result<(), Failure> {
    if topic.is_empty() {
        let topics: Vec<_> = TABLE.iter().filter(|it| it.listed).map(|it| it.name).collect();
        session.say(format!("\n{HEADER}\n{}", "=".repeat(HEADER.len())))?;
        for line in columns(&topics, WIDTH) {
            session.say(line)?;
        }
        return session.say("");
    }
    match command::find(topic).filter(|it| !it.usage.is_empty()) {
        Some(it) => session.say(it.usage),
        None => session.say(format!("*** No help on {topic}")),
    }
}

/// Arranges words in as few lines as fit, read downwards (Python's `cmd.Cmd.columnize`).
fn columns(words: &[&str], width: usize) -> Vec<String> {
    for rows in 1..words.len() {
        let widths: Vec<usize> =
            words.chunks(rows).map(|it| it.iter().map(|word| word.len()).max().unwrap_or(0)).collect();
        let total = widths.iter().sum::<usize>() + 2 * (widths.len() - 1);
        if total <= width {
            return (0..rows).map(|row| line_of(words, rows, row, &widths)).collect();
        }
    }
    words.iter().map(|&it| it.to_owned()).collect()
}

fn line_of(words: &[&str], rows: usize, row: usize, widths: &[usize]) -> String {
    let cells: Vec<String> = words
        .iter()
        .skip(row)
        .step_by(rows)
        .zip(widths)
        .map(|(word, width)| format!("{word:width$}"))
        .collect();
    cells.join("  ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_stand_in_columns_read_downwards() {
        assert_eq!(columns(&["a", "bb", "c", "d", "e"], 7), ["a   d", "bb  e", "c "]);
        assert_eq!(columns(&["a", "bb", "c"], 80), ["a  bb  c"]);
        assert_eq!(columns(&["much", "too", "wide"], 3), ["much", "too", "wide"]);
        assert_eq!(columns(&[], 3), Vec::<String>::new());
    }
}
