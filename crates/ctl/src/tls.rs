//! The client's side of HTTPS: whom it trusts, and the words it exchanges before any other.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

/// The variable that names those to trust instead of whom the machine trusts, as in OpenSSL and curl.
const VARIABLE: &str = "SSL_CERT_FILE";

/// Where systems keep the certificates of those whom everybody trusts.
const BUNDLES: [&str; 4] = [
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
];

/// How long a server may take to agree on how to talk.
const GREETING_WAIT: Duration = Duration::from_secs(10);

/// A connection that nobody on the way can read along.
pub(crate) struct Secret(StreamOwned<ClientConnection, TcpStream>);

/// Agrees with a server on how to talk, and makes sure that it is the one of this name.
///
/// # Errors
/// A sentence that says why not.
pub(crate) fn greet(mut socket: TcpStream, host: &str) -> Result<Secret, String> {
    let name = ServerName::try_from(host.to_owned())
        .map_err(|_| format!("`{host}` is no name for a certificate"))?;
    let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()));
    let builder = builder.with_safe_default_protocol_versions().map_err(|it| it.to_string())?;
    let config = builder.with_root_certificates(trusted()?).with_no_client_auth();
    let mut side = ClientConnection::new(Arc::new(config), name).map_err(|it| it.to_string())?;
    // Afterwards it may take its time: a waiting call is answered when the process is up or down.
    let _ = socket.set_read_timeout(Some(GREETING_WAIT));
    while side.is_handshaking() {
        side.complete_io(&mut socket).map_err(|it| explain(&it.to_string()))?;
    }
    let _ = socket.set_read_timeout(None);
    Ok(Secret(StreamOwned::new(side, socket)))
}

/// What of a refusal can be mended, said so that it can.
fn explain(refusal: &str) -> String {
    // What `openssl req -x509` makes unless it is told otherwise.
    if refusal.contains("CaUsedAsEndEntity") {
        return "its certificate may vouch for others (CA:TRUE), which that of a server must not: make one with \
                basicConstraints=CA:FALSE"
            .to_owned();
    }
    refusal.to_owned()
}

fn trusted() -> Result<RootCertStore, String> {
    let named = std::env::var_os(VARIABLE).map(PathBuf::from);
    let bundles = BUNDLES.map(PathBuf::from).into_iter();
    let Some(path) = named.or_else(|| bundles.into_iter().find(|it| it.is_file())) else {
        return Err(format!("there is nobody to trust: name a file of certificates with {VARIABLE}=FILE"));
    };
    let certificates =
        CertificateDer::pem_file_iter(&path).map_err(|it| format!("cannot read {}: {it}", path.display()))?;
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(certificates.filter_map(Result::ok));
    if roots.is_empty() {
        return Err(format!("there is no certificate in {}", path.display()));
    }
    Ok(roots)
}

impl Secret {
    /// What is waited for.
    pub(crate) const fn socket(&self) -> &TcpStream {
        &self.0.sock
    }
}

impl Read for Secret {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self.0.read(buffer) {
            // Gone without a goodbye. Answers have a length, so nothing can be missing unseen.
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(0),
            other => other,
        }
    }
}

impl Write for Secret {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}
