use wire::value::Value;

use super::*;
use crate::verbs::top::view::{Key, Wish};

fn process(name: &str, state: &str, description: &str) -> Value {
    let text = |it: &str| Value::String(it.to_owned());
    let members = [
        ("name", text(name)),
        ("state", text(state)),
        ("description", text(description)),
        ("pid", Value::Int(7)),
        ("uptime", Value::Int(3700)),
        ("restarts", Value::Int(2)),
    ];
    Value::Struct(members.into_iter().map(|(name, it)| (name.to_owned(), it)).collect())
}

fn view() -> View {
    let mut view = View::default();
    view.take(&Value::Array(vec![
        process("a", "RUNNING", "pid 7"),
        process("g:门神", "FATAL", "no such \u{1b}[31mfile"),
        process("z", "RUNNING", "pid 7"),
    ]));
    for cpu in [0.0, 50.0, 100.0] {
        let usage = serde_json::json!({"cpu_percent": cpu, "memory_bytes": 3_500_000});
        view.measure(&serde_json::json!({"processes": {"z": usage}}));
    }
    view
}

/// The lines of a screen without colors.
fn lines(view: &View, columns: usize, rows: usize) -> Vec<String> {
    let screen = screen(view, Size { columns, rows }, Paint::Plain);
    let bare = screen.replace("\u{1b}[7m", "").replace("\u{1b}[0m", "");
    bare.split("\r\n").map(|it| it.trim_end().to_owned()).collect()
}

#[test]
fn a_screen_has_a_line_for_each_process_and_is_full() {
    let lines = lines(&view(), 110, 8);
    assert_eq!(lines.len(), 8);
    assert_eq!(lines[0], " 2 of 3 running, 1 in trouble; by name");
    assert!(lines[1].starts_with(" NAME") && lines[1].ends_with("RESTARTS"));
    assert!(lines[3].starts_with(" g:门神  no such file") && lines[3].contains("fatal"));
    assert!(lines[4].contains(" 100.0% ") && lines[4].contains("▁▅█") && lines[4].contains("3.3 MB"));
    assert!(lines[4].contains("1 h 1 min") && lines[4].ends_with('2'));
    assert!(lines[7].contains("q quit"));
}

#[test]
fn a_small_screen_shows_what_fits_and_the_selected_one() {
    let mut view = view();
    for (columns, rows) in [(1, 1), (10, 3), (20, 4), (80, 24)] {
        let screen = screen(&view, Size { columns, rows }, Paint::Plain);
        assert!(screen.split("\r\n").count() <= rows.max(4), "{columns}x{rows}");
    }
    assert_eq!(view.press(Key::Down), Wish::Nothing);
    assert_eq!(view.press(Key::Down), Wish::Nothing);
    let lines = lines(&view, 80, 4);
    assert!(lines[2].starts_with(" z"), "{lines:?}");
}

#[test]
fn keys_order_find_and_act() {
    let mut view = view();
    view.press(Key::Char('c'));
    assert!(lines(&view, 80, 8)[2].starts_with(" z"));
    assert_eq!(view.press(Key::Char('r')), Wish::Order("menshen.restartProcesses", "a".to_owned()));
    for key in [Key::Char('/'), Key::Char('门'), Key::Enter] {
        view.press(key);
    }
    assert_eq!(view.shown().len(), 1);
    assert_eq!(view.press(Key::Char('s')), Wish::Order("menshen.startProcesses", "g:门神".to_owned()));
    view.press(Key::Escape);
    assert_eq!(view.shown().len(), 3);
    assert_eq!(view.press(Key::Char('q')), Wish::Quit);
}

#[test]
fn a_log_is_shown_by_its_last_lines_and_steers_nothing() {
    let mut view = view();
    view.press(Key::Enter);
    view.take_log(b"one\ntwo \x1b[31mred\x1b[0m\x07\nthr");
    view.take_log(b"ee\n\xff\n");
    view.take_log("x".repeat(100_000).as_bytes());
    let lines = lines(&view, 40, 12);
    let log: Vec<_> = lines.iter().skip(8).map(String::as_str).collect();
    assert_eq!(lines[7], " a");
    assert_eq!(&log[..2], ["three", "\u{fffd}"]);
    assert!(log[2].starts_with("xxxx"));
}
