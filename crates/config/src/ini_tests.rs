use super::*;

fn read(text: &str) -> Result<Document, SyntaxError> {
    let mut document = Document::new();
    document.read(&"f.conf".into(), text, false).map(|()| document)
}

fn value(text: &str) -> String {
    let document = read(&format!("[s]\n{text}")).unwrap();
    document.section("s").unwrap().fields[0].value.clone()
}

#[test]
fn comments_are_found_as_configparser_finds_them() {
    let cases = [
        ("a=b;c", "b;c"),
        ("a=b#c", "b#c"),
        ("a= ;b", ""),
        ("a=;b", ";b"),
        ("a=b ;c", "b"),
        ("a=b\t#c", "b"),
        ("a=echo a;b ;c #d", "echo a;b ;c"),
        ("a=echo a;b ;c", "echo a;b"),
        ("a=x#y #z;w", "x#y"),
    ];
    for (text, expected) in cases {
        assert_eq!(value(text), expected, "{text}");
    }
}

#[test]
fn a_deeper_line_continues_a_value_and_blank_lines_stay_inside() {
    let cases = [
        ("a=1\n  2", "1\n2"),
        ("a=1\n\n  2\n\n\n", "1\n\n2"),
        ("a=1\n# comment\n  2", "1\n2"),
        ("a=1\n  ; comment\n  2", "1\n2"),
        ("a=\n  1", "\n1"),
        ("  a=1\n  b=2", "1"),
        ("a=1\n [x]\n =y", "1\n[x]\n=y"),
    ];
    for (text, expected) in cases {
        assert_eq!(value(text), expected, "{text:?}");
    }
}

#[test]
fn a_header_reaches_to_the_last_bracket_and_names_keep_their_blanks() {
    let cases = [
        ("[program:x] junk", "program:x"),
        ("[program:x]]", "program:x]"),
        ("[ a ]", " a "),
        ("[]]", "]"),
        ("[a] ;c", "a"),
    ];
    for (text, expected) in cases {
        assert_eq!(read(text).unwrap().sections[0].name, expected, "{text}");
    }
}

#[test]
fn names_lose_their_case_and_the_first_delimiter_counts() {
    let document = read("[s]\nCOMMAND : a=b\nb  =  c: d").unwrap();
    let fields: Vec<_> =
        document.sections[0].fields.iter().map(|it| (it.name.as_str(), it.value.as_str())).collect();
    assert_eq!(fields, [("command", "a=b"), ("b", "c: d")]);
}

#[test]
fn sections_merge_and_the_last_field_stands_where_the_first_was() {
    let document = read("[s]\na=1\nb=2\n[t]\n[s]\na=3\n").unwrap();
    let fields: Vec<_> = document.sections[0].fields.iter().map(|it| it.value.as_str()).collect();
    assert_eq!(fields, ["3", "2"]);
    assert_eq!(document.sections.len(), 2);
    let [repetition] = document.repetitions.as_slice() else { panic!("one repetition") };
    assert_eq!((repetition.first.line, repetition.second.line), (2, 6));
}

#[test]
fn defaults_stand_in_for_missing_fields() {
    let document = read("[DEFAULT]\na=1\n[s]\nb=2\n").unwrap();
    let section = document.section("s").unwrap();
    assert_eq!(document.field(section, "a").unwrap().value, "1");
    assert_eq!(document.field(section, "b").unwrap().value, "2");
    assert!(document.field(section, "c").is_none());
    assert_eq!(document.sections.len(), 1);
}

#[test]
fn syntax_errors_have_the_words_of_configparser() {
    let said = |text: &str| read(text).unwrap_err().original("/x/f.conf");
    assert_eq!(
        said("\u{feff}[s]\n"),
        "File contains no section headers.\nfile: '/x/f.conf', line: 1\n'\\ufeff[s]\\n'"
    );
    assert_eq!(
        said("[s]\na=1\ngarbage\n =x\n=y\n =z"),
        "Source contains parsing errors: '/x/f.conf'\n\t[line  3]: 'garbage\\n'\n\t[line  5]: '=y\\n'\n\t[line  6]: ' =z'"
    );
    assert_eq!(
        said("[s]\ngarbage\na=1\n=x\n[]"),
        "Source contains parsing errors: '/x/f.conf'\n\t[line  2]: 'garbage\\n'\n\t[line  4]: '=x\\n'\n\t[line  5]: '[]'"
    );
}

#[test]
fn every_field_knows_its_place() {
    let document = read("[s]\na = 1\n  é  =  2\nb =\n   \n     3 4\n").unwrap();
    let place = |name: &str| {
        let span = document.sections[0].field(name).unwrap().place();
        (span.line, span.column)
    };
    assert_eq!(place("a"), (2, 5));
    assert_eq!(place("b"), (6, 6));
}

#[test]
fn here_is_replaced_in_defaults_per_section() {
    let mut document = read("[DEFAULT]\nd=%(here)s/x\n[s]\na=%(here)s%%(here)s\n").unwrap();
    document.replace_here("/one");
    document.read(&"g.conf".into(), "[t]\nb=%(here)s\n", true).unwrap();
    document.replace_here("/two");
    let get =
        |section: &str, name: &str| document.section(section).unwrap().field(name).unwrap().value.clone();
    assert_eq!(get("s", "a"), "/one%/one");
    assert_eq!(get("s", "d"), "/one/x");
    assert_eq!(get("t", "d"), "/two/x");
    assert_eq!(get("t", "b"), "/two");
}
