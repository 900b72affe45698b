//! Values as the original shows them, which is a Python program: `str` of what was sent, `repr` of what is inside of it.

use model::python::repr as quoted;
use wire::value::Value;

/// `str` of a value.
pub(crate) fn str(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::DateTime(text) => Moment::parse(text).map_or_else(|| text.clone(), |it| it.str()),
        Value::Int(_)
        | Value::Bool(_)
        | Value::Double(_)
        | Value::Array(_)
        | Value::Struct(_)
        | Value::Nil => repr(value),
    }
}

/// `repr` of a value. Members of a struct come in the order they were sent in.
fn repr(value: &Value) -> String {
    match value {
        Value::Nil => "None".to_owned(),
        Value::Int(number) => number.to_string(),
        Value::Bool(true) => "True".to_owned(),
        Value::Bool(false) => "False".to_owned(),
        Value::Double(number) => float(*number),
        Value::String(text) => quoted(text),
        Value::DateTime(text) => Moment::parse(text).map_or_else(|| quoted(text), |it| it.repr()),
        Value::Array(items) => format!("[{}]", items.iter().map(repr).collect::<Vec<_>>().join(", ")),
        Value::Struct(members) => {
            let list: Vec<_> =
                members.iter().map(|(name, it)| format!("{}: {}", quoted(name), repr(it))).collect();
            format!("{{{}}}", list.join(", "))
        }
    }
}

/// The name of the type of a value, as its errors show it.
pub(crate) const fn type_name(value: &Value) -> &'static str {
    match value {
        Value::Nil => "NoneType",
        Value::Int(_) => "int",
        Value::Bool(_) => "bool",
        Value::Double(_) => "float",
        Value::String(_) => "str",
        Value::DateTime(_) => "datetime.datetime",
        Value::Array(_) => "list",
        Value::Struct(_) => "dict",
    }
}

/// `repr` of a number: the shortest digits that make it, with an exponent of at least two digits where the number is
/// below 0.0001 or has more than sixteen digits before its point.
fn float(number: f64) -> String {
    if number.is_nan() {
        return "nan".to_owned();
    }
    let text = format!("{number:e}");
    let Some((digits, exponent)) = text.split_once('e') else { return text };
    match exponent.parse::<i32>() {
        Ok(exponent) if !(-4..16).contains(&exponent) => {
            let sign = if exponent < 0 { '-' } else { '+' };
            format!("{digits}e{sign}{:02}", exponent.unsigned_abs())
        }
        Ok(_) | Err(_) if number.is_finite() && number.fract() == 0.0 => format!("{number:.1}"),
        Ok(_) | Err(_) => number.to_string(),
    }
}

/// A moment, as `YYYYMMDDTHH:MM:SS` has it.
struct Moment<'a> {
    text: &'a str,
}

impl<'a> Moment<'a> {
    /// `None` for anything else, which the original refuses.
    fn parse(text: &'a str) -> Option<Self> {
        let is_like = |(byte, pattern): (u8, u8)| match pattern {
            b'0' => byte.is_ascii_digit(),
            other => byte == other,
        };
        let pattern = b"00000000T00:00:00";
        let is_one = text.len() == pattern.len() && text.bytes().zip(*pattern).all(is_like);
        is_one.then_some(Self { text })
    }

    fn part(&self, from: usize, to: usize) -> &str {
        self.text.get(from..to).unwrap_or_default()
    }

    fn str(&self) -> String {
        format!("{}-{}-{} {}", self.part(0, 4), self.part(4, 6), self.part(6, 8), self.part(9, 17))
    }

    /// A `datetime`; seconds are left out where there are none.
    fn repr(&self) -> String {
        let places = [(0, 4), (4, 6), (6, 8), (9, 11), (12, 14), (15, 17)];
        let mut numbers: Vec<u32> =
            places.iter().filter_map(|(from, to)| self.part(*from, *to).parse().ok()).collect();
        if numbers.last() == Some(&0) {
            numbers.pop();
        }
        let numbers: Vec<_> = numbers.iter().map(u32::to_string).collect();
        format!("datetime.datetime({})", numbers.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_shown_as_python_shows_them() {
        let cases = [
            (1.5, "1.5"),
            (2.0, "2.0"),
            (-0.0, "-0.0"),
            (1e300, "1e+300"),
            (1e16, "1e+16"),
            (1e15, "1000000000000000.0"),
            (1.234_567_890_123_456_8e17, "1.2345678901234568e+17"),
            (0.0001, "0.0001"),
            (0.000_01, "1e-05"),
            (f64::NAN, "nan"),
            (f64::INFINITY, "inf"),
            (f64::NEG_INFINITY, "-inf"),
        ];
        for (number, shown) in cases {
            assert_eq!(str(&Value::Double(number)), shown);
        }
    }

    #[test]
    fn what_is_inside_of_something_is_shown_in_quotes() {
        let text = |text: &str| Value::String(text.to_owned());
        let moment = |text: &str| Value::DateTime(text.to_owned());
        let all = Value::Array(vec![
            text("it's"),
            text("a\"b'c"),
            text("\u{e9}\n\t\\\u{a0}\u{2028}"),
            text("\0\u{1}a"),
            Value::Nil,
            Value::Bool(true),
            moment("20200101T00:00:00"),
            moment("20200101T01:02:03"),
            moment("odd"),
        ]);
        assert_eq!(
            str(&all),
            "[\"it's\", 'a\"b\\'c', '\u{e9}\\n\\t\\\\\\xa0\\u2028', '\\x00\\x01a', None, True, \
             datetime.datetime(2020, 1, 1, 0, 0), datetime.datetime(2020, 1, 1, 1, 2, 3), 'odd']"
        );
        assert_eq!(str(&Value::Nil), "None");
        assert_eq!(str(&moment("20200101T01:02:03")), "2020-01-01 01:02:03");
        assert_eq!(str(&text("it's")), "it's");
    }
}
