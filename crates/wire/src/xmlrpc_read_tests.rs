use proptest::prelude::*;

use super::*;
use crate::xmlrpc_write;

fn read(value: &str) -> Result<Value, ReadError> {
    let document =
        format!("<methodCall><methodName>m</methodName><params><param>{value}</param></params></methodCall>");
    call(document.as_bytes(), Limits::CALL).map(|mut it| it.params.remove(0))
}

fn text(text: &str) -> Value {
    Value::String(text.to_owned())
}

#[test]
fn a_value_is_read_as_the_original_reads_it() {
    let array = Value::Array(vec![Value::Int(1), text("x")]);
    let members = Members::from([("a", Value::Bool(true)), ("b", text(""))]);
    let cases = [
        ("<value><int>5</int></value>", Value::Int(5)),
        ("<value> <i4> -5 </i4>\n</value>", Value::Int(-5)),
        ("<value><boolean>1</boolean></value>", Value::Bool(true)),
        ("<value><boolean>true</boolean></value>", Value::Bool(false)),
        ("<value><boolean/></value>", Value::Bool(false)),
        ("<value><string>a &amp; b&#233;&#x41;</string></value>", text("a & b\u{e9}A")),
        ("<value><string/></value>", text("")),
        ("<value>bare <!-- c -->text</value>", text("bare text")),
        ("<value/>", text("")),
        ("<value><![CDATA[<&>]]></value>", text("<&>")),
        ("<value><double>1.5</double></value>", Value::Double(1.5)),
        ("<value><i8>7</i8></value>", text("7")),
        ("<value><nil/></value>", Value::Nil),
        ("<value><base64>\naGk\n=\n</base64></value>", text("hi")),
        (
            "<value><dateTime.iso8601>20200102T03:04:05</dateTime.iso8601></value>",
            Value::DateTime("20200102T03:04:05".to_owned()),
        ),
        ("<value><array><data><value><int>1</int></value><value>x</value></data></array></value>", array),
        (
            "<value><struct><member><name>a</name><value><boolean>1</boolean></value></member>\
             <member><name>b</name><value/></member></struct></value>",
            Value::Struct(members),
        ),
        ("<value>a\r\nb</value>", text("a\nb")),
        ("<value>\u{1b}[0m</value>", text("\u{1b}[0m")),
    ];
    for (document, value) in cases {
        assert_eq!(read(document).unwrap(), value, "{document}");
    }
}

#[test]
fn of_several_values_the_first_counts_and_any_tag_is_one() {
    let members = |name: &'static str, value| Value::Struct(Members::from([(name, value)]));
    let cases = [
        ("<value><int>1</int><int>2</int></value>", Value::Int(1)),
        ("<value>a</value><int>2</int>", text("a")),
        ("<int>1_0</int>", Value::Int(10)),
        ("<value><array><data><int>1</int></data></array></value>", Value::Array(vec![Value::Int(1)])),
        ("<value><array><value>x</value></array></value>", text("x")),
        ("<value><data/></value>", Value::Array(vec![])),
        ("<value><struct>x</struct></value>", Value::Struct(Members::new())),
        ("<value><struct><x><y>a</y><int>1</int></x></struct></value>", members("a", Value::Int(1))),
        ("<value><struct><member><value/><name>a</name></member></struct></value>", members("", text("a"))),
        ("<value><string>a<b/>c</string></value>", text("a")),
        ("<value>a<b>x</b>c</value>", text("x")),
        ("<value><member/></value>", Value::Nil),
        ("<value xmlns:ex='u'><ex:nil/></value>", Value::Nil),
    ];
    for (document, value) in cases {
        assert_eq!(read(document).unwrap(), value, "{document}");
    }
    let sent = "<value><struct><member><name>b</name><value>1</value></member>\
                <member><name>a</name><value>2</value></member></struct></value>";
    let Value::Struct(members) = read(sent).unwrap() else { panic!("no struct") };
    assert_eq!(members.keys().collect::<Vec<_>>(), ["b", "a"]);
}

