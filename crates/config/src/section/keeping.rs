//! The options about what else is done with a log. They are ours, so that the words of their mistakes are
//! ours too.

use std::path::PathBuf;

use model::keeping::{Compression, LogFormat, LogKeeping, OnFull, RotateWhen};

use crate::diagnostic::{Reported, Wrong};
use crate::option::{OptionInfo, process as option};
use crate::section::Reader;
use crate::value;

/// The rows of the table for one stream.
pub(crate) struct Rows {
    rotate: &'static OptionInfo,
    compress: &'static OptionInfo,
    total_maxbytes: &'static OptionInfo,
    format: &'static OptionInfo,
    on_full: &'static OptionInfo,
    also: &'static OptionInfo,
}

/// Standard output.
pub(crate) static STDOUT: Rows = Rows {
    rotate: &option::STDOUT_LOGFILE_ROTATE,
    compress: &option::STDOUT_LOGFILE_COMPRESS,
    total_maxbytes: &option::STDOUT_LOGFILE_TOTAL_MAXBYTES,
    format: &option::STDOUT_LOGFILE_FORMAT,
    on_full: &option::STDOUT_LOGFILE_ON_FULL,
    also: &option::STDOUT_LOGFILE_ALSO,
};

/// Standard error.
pub(crate) static STDERR: Rows = Rows {
    rotate: &option::STDERR_LOGFILE_ROTATE,
    compress: &option::STDERR_LOGFILE_COMPRESS,
    total_maxbytes: &option::STDERR_LOGFILE_TOTAL_MAXBYTES,
    format: &option::STDERR_LOGFILE_FORMAT,
    on_full: &option::STDERR_LOGFILE_ON_FULL,
    also: &option::STDERR_LOGFILE_ALSO,
};

/// Reads what else is done with the log of a stream.
pub(crate) fn read(reader: &mut Reader<'_, '_>, rows: &Rows) -> Result<LogKeeping, Reported> {
    let rotate = reader.value(rows.rotate, rotate_when);
    let compress = reader.value(rows.compress, compression);
    let total_maxbytes = reader.value(rows.total_maxbytes, value::byte_size);
    let format = reader.value(rows.format, log_format);
    let on_full = reader.value(rows.on_full, on_full);
    let also = read_also(reader, rows.also);
    Ok(LogKeeping {
        rotate: rotate?,
        compress: compress?,
        total_maxbytes: total_maxbytes?,
        format: format?,
        on_full: on_full?,
        also: also?,
    })
}

fn read_also(reader: &mut Reader<'_, '_>, row: &'static OptionInfo) -> Result<Vec<PathBuf>, Reported> {
    let text = reader.text(row)?.unwrap_or_default().into_owned();
    let mut paths = Vec::new();
    for name in value::list(&text) {
        if matches!(name.to_lowercase().as_str(), "none" | "off" | "auto" | "syslog") {
            let message = format!("`{name}` is not a file");
            let remedy =
                "write a path, such as `/dev/stdout`; for the system log there is `stdout_syslog=true`";
            return Err(reader.wrong(row, Wrong::new(message.clone(), message).or_else_write(remedy)));
        }
        let path = reader.context.machine.existing_dirpath(name);
        paths.push(path.map_err(|error| reader.wrong(row, error.into()))?.into());
    }
    Ok(paths)
}

/// One of several words, or what is wrong with it.
fn word<T: Copy>(text: &str, words: &[(&str, T)], otherwise: &str) -> Result<T, Wrong> {
    let lowered = text.to_lowercase();
    words.iter().find(|it| it.0 == lowered).map(|it| it.1).ok_or_else(|| {
        let known: Vec<String> = words.iter().map(|it| format!("`{}`", it.0)).collect();
        let message = format!("`{text}` is none of {}{otherwise}", known.join(", "));
        let wrong = Wrong::new(message.clone(), message);
        match crate::suggest::nearest(&lowered, words.iter().map(|it| it.0)) {
            Some(meant) => wrong.or_else_write(format!("write `{meant}`")),
            None => wrong.or_else_write(format!("write {}{otherwise}", known.join(", "))),
        }
    })
}

fn rotate_when(text: &str) -> Result<RotateWhen, Wrong> {
    let seconds = text.parse::<u32>().ok().filter(|it| *it > 0).map(RotateWhen::Every);
    let words = [("never", RotateWhen::Never), ("hourly", RotateWhen::Hourly), ("daily", RotateWhen::Daily)];
    seconds.map_or_else(|| word(text, &words, " or a number of seconds"), Ok)
}

fn compression(text: &str) -> Result<Compression, Wrong> {
    let words = [("none", Compression::None), ("gzip", Compression::Gzip), ("zstd", Compression::Zstd)];
    word(text, &words, "")
}

fn log_format(text: &str) -> Result<LogFormat, Wrong> {
    word(text, &[("raw", LogFormat::Raw), ("prefix", LogFormat::Prefix), ("json", LogFormat::Json)], "")
}

fn on_full(text: &str) -> Result<OnFull, Wrong> {
    word(text, &[("block", OnFull::Block), ("drop", OnFull::Drop)], "")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_known_in_any_case_and_mistakes_say_what_to_write() {
        assert_eq!(rotate_when("Daily").ok(), Some(RotateWhen::Daily));
        assert_eq!(rotate_when("3600").ok(), Some(RotateWhen::Every(3600)));
        assert_eq!(log_format("JSON").ok(), Some(LogFormat::Json));
        assert_eq!(on_full("drop").ok(), Some(OnFull::Drop));
        let remedy = |wrong: Wrong| (wrong.message, wrong.remedy.unwrap_or_default());
        assert_eq!(
            remedy(compression("gzpi").unwrap_err()),
            ("`gzpi` is none of `none`, `gzip`, `zstd`".to_owned(), "write `gzip`".to_owned())
        );
        let (message, _) = remedy(rotate_when("0").unwrap_err());
        assert_eq!(message, "`0` is none of `never`, `hourly`, `daily` or a number of seconds");
    }
}
