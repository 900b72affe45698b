//! What a configuration of Supervisor's is told that wants to move here.

use e2e::house::House;
use e2e::said::Said;

fn check(house: &House, words: &[&str]) -> Said {
    let mut command = house.command("menshen");
    command.args(["check", "-c", "supervisord.conf"]).args(words).output().expect("cannot run menshen").into()
}

#[test]
fn python_plug_ins_are_listed_with_what_replaces_them_and_the_options_are_counted() {
    let house = House::new(
        "[rpcinterface:twiddler]\nsupervisor.rpcinterface_factory = supervisor_twiddler.rpcinterface:make\nsome = 1\n\
         [ctlplugin:x]\nsupervisor.ctl_factory = nobody.knows:it\n\
         [program:web]\ncommand=cat\nstratsecs=5\n",
    );
    let said = check(&house, &["--compat"]).expect_code(0);
    for wanted in [
        "[rpcinterface:twiddler] supervisor_twiddler.rpcinterface:make: Python, left out; instead: a file in the \
         directory of [include], and `menshen update`",
        "[ctlplugin:x] nobody.knows:it: Python, left out; instead: nothing here replaces it",
        "[program:web] stratsecs: no effect, neither here nor there",
    ] {
        assert!(said.out.contains(wanted), "{wanted}: {}", said.out);
    }
    let summary = said.out.lines().find(|it| it.ends_with(" options supported")).expect("no summary");
    let numbers: Vec<usize> = summary.split(' ').filter_map(|it| it.parse().ok()).collect();
    assert_eq!(numbers[1] - numbers[0], 4, "{summary}");

    let json: serde_json::Value =
        serde_json::from_str(&check(&house, &["--compat", "--json"]).out).expect("it is no JSON");
    assert_eq!(json["compat"]["options"], numbers[1]);
    assert_eq!(json["compat"]["plugins"][1]["replacement"], serde_json::Value::Null);
}

#[test]
fn a_whole_configuration_of_the_original_is_supported() {
    let house = House::new("[program:web]\ncommand=cat\n");
    let said = check(&house, &["--compat"]).expect_code(0);
    let summary = said.out.lines().find(|it| it.ends_with(" options supported")).expect("no summary");
    let numbers: Vec<_> = summary.split(' ').filter_map(|it| it.parse::<usize>().ok()).collect();
    assert_eq!(numbers[0], numbers[1], "{summary}");
}
