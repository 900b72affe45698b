//! The values XML-RPC knows.

use std::borrow::Cow;
use std::collections::HashMap;
use std::collections::hash_map::Entry;

/// A value of the protocol.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// `<int>`, `<i4>`.
    Int(i64),
    /// `<boolean>`.
    Bool(bool),
    /// `<string>`, or a bare `<value>`; also `<base64>`, which the original takes for the text it holds.
    String(String),
    /// `<double>`.
    Double(f64),
    /// `<dateTime.iso8601>`, unparsed.
    DateTime(String),
    /// `<array>`.
    Array(Vec<Value>),
    /// `<struct>`.
    Struct(Members),
    /// `<nil/>`, and any other empty element that XML-RPC does not know: Python's `None`.
    Nil,
}

/// The name of a member: most are words of the program, and cost nothing.
pub type Key = Cow<'static, str>;

/// The members of a struct, each there once; of two with one name the later counts. Ours are in order of their names;
/// those [somebody sent](Self::as_sent) in the order they came in.
///
/// A list and no tree: structs are small, are mostly built in order, and a thousand of them make one answer.
#[derive(Debug, Clone, PartialEq)]
pub struct Members {
    list: Vec<(Key, Value)>,
    /// Whether they are in order of their names; others are looked for one by one.
    is_sorted: bool,
}

impl Default for Members {
    fn default() -> Self {
        Self::new()
    }
}

impl Members {
    /// None.
    pub const fn new() -> Self {
        Self { list: Vec::new(), is_sorted: true }
    }

    /// None, with room for so many.
    pub fn with_capacity(count: usize) -> Self {
        Self { list: Vec::with_capacity(count), is_sorted: true }
    }

    /// Those of a struct that was read, in its order: that of the first of each name, as in a Python `dict`. It takes a
    /// time that a stranger who sent it cannot abuse, however long the list and whatever its order.
    pub fn as_sent(list: Vec<(Key, Value)>) -> Self {
        if list.is_sorted_by(|(one, _), (other, _)| one < other) {
            return Self { list, is_sorted: true };
        }
        let mut places: HashMap<Key, usize> = HashMap::with_capacity(list.len());
        let mut kept: Vec<(Key, Value)> = Vec::with_capacity(list.len());
        for (name, value) in list {
            match places.entry(name) {
                Entry::Occupied(place) => {
                    if let Some((_, old)) = kept.get_mut(*place.get()) {
                        *old = value;
                    }
                }
                Entry::Vacant(place) => {
                    kept.push((place.key().clone(), value));
                    place.insert(kept.len() - 1);
                }
            }
        }
        Self { list: kept, is_sorted: false }
    }

    /// How many there are.
    pub const fn len(&self) -> usize {
        self.list.len()
    }

    /// Whether there is none.
    pub const fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// Where the member of that name is, or would be.
    fn place(&self, name: &str) -> Result<usize, usize> {
        if self.is_sorted {
            return self.list.binary_search_by(|(key, _)| (**key).cmp(name));
        }
        self.list.iter().position(|(key, _)| key == name).ok_or(self.list.len())
    }

    /// The member of that name.
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.list.get(self.place(name).ok()?).map(|(_, value)| value)
    }

    /// The member of that name, to be changed.
    pub fn get_mut(&mut self, name: &str) -> Option<&mut Value> {
        let place = self.place(name).ok()?;
        self.list.get_mut(place).map(|(_, value)| value)
    }

    /// Whether there is a member of that name.
    pub fn contains_key(&self, name: &str) -> bool {
        self.place(name).is_ok()
    }

    /// Puts a member in; returns the one of that name that was there.
    pub fn insert(&mut self, name: impl Into<Key>, value: Value) -> Option<Value> {
        let name = name.into();
        match self.place(&name) {
            Ok(place) => self.list.get_mut(place).map(|(_, old)| std::mem::replace(old, value)),
            Err(place) => {
                self.list.insert(place, (name, value));
                None
            }
        }
    }

    /// Takes a member out.
    pub fn remove(&mut self, name: &str) -> Option<Value> {
        let place = self.place(name).ok()?;
        Some(self.list.remove(place).1)
    }

    /// All of them, in their order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&str, &Value)> {
        self.list.iter().map(|(name, value)| (&**name, value))
    }

    /// Their names, in order.
    pub fn keys(&self) -> impl ExactSizeIterator<Item = &str> {
        self.iter().map(|(name, _)| name)
    }

    /// Their values, in order.
    pub fn values(&self) -> impl ExactSizeIterator<Item = &Value> {
        self.iter().map(|(_, value)| value)
    }

    /// Their names, in order, for good.
    pub fn into_keys(self) -> impl ExactSizeIterator<Item = String> {
        self.list.into_iter().map(|(name, _)| name.into_owned())
    }
}

