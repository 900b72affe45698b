//! No text, however odd, makes a parser panic, and what holds for all texts.

use std::path::Path;
use std::time::Instant;

use proptest::prelude::*;

use crate::environment;
use crate::expand::{Scope, expand};
use crate::getopt::{Known, getopt};
use crate::ini::Document;
use crate::pretend::Pretend;
use crate::resolve::load;
use crate::settings::Overrides;
use crate::{client, python, shell_words, value};

/// Pieces that mean something to one of the languages, so that random texts come near real ones.
const PIECES: &[&str] = &[
    "[",
    "]",
    "[program:a]",
    "[supervisord]",
    "[group:a]",
    "[include]",
    "[eventlistener:e]",
    "[fcgi-program:a]",
    "[DEFAULT]",
    "[unix_http_server]",
    "command",
    "environment",
    "numprocs",
    "files",
    "programs",
    "socket",
    "events",
    "process_name",
    "=",
    ":",
    "\n",
    "\r",
    "\n  ",
    " ",
    "\t",
    ";",
    " ;",
    "#",
    "%",
    "%%",
    "%(",
    "%(here)s",
    "%(ENV_HOME)s",
    "%(process_num)02d",
    ")",
    "s",
    "d",
    "*",
    ".",
    "-",
    "0",
    "9",
    "99999",
    "\"",
    "'",
    "\\",
    ",",
    "A",
    "é",
    "\u{feff}",
    "\u{1f}",
    "\u{301}",
    "a",
    "conf.d/*",
    "TICK_5",
    "tcp://a:1",
    "3",
];

fn text() -> impl Strategy<Value = String> {
    let piece = prop_oneof![4 => prop::sample::select(PIECES).prop_map(str::to_owned), 1 => any::<String>()];
    prop::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn no_text_makes_a_small_parser_panic(text in text()) {
        let variables = [("HOME".to_owned(), "/root".to_owned())].into();
        let mut scope = Scope::new(&variables).with("here", "/etc");
        scope.set_number("process_num", i64::MIN);
        let _ = expand(&text, &scope, "place");
        let _ = Document::new().read(&"f".into(), &text, false);
        let _ = shell_words::split(&text);
        let _ = environment::parse(&text);
        let _ = value::inet_address(&text);
        let _ = value::byte_size(&text);
        let _ = value::signal(&text);
        let _ = value::url(&text);
        let _ = python::repr(&text);
        let _ = python::normalize(&text);
    }

    #[test]
    fn a_section_is_the_same_whether_others_are_kept_or_not(text in text()) {
        let mut whole = Document::new();
        let mut part = Document::of(|it| it == "supervisord");
        let outcomes = [&mut whole, &mut part].map(|it| it.read(&"f".into(), &text, false));
        prop_assert_eq!(&outcomes[0], &outcomes[1]);
        let fields = |it: &Document| it.section("supervisord").map(|it| it.fields.clone());
        prop_assert_eq!(fields(&whole), fields(&part));
        prop_assert_eq!(&whole.defaults.fields, &part.defaults.fields);
        prop_assert!(part.sections.len() <= 1);
    }

    #[test]
    fn no_file_makes_a_load_panic(main in text(), included in any::<Vec<u8>>()) {
        let main = format!("[supervisord]\n[include]\nfiles=a.conf\n{main}");
        let outside = Pretend::new(&[("/etc/s.conf", &main)]).with_bytes("/etc/a.conf", &included);
        let loaded = load(Path::new("/etc/s.conf"), &Overrides::default(), &outside);
        prop_assert_eq!(loaded.config.is_none(), loaded.first_error().is_some());
        let _ = client::load(Path::new("/etc/s.conf"), &outside);
    }

    #[test]
    fn no_bytes_make_a_load_panic(bytes in any::<Vec<u8>>()) {
        let outside = Pretend::new(&[]).with_bytes("/etc/s.conf", &bytes);
        let loaded = load(Path::new("/etc/s.conf"), &Overrides::default(), &outside);
        prop_assert!(loaded.first_error().is_some());
    }

    #[test]
    fn no_arguments_make_getopt_panic(args in any::<Vec<String>>()) {
        let known = [Known { short: Some('c'), long: "configuration", argument: true }];
        let _ = getopt(&known, &args);
    }

    #[test]
    fn a_text_without_percent_expands_to_itself(text in "[^%]*") {
        let variables = std::collections::BTreeMap::new();
        let expanded = expand(&text, &Scope::new(&variables), "place").unwrap();
        prop_assert_eq!(expanded.as_ref(), text.as_str());
    }

    #[test]
    fn a_quoted_word_is_split_to_itself(word in "[^']*") {
        let words = shell_words::split(&format!("'{word}'")).unwrap();
        prop_assert_eq!(words, [word]);
    }

    #[test]
    fn a_normal_path_stays_as_it_is(path in "[a./]{0,12}") {
        let normal = python::normalize(&path);
        prop_assert_eq!(python::normalize(&normal), normal);
    }
}

/// Twice the text may take about twice the time; a quadratic parser takes four times as long, and
/// here would take minutes.
#[test]
#[expect(clippy::disallowed_methods, reason = "a test of speed needs a clock")]
fn ten_megabytes_are_read_in_seconds() {
    let program = |n: usize| {
        format!(
            "[program:p{n}]\ncommand=/bin/p{n} --here %(here)s ; comment\nenvironment=A=\"1\",B=\"%(ENV_HOME)s\"\n\
             stdout_logfile=/tmp/p{n}.log\nuser=web\nautorestart=true\nunknown_{n}=1\n"
        )
    };
    let programs: String = (0..60_000).map(program).collect();
    let long_line = format!("[supervisord]\nidentifier={}\n", ";#".repeat(1_000_000));
    let text = format!("{long_line}{programs}");
    assert!(text.len() > 10_000_000, "{}", text.len());
    let outside = Pretend::new(&[("/etc/s.conf", &text)]);
    let start = Instant::now();
    let loaded = load(Path::new("/etc/s.conf"), &Overrides::default(), &outside);
    assert_eq!(loaded.first_error(), None);
    assert_eq!(loaded.config.unwrap().groups.len(), 60_000);
    // Unoptimized and on a busy machine; minutes would be a bug, seconds are not.
    assert!(start.elapsed().as_secs() < 60, "{:?}", start.elapsed());
    println!("{} bytes in {:?}", text.len(), start.elapsed());
}
