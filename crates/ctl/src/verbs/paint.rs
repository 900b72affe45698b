//! Colors, where a person looks.

use anstyle::{AnsiColor, Style};
use model::outside::Outside;

/// Whether results are colored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Paint {
    /// On a terminal.
    Colors,
    /// Anywhere else, or when asked for.
    Plain,
}

/// What a text says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tone {
    /// All is well.
    Good,
    /// It will change by itself.
    Passing,
    /// Someone should look.
    Bad,
    /// Nothing of note.
    Quiet,
}

impl Paint {
    /// Colors for a terminal, unless the user or `NO_COLOR` (no-color.org) says otherwise.
    pub(crate) fn choose(terminal: bool, refused: bool, outside: &dyn Outside) -> Self {
        let banned =
            || outside.environment().iter().any(|(key, value)| key == "NO_COLOR" && !value.is_empty());
        if terminal && !refused && !banned() { Self::Colors } else { Self::Plain }
    }

    /// The text, colored where there are colors.
    pub(crate) fn text(self, tone: Tone, text: &str) -> String {
        let style = match tone {
            Tone::Good => AnsiColor::Green.on_default(),
            Tone::Passing => AnsiColor::Yellow.on_default(),
            Tone::Bad => AnsiColor::Red.on_default().bold(),
            Tone::Quiet => Style::new().dimmed(),
        };
        match self {
            Self::Colors => format!("{style}{text}{style:#}"),
            Self::Plain => text.to_owned(),
        }
    }
}