#[test]
fn what_is_no_value_is_refused() {
    let cases = [
        "<value><int>x</int></value>",
        "<value><int/></value>",
        "<value><int>9223372036854775808</int></value>",
        "<value><double>x</double></value>",
        "<value><base64>a</base64></value>",
        "<value><array/></value>",
        "<value><base64>/v8=</base64></value>",
        "<value><dateTime.iso8601>zz</dateTime.iso8601></value>",
        "<value><ex:nil/></value>",
        "<value><struct><member><name>a</name></member></struct></value>",
        "<value><struct><member><name>a</name><value/><value/></member></struct></value>",
        "<value><struct><member><int>5</int><value/></member></struct></value>",
        "<value><int>1</int><int>x</int></value>",
        "<value>&nbsp;</value>",
        "<value>&#0;</value>",
        "<value>&</value>",
        "<value><int>1</value>",
        "",
    ];
    for document in cases {
        assert!(read(document).is_err(), "{document}");
    }
}

#[test]
fn a_document_that_is_no_call_is_refused() {
    let cases = [
        "",
        " ",
        "hello",
        "<methodCall>",
        "<methodCall/>",
        "<methodCall><methodName/></methodCall>",
        "<methodResponse/>",
        "<methodCall><methodName>m</methodName></methodCall><x/>",
        "<methodCall><methodName>m</methodName></methodCall>x",
        "<!DOCTYPE a [<!ENTITY b 'c'>]><methodCall><methodName>&b;</methodName></methodCall>",
        "<methodCall><methodName>m</methodName><params><param/></params></methodCall>",
        "</methodCall>",
    ];
    for document in cases {
        assert!(call(document.as_bytes(), Limits::CALL).is_err(), "{document}");
    }
    assert!(matches!(call(b"<methodCall>\xff</methodCall>", Limits::CALL), Err(ReadError::Encoding(_))));
}

#[test]
fn a_call_needs_no_params() {
    let document = b"<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<methodCall>\n<methodName>a.b</methodName></methodCall>\n";
    let wanted = MethodCall { name: "a.b".to_owned(), params: vec![] };
    assert_eq!(call(document, Limits::CALL).unwrap(), wanted);
    let odd =
        b"<x><params><value>1</value></params><methodName>a</methodName><methodName>a.b</methodName></x>";
    let wanted = MethodCall { params: vec![text("1")], ..wanted };
    assert_eq!(call(odd, Limits::CALL).unwrap(), wanted);
}

#[test]
fn a_document_over_a_limit_is_refused() {
    let deep = format!("{}{}", "<value><array><data>".repeat(30), "</data></array></value>".repeat(30));
    assert!(matches!(read(&deep), Err(ReadError::TooDeep)));
    let wide = format!("<value><array><data>{}</data></array></value>", "<value/>".repeat(1 << 17));
    assert!(matches!(read(&wide), Err(ReadError::TooMany(_))));
    let long = "x".repeat(Limits::CALL.bytes_max + 1);
    assert!(matches!(read(&long), Err(ReadError::TooLong { .. })));
    let hidden = format!("<value><int>{}</int></value>", "<a>".repeat(1000));
    assert!(matches!(read(&hidden), Err(ReadError::TooDeep)));
}

#[test]
fn the_documents_of_python_are_read() {
    let fault = response(include_bytes!("../tests/golden/fault.xml"), Limits::RESPONSE).unwrap().unwrap_err();
    assert_eq!(fault.to_string(), "<Fault 10: 'BAD_NAME: <x>'>");
    let value = response(include_bytes!("../tests/golden/response.xml"), Limits::RESPONSE).unwrap().unwrap();
    assert_eq!(xmlrpc_write::response(&value), include_str!("../tests/golden/response.xml"));
    let it = call(include_bytes!("../tests/golden/call.xml"), Limits::CALL).unwrap();
    assert_eq!(it.params, [text("cat:*"), Value::Bool(true)]);
}

