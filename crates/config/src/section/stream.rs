//! The options about one output stream of a program.

use model::keeping::LogKeeping;
use model::spec::{LogTarget, StreamSpec};

use crate::diagnostic::Reported;
use crate::option::{OptionInfo, process as option};
use crate::section::{Reader, keeping};
use crate::value;

/// The rows of the table for one stream.
pub(crate) struct Rows {
    logfile: &'static OptionInfo,
    maxbytes: &'static OptionInfo,
    backups: &'static OptionInfo,
    capture: &'static OptionInfo,
    events: &'static OptionInfo,
    syslog: &'static OptionInfo,
    keeping: &'static keeping::Rows,
}

/// Standard output.
pub(crate) static STDOUT: Rows = Rows {
    logfile: &option::STDOUT_LOGFILE,
    maxbytes: &option::STDOUT_LOGFILE_MAXBYTES,
    backups: &option::STDOUT_LOGFILE_BACKUPS,
    capture: &option::STDOUT_CAPTURE_MAXBYTES,
    events: &option::STDOUT_EVENTS_ENABLED,
    syslog: &option::STDOUT_SYSLOG,
    keeping: &keeping::STDOUT,
};

/// Standard error.
pub(crate) static STDERR: Rows = Rows {
    logfile: &option::STDERR_LOGFILE,
    maxbytes: &option::STDERR_LOGFILE_MAXBYTES,
    backups: &option::STDERR_LOGFILE_BACKUPS,
    capture: &option::STDERR_CAPTURE_MAXBYTES,
    events: &option::STDERR_EVENTS_ENABLED,
    syslog: &option::STDERR_SYSLOG,
    keeping: &keeping::STDERR,
};

/// What is the same for all processes of a section.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Watched {
    capture_maxbytes: i64,
    events_enabled: bool,
}

/// Reads what is the same for all processes of a section.
pub(crate) fn read_watched(reader: &mut Reader<'_, '_>, rows: &Rows) -> Result<Watched, Reported> {
    let capture = reader.value(rows.capture, value::byte_size);
    let events = reader.value(rows.events, value::boolean);
    Ok(Watched { capture_maxbytes: capture?, events_enabled: events? })
}

/// Where a stream of one process goes.
#[derive(Debug, Clone)]
pub(crate) struct Log {
    target: LogTarget,
    /// Whether a file was named, even by an empty name, which means none.
    named: bool,
    maxbytes: i64,
    backups: i64,
    syslog: bool,
    keeping: LogKeeping,
}

/// Reads where a stream of one process goes.
pub(crate) fn read_log(reader: &mut Reader<'_, '_>, rows: &Rows) -> Result<Log, Reported> {
    let choice = read_choice(reader, rows.logfile);
    let backups = reader.value(rows.backups, value::integer);
    let maxbytes = reader.value(rows.maxbytes, value::byte_size);
    let syslog = reader.value(rows.syslog, value::boolean);
    let keeping = keeping::read(reader, rows.keeping);
    let (choice, maxbytes, syslog) = (choice?, maxbytes?, syslog?);
    let (file, word) = (rows.logfile.name, rows.syslog.name);
    let section = &reader.section.name;
    if choice == Choice::Syslog {
        let text = format!(
            "For [{section}], {file}=syslog but this is deprecated and will be removed.  Use {word}=true to \
             enable syslog instead."
        );
        reader.original_warning(rows.logfile, text);
    } else if choice == Choice::Auto && maxbytes == 0 {
        let text = format!(
            "For [{section}], AUTO logging used for {file} without rollover, set maxbytes > 0 to avoid filling \
             up filesystem unintentionally"
        );
        reader.original_warning(rows.maxbytes, text);
    }
    Ok(Log {
        named: matches!(choice, Choice::File(_)),
        syslog: syslog || choice == Choice::Syslog,
        target: choice.into_target(),
        maxbytes,
        backups: backups?,
        keeping: keeping?,
    })
}

#[derive(Debug, PartialEq, Eq)]
enum Choice {
    None,
    Auto,
    /// An old way to ask for the system log.
    Syslog,
    File(String),
}

impl Choice {
    fn into_target(self) -> LogTarget {
        match self {
            Self::None | Self::Syslog => LogTarget::None,
            Self::Auto => LogTarget::Auto,
            Self::File(path) if path.is_empty() => LogTarget::None,
            Self::File(path) => LogTarget::File(path.into()),
        }
    }
}

fn read_choice(reader: &mut Reader<'_, '_>, option: &'static OptionInfo) -> Result<Choice, Reported> {
    let text = reader.text(option)?.unwrap_or_default();
    // The original expands this option twice.
    let text = reader.expand_as(option, &text, option.name)?;
    // Letters beyond ASCII become none of these when they are made small.
    let is = |word: &str| text.eq_ignore_ascii_case(word);
    match () {
        () if is("none") || is("off") => Ok(Choice::None),
        () if is("auto") => Ok(Choice::Auto),
        () if is("syslog") => Ok(Choice::Syslog),
        () => {
            let path = reader.context.machine.existing_dirpath(&text);
            path.map(Choice::File).map_err(|error| reader.wrong(option, error.into()))
        }
    }
}

impl Log {
    /// This log where the stream is the same as another: no file is ever made for it.
    pub(crate) fn redirected(mut self, reader: &mut Reader<'_, '_>) -> Self {
        if self.named {
            let text = format!(
                "For [{}], redirect_stderr=true but stderr_logfile has also been set to a filename, the \
                 filename has been ignored",
                reader.section.name
            );
            reader.original_warning(&option::STDERR_LOGFILE, text);
        }
        self.target = LogTarget::None;
        self.keeping.also = Vec::new();
        self
    }

    pub(crate) fn spec(self, watched: Watched) -> StreamSpec {
        StreamSpec {
            target: self.target,
            maxbytes: self.maxbytes,
            backups: self.backups,
            capture_maxbytes: watched.capture_maxbytes,
            events_enabled: watched.events_enabled,
            syslog: self.syslog,
            keeping: self.keeping,
        }
    }
}
