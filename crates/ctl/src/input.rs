//! What the user types, or a pipe holds: lines, one at a time, so that a wait for one can end when
//! something else happens.

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use crate::client::Target;
use crate::transport::{Interrupt, wait_readable};

/// A line longer than this is no command and no line for a program's standard input.
const LINE_BYTES_MAX: usize = 1024 * 1024;

/// What a wait for a line came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Typed {
    /// A line, without its end.
    Line(String),
    /// There will be no more.
    End,
    /// The user interrupted.
    Interrupted,
}

/// Who asks the user.
pub(crate) trait Input {
    /// Shows `prompt` and takes a line.
    ///
    /// # Errors
    /// When neither can be done.
    fn line(&mut self, prompt: &str, out: &mut dyn Write) -> io::Result<Typed>;

    /// Shows `prompt` and takes a command for the server at `target`.
    ///
    /// # Errors
    /// When neither can be done.
    fn command(&mut self, prompt: &str, target: &Target, out: &mut dyn Write) -> io::Result<Typed> {
        let _ = target;
        self.line(prompt, out)
    }

    /// Shows `prompt` and takes a line that is not shown.
    ///
    /// # Errors
    /// When neither can be done.
    fn secret(&mut self, prompt: &str, out: &mut dyn Write) -> io::Result<Typed>;

    /// The lines as they come, for who waits for other things as well.
    fn lines(&mut self) -> &mut Lines;

    /// Whether the line on the screen is at its end when a wait for one comes to nothing.
    fn ends_lines(&self) -> bool {
        false
    }

    /// Lets waits end when `interrupt` becomes readable.
    fn heed(&mut self, interrupt: Interrupt);
}

/// Lines from a descriptor.
pub(crate) struct Lines {
    source: File,
    buffer: Vec<u8>,
    ended: bool,
}

impl Lines {
    /// The lines of `source`.
    pub(crate) fn new(source: OwnedFd) -> Self {
        Self { source: File::from(source), buffer: Vec::new(), ended: false }
    }

    /// The lines of standard input; none when it is closed.
    pub(crate) fn of_stdin() -> io::Result<Self> {
        let source = io::stdin()
            .as_fd()
            .try_clone_to_owned()
            .or_else(|_| File::open("/dev/null").map(OwnedFd::from))?;
        Ok(Self::new(source))
    }

    /// A whole line, or the beginning of one that has no end, if one has come.
    pub(crate) fn take(&mut self) -> Option<Typed> {
        if let Some(end) = self.buffer.iter().position(|it| *it == b'\n') {
            let line: Vec<u8> = self.buffer.drain(..=end).collect();
            return Some(Typed::Line(text(&line)));
        }
        if !self.ended {
            return None;
        }
        let rest = std::mem::take(&mut self.buffer);
        Some(if rest.is_empty() { Typed::End } else { Typed::Line(text(&rest)) })
    }

    /// Reads what there is; waits when there is nothing.
    ///
    /// # Errors
    /// When it cannot be read, or a line does not end.
    pub(crate) fn fill(&mut self) -> io::Result<()> {
        let mut piece = [0; 4096];
        let count = match self.source.read(&mut piece) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => return Ok(()),
            // A terminal whose other end is gone says so with an error.
            Err(error) if error.raw_os_error() == Some(5) => 0,
            other => other?,
        };
        self.ended |= count == 0;
        self.buffer.extend_from_slice(piece.get(..count).unwrap_or_default());
        if self.buffer.len() > LINE_BYTES_MAX && !self.buffer.contains(&b'\n') {
            return Err(io::Error::new(
                io::ErrorKind::InvalidData,
                format!("a line has more than {LINE_BYTES_MAX} bytes"),
            ));
        }
        Ok(())
    }

    /// The next line, or the interrupt that came first.
    ///
    /// # Errors
    /// As for [`Self::fill`].
    pub(crate) fn next(&mut self, interrupt: Option<&Interrupt>) -> io::Result<Typed> {
        loop {
            if let Some(typed) = self.take() {
                return Ok(typed);
            }
            if let Some(interrupt) = interrupt {
                let [interrupted, _] = wait_readable([interrupt.as_fd(), self.source.as_fd()], None)?;
                if interrupted {
                    return Ok(Typed::Interrupted);
                }
            }
            self.fill()?;
        }
    }
}