impl std::ops::Index<&str> for Members {
    type Output = Value;

    /// # Panics
    /// When there is no such member.
    fn index(&self, name: &str) -> &Value {
        #[expect(clippy::expect_used, reason = "what an index is for; programs ask with `get`")]
        self.get(name).expect("a member of that name")
    }
}

impl From<Vec<(Key, Value)>> for Members {
    fn from(mut list: Vec<(Key, Value)>) -> Self {
        if !list.is_sorted_by(|(one, _), (other, _)| one < other) {
            list.reverse(); // So that of those with one name the last is kept, which then comes first.
            list.sort_by(|(one, _), (other, _)| one.cmp(other));
            list.dedup_by(|(one, _), (other, _)| one == other);
        }
        Self { list, is_sorted: true }
    }
}

impl<K: Into<Key>> FromIterator<(K, Value)> for Members {
    fn from_iter<T: IntoIterator<Item = (K, Value)>>(iter: T) -> Self {
        iter.into_iter().map(|(name, value)| (name.into(), value)).collect::<Vec<_>>().into()
    }
}

impl<K: Into<Key>> Extend<(K, Value)> for Members {
    fn extend<T: IntoIterator<Item = (K, Value)>>(&mut self, iter: T) {
        for (name, value) in iter {
            self.insert(name, value);
        }
    }
}

impl<K: Into<Key>, const N: usize> From<[(K, Value); N]> for Members {
    fn from(list: [(K, Value); N]) -> Self {
        list.into_iter().collect()
    }
}

impl IntoIterator for Members {
    type Item = (Key, Value);
    type IntoIter = std::vec::IntoIter<(Key, Value)>;

    fn into_iter(self) -> Self::IntoIter {
        self.list.into_iter()
    }
}

impl<'a> IntoIterator for &'a Members {
    type Item = (&'a str, &'a Value);
    type IntoIter = std::iter::Map<std::slice::Iter<'a, (Key, Value)>, fn(&'a (Key, Value)) -> Self::Item>;

    fn into_iter(self) -> Self::IntoIter {
        self.list.iter().map(|(name, value)| (&**name, value))
    }
}

/// A call: what a client asks for.
#[derive(Debug, Clone, PartialEq)]
pub struct MethodCall {
    /// The method, for example `supervisor.getState`.
    pub name: String,
    /// Its arguments.
    pub params: Vec<Value>,
}

/// A refusal as it travels: whatever number and text the server chose.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("<Fault {code}: '{text}'>")]
pub struct RemoteFault {
    /// `faultCode`.
    pub code: i64,
    /// `faultString`.
    pub text: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_are_in_order_and_each_once_however_they_came() {
        let mut all: Members = [("b", Value::Int(1)), ("a", Value::Int(2)), ("b", Value::Int(3))].into();
        assert_eq!(all.iter().collect::<Vec<_>>(), [("a", &Value::Int(2)), ("b", &Value::Int(3))]);
        assert_eq!(all.insert("a", Value::Int(4)), Some(Value::Int(2)));
        assert_eq!((all.get("a"), all.get("aa"), all.get("c")), (Some(&Value::Int(4)), None, None));
        assert_eq!((all.remove("a"), all.remove("a"), all.len()), (Some(Value::Int(4)), None, 1));
    }

    #[test]
    fn members_that_were_sent_keep_the_place_of_the_first_and_the_value_of_the_last_of_a_name() {
        let sent = |names: &[&'static str]| {
            let pairs = names.iter().zip(1..).map(|(name, it)| (Key::Borrowed(*name), Value::Int(it)));
            Members::as_sent(pairs.collect())
        };
        let mut all = sent(&["b", "a", "b"]);
        assert_eq!(all.iter().collect::<Vec<_>>(), [("b", &Value::Int(3)), ("a", &Value::Int(2))]);
        assert_eq!((all.get("a"), all.get("c")), (Some(&Value::Int(2)), None));
        assert_eq!((all.insert("0", Value::Nil), all.insert("a", Value::Nil)), (None, Some(Value::Int(2))));
        assert_eq!(all.remove("b"), Some(Value::Int(3)));
        assert_eq!(all.keys().collect::<Vec<_>>(), ["a", "0"]);
        assert_eq!(sent(&["a", "b"]), [("a", Value::Int(1)), ("b", Value::Int(2))].into());
        assert_eq!(size_of::<Value>(), 32, "thousands make one answer: what is sorted costs no room");
    }
}
