//! A server that plays a part: real HTTP on a real unix socket, with answers from a script.

use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use model::fault::{Fault, FaultCode};
use wire::value::{RemoteFault, Value};
use wire::xmlrpc_read::{self, Limits};
use wire::xmlrpc_write;

/// What a call is answered with.
pub(crate) type Answer = Result<Value, Fault>;

/// A script: method and parameters to an answer.
type Script = dyn Fn(&str, &[Value]) -> Answer + Send + Sync;

/// A server that lives as long as its directory.
pub(crate) struct Fake {
    room: tempfile::TempDir,
    /// The calls so far, each as `method(parameters)`.
    calls: Arc<Mutex<Vec<String>>>,
}

impl Fake {
    /// A server that follows a script; it answers a GET of any path but `/none` with one chunk
    /// that holds the path, and ends.
    pub(crate) fn playing(script: impl Fn(&str, &[Value]) -> Answer + Send + Sync + 'static) -> Self {
        Self::behind(script, None)
    }

    /// The same, for those who log in with these (`user:password`).
    pub(crate) fn behind(
        script: impl Fn(&str, &[Value]) -> Answer + Send + Sync + 'static,
        login: Option<&'static str>,
    ) -> Self {
        let room = tempfile::tempdir().unwrap();
        let listener = UnixListener::bind(room.path().join("s.sock")).unwrap();
        let calls = Arc::new(Mutex::new(Vec::new()));
        let script: Arc<Script> = Arc::new(script);
        let seen = Arc::clone(&calls);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let (script, seen) = (Arc::clone(&script), Arc::clone(&seen));
                std::thread::spawn(move || serve(&stream.unwrap(), &*script, &seen, login));
            }
        });
        Self { room, calls }
    }

    pub(crate) fn socket(&self) -> PathBuf {
        self.room.path().join("s.sock")
    }

    pub(crate) fn url(&self) -> String {
        format!("unix://{}", self.socket().display())
    }

    /// The calls since last asked.
    pub(crate) fn calls(&self) -> Vec<String> {
        std::mem::take(&mut *self.calls.lock().unwrap())
    }
}

fn serve(stream: &UnixStream, script: &Script, seen: &Mutex<Vec<String>>, login: Option<&str>) {
    let mut reader = BufReader::new(stream);
    let expected = login.map(|it| {
        use base64::Engine;
        format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(it))
    });
    loop {
        let mut head = Vec::new();
        let mut line = String::new();
        while reader.read_line(&mut line).unwrap_or(0) > 2 {
            head.push(std::mem::take(&mut line));
        }
        let Some(first) = head.first() else { return };
        let header = |name: &str| {
            head.iter().find_map(|it| it.split_once(": ").filter(|(key, _)| key.eq_ignore_ascii_case(name)))
        };
        let mut body = vec![0; header("Content-Length").map_or(0, |(_, it)| it.trim().parse().unwrap())];
        reader.read_exact(&mut body).unwrap();
        let admitted = expected
            .as_deref()
            .is_none_or(|it| header("Authorization").is_some_and(|(_, is)| is.trim() == it));
        let path = first.split(' ').nth(1).unwrap();
        let answer = if !admitted {
            "HTTP/1.1 401 Unauthorized\r\nContent-Length: 2\r\n\r\nno".to_owned()
        } else if first.starts_with("GET") {
            logtail(path)
        } else {
            post(&body, script, seen)
        };
        let mut out = stream;
        if out.write_all(answer.as_bytes()).is_err() || !first.starts_with("POST") {
            return;
        }
    }
}

fn logtail(path: &str) -> String {
    if path.contains("/none") {
        return "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n".to_owned();
    }
    let size = path.len() + 1;
    format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{size:x}\r\n{path}\n\r\n0\r\n\r\n")
}

fn post(body: &[u8], script: &Script, seen: &Mutex<Vec<String>>) -> String {
    let call = xmlrpc_read::call(body, Limits::CALL).unwrap();
    let shown: Vec<_> = call.params.iter().map(show).collect();
    let name = call.name.strip_prefix("supervisor.").unwrap_or(&call.name);
    seen.lock().unwrap().push(format!("{name}({})", shown.join(", ")));
    let xml = match script(name, &call.params) {
        Ok(value) => xmlrpc_write::response(&value),
        Err(fault) => {
            xmlrpc_write::fault(&RemoteFault { code: i64::from(fault.code.code()), text: fault.to_string() })
        }
    };
    format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{xml}", xml.len())
}

fn show(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Int(number) => number.to_string(),
        Value::Bool(_)
        | Value::Double(_)
        | Value::DateTime(_)
        | Value::Array(_)
        | Value::Struct(_)
        | Value::Nil => format!("{value:?}"),
    }
}

pub(crate) fn text(text: &str) -> Value {
    Value::String(text.to_owned())
}

