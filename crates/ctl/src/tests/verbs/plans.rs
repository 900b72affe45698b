//! What a configuration says, and what an update would do.

use ::wire::value::Value;
use insta::assert_snapshot;
use model::fault::{Fault, FaultCode};

use super::{invoke, transcript};
use crate::args::Invocation;
use crate::tests::fake::{Fake, fields, house, text};

#[test]
fn a_configuration_without_a_clients_part_is_read_for_the_servers() {
    let fake = Fake::behind(house, Some("me:secret"));
    let room = tempfile::tempdir().unwrap();
    let conf = room.path().join("s.conf");
    let text = format!(
        "[unix_http_server]\nfile={}\nusername=me\npassword=secret\n[supervisord]\n",
        fake.socket().display()
    );
    std::fs::write(&conf, text).unwrap();
    let (invocation, out, err) = invoke(&["-c", conf.to_str().unwrap(), "pid"]);
    assert_eq!((invocation, out.as_str(), err.as_str()), (Invocation::Exit(0), "100\n", ""));
}

#[test]
fn a_configuration_is_checked_without_a_server() {
    let room = tempfile::tempdir().unwrap();
    let check = |text: &str, json: &[&str]| {
        let conf = room.path().join("s.conf");
        std::fs::write(&conf, text).unwrap();
        let (invocation, out, err) = invoke(&[&["check", "-c", conf.to_str().unwrap()], json].concat());
        format!("{out}{err}{invocation:?}").replace(room.path().to_str().unwrap(), "ROOM")
    };
    let good = "[supervisord]\n[program:web]\ncommand=/bin/cat\nnumprocs=2\nprocess_name=%(process_num)s\n";
    assert_snapshot!(check(good, &[]), @r"
    1 program, 1 group; 0 errors, 0 warnings
    Exit(0)
    ");
    let bad = "[supervisord]\n[program:web]\ncommand=/bin/cat\nstopwaitsecs=10s\ncomand=x\n";
    assert_snapshot!(check(bad, &[]), @r"
    ROOM/s.conf:4:14: error: [program:web] stopwaitsecs: `10s` is not a whole number; write `10`
    ROOM/s.conf:5:1: warning: [program:web] has no option `comand`; did you mean `command`?
    ROOM/s.conf; 1 error, 1 warning
    Exit(2)
    ");
    assert_snapshot!(check(bad, &["--json"]), @r#"
    {
      "diagnostics": [
        {
          "column": 14,
          "file": "ROOM/s.conf",
          "line": 4,
          "message": "[program:web] stopwaitsecs: `10s` is not a whole number",
          "remedy": "write `10`",
          "severity": "error"
        },
        {
          "column": 1,
          "file": "ROOM/s.conf",
          "line": 5,
          "message": "[program:web] has no option `comand`",
          "remedy": "did you mean `command`?",
          "severity": "warning"
        }
      ],
      "errors": 1,
      "file": "ROOM/s.conf",
      "groups": 0,
      "programs": 0,
      "warnings": 1
    }
    Exit(2)
    "#);
}

/// A house that can plan: one process is new, one is restarted and fails, one changes in place.
fn planning(method: &str, parameters: &[Value]) -> Result<Value, Fault> {
    let list = |items: &[&str]| Value::Array(items.iter().map(|it| text(it)).collect());
    let part = |group: &str, name: &str, action: &str, options: &[&str], status: FaultCode| {
        fields(&[
            ("group", text(group)),
            ("name", text(name)),
            ("action", text(action)),
            ("options", list(options)),
            ("status", Value::Int(status.code().into())),
            ("description", text("")),
        ])
    };
    match method {
        "menshen.plan" | "menshen.update" if parameters == [list(&["nope"])] => {
            Err(Fault::about(FaultCode::BadName, "nope"))
        }
        "menshen.plan" | "menshen.update" if parameters == [list(&["cat"])] => Ok(list(&[])),
        "menshen.plan" | "menshen.update" => Ok(Value::Array(vec![
            part("bad", "bad", "removed", &[], FaultCode::Success),
            part("g", "", "changed", &["priority"], FaultCode::Success),
            part("g", "many_00", "changed", &["stopwaitsecs"], FaultCode::Success),
            part("g", "many_01", "restarted", &["command", "environment"], FaultCode::NoFile),
            part("g", "many_02", "added", &[], FaultCode::Success),
        ])),
        _ => house(method, parameters),
    }
}

#[test]
fn a_plan_is_shown_line_by_line_and_an_update_sums_up() {
    let fake = Fake::playing(planning);
    let lines = [
        "plan",
        "plan cat",
        "plan cat --json",
        "plan nope",
        "update --dry-run",
        "update all",
        "update g:* --json",
        "start many_02",
        "start g:many_0",
    ];
    assert_snapshot!(transcript(&fake.url(), &lines), @r#"
    $ plan
    - bad              removed
    = g:*              in place: priority
    = g:many_00        in place: stopwaitsecs
    ~ g:many_01        restarted: command, environment
    + g:many_02        added
    [0]
    $ plan cat
    nothing to do
    [0]
    $ plan cat --json
    []
    [0]
    $ plan nope
    ! menshen: there is no group "nope"; nothing was done
    [4]
    $ update --dry-run
    - bad              removed
    = g:*              in place: priority
    = g:many_00        in place: stopwaitsecs
    ~ g:many_01        restarted: command, environment
    + g:many_02        added
    [0]
    $ update all
    - bad              removed
    = g:*              in place: priority
    = g:many_00        in place: stopwaitsecs
    ~ g:many_01        restarted: command, environment
    + g:many_02        added
    g:many_01: failed: its command does not exist
    1 added, 1 removed, 2 changed in place, 1 failed
    [1]
    $ update g:* --json
    [
      {
        "action": "removed",
        "description": "",
        "group": "bad",
        "name": "bad",
        "ok": true,
        "options": [],
        "process": "bad"
      },
      {
        "action": "changed",
        "description": "",
        "group": "g",
        "name": "",
        "ok": true,
        "options": [
          "priority"
        ],
        "process": "g:*"
      },
      {
        "action": "changed",
        "description": "",
        "group": "g",
        "name": "many_00",
        "ok": true,
        "options": [
          "stopwaitsecs"
        ],
        "process": "g:many_00"
      },
      {
        "action": "restarted",
        "description": "",
        "group": "g",
        "name": "many_01",
        "ok": false,
        "options": [
          "command",
          "environment"
        ],
        "process": "g:many_01"
      },
      {
        "action": "added",
        "description": "",
        "group": "g",
        "name": "many_02",
        "ok": true,
        "options": [],
        "process": "g:many_02"
      }
    ]
    [1]
    $ start many_02
    ! menshen: "many_02" is in the configuration but not loaded; to load it: menshen update g
    [4]
    $ start g:many_0
    ! menshen: there is no process or group "g:many_0"; did you mean "g:many_00"?
    [4]
    "#);
    let calls = fake.calls();
    let updates = calls.iter().filter(|it| it.contains("menshen.update")).count();
    assert_eq!(updates, 2, "neither a plan nor a dry run changes anything: {calls:?}");
}
