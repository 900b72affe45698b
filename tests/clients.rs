//! Scripts written for the original, on its own client library.

use e2e::house::House;
use e2e::program::original_python;
use e2e::said::Said;

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
    let said = Said::from(output);
    assert_eq!((said.out.as_str(), said.err.as_str()), ("all true\n", ""), "{said:?}");
}