pub(crate) fn fields(list: &[(&str, Value)]) -> Value {
    Value::Struct(list.iter().map(|(key, value)| ((*key).to_owned(), value.clone())).collect())
}

/// A process as `getProcessInfo` tells of it.
pub(crate) fn process(group: &str, name: &str, state: (i64, &str), pid: i64, description: &str) -> Value {
    fields(&[
        ("group", text(group)),
        ("name", text(name)),
        ("state", Value::Int(state.0)),
        ("statename", text(state.1)),
        ("pid", Value::Int(pid)),
        ("description", text(description)),
        ("exitstatus", Value::Int(0)),
        ("spawnerr", text("")),
    ])
}

/// One result of an order to many.
pub(crate) fn outcome(group: &str, name: &str, code: FaultCode) -> Value {
    fields(&[
        ("group", text(group)),
        ("name", text(name)),
        ("status", Value::Int(i64::from(code.code()))),
        ("description", text(if code == FaultCode::Success { "OK" } else { code.as_str() })),
    ])
}

/// A house with a program that runs, one that does not, and a group of two; it refuses what the
/// original would refuse.
pub(crate) fn house(method: &str, parameters: &[Value]) -> Answer {
    let about = parameters.first().map(show).unwrap_or_default();
    let fault = |code| Err(Fault::about(code, about.clone()));
    let list = [
        process("bad", "bad", (200, "FATAL"), 0, "can't find command '/nonexistent'"),
        process("cat", "cat", (20, "RUNNING"), 101, "pid 101, uptime 0:00:32"),
        process("g", "many_00", (20, "RUNNING"), 102, "pid 102, uptime 1 day, 0:00:32"),
        process("g", "many_01", (0, "STOPPED"), 0, "Not started"),
    ];
    let names = ["bad", "cat", "g:many_00", "g:many_01"];
    let known = names.iter().position(|it| *it == about || format!("{it}:{it}") == about);
    let word = method.strip_suffix("ProcessGroup").map(|_| known.is_some() || about == "g");
    match (method, known) {
        (extension, _) if extension.starts_with("menshen.") => fault(FaultCode::UnknownMethod),
        ("getVersion", _) => Ok(text("3.0")),
        ("getSupervisorVersion", _) => Ok(text("4.3.0")),
        ("getPID", _) => Ok(Value::Int(100)),
        ("getAllProcessInfo", _) => Ok(Value::Array(list.to_vec())),
        ("getProcessInfo", Some(at)) => Ok(list[at].clone()),
        ("startProcess", Some(0)) | ("readProcessStderrLog", Some(_)) => fault(FaultCode::NoFile),
        ("startProcess", Some(1 | 2)) => fault(FaultCode::AlreadyStarted),
        ("stopProcess" | "signalProcess", Some(0 | 3)) => fault(FaultCode::NotRunning),
        ("signalProcess", Some(_)) if parameters.get(1) == Some(&text("FOO")) => fault(FaultCode::BadSignal),
        ("readProcessStdoutLog" | "readLog", _) if known.is_some() || method == "readLog" => {
            Ok(text("the end of the log"))
        }
        (
            "startProcess" | "stopProcess" | "signalProcess" | "clearProcessLogs" | "sendProcessStdin"
            | "removeProcessGroup",
            Some(_),
        )
        | ("shutdown" | "restart", _) => Ok(Value::Bool(true)),
        ("addProcessGroup", _) if about == "new" => Ok(Value::Bool(true)),
        ("startProcessGroup" | "startAllProcesses", _) if word != Some(false) => {
            Ok(Value::Array(vec![outcome("g", "many_01", FaultCode::SpawnError)]))
        }
        ("stopProcessGroup" | "stopAllProcesses" | "signalProcessGroup" | "signalAllProcesses", _)
            if word != Some(false) =>
        {
            Ok(Value::Array(vec![outcome("g", "many_00", FaultCode::Success)]))
        }
        ("clearAllProcessLogs", _) => Ok(Value::Array(vec![
            outcome("cat", "cat", FaultCode::Success),
            outcome("bad", "bad", FaultCode::Failed),
        ])),
        ("getAllConfigInfo", _) => Ok(Value::Array(vec![fields(&[
            ("group", text("g")),
            ("name", text("many_00")),
            ("inuse", Value::Bool(true)),
            ("autostart", Value::Bool(false)),
            ("group_prio", Value::Int(999)),
            ("process_prio", Value::Int(1)),
        ])])),
        ("reloadConfig", _) => {
            let list = |name: &str| Value::Array(vec![text(name)]);
            Ok(Value::Array(vec![Value::Array(vec![list("new"), list("cat"), list("bad")])]))
        }
        ("addProcessGroup", _) if about == "cat" => fault(FaultCode::AlreadyAdded),
        ("removeProcessGroup", _) if about == "g" => fault(FaultCode::StillRunning),
        ("getSomething", _) => fault(FaultCode::UnknownMethod),
        _ => fault(FaultCode::BadName),
    }
}
