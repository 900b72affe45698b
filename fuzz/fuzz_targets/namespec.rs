//! Names are what they were parsed from, and what we show of a process is what a client may type.
#![no_main]

use libfuzzer_sys::fuzz_target;
use model::name::{FullName, GroupName, Namespec, ProcessName};

fuzz_target!(|text: &str| {
    let spec = Namespec::parse(text);
    assert!(
        !matches!(spec.process, Some("*")) || spec.group == "*",
        "a star after a colon is the whole group"
    );
    match text.split_once(':') {
        None => assert_eq!(spec, Namespec { group: text, process: Some(text) }),
        Some((group, _)) => assert_eq!(spec.group, group),
    }
    let group = match GroupName::parse(spec.group) {
        Ok(group) => group,
        Err(refused) => {
            assert!([' ', ':', '/'].contains(&refused.character) && refused.name.contains(refused.character));
            return;
        }
    };
    assert!(!group.as_str().contains([' ', ':', '/']));
    assert_eq!(GroupName::parse(group.as_str()).as_ref(), Ok(&group));
    let Some(process) = spec.process else { return };
    let full = FullName { group: group.clone(), process: ProcessName::expanded(process) };
    let shown = full.to_string();
    // A process may be called `*` or nothing by its template; no client can name it then.
    if full.group.as_str() == process || !matches!(process, "" | "*") {
        let again = Namespec::parse(&shown);
        assert_eq!((again.group, again.process), (group.as_str(), Some(process)));
    }
});