/// Text every XML document can hold; a carriage return is read as a line feed.
fn any_text() -> impl Strategy<Value = String> {
    any::<String>()
        .prop_map(|it| it.chars().filter(|it| xmlrpc_write::is_allowed(*it) && *it != '\r').collect())
}

fn any_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        any::<i32>().prop_map(|it| Value::Int(it.into())),
        any::<bool>().prop_map(Value::Bool),
        any_text().prop_map(Value::String),
        any::<f64>().prop_filter("NaN differs from itself", |it| !it.is_nan()).prop_map(Value::Double),
        "20[0-9]{2}0[1-9]1[0-9]T0[0-9]:[0-5][0-9]:[0-5][0-9]".prop_map(Value::DateTime),
    ];
    leaf.prop_recursive(4, 64, 8, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..8).prop_map(Value::Array),
            prop::collection::btree_map(any_text(), inner, 0..8)
                .prop_map(|it| Value::Struct(it.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn what_is_written_is_read_back(value in any_value(), name in "[a-z.]{1,20}") {
        let document = xmlrpc_write::response(&value);
        prop_assert_eq!(response(document.as_bytes(), Limits::RESPONSE).unwrap().unwrap(), value.clone());
        let it = MethodCall { name, params: vec![value] };
        prop_assert_eq!(call(xmlrpc_write::call(&it).as_bytes(), Limits::CALL).unwrap(), it);
    }

    #[test]
    fn no_bytes_make_the_reader_panic(bytes in any::<Vec<u8>>()) {
        let _ = call(&bytes, Limits::CALL);
        let _ = response(&bytes, Limits::RESPONSE);
    }

    #[test]
    fn no_soup_of_tags_makes_the_reader_panic(
        parts in prop::collection::vec(
            prop::sample::select(vec![
                "<methodCall>", "</methodCall>", "<methodName>", "</methodName>", "<params>", "</params>", "<param>",
                "</param>", "<value>", "</value>", "<int>", "</int>", "<array>", "</array>", "<data>", "</data>",
                "<struct>", "</struct>", "<member>", "<name>", "</name>", "x", "&amp;", "&#1;", "&x;", "<!--", "-->",
                "<![CDATA[", "]]>", "<?", "?>", "<!DOCTYPE x", "[", "<a b='", "'/>", "\u{0}", "1", "<value/>",
            ]),
            0..40,
        ),
    ) {
        let document = parts.concat();
        let _ = call(document.as_bytes(), Limits::CALL);
        let _ = call(format!("<methodCall><methodName>m</methodName><params><param>{document}").as_bytes(), Limits::CALL);
    }
}

/// Pieces of documents, plain ones and others, well-formed or not.
const PIECES: [&str; 30] = [
    "<value>",
    "</value>",
    "<int>",
    "</int>",
    "5",
    "<string>",
    "</string>",
    "text",
    "&amp;",
    "&lt;",
    "&quot;",
    "&#65;",
    "&x;",
    "<struct>",
    "</struct>",
    "<member>",
    "</member>",
    "<name>",
    "</name>",
    "<array><data>",
    "</data></array>",
    "\r\n",
    "\n ",
    "<nil/>",
    "<a b='c'>",
    "<!-- c -->",
    "<![CDATA[x]]>",
    "]]>",
    "< ",
    "\u{fffe}\0",
];

proptest! {
    #[test]
    fn the_quick_way_and_the_thorough_one_agree(picks in proptest::collection::vec(0..PIECES.len(), 0..24)) {
        let inner: String = picks.into_iter().map(|it| PIECES[it]).collect();
        for document in [
            format!("<?xml version='1.0'?>\n<methodResponse><params><param>{inner}</param></params></methodResponse>"),
            format!("<methodResponse><params><param><value>{inner}</value></param></params></methodResponse>"),
        ] {
            let text = |it: Result<Result<Value, RemoteFault>, ReadError>| format!("{it:?}");
            let thorough = read_response(&mut thorough(&document, Limits::CALL));
            prop_assert_eq!(text(response(document.as_bytes(), Limits::CALL)), text(thorough), "{}", document);
        }
    }
}
