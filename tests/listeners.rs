//! Programs written for the original: event listeners, and clients of its XML-RPC interface.

use e2e::house::House;
use e2e::plain::plain;
use e2e::proc;
use e2e::program::{Make, original_program, original_python};
use e2e::wait::{until, until_some};
use rustix::process::Signal;

/// Writes each event as one line: its name, whether its serials grow, and its payload without pids.
const LISTENER: &str = "\
import sys
from supervisor import childutils
last = {'serial': -1, 'poolserial': -1}
out = open(sys.argv[1], 'a', buffering=1)
while True:
    headers, payload = childutils.listener.wait()
    for name in last:
        if int(headers[name]) <= last[name]:
            out.write('BACKWARDS %s\\n' % name)
        last[name] = int(headers[name])
    assert int(headers['len']) == len(payload)
    words = [word for word in payload.split() if not word.startswith('pid:')]
    out.write(' '.join([headers['ver'], headers['server'], headers['pool'], headers['eventname']] + words) + '\\n')
    childutils.listener.ok()
";

fn with_listener(make: Make, sections: &str) -> House {
    let python = original_python();
    let house = House::of(
        make,
        &format!(
            "[eventlistener:ear]\ncommand={} ear.py events\nevents=PROCESS_STATE,REMOTE_COMMUNICATION,PROCESS_GROUP\n\
             buffer_size=100\n{sections}",
            python.display()
        ),
    );
    house.write("ear.py", LISTENER);
    house.started()
}

/// The events about one process or group, in order.
fn events_about(house: &House, word: &str) -> Vec<String> {
    let text = plain(&house.text("events"), &house.here());
    text.lines().filter(|line| line.contains(word)).map(str::to_owned).collect()
}

/// A life with everything in it, as a listener hears it.
fn life(make: Make) -> Vec<String> {
    let house = with_listener(
        make,
        "[program:cat]\ncommand=cat\nautostart=false\n\
         [program:brief]\ncommand=/bin/sh -c 'sleep 0.2; exit 1'\nautostart=false\nstartsecs=2\nstartretries=1\n",
    );
    house.until_state("ear", "RUNNING");
    house.ctl(&["start", "cat"]).expect_code(0);
    house.ctl(&["stop", "cat"]).expect_code(0);
    house.ctl(&["start", "cat"]).expect_code(0);
    proc::send(house.pid_of("cat"), Signal::KILL);
    until("cat is back", || events_about(&house, "processname:cat").len() >= 8);
    house.ctl(&["start", "brief"]);
    house.until_state("brief", "FATAL");
    house.call("supervisor.sendRemoteCommEvent", &["kind", "body"]).expect("it answers");
    house.until_text("events", "REMOTE_COMMUNICATION");
    assert!(!house.text("events").contains("BACKWARDS"), "{}", house.text("events"));
    [
        events_about(&house, "processname:cat"),
        events_about(&house, "processname:brief"),
        events_about(&house, "REMOTE_COMMUNICATION"),
    ]
    .concat()
}

#[test]
fn a_listener_hears_the_same_life_from_both() {
    let (original, ours) = std::thread::scope(|scope| {
        let original = scope.spawn(|| life(Make::Original));
        let ours = scope.spawn(|| life(Make::under_test()));
        (original.join().expect("the original lives"), ours.join().expect("ours lives"))
    });
    assert_eq!(ours, original);
}

#[test]
fn crashmail_mails_a_crash() {
    let crashmail = original_program("crashmail");
    let house = House::new(&format!(
        "[eventlistener:mail]\ncommand={} -a -m x@example.org -s 'cat >> {{here}}/mail'\nevents=PROCESS_STATE_EXITED\n\
         [program:crash]\ncommand=/bin/sh -c 'sleep 2; exit 5'\nautorestart=false\n",
        crashmail.display()
    ))
    .started();
    house.until_state("mail", "RUNNING");
    house.until_state("crash", "EXITED");
    house.until_text("mail", "Process crash in group crash exited unexpectedly");
}

