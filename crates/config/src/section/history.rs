//! The options about what is remembered of the past. They are ours, so that the words of their mistakes are ours too.

use crate::diagnostic::{Reported, Wrong};
use crate::option::supervisord as option;
use crate::section::Reader;
use crate::settings::History;
use crate::value;

/// Smaller than this, the database would hold little but its own tables.
const BYTES_MIN: u64 = 1 << 20;

/// The longest time between two looks: a day. Who wants it longer wants none.
const INTERVAL_SECS_MAX: u32 = 86_400;

/// Reads where the past is kept.
pub(crate) fn read(reader: &mut Reader<'_, '_>) -> Result<Option<History>, Reported> {
    let machine = reader.context.machine;
    let file = reader.optional(&option::HISTORY_FILE, |text| machine.existing_dirpath(text));
    let bytes_max = reader.value(&option::HISTORY_MAXBYTES, bytes_max);
    let (file, bytes_max) = (file?, bytes_max?);
    Ok(file.filter(|it| !it.is_empty()).map(|it| History { file: machine.full_path(&it).into(), bytes_max }))
}

/// A size that a history can have.
fn bytes_max(text: &str) -> Result<u64, Wrong> {
    let bytes = value::byte_size(text)?;
    u64::try_from(bytes).ok().filter(|it| *it >= BYTES_MIN).ok_or_else(|| {
        let message = format!("`{text}` is too small for a history");
        Wrong::new(message.clone(), message)
            .or_else_write("write `1MB` or more; without `history_file` there is no history at all")
    })
}

/// A number of seconds, or 0.
pub(crate) fn interval(text: &str) -> Result<u32, Wrong> {
    text.trim().parse().ok().filter(|it| *it <= INTERVAL_SECS_MAX).ok_or_else(|| {
        let message = format!("`{text}` is no whole number of seconds from 0 to {INTERVAL_SECS_MAX}");
        Wrong::new(message.clone(), message).or_else_write("write `5`, or `0` to never look")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mistakes_say_what_to_write() {
        assert_eq!(bytes_max("2MB").ok(), Some(2 << 20));
        assert_eq!(interval("0").ok(), Some(0));
        for text in ["1023KB", "0", "-5MB"] {
            assert!(bytes_max(text).unwrap_err().remedy.unwrap().contains("`1MB`"), "{text}");
        }
        for text in ["-1", "5s", "0.5", "99999999999", ""] {
            assert!(interval(text).unwrap_err().remedy.unwrap().contains("`5`"), "{text}");
        }
    }
}