impl AsFd for Lines {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.source.as_fd()
    }
}

fn text(line: &[u8]) -> String {
    String::from_utf8_lossy(line).trim_end_matches(['\r', '\n']).to_owned()
}

/// Input that is not edited: a pipe, a file, or a terminal while a command runs.
pub(crate) struct Plain {
    lines: Lines,
    interrupt: Option<Interrupt>,
}

impl Plain {
    /// Input from these lines.
    pub(crate) const fn new(lines: Lines) -> Self {
        Self { lines, interrupt: None }
    }
}

impl Input for Plain {
    fn line(&mut self, prompt: &str, out: &mut dyn Write) -> io::Result<Typed> {
        out.write_all(prompt.as_bytes())?;
        out.flush()?;
        self.lines.next(self.interrupt.as_ref())
    }

    fn secret(&mut self, prompt: &str, out: &mut dyn Write) -> io::Result<Typed> {
        // First this: whoever sees the question may answer at once, and must not be seen to.
        let quiet = Quiet::begin(&self.lines);
        out.write_all(prompt.as_bytes())?;
        out.flush()?;
        let typed = self.lines.next(self.interrupt.as_ref());
        if quiet.is_some() {
            // The end of the line was typed unseen, too.
            out.write_all(b"\n")?;
        }
        typed
    }

    fn lines(&mut self) -> &mut Lines {
        &mut self.lines
    }

    fn heed(&mut self, interrupt: Interrupt) {
        self.interrupt = Some(interrupt);
    }
}

/// A terminal that does not show what is typed, for as long as this lives.
struct Quiet {
    terminal: OwnedFd,
    before: rustix::termios::Termios,
}

impl Quiet {
    /// `None` when it is no terminal.
    fn begin(terminal: &Lines) -> Option<Self> {
        use rustix::termios::{LocalModes, OptionalActions, tcgetattr, tcsetattr};
        let before = tcgetattr(terminal).ok()?;
        let mut quiet = before.clone();
        quiet.local_modes.remove(LocalModes::ECHO);
        tcsetattr(terminal, OptionalActions::Flush, &quiet).ok()?;
        Some(Self { terminal: terminal.as_fd().try_clone_to_owned().ok()?, before })
    }
}

impl Drop for Quiet {
    fn drop(&mut self) {
        let now = rustix::termios::OptionalActions::Now;
        // Nothing can be done about a terminal that is gone.
        let _ = rustix::termios::tcsetattr(&self.terminal, now, &self.before);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_come_whole_and_a_last_one_needs_no_end() {
        let (reader, mut writer) = io::pipe().unwrap();
        let mut lines = Lines::new(reader.into());
        assert_eq!(lines.take(), None);
        writer.write_all(b"one\r\ntwo\nthr").unwrap();
        assert_eq!(lines.next(None).unwrap(), Typed::Line("one".to_owned()));
        assert_eq!(lines.next(None).unwrap(), Typed::Line("two".to_owned()));
        writer.write_all(b"ee").unwrap();
        drop(writer);
        assert_eq!(lines.next(None).unwrap(), Typed::Line("three".to_owned()));
        assert_eq!(lines.next(None).unwrap(), Typed::End);
    }

    #[test]
    fn an_interrupt_ends_the_wait() {
        let (reader, _writer) = io::pipe().unwrap();
        let (alarm, mut bell) = io::pipe().unwrap();
        bell.write_all(b"!").unwrap();
        let mut lines = Lines::new(reader.into());
        let alarm: Interrupt = std::rc::Rc::new(alarm);
        assert_eq!(lines.next(Some(&alarm)).unwrap(), Typed::Interrupted);
    }
}
