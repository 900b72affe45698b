//! The values XML-RPC knows.

use std::collections::BTreeMap;

/// A value of the protocol.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// `<int>`, `<i4>`.
    Int(i64),
    /// `<boolean>`.
    Bool(bool),
    /// `<string>`, or a bare `<value>`.
    String(String),
    /// `<double>`.
    Double(f64),
    /// `<dateTime.iso8601>`, unparsed.
    DateTime(String),
    /// `<base64>`, decoded.
    Bytes(Vec<u8>),
    /// `<array>`.
    Array(Vec<Value>),
    /// `<struct>`.
    Struct(BTreeMap<String, Value>),
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
