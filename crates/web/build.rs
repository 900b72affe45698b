//! Makes what the pages need beside their HTML: one script of several, names that change with the
//! content, and a compressed copy of each, so that the program compresses nothing of it while it runs.

use std::fmt::Write as _;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use flate2::Compression;
use flate2::write::GzEncoder;

/// What is served, in an order in which each names only what stands before it.
const ASSETS: [(&str, &str); 4] = [
    ("icons.svg", "image/svg+xml"),
    ("menshen.svg", "image/svg+xml"),
    ("console.css", "text/css; charset=utf-8"),
    ("console.js", "text/javascript; charset=utf-8"),
];

/// The parts of the script, in the order in which they stand in it.
const SCRIPT: [&str; 12] = [
    "words.js",
    "common.js",
    "ansi.js",
    "live.js",
    "acts.js",
    "spark.js",
    "overview.js",
    "chart.js",
    "past.js",
    "log.js",
    "feeds.js",
    "main.js",
];

fn main() -> io::Result<()> {
    println!("cargo::rerun-if-changed=assets");
    println!("cargo::rerun-if-changed=build.rs");
    let out = PathBuf::from(std::env::var_os("OUT_DIR").unwrap_or_default());
    let mut named: Vec<(&str, String)> = Vec::new();
    let mut table = String::from("[\n");
    for (name, content_type) in ASSETS {
        let mut text = if name == "console.js" { script()? } else { read(&Path::new("assets").join(name))? };
        for (other, path) in &named {
            text = text.replace(&format!("{{{other}}}"), path);
        }
        let path = hashed(name, text.as_bytes());
        std::fs::write(out.join(name), &text)?;
        std::fs::write(out.join(format!("{name}.gz")), compressed(text.as_bytes())?)?;
        let place = out.join(name).display().to_string();
        writeln!(
            table,
            "    Asset {{ name: {name:?}, path: {path:?}, content_type: {content_type:?}, \
             plain: include_bytes!({place:?}), gzip: include_bytes!({:?}) }},",
            format!("{place}.gz"),
        )
        .map_err(io::Error::other)?;
        named.push((name, path));
    }
    table.push_str("]\n");
    std::fs::write(out.join("assets.rs"), table)
}

fn read(path: &Path) -> io::Result<String> {
    std::fs::read_to_string(path)
        .map_err(|error| io::Error::new(error.kind(), format!("{}: {error}", path.display())))
}

/// The parts in one function, so that their names stay among themselves.
fn script() -> io::Result<String> {
    let mut whole = String::from("(() => {\n\"use strict\";\n");
    for part in SCRIPT {
        whole.push_str(&read(&Path::new("assets/script").join(part))?);
    }
    whole.push_str("})();\n");
    Ok(whole)
}

/// `/assets/console-1f2e3d4c5b6a7988.css`: a browser may keep what bears such a name for ever.
fn hashed(name: &str, bytes: &[u8]) -> String {
    // FNV-1a. Nobody gains anything from two contents with one name: both are ours.
    let hash = bytes.iter().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    });
    let (stem, extension) = name.rsplit_once('.').unwrap_or((name, ""));
    format!("/assets/{stem}-{hash:016x}.{extension}")
}

fn compressed(bytes: &[u8]) -> io::Result<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes)?;
    encoder.finish()
}
