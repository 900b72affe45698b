//! The terminal: taken as a whole, and given back as it was.

use std::io::{self, IsTerminal, Read, Write};
use std::sync::mpsc::Sender;

use rustix::termios::{OptionalActions, Termios, tcgetattr, tcgetwinsize, tcsetattr};

use super::News;
use super::draw::Size;
use super::view::Key;

/// To a screen of its own, without a cursor.
const ENTER: &str = "\u{1b}[?1049h\u{1b}[?25l";
/// Back.
const LEAVE: &str = "\u{1b}[?25h\u{1b}[?1049l";

/// A terminal that is ours until this is dropped.
pub(super) struct Screen {
    before: Termios,
}

impl Screen {
    /// Takes the terminal.
    ///
    /// # Errors
    /// When there is none.
    pub(super) fn take() -> io::Result<Self> {
        let stdin = io::stdin();
        if !stdin.is_terminal() || !io::stdout().is_terminal() {
            return Err(io::Error::other("this needs a terminal"));
        }
        let before = tcgetattr(&stdin)?;
        let mut raw = before.clone();
        raw.make_raw();
        tcsetattr(&stdin, OptionalActions::Flush, &raw)?;
        let screen = Self { before };
        screen.show(ENTER)?;
        Ok(screen)
    }

    /// How large it is; what terminals were once, when it does not say.
    pub(super) fn size() -> Size {
        let told = tcgetwinsize(io::stdout()).ok().filter(|it| it.ws_col > 0 && it.ws_row > 0);
        told.map_or(Size { columns: 80, rows: 24 }, |it| Size {
            columns: it.ws_col.into(),
            rows: it.ws_row.into(),
        })
    }

    /// Shows a whole screen, at once, so that it does not flicker.
    pub(super) fn draw(&self, text: &str) -> io::Result<()> {
        self.show(&format!("\u{1b}[H{text}"))
    }

    #[expect(clippy::unused_self, reason = "only who has taken the terminal may write to it")]
    fn show(&self, text: &str) -> io::Result<()> {
        let mut out = io::stdout().lock();
        out.write_all(text.as_bytes())?;
        out.flush()
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        // Nothing more can be done for a terminal that is gone.
        let _ = self.show(LEAVE);
        let _ = tcsetattr(io::stdin(), OptionalActions::Flush, &self.before);
    }
}

/// Tells which keys are pressed, until there is nobody to tell or nothing to read.
pub(super) fn listen(news: &Sender<News>) {
    let mut bytes = [0; 64];
    while let Ok(count) = io::stdin().read(&mut bytes) {
        let pressed = keys(bytes.get(..count).unwrap_or_default());
        if count == 0 || pressed.into_iter().any(|it| news.send(News::Key(it)).is_err()) {
            break;
        }
    }
    let _ = news.send(News::Key(Key::Interrupt));
}

/// What terminals send for keys that are no characters.
const SEQUENCES: [(&str, Key); 8] = [
    ("\u{1b}[A", Key::Up),
    ("\u{1b}OA", Key::Up),
    ("\u{1b}[B", Key::Down),
    ("\u{1b}OB", Key::Down),
    ("\u{1b}[5~", Key::PageUp),
    ("\u{1b}[6~", Key::PageDown),
    ("\r", Key::Enter),
    ("\u{7f}", Key::Backspace),
];

/// The keys that bytes stand for (ECMA-48 and what xterm made of it). A terminal sends a sequence at once.
fn keys(bytes: &[u8]) -> Vec<Key> {
    let text = String::from_utf8_lossy(bytes);
    let mut rest = text.as_ref();
    let mut keys = Vec::new();
    while let Some(first) = rest.chars().next() {
        if let Some((sequence, key)) = SEQUENCES.iter().find(|(it, _)| rest.starts_with(it)) {
            keys.push(*key);
            rest = rest.get(sequence.len()..).unwrap_or_default();
            continue;
        }
        match first {
            '\u{3}' => keys.push(Key::Interrupt),
            // A sequence nobody knows here is not typed text.
            '\u{1b}' if rest.len() > 1 => break,
            '\u{1b}' => keys.push(Key::Escape),
            it if it.is_control() => {}
            it => keys.push(Key::Char(it)),
        }
        rest = rest.get(first.len_utf8()..).unwrap_or_default();
    }
    keys
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_of_a_terminal_are_keys() {
        assert_eq!(
            keys(b"jq\x1b[A\x1b[6~\r"),
            [Key::Char('j'), Key::Char('q'), Key::Up, Key::PageDown, Key::Enter]
        );
        assert_eq!(keys(b"\x1b"), [Key::Escape]);
        assert_eq!(keys(b"\x1b[200~"), []);
        assert_eq!(keys("门\u{3}".as_bytes()), [Key::Char('门'), Key::Interrupt]);
    }
}
