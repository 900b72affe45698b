use model::state::ProcessState;

use super::*;

fn row(name: &str, state: ProcessState) -> Row {
    let (group, process) = name.split_once(':').unwrap_or((name, name));
    Row {
        name: name.to_owned(),
        group: group.to_owned(),
        process: process.to_owned(),
        state,
        description: format!("about {name}"),
        pid: Some(5),
        uptime_secs: 75,
        restarts: 2,
        ended: None,
        has_failed: false,
        usage: None,
    }
}

fn page(rows: Vec<Row>, fields: &[(&str, &str)]) -> String {
    let look = Look { may_act: true, identifier: "here & there".to_owned(), ..Look::default() };
    overview(&look, &Overview { rows }, &Query::from_fields(fields.iter().copied()))
}

/// The names of the rows, in their order.
fn names(html: &str) -> Vec<&str> {
    html.split("<tr data-name=\"").skip(1).filter_map(|it| it.split('"').next()).collect()
}

#[test]
fn nothing_a_process_is_called_becomes_markup() {
    let evil = "g:<img src=x onerror=alert(1)>\"'";
    let mut bad = row(evil, ProcessState::Fatal);
    bad.description = evil.to_owned();
    let html = page(vec![bad], &[("q", "<img"), ("group", "\"><script>")]);
    assert!(!html.contains("<img src=x") && !html.contains("<script>"));
    assert!(html.contains("<title>Overview · here &amp; there</title>"));
}

#[test]
fn a_page_holds_no_script_and_no_style_of_its_own() {
    let html = page(vec![row("a", ProcessState::Running)], &[]);
    for word in ["http:", "https:", " style=", "<style", " onclick", "javascript:"] {
        assert!(!html.contains(word), "{word}");
    }
    let scripts: Vec<_> = html.match_indices("<script").collect();
    assert_eq!(scripts.len(), 1);
}

#[test]
fn a_query_filters_and_orders() {
    let mut rows = vec![
        row("a", ProcessState::Running),
        row("g:one", ProcessState::Fatal),
        row("g:two", ProcessState::Running),
        row("z", ProcessState::Stopped),
    ];
    rows[3].restarts = 9;
    rows[2].usage = Some(Usage { cpu_percent: 5.0, memory_bytes: 1 });
    let shown = |fields: &[(&str, &str)]| {
        let html = page(rows.clone(), fields);
        names(&html).join(" ")
    };
    assert_eq!(shown(&[]), "a g:one g:two z");
    assert_eq!(shown(&[("q", "ABOUT G")]), "g:one g:two");
    assert_eq!(shown(&[("group", "g"), ("state", "running")]), "g:two");
    assert_eq!(shown(&[("state", "nonsense"), ("sort", "state")]), "g:one a g:two z");
    assert_eq!(shown(&[("sort", "restarts")]), "z a g:one g:two");
    assert_eq!(shown(&[("sort", "cpu")]), "g:two a g:one z");
    assert_eq!(shown(&[("q", "nobody")]), "");
}

#[test]
fn only_who_may_act_gets_buttons() {
    let look = Look::default();
    let rows = vec![row("a", ProcessState::Running), row("g:b", ProcessState::Running)];
    let html = overview(&look, &Overview { rows }, &Query::default());
    assert!(!html.contains("class=\"do\"") && !html.contains("name=\"selected\""));
}

#[test]
fn a_house_without_programs_says_what_to_do() {
    let html = page(vec![], &[]);
    assert!(html.contains("No programs to manage") && !html.contains("<table"));
}

#[test]
fn an_exit_that_was_no_success_is_trouble() {
    let mut failed = row("a", ProcessState::Exited);
    failed.ended = Some("exit status 3".to_owned());
    failed.has_failed = true;
    assert_eq!(failed.bucket(), Bucket::Trouble);
    let words = crate::words::words(model::language::Language::English);
    assert_eq!(failed.remark(words), "exit status 3, about a");
    let unsteady =
        |uptime_secs| Row { state: ProcessState::Running, uptime_secs, ..failed.clone() }.remark(words);
    assert_eq!([unsteady(5), unsteady(3600)], ["last end: exit status 3", ""]);
    assert_eq!(row("a", ProcessState::Exited).bucket(), Bucket::Stopped);
}
