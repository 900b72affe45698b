//! The pages in a real browser: Debian's Chromium, driven by `browser/console.mjs`.

use std::path::{Path, PathBuf};
use std::process::Command;

use e2e::certificate;
use e2e::house::House;
use e2e::http;

#[path = "browser/past.rs"]
mod past;

/// Where `cargo xtask test` puts the driver of the browser, and where screenshots go.
fn target() -> PathBuf {
    let named = std::env::var_os("CARGO_TARGET_DIR").map(PathBuf::from);
    named.unwrap_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../target"))
}

/// A line of 10 MB, all the ways to break out of a page, and colors without end.
fn write_evil(house: &House) {
    let mut said = b"<script>window.pwned = 1</script><img src=x onerror=\"window.pwned = 1\">\n".to_vec();
    said.extend(b"</div></pre>]]>--> \x1b]0;title\x07\x1b[2J\x1b[1;31mred \xff\xfe\xc3\x28 \x00 \r over\n");
    said.extend(std::iter::repeat_n(b"\x1b[1;31;42m", 20_000).flatten());
    said.push(b'\n');
    said.extend(std::iter::repeat_n(b'x', 10 << 20));
    said.extend(b"\nthe end of it\n");
    std::fs::write(house.path("evil"), said).expect("cannot write what is to be said");
}

/// Has a browser look at a house as `script` says, which complains of what is not as it should be.
fn look(house: &House, script: &str, more: &[(&str, &str)]) {
    let browser =
        ["/usr/bin/chromium", "/usr/bin/chromium-browser"].into_iter().find(|it| Path::new(it).is_file());
    let browser = browser.expect("there is no chromium: `cargo xtask test` installs it");
    let driver = target().join("browser");
    assert!(
        driver.join("complete").is_file(),
        "no driver in {}: `cargo xtask test` installs it",
        driver.display()
    );
    let output = Command::new("node")
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("browser").join(script))
        .env("BROWSER_HOME", &driver)
        .env("BROWSER", browser)
        .env("HOUSE", house.folder())
        .env("OUT", target().join("screenshots"))
        .envs(more.iter().copied())
        .output()
        .expect("cannot run node");
    let told = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{told}{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn a_browser_shows_it_all() {
    let port = http::free_port();
    let house = House::new(&format!(
        "[inet_http_server]\nport=127.0.0.1:{port}\n\n\
         [user:me]\nrole=admin\npassword=secret\n[user:eve]\npassword=looks\n\n{}",
        include_str!("browser/house.conf")
    ));
    house.configure_daemon("history_file={here}/history.db\n");
    house.write("say", "hello\n");
    write_evil(&house);
    let mut house = house.started();
    // The tables are made by who will read them.
    house.stopped();
    past::write(&house.path("history.db"), "old");
    house.start();
    look(&house, "console.mjs", &[("URL", &format!("http://127.0.0.1:{port}"))]);
}

#[test]
fn a_browser_is_spoken_to_in_secret() {
    let port = http::free_port();
    let house = House::new(&format!(
        "[inet_http_server]\nport=127.0.0.1:{port}\ncertfile={{here}}/box.pem\nkeyfile={{here}}/box.key\n\n\
         [user:me]\nrole=admin\npassword=secret\n\n\
         [program:mortal]\ncommand=sh -c 'until [ -e {{here}}/end-mortal ]; do sleep 0.1; done; exit 3'\n\
         autorestart=false\nstartsecs=0\n"
    ));
    for (name, days) in [("box", "30"), ("new", "60")] {
        certificate::make(house.folder(), name, &["-days", days]);
    }
    let pins = ["box", "new"].map(|name| certificate::pin(house.folder(), name)).join(",");
    let house = house.started();
    look(&house, "secret.mjs", &[("URL", &format!("https://localhost:{port}")), ("PINS", &pins)]);
}

/// Every page in every look, in `target/screenshots`. `cargo xtask pictures` puts those of README into docs/; it has
/// more time, so that the lines beside the names are longer.
#[test]
fn pictures_of_all_pages_are_taken() {
    let port = http::free_port();
    let house = House::new(&format!(
        "[inet_http_server]\nport=127.0.0.1:{port}\n\n{}",
        include_str!("browser/pictures.conf")
    ));
    house.configure_daemon("identifier=atlas-03\nhistory_file={here}/history.db\nsample_interval=1\n");
    house.write("scheduler", include_str!("browser/scheduler.sh"));
    let mut house = house.started();
    // The tables are made by who will read them.
    house.stopped();
    past::write(&house.path("history.db"), "scheduler");
    house.start();
    let points = std::env::var("MENSHEN_PICTURE_POINTS").unwrap_or_else(|_| "5".to_owned());
    look(&house, "pictures.mjs", &[("URL", &format!("http://127.0.0.1:{port}")), ("POINTS", &points)]);
}
