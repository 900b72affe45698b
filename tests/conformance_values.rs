//! Arguments of any kind, well-formed or not: who takes a name, a number or a signal takes the same, refuses the same
//! and says the same of it.

use e2e::house::House;
use e2e::http;
use e2e::program::Make::{self, Original};
use e2e::rpc;

/// What may stand between `<value>` and `</value>`.
const VALUES: &[&str] = &[
    "",
    "p",
    " <string>p</string> ",
    "<string/>",
    "a&amp;b",
    "<![CDATA[p]]>",
    "p<!-- c -->q",
    "<int>1</int>",
    "<int> +1_0 </int>",
    "<int>-1</int>",
    "<int></int>",
    "<int>1.0</int>",
    "<i4>3</i4>",
    "<i8>3</i8>",
    "<int>1</int><int>2</int>",
    "<int>1</int><int>x</int>",
    "<double>1.5</double>",
    "<double>nan</double>",
    "<double>inf</double>",
    "<double/>",
    "<boolean>1</boolean>",
    "<boolean>true</boolean>",
    "<nil/>",
    "<nil>x</nil>",
    "<ex:nil/>",
    "<ex:nil xmlns:ex='u'/>",
    "<base64>cA==</base64>",
    "<base64>!!!</base64>",
    "<base64>cA</base64>",
    "<base64>/v8=</base64>",
    "<dateTime.iso8601>20200229T01:02:03</dateTime.iso8601>",
    "<dateTime.iso8601>20200230T01:02:03</dateTime.iso8601>",
    "<array/>",
    "<array><data/></array>",
    "<array><data><int>1</int></data></array>",
    "<array><value>p</value></array>",
    "<struct/>",
    "<struct><member><name>b</name><value>1</value></member><member><name>a</name><int>2</int></member></struct>",
    "<struct><member><name>b</name><value/></member><member><name>a</name><value/></member>\
     <member><name>b</name><value>3</value></member></struct>",
    "<struct><member><name>a</name></member></struct>",
];

/// Whom they are said to; `{}` is where they stand.
const CALLS: &[(&str, &[&str])] = &[
    ("supervisor.getProcessInfo", &["{}"]),
    ("supervisor.startProcess", &["{}"]),
    ("supervisor.stopProcessGroup", &["{}"]),
    ("supervisor.addProcessGroup", &["{}"]),
    ("supervisor.removeProcessGroup", &["{}"]),
    ("supervisor.signalProcess", &["{}", "CONT"]),
    ("supervisor.signalProcess", &["q", "{}"]),
    ("supervisor.signalProcessGroup", &["q", "{}"]),
    ("supervisor.readProcessStdoutLog", &["p", "{}", "0"]),
    ("supervisor.tailProcessStdoutLog", &["p", "0", "{}"]),
    ("supervisor.clearProcessLogs", &["{}"]),
    ("supervisor.sendProcessStdin", &["{}", "x"]),
    ("supervisor.sendProcessStdin", &["q", "{}"]),
    ("system.methodSignature", &["{}"]),
    ("system.multicall", &["{}"]),
    ("system.multicall", &["<array><data><value>{}</value></data></array>"]),
    (
        "system.multicall",
        &["<array><data><value><struct><member><name>methodName</name><value>{}</value></member></struct>\
           </value></data></array>"],
    ),
    (
        "system.multicall",
        &["<array><data><value><struct>\
           <member><name>methodName</name><value>supervisor.getAPIVersion</value></member>\
           <member><name>params</name><value>{}</value></member></struct></value></data></array>"],
    ),
    (
        "system.multicall",
        &["<array><data><value><struct>\
           <member><name>methodName</name><value>supervisor.getProcessInfo</value></member>\
           <member><name>params</name><value><array><data><value>{}</value></data></array></value></member>\
           </struct></value></data></array>"],
    ),
];

const PROGRAMS: &str = "\
[program:p]
command=cat
autostart=false
startsecs=0
stdout_logfile={here}/p.log
[program:q]
command=cat
autostart=false
";

/// The status of an answer, and what it holds where it is no description of a process.
fn answers(make: Make) -> Vec<String> {
    let house = House::of(make, PROGRAMS).started();
    house.write("p.log", "said before\n");
    let mut answers = Vec::new();
    for (method, params) in CALLS {
        for value in VALUES {
            let param = |it: &&str| format!("<param><value>{}</value></param>", it.replace("{}", value));
            let params: String = params.iter().map(param).collect();
            let call = format!("<methodName>{method}</methodName><params>{params}</params>");
            let body = format!("<?xml version='1.0'?><methodCall>{call}</methodCall>");
            let answer = http::post(&house.path("s.sock"), "/RPC2", &body).expect("it answers");
            let text = if answer.status == 200 { answer.text() } else { String::new() };
            let text = if text.contains("<name>statename</name>") { "a process".to_owned() } else { text };
            answers.push(format!("{call}: {} {}", answer.status, rpc::in_order(&text)));
        }
    }
    answers
}

#[test]
fn arguments_of_any_kind_mean_the_same() {
    let (original, ours) = std::thread::scope(|scope| {
        let original = scope.spawn(|| answers(Original));
        let ours = answers(Make::under_test());
        (original.join().expect("the original answers"), ours)
    });
    let differ = original.iter().zip(&ours).filter(|(original, ours)| original != ours);
    let differ: Vec<_> =
        differ.map(|(original, ours)| format!("original {original}\nours     {ours}")).collect();
    assert!(differ.is_empty(), "{} of {} differ:\n\n{}", differ.len(), ours.len(), differ.join("\n\n"));
}
