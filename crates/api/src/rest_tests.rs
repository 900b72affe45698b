use super::*;

fn parts(path: &str) -> Vec<String> {
    path.trim_start_matches('/').split('/').map(str::to_owned).collect()
}

fn found(verb: Verb, path: &str) -> String {
    match find(verb, &parts(path)) {
        Found::Method(entry, captured) => format!("{} {captured:?}", entry.name),
        Found::Stream(stream, captured) => format!("{} {captured:?}", stream.path),
        Found::Only(verb) => format!("only {}", verb.as_str()),
        Found::Nothing => "nothing".to_owned(),
    }
}

#[test]
fn every_route_names_a_method_and_parameters_it_has() {
    for route in &ROUTES {
        let entry = method::find(route.method).unwrap_or_else(|| panic!("{}", route.method));
        for part in route.path.split('/').filter_map(|it| it.strip_prefix('{')) {
            let name = part.trim_end_matches('}');
            assert!(entry.params.iter().any(|(_, it, _)| *it == name), "{}: {name}", route.path);
        }
    }
}

#[test]
fn a_path_leads_to_one_thing() {
    let cases = [
        (Verb::Get, "/processes", "menshen.getProcesses {}"),
        (Verb::Get, "/processes/g:a", "menshen.getProcess {\"name\": \"g:a\"}"),
        (Verb::Post, "/processes/start", "menshen.startProcesses {}"),
        (Verb::Post, "/processes/a/start", "supervisor.startProcess {\"name\": \"a\"}"),
        (Verb::Get, "/processes/start", "menshen.getProcess {\"name\": \"start\"}"),
        (Verb::Get, "/processes/a/start", "only POST"),
        (Verb::Post, "/machine", "only GET"),
        (Verb::Post, "/methods/supervisor.getState", "supervisor.getState {}"),
        (Verb::Get, "/methods/supervisor.getState", "only POST"),
        (Verb::Post, "/methods/x", "nothing"),
        (
            Verb::Get,
            "/processes/a/stderr/follow",
            "/processes/{name}/{channel}/follow {\"channel\": \"stderr\", \"name\": \"a\"}",
        ),
        (Verb::Post, "/events", "only GET"),
        (Verb::Get, "/", "nothing"),
        (Verb::Get, "/processes/a/b/c/d", "nothing"),
    ];
    for (verb, path, wanted) in cases {
        assert_eq!(found(verb, path), wanted, "{path}");
    }
}

fn asked(path: &str, query: &[(&str, &str)], body: &str) -> Result<String, String> {
    let Found::Method(entry, captured) = find(Verb::Post, &parts(path)) else { panic!("{path}") };
    let query: Vec<_> = query.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect();
    let call = call(entry, &captured, &query, body.as_bytes())?;
    Ok(format!("{}{}", call.name, json::text(&Value::Array(call.params))))
}

#[test]
fn parameters_come_from_path_query_and_body() {
    let cases: [(&str, &[_], &str, &str); 9] = [
        ("/processes/a/start", &[], "", "supervisor.startProcess[\"a\"]"),
        ("/processes/a/start", &[("wait", "false")], "", "supervisor.startProcess[\"a\",false]"),
        ("/processes/a/signal", &[], "{\"signal\":\"HUP\"}", "supervisor.signalProcess[\"a\",\"HUP\"]"),
        ("/processes/stop", &[], "{\"names\":[\"a\",\"b\"]}", "menshen.stopProcesses[[\"a\",\"b\"]]"),
        ("/processes/stop", &[("names", "a"), ("names", "b")], "", "menshen.stopProcesses[[\"a\",\"b\"]]"),
        ("/processes/a/restart", &[], " ", "menshen.restartProcesses[[\"a\"]]"),
        ("/update", &[], "", "menshen.update[]"),
        ("/methods/supervisor.signalProcess", &[], "[\"a\",\"1\"]", "supervisor.signalProcess[\"a\",\"1\"]"),
        ("/methods/supervisor.readLog", &[("offset", "-5")], "", "supervisor.readLog[-5,0]"),
    ];
    for (path, query, body, wanted) in cases {
        assert_eq!(asked(path, query, body).as_deref(), Ok(wanted), "{path} {query:?} {body}");
    }
}

#[test]
fn what_is_wrong_is_named() {
    let cases: [(&str, &[_], &str, &str); 9] = [
        ("/processes/a/signal", &[], "", "`signal` is missing"),
        ("/processes/a/start", &[("wait", "maybe")], "", "`wait` is not true or false"),
        ("/processes/a/start", &[], "{\"wait\":1}", "`wait` is not true or false"),
        (
            "/processes/a/start",
            &[("wiat", "1")],
            "",
            "`wiat` is not known: supervisor.startProcess has `name`, `wait`",
        ),
        (
            "/methods/supervisor.getPID",
            &[],
            "{\"a\":1}",
            "`a` is not known: supervisor.getPID has no parameters",
        ),
        ("/processes/a/start", &[], "{\"name\":\"b\"}", "`name` is given twice"),
        ("/processes/a/start", &[], "5", "the body is neither an object nor an array of parameters"),
        ("/methods/supervisor.getPID", &[], "[1]", "1 parameters where 0 are known"),
        ("/update", &[], "{", "the body is no JSON: EOF while parsing an object at line 1 column 1"),
    ];
    for (path, query, body, wanted) in cases {
        assert_eq!(asked(path, query, body).unwrap_err(), wanted, "{path} {query:?} {body}");
    }
}

#[test]
fn a_fault_has_a_body_and_a_status() {
    let it = Fault::about(FaultCode::BadName, "x\"y");
    assert_eq!(fault(&it), r#"{"error":"BAD_NAME","message":"BAD_NAME: x\"y","code":10}"#);
    for code in FaultCode::ALL {
        assert!((400..=503).contains(&status(code)), "{code:?}");
    }
}
