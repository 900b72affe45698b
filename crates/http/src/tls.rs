//! Certificates: read, and read again when their files have changed, so that whoever renews one need tell nobody.

use std::cell::RefCell;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection};
use tokio::time::Instant;

use crate::validity;

/// How often the files are looked at, at most; and only when somebody connects.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// How large such a file may be: a chain has a few kilobytes.
const FILE_BYTES_MAX: u64 = 1 << 20;

/// How much of an answer is encrypted before the client has taken it.
const BUFFER_BYTES_MAX: usize = 64 << 10;

/// Where a certificate and its key are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Files {
    /// The certificate and those that vouch for it, in PEM.
    pub certificates: PathBuf,
    /// Its private key, in PEM; it may be the same file.
    pub key: PathBuf,
}

/// Why there is no certificate to show.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file cannot be read.
    #[error("cannot read {}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// There is nothing of the kind in a file.
    #[error("there is no {what} in {}: it begins with `-----BEGIN {mark}-----`", path.display())]
    Missing {
        /// The file.
        path: PathBuf,
        /// What is missing.
        what: &'static str,
        /// What would begin it.
        mark: &'static str,
    },
    /// The two do not belong together, or are of a kind that is not understood.
    #[error("the key in {} cannot be used with the certificate in {}: {source}", key.display(), certificates.display())]
    Unfit {
        /// The file of the key.
        key: PathBuf,
        /// The file of the certificate.
        certificates: PathBuf,
        /// Why.
        source: rustls::Error,
    },
}

/// A certificate that can be shown, and what its owner should know of it.
#[derive(Debug)]
pub struct Loaded {
    config: Arc<ServerConfig>,
    /// Something that browsers will complain of.
    pub warning: Option<String>,
}

/// Reads a certificate and its key.
///
/// # Errors
/// When no client could be shown them.
pub fn load(files: &Files) -> Result<Loaded, TlsError> {
    let pem = read(&files.certificates)?;
    let chain: Vec<_> = CertificateDer::pem_slice_iter(&pem).filter_map(Result::ok).collect();
    let Some(first) = chain.first() else {
        let (path, what, mark) = (files.certificates.clone(), "certificate", "CERTIFICATE");
        return Err(TlsError::Missing { path, what, mark });
    };
    let warning = validity::complaint(first, std::time::SystemTime::now())
        .map(|it| format!("the certificate in {} {it}", files.certificates.display()));
    let key = PrivateKeyDer::from_pem_slice(&read(&files.key)?).map_err(|_| TlsError::Missing {
        path: files.key.clone(),
        what: "private key",
        mark: "PRIVATE KEY",
    })?;
    let unfit =
        |source| TlsError::Unfit { key: files.key.clone(), certificates: files.certificates.clone(), source };
    let builder = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()));
    let builder = builder.with_safe_default_protocol_versions().map_err(unfit)?;
    let mut config = builder.with_no_client_auth().with_single_cert(chain, key).map_err(unfit)?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Loaded { config: Arc::new(config), warning })
}

fn read(path: &Path) -> Result<Vec<u8>, TlsError> {
    let wrong = |source| TlsError::Read { path: path.to_owned(), source };
    let about = std::fs::metadata(path).map_err(wrong)?;
    // Neither a pipe that never ends nor a disk.
    if !about.is_file() || about.len() > FILE_BYTES_MAX {
        return Err(wrong(io::Error::new(
            io::ErrorKind::InvalidInput,
            "it is no file of a certificate's size",
        )));
    }
    std::fs::read(path).map_err(wrong)
}

/// What tells that a file is another than it was.
type Stamp = Option<(u64, i64, i64, u64)>;

fn stamp(path: &Path) -> Stamp {
    let about = std::fs::metadata(path).ok()?;
    Some((about.ino(), about.mtime(), about.mtime_nsec(), about.len()))
}

/// The certificate of a server, as it is at the moment.
#[derive(Debug)]
pub(crate) struct Certificate {
    files: Files,
    state: RefCell<State>,
}

#[derive(Debug)]
struct State {
    config: Option<Arc<ServerConfig>>,
    stamps: [Stamp; 2],
    looked: Instant,
}

/// What there is to say about a certificate: whether it is good news, and the words.
pub(crate) type News = Option<(bool, String)>;

impl Certificate {
    /// Reads it for the first time. One that cannot be read may be mended later; nobody comes in until then.
    pub(crate) fn new(files: Files) -> (Self, News) {
        let stamps = stamps(&files);
        let (config, news) = match load(&files) {
            Ok(loaded) => (Some(loaded.config), loaded.warning.map(|it| (false, it))),
            Err(error) => (None, Some((false, error.to_string()))),
        };
        let state = RefCell::new(State { config, stamps, looked: Instant::now() });
        (Self { files, state }, news)
    }

    /// The side of a new connection that is ours, with the certificate as it is now; and what has changed.
    pub(crate) fn accept(&self) -> (Option<ServerConnection>, News) {
        let news = self.look();
        let config = self.state.borrow().config.clone();
        let connection = config.and_then(|it| ServerConnection::new(it).ok());
        let connection = connection.map(|mut it| {
            it.set_buffer_limit(Some(BUFFER_BYTES_MAX));
            it
        });
        (connection, news)
    }

    /// Reads the files again if they have changed. While they are wrong, what was right goes on.
    fn look(&self) -> News {
        let mut state = self.state.borrow_mut();
        if state.looked.elapsed() < LOOK_EVERY {
            return None;
        }
        state.looked = Instant::now();
        let stamps = stamps(&self.files);
        if stamps == state.stamps {
            return None;
        }
        state.stamps = stamps;
        match load(&self.files) {
            Ok(loaded) => {
                state.config = Some(loaded.config);
                let fresh = format!("{} has been read anew", self.files.certificates.display());
                Some((loaded.warning.is_none(), loaded.warning.unwrap_or(fresh)))
            }
            Err(error) => Some((false, format!("{error}; the certificate of before is used"))),
        }
    }
}

fn stamps(files: &Files) -> [Stamp; 2] {
    [stamp(&files.certificates), stamp(&files.key)]
}
