//! The pair that many images run, for real: a page goes through nginx and php-fpm.

use std::fs;
use std::process::Command;

use e2e::house::House;
use e2e::http::{free_port, get};
use e2e::proc;
use e2e::program::{Make, assert_installed, root};
use e2e::wait::{until, until_some};
use rustix::process::Signal;

#[test]
fn nginx_and_php_serve_a_page_come_back_and_stop_cleanly() {
    for name in ["nginx", "php-fpm"] {
        assert_installed(name);
    }
    let port = free_port();
    let house = House::empty(Make::under_test());
    let copied = Command::new("cp")
        .arg("-r")
        .arg(root().join("examples/nginx-php-fpm/."))
        .arg(house.folder())
        .status();
    assert!(copied.is_ok_and(|status| status.success()), "cannot copy the example");
    let moved = house.text("nginx.conf").replace("8080", &port.to_string());
    fs::write(house.path("nginx.conf"), moved).expect("cannot move the port");
    let mut house = house;
    house.start_with(&["-n", "-c", "supervisord.conf"]);

    let page = || until_some("the page is served", || served(port));
    assert!(page().starts_with("hello from php "), "{}", page());
    house.until_text("logs/nginx.out.log", "GET / HTTP/1.");
    house.until_text("logs/php-fpm.log", "asked for /");

    let pid = |name: &str| house.ctl(&["pid", name]).out.trim().parse::<i32>().unwrap_or_default();
    let (nginx, php) = (pid("nginx"), pid("php-fpm"));
    until("there are workers, one of nginx and two of php-fpm", || {
        proc::descendants(nginx).len() + proc::descendants(php).len() >= 3
    });
    // By SIGTERM, so that each takes its workers along: those of a master that was killed would keep the sockets.
    for (name, old) in [("php-fpm", php), ("nginx", nginx)] {
        proc::send(old, Signal::TERM);
        until(&format!("{name} is back"), || ![0, old].contains(&pid(name)) && runs(&house, name));
    }
    assert!(page().starts_with("hello from php "));

    let family = [proc::descendants(pid("nginx")), proc::descendants(pid("php-fpm"))].concat();
    assert_eq!(house.ctl(&["stop", "all"]).expect_code(0).out.lines().count(), 2);
    until("no worker is left", || !family.iter().any(|it| proc::is_alive(*it)));
    assert!(get(port, "/", None).is_err(), "it answers after it was stopped");
    let log = house.text("logs/supervisord.log");
    assert!(log.contains("stopped: nginx (exit status 0)"), "{log}");
    assert!(log.contains("stopped: php-fpm (exit status 0)"), "{log}");
    assert!(house.stopped().success());
}

fn runs(house: &House, name: &str) -> bool {
    house.ctl(&["status", name]).out.contains("RUNNING")
}

fn served(port: u16) -> Option<String> {
    get(port, "/", None).ok().filter(|answer| answer.status == 200).map(|answer| answer.text())
}
