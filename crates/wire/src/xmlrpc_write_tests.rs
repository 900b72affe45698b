//! The golden documents were written by Python 3.11: `xmlrpc.client.dumps`.

use super::*;

fn members<const N: usize>(list: [(&str, Value); N]) -> Value {
    Value::Struct(list.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
}

#[test]
fn a_response_has_the_bytes_of_python() {
    let text = Value::String("a<b>&c\"'\né".to_owned());
    let value = Value::Array(vec![
        Value::Int(1),
        Value::Bool(true),
        Value::Bool(false),
        text,
        Value::Double(1.5),
        Value::Int(-2_147_483_648),
        Value::Array(vec![]),
        members([]),
        Value::DateTime("20200102T03:04:05".to_owned()),
        members([("a", Value::Int(1)), ("b", members([("c", Value::Array(vec![]))]))]),
    ]);
    assert_eq!(response(&value), include_str!("../tests/golden/response.xml"));
}

#[test]
fn a_fault_has_the_bytes_of_python() {
    let it = RemoteFault { code: 10, text: "BAD_NAME: <x>".to_owned() };
    assert_eq!(fault(&it), include_str!("../tests/golden/fault.xml"));
}

#[test]
fn a_call_has_the_bytes_of_python() {
    let with = MethodCall {
        name: "supervisor.startProcess".to_owned(),
        params: vec![Value::String("cat:*".to_owned()), Value::Bool(true)],
    };
    assert_eq!(call(&with), include_str!("../tests/golden/call.xml"));
    let without = MethodCall { name: "supervisor.getState".to_owned(), params: vec![] };
    assert_eq!(call(&without), include_str!("../tests/golden/call_without_params.xml"));
}

#[test]
fn a_double_looks_as_in_python() {
    let cases = [
        (1e16, "1e+16"),
        (1e-7, "1e-07"),
        (0.1, "0.1"),
        (1e300, "1e+300"),
        (123_456.0, "123456.0"),
        (f64::NAN, "nan"),
        (f64::NEG_INFINITY, "-inf"),
        (-0.0, "-0.0"),
        (0.0001, "0.0001"),
        (1.5e-5, "1.5e-05"),
    ];
    for (number, text) in cases {
        assert_eq!(double(number), text);
    }
}

#[test]
fn an_integer_the_protocol_cannot_carry_becomes_the_nearest() {
    let cases =
        [(i64::MAX, 2_147_483_647), (i64::MIN, -2_147_483_648), (2_147_483_647, 2_147_483_647), (-5, -5)];
    for (number, sent) in cases {
        assert_eq!(clamp(number), sent);
    }
}

#[test]
fn a_character_xml_forbids_is_replaced_and_no_other() {
    let mut out = String::new();
    push_text(&mut out, "\u{1b}[31mred\u{0} \t\r\n\u{7f}\u{fffe}\u{10ffff}");
    assert_eq!(out, "\u{fffd}[31mred\u{fffd} \t\r\n\u{7f}\u{fffd}\u{10ffff}");
}
