//! How the words are written down, for those who must be read by a later version. Only with the feature
//! `serde`.
//!
//! Names are text, moments on the monotonic clock are seconds and nanoseconds, and bytes are text in
//! which each character is one byte, so that what programs say can be read by people.

use std::time::Duration;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::name::{FullName, GroupName, ProcessName};
use crate::signal::Signal;
use crate::time::Mono;

impl Serialize for GroupName {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for GroupName {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        Self::parse(&String::deserialize(from)?).map_err(D::Error::custom)
    }
}

impl Serialize for ProcessName {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for ProcessName {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        Ok(Self::expanded(&String::deserialize(from)?))
    }
}

/// Always `group:process`, even where clients see one word.
impl Serialize for FullName {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(&format_args!("{}:{}", self.group.as_str(), self.process.as_str()))
    }
}

impl<'de> Deserialize<'de> for FullName {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = String::deserialize(from)?;
        let (group, process) = text.split_once(':').ok_or_else(|| D::Error::custom("not a full name"))?;
        let group = GroupName::parse(group).map_err(D::Error::custom)?;
        Ok(Self { group, process: ProcessName::expanded(process) })
    }
}

impl Serialize for Signal {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_i32(self.number())
    }
}

impl<'de> Deserialize<'de> for Signal {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        i32::deserialize(from).map(Self::from_raw)
    }
}

impl Serialize for Mono {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        (self.0.as_secs(), self.0.subsec_nanos()).serialize(to)
    }
}

impl<'de> Deserialize<'de> for Mono {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let (seconds, nanos) = <(u64, u32)>::deserialize(from)?;
        // `Duration::new` panics where the seconds overflow.
        let length = Duration::from_secs(seconds).checked_add(Duration::from_nanos(nanos.into()));
        length.map(Self).ok_or_else(|| D::Error::custom("no moment has so many seconds"))
    }
}

/// Bytes as text of which each character is one byte (ISO 8859-1).
pub(crate) mod bytes {
    use serde::de::Error as _;
    use serde::{Deserialize, Deserializer, Serializer};

    #[expect(clippy::ptr_arg, reason = "the signature is the one that `serde(with)` calls")]
    pub(crate) fn serialize<S: Serializer>(bytes: &Vec<u8>, to: S) -> Result<S::Ok, S::Error> {
        let text: String = bytes.iter().map(|it| char::from(*it)).collect();
        to.serialize_str(&text)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<u8>, D::Error> {
        let text = String::deserialize(from)?;
        let bytes: Result<Vec<u8>, _> = text.chars().map(u8::try_from).collect();
        bytes.map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Event;

    fn there_and_back<T: Serialize + for<'de> Deserialize<'de>>(value: &T) -> (String, T) {
        let text = serde_json::to_string(value).unwrap();
        let back = serde_json::from_str(&text).unwrap();
        (text, back)
    }

    #[test]
    fn names_keep_what_they_are() {
        let group = GroupName::parse("web").unwrap();
        for (process, written) in [("web", r#""web:web""#), ("a:b c", r#""web:a:b c""#)] {
            let name = FullName { group: group.clone(), process: ProcessName::expanded(process) };
            assert_eq!(there_and_back(&name), (written.to_owned(), name));
        }
        for wrong in [r#""web""#, r#""a b:c""#, "7"] {
            assert!(serde_json::from_str::<FullName>(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn moments_are_exact_to_the_end_of_time() {
        for (moment, written) in
            [(Mono(Duration::new(3, 5)), "[3,5]"), (Mono(Duration::MAX), "[18446744073709551615,999999999]")]
        {
            assert_eq!(there_and_back(&moment), (written.to_owned(), moment));
        }
        assert!(serde_json::from_str::<Mono>("[18446744073709551615,4000000000]").is_err());
    }

    #[test]
    fn every_byte_of_an_event_comes_back() {
        let group = GroupName::parse("g").unwrap();
        let name = FullName { group, process: ProcessName::expanded("p") };
        let data: Vec<u8> = (0..=255).collect();
        let event = Event::ProcessLog { name, pid: 1, channel: crate::child::Channel::Stdout, data };
        assert_eq!(there_and_back(&event).1, event);
        let no_byte = r#"{"process_log":{"name":"g:p","pid":1,"channel":"stdout","data":"\u0100"}}"#;
        assert!(serde_json::from_str::<Event>(no_byte).is_err());
    }
}
