//! What the tests need beside Rust: the original Supervisor to compare with, real servers to look after, shells.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::place;

/// The Python packages of the comparison: the original, and its best-known event listeners.
const PYTHON_PACKAGES: &[&str] = &["supervisor==4.3.0", "superlance"];

/// Installs whatever is missing; says what and how when it cannot.
pub(crate) fn all() -> Result<()> {
    original_supervisor()?;
    ansible()?;
    debian_package("nginx", "nginx-light", &["/usr/sbin/nginx"])?;
    debian_package(
        "php-fpm",
        "php-fpm",
        &["/usr/sbin/php-fpm8.2", "/usr/sbin/php-fpm8.3", "/usr/sbin/php-fpm8.4"],
    )?;
    debian_package("php-cgi", "php-cgi", &[])?;
    // Makers of certificates, and clients of HTTPS.
    debian_package("openssl", "openssl", &[])?;
    debian_package("curl", "curl", &[])?;
    // For their completions; bash is there.
    debian_package("zsh", "zsh", &[])?;
    debian_package("fish", "fish", &[])?;
    browser()
}

/// A real browser, and what drives it.
pub(crate) fn browser() -> Result<()> {
    debian_package("node", "nodejs", &[])?;
    debian_package("chromium", "chromium", &[])?;
    debian_package("npm", "npm", &[])?;
    browser_driver()
}

/// What drives the browser of the tests, and what looks there for what a reader would stumble over.
const NODE_PACKAGES: &[&str] = &["playwright-core@1.65.1", "axe-core@4.14.1"];

/// Both in `target/browser`. They bring no browser of their own: it is Debian's.
fn browser_driver() -> Result<()> {
    let folder = place::target().join("browser");
    let marker = folder.join("complete");
    if std::fs::read_to_string(&marker).is_ok_and(|it| it == NODE_PACKAGES.join(" ")) {
        println!("the driver of the browser: {}", folder.display());
        return Ok(());
    }
    std::fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
    std::fs::write(folder.join("package.json"), "{\"private\": true}\n")?;
    let mut npm = Command::new("npm");
    npm.args(["install", "--no-audit", "--no-fund", "--silent"]).args(NODE_PACKAGES).current_dir(&folder);
    place::run(&mut npm).context("the tests in a browser need a package index that npm can reach")?;
    std::fs::write(&marker, NODE_PACKAGES.join(" "))
        .with_context(|| format!("cannot write {}", marker.display()))
}

/// A virtual environment in `target/venv` with the original Supervisor in it.
pub(crate) fn original_supervisor() -> Result<()> {
    let venv = place::target().join("venv");
    let marker = venv.join("complete");
    if marker.is_file() && venv.join("bin/supervisord").is_file() {
        println!("the original Supervisor: {}", venv.display());
        return Ok(());
    }
    place::run(Command::new("python3").args(["-m", "venv"]).arg(&venv)).context(
        "the comparison with the original needs python3 with its venv module (Debian: python3-venv)",
    )?;
    place::run(Command::new(venv.join("bin/pip")).args(["install", "--quiet"]).args(PYTHON_PACKAGES))
        .context("the comparison with the original needs a package index that pip can reach")?;
    std::fs::write(&marker, "").with_context(|| format!("cannot write {}", marker.display()))
}

/// Ansible, without the thousands of modules that come with it.
const ANSIBLE_CORE: &str = "ansible-core==2.19.14";

/// What comes with it: the package that has the module in question.
const ANSIBLE_MODULES: &str = "ansible==12.3.0";

/// Takes one collection's module out of a wheel, and what says whose it is.
const TAKE_MODULE: &str = "\
import glob, sys, zipfile
folder = sys.argv[1]
root = 'ansible_collections/community/general/'
with zipfile.ZipFile(glob.glob(folder + '/ansible-*.whl')[0]) as wheel:
    for name in ['plugins/modules/supervisorctl.py', 'MANIFEST.json', 'COPYING']:
        wheel.extract(root + name, folder)
";

/// Ansible in `target/ansible`, with its module for `supervisorctl`. That module is in a package of 52 MB
/// on the index and nowhere else there; it is fetched once, and one file of it is kept.
fn ansible() -> Result<()> {
    let folder = place::target().join("ansible");
    let marker = folder.join("complete");
    if marker.is_file() {
        println!("Ansible: {}", folder.display());
        return Ok(());
    }
    let venv = folder.join("venv");
    let pip = || Command::new(venv.join("bin/pip"));
    place::run(Command::new("python3").args(["-m", "venv"]).arg(&venv))?;
    place::run(pip().args(["install", "--quiet", ANSIBLE_CORE]))
        .context("Ansible as a client needs a package index that pip can reach")?;
    let fetch = ["download", "--quiet", "--no-deps", "--only-binary", ":all:", "--dest"];
    place::run(pip().args(fetch).arg(&folder).arg(ANSIBLE_MODULES))?;
    place::run(Command::new(venv.join("bin/python3")).args(["-c", TAKE_MODULE]).arg(&folder))?;
    for entry in std::fs::read_dir(&folder)?.flatten() {
        if entry.path().extension().is_some_and(|it| it == "whl") {
            std::fs::remove_file(entry.path())?;
        }
    }
    std::fs::write(&marker, "").with_context(|| format!("cannot write {}", marker.display()))
}

/// Installs `package` when `program` is neither on the path nor at one of `places`.
pub(crate) fn debian_package(program: &str, package: &str, places: &[&str]) -> Result<()> {
    let found = || place::on_path(program) || places.iter().any(|place| PathBuf::from(place).is_file());
    if found() {
        println!("{program}: installed");
        return Ok(());
    }
    let remedy =
        format!("install the Debian package `{package}` (or whatever brings `{program}` here) and try again");
    if !place::on_path("apt-get") {
        bail!("{program} is missing and there is no apt-get: {remedy}");
    }
    if place::output(Command::new("id").arg("-u"))?.trim_ascii() != b"0" {
        bail!("{program} is missing and only root can install it: {remedy}");
    }
    // The lists may be too old to name a file that is still there, so they are fetched once more on failure.
    install(package)
        .or_else(|_| apt_get(&["update"]).and_then(|()| install(package)))
        .context(remedy.clone())?;
    if found() { Ok(()) } else { bail!("{package} was installed and brought no {program}: {remedy}") }
}

fn install(package: &str) -> Result<()> {
    apt_get(&["install", "--yes", "--no-install-recommends", package])
}

fn apt_get(words: &[&str]) -> Result<()> {
    // RUNLEVEL=1 keeps the package from starting its server: the tests start their own, on their own ports.
    place::run(
        Command::new("apt-get")
            .arg("--quiet=2")
            .args(words)
            .env("DEBIAN_FRONTEND", "noninteractive")
            .env("RUNLEVEL", "1"),
    )
}
