//! `<base64>` as the original reads it: what is no letter of it is passed over, and what it holds is text.

/// How many bits a letter stands for.
const LETTER_BITS: usize = 6;

/// The text it holds; `None` where it ends within four letters, or holds none.
pub(crate) fn text(letters: &str) -> Option<String> {
    String::from_utf8(bytes(letters)?).ok()
}

/// Four letters are three bytes. A `=` stands for a letter that is missing from the last four, and with those it ends;
/// anywhere else it means nothing.
fn bytes(letters: &str) -> Option<Vec<u8>> {
    let (mut bytes, mut bits, mut held) = (Vec::new(), 0u32, 0);
    let (mut place, mut missing) = (0, 0);
    for letter in letters.bytes() {
        if letter == b'=' && place >= 2 {
            missing += 1;
            if place + missing >= 4 {
                return Some(bytes);
            }
        }
        let Some(value) = value(letter) else { continue };
        missing = 0;
        place = (place + 1) % 4;
        bits = (bits << LETTER_BITS) | u32::from(value);
        held += LETTER_BITS;
        if held >= 8 {
            held -= 8;
            bytes.push(u8::try_from((bits >> held) & 0xff).unwrap_or_default());
        }
    }
    (place == 0).then_some(bytes)
}

const fn value(letter: u8) -> Option<u8> {
    match letter {
        b'A'..=b'Z' => Some(letter - b'A'),
        b'a'..=b'z' => Some(letter - b'a' + 26),
        b'0'..=b'9' => Some(letter - b'0' + 52),
        b'+' => Some(62),
        b'/' => Some(63),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_read_as_python_reads_it() {
        let cases = [
            ("", Some("")),
            ("cGFi", Some("pab")),
            ("cA==", Some("p")),
            ("\naGk\n=\n", Some("hi")),
            ("!!!", Some("")),
            ("cA==cA==", Some("p")),
            ("cA==!", Some("p")),
            ("=cA==", Some("p")),
            ("c=A==", Some("p")),
            ("cGE=x", Some("pa")),
            ("cGFi=", Some("pab")),
            ("cA=", None),
            ("cA", None),
            ("c", None),
            ("cAcA=A==", None),
            ("/v8=", None),
        ];
        for (letters, wanted) in cases {
            assert_eq!(text(letters).as_deref(), wanted, "{letters:?}");
        }
    }
}
