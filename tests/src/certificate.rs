//! Certificates that nobody vouches for.

use std::path::Path;
use std::process::{Command, Stdio};

/// Makes a certificate for this machine, and its key, as files of a folder.
pub fn make(folder: &Path, name: &str, more: &[&str]) {
    let status = Command::new("openssl")
        .args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"])
        .args(["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"])
        .args(["-addext", "basicConstraints=critical,CA:FALSE"])
        .args(["-keyout", &format!("{name}.key"), "-out", &format!("{name}.pem")])
        .args(more)
        .current_dir(folder)
        .stderr(Stdio::null())
        .status();
    assert!(status.is_ok_and(|it| it.success()), "openssl makes a certificate");
}

/// What a browser is told so that it trusts whoever has the key of this certificate: the digest of its public key
/// (RFC 7469, 2.4).
pub fn pin(folder: &Path, name: &str) -> String {
    let script = format!(
        "openssl x509 -in {name}.pem -pubkey -noout | openssl pkey -pubin -outform der | \
         openssl dgst -sha256 -binary | openssl enc -base64"
    );
    let output = Command::new("sh").args(["-c", &script]).current_dir(folder).output();
    let output = output.expect("a shell can be run");
    assert!(output.status.success(), "openssl tells the digest of a key");
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}
