//! Figures for people with a `sqlite3` at hand: views that unpack what `pack` has packed, in the database's own words.

use std::fmt::Write;

use model::past::{MACHINE, measures};

use crate::pack::{Form, point_bytes};

/// The statements that make both views, anew where they are there.
pub(crate) fn statements() -> String {
    view("process_figures", "subjects.name AS name,", "subjects.name <> ''", "a process")
        + &view("machine_figures", "", "subjects.name = ''", MACHINE)
}

fn view(view: &str, name: &str, is_meant: &str, subject: &str) -> String {
    let bytes = point_bytes(subject);
    let mut columns = String::new();
    let mut at = 1;
    for measure in measures(subject) {
        let form = Form::of(measure.name);
        // Writing to a string cannot fail.
        let _ = write!(columns, ",\n    {} AS {}", value("digits", at, form), measure.name);
        at += form.digits;
    }
    let name_of_cut = if name.is_empty() { "" } else { "name, " };
    let (none, place) = ("FF".repeat(bytes), number("place", 1, 2));
    format!(
        "DROP VIEW IF EXISTS {view};
CREATE VIEW {view} AS
WITH RECURSIVE
  places(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM places WHERE i < 254),
  sized AS (
    SELECT {name} figures.at AS block, seconds, points, iif(seconds = 1, 1, 0) AS places
    FROM figures JOIN subjects ON subjects.id = figures.subject WHERE {is_meant}),
  cut AS (
    SELECT {name_of_cut}block, seconds, i, hex(substr(points, i * ({bytes} + places) + 1, places)) AS place,
      hex(substr(points, i * ({bytes} + places) + 1 + places, {bytes})) AS digits
    FROM sized JOIN places WHERE i * ({bytes} + places) < length(points))
SELECT {name_of_cut}block + iif(seconds = 1, {place}, i) * seconds AS at, seconds{columns}
FROM cut WHERE digits <> '{none}';
"
    )
}

/// The value of the number whose first digit is at a place of a text.
fn value(text: &str, at: u32, form: Form) -> String {
    let number = number(text, at, form.digits);
    let one = 1 << form.mantissa_bits;
    let exponent = format!("({number} >> {})", form.mantissa_bits);
    format!(
        "CASE WHEN {number} = {} THEN NULL WHEN {number} < {one} THEN {number} \
         ELSE ({one} + ({number} & {})) << ({exponent} - 1) END",
        form.nothing(),
        one - 1
    )
}

/// The number that so many hexadecimal digits from a place of a text on are.
fn number(text: &str, at: u32, count: u32) -> String {
    let digit = |index: u32| {
        format!(
            "(instr('123456789ABCDEF', substr({text}, {}, 1)) << {})",
            at + index,
            4 * (count - 1 - index)
        )
    };
    format!("({})", (0..count).map(digit).collect::<Vec<_>>().join(" + "))
}