#[test]
fn memmon_restarts_what_has_grown_too_large() {
    let memmon = original_program("memmon");
    let grow = "import time; held = bytearray(90_000_000); time.sleep(100000)";
    let house = House::new(&format!(
        "[eventlistener:memmon]\ncommand={} -p large=40MB\nevents=TICK_5\nstderr_logfile={{here}}/memmon.err\n\
         [program:large]\ncommand={} -c '{grow}'\n",
        memmon.display(),
        original_python().display()
    ))
    .started();
    house.until_state("large", "RUNNING");
    let old = house.pid_of("large");
    house.until_reborn("large", old);
    assert!(house.text("memmon.err").contains("Restarting large:large"), "{}", house.text("memmon.err"));
}

/// What a script does with the original's own transport: calls, a fault, bytes that are no ASCII.
const CLIENT: &str = "\
import sys, xmlrpc.client
from supervisor.xmlrpc import SupervisorTransport
transport = SupervisorTransport('', '', 'unix://' + sys.argv[1])
server = xmlrpc.client.ServerProxy('http://localhost', transport)
assert server.supervisor.getAPIVersion() == '3.0'
assert server.supervisor.getState() == {'statecode': 1, 'statename': 'RUNNING'}
assert server.supervisor.stopProcess('cat') is True
info = server.supervisor.getProcessInfo('cat')
assert sorted(info) == ['description', 'exitstatus', 'group', 'logfile', 'name', 'now', 'pid', 'spawnerr', 'start',
                        'state', 'statename', 'stderr_logfile', 'stdout_logfile', 'stop'], sorted(info)
assert info['statename'] == 'STOPPED' and info['pid'] == 0 and info['now'] >= info['stop'] >= info['start'] > 0
try:
    server.supervisor.stopProcess('cat')
except xmlrpc.client.Fault as fault:
    assert (fault.faultCode, fault.faultString) == (70, 'NOT_RUNNING: cat'), fault
else:
    assert False
assert server.supervisor.startProcess('cat', False) is True
assert server.supervisor.sendProcessStdin('cat', 'gr\\u00fc\\u00df dich \\u95e8\\u795e\\n') is True
while not server.supervisor.readProcessStdoutLog('cat', 0, 0):
    pass
assert server.supervisor.readProcessStdoutLog('cat', 0, 0) == 'gr\\u00fc\\u00df dich \\u95e8\\u795e\\n'
assert server.supervisor.tailProcessStdoutLog('cat', 0, 4)[1:] == [19, True]
results = server.system.multicall([{'methodName': 'supervisor.getPID', 'params': []}, {'methodName': 'nope'}])
assert results[0] == server.supervisor.getPID() and results[1]['faultCode'] == 1, results
assert len(server.supervisor.getAllProcessInfo()) == 1
print('all true')
";

#[test]
fn a_script_with_the_original_transport_works() {
    let house = House::new("[program:cat]\ncommand=cat\nstdout_logfile={here}/cat.log\n").started();
    house.until_state("cat", "RUNNING");
    house.write("client.py", CLIENT);
    let output = std::process::Command::new(original_python())
        .args(["client.py", "s.sock"])
        .current_dir(house.folder())
        .output()
        .expect("cannot run python");
    let said = e2e::said::Said::from(output);
    assert_eq!((said.out.as_str(), said.err.as_str()), ("all true\n", ""), "{said:?}");
}

#[test]
fn a_slow_listener_delays_nobody() {
    let house = House::new(
        "[eventlistener:slow]\ncommand=/bin/sh -c 'echo READY; read line; echo $line > got; exec sleep 100000'\n\
         events=PROCESS_STATE\nbuffer_size=5\n\
         [program:cat]\ncommand=cat\nautostart=false\nstartsecs=0\n",
    )
    .started();
    house.until_state("slow", "RUNNING");
    until_some("the first event has come", || (!house.text("got").is_empty()).then_some(()));
    for _ in 0..10 {
        house.ctl(&["start", "cat"]).expect_code(0);
        house.ctl(&["stop", "cat"]).expect_code(0);
    }
    house.until_logged("buffer overflowed");
    assert_eq!(house.state("slow"), "RUNNING");
}
