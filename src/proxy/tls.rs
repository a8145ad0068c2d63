//! TLS to an upstream: rustls with the system's roots or an own CA file, and a client certificate.

use std::{fs, path::Path, sync::Arc};

use rustls::{
    ClientConfig, RootCertStore,
    pki_types::{CertificateDer, PrivateKeyDer, ServerName, pem::PemObject},
};
use tokio_rustls::TlsConnector;

use crate::config::{ConfigError, proxy::Protocol};

/// How to open TLS to one upstream.
pub(super) struct Tls {
    /// Offers what the route's protocol allows.
    pub(super) any: TlsConnector,
    /// Offers only HTTP/1.1: for WebSockets, which upgrade from there.
    pub(super) http1: TlsConnector,
    /// The name that the upstream has to prove, sent as SNI (RFC 6066 §3).
    pub(super) name: ServerName<'static>,
}

impl Tls {
    /// Reads the certificates.
    ///
    /// # Errors
    /// When a file cannot be read or is not what it should be, or the system has no certificates.
    pub(super) fn new(
        hostname: &str,
        protocol: Protocol,
        ca_file: Option<&Path>,
        client_certificate: Option<&Path>,
    ) -> Result<Self, ConfigError> {
        let name = ServerName::try_from(hostname.to_owned())
            .map_err(|_| ConfigError::new("api.url", format!("has a host that no certificate can name: {hostname}")))?;
        let roots = roots(ca_file)?;
        // ring is chosen here, whatever else in the program may use rustls.
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| ConfigError::new("proxy.ca_file", format!("cannot be used: {error}")))?
            .with_root_certificates(roots);
        let mut config = match client_certificate {
            None => builder.with_no_client_auth(),
            Some(path) => {
                let (chain, key) = identity(path)?;
                builder
                    .with_client_auth_cert(chain, key)
                    .map_err(|error| wrong_certificate(path, &error.to_string()))?
            }
        };
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        let http1 = TlsConnector::from(Arc::new(config.clone()));
        config.alpn_protocols = match protocol {
            Protocol::Auto => vec![b"h2".to_vec(), b"http/1.1".to_vec()],
            Protocol::Http1 => vec![b"http/1.1".to_vec()],
            Protocol::Http2 => vec![b"h2".to_vec()],
        };
        Ok(Self { any: TlsConnector::from(Arc::new(config)), http1, name })
    }
}

fn roots(ca_file: Option<&Path>) -> Result<RootCertStore, ConfigError> {
    let mut roots = RootCertStore::empty();
    let certificates = match ca_file {
        None => rustls_native_certs::load_native_certs().certs,
        Some(path) => certificates(path).map_err(|error| {
            ConfigError::new(
                "proxy.ca_file",
                format!("cannot be read from {}: {error}. It has to be a PEM file", path.display()),
            )
        })?,
    };
    roots.add_parsable_certificates(certificates);
    if !roots.is_empty() {
        return Ok(roots);
    }
    Err(ConfigError::new(
        "proxy.ca_file",
        match ca_file {
            None => {
                "is needed: this system has no certificates of its own. Install them, or name a PEM file".to_owned()
            }
            Some(path) => {
                format!("has no certificate in {}: it has to be a PEM file with CERTIFICATE blocks", path.display())
            }
        },
    ))
}

fn identity(path: &Path) -> Result<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>), ConfigError> {
    let wrong = |error: String| wrong_certificate(path, &error);
    let chain = certificates(path).map_err(wrong)?;
    let key = fs::read(path)
        .map_err(|error| error.to_string())
        .and_then(|text| PrivateKeyDer::from_pem_slice(&text).map_err(|error| error.to_string()))
        .map_err(wrong)?;
    Ok((chain, key))
}

fn wrong_certificate(path: &Path, error: &str) -> ConfigError {
    let problem = format!(
        "cannot be used from {}: {error}. It has to be a PEM file with the certificate chain and its key",
        path.display()
    );
    ConfigError::new("proxy.client_certificate", problem)
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let text = fs::read(path).map_err(|error| error.to_string())?;
    CertificateDer::pem_slice_iter(&text).collect::<Result<_, _>>().map_err(|error| error.to_string())
}

impl std::fmt::Debug for Tls {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tls").field("name", &self.name).finish_non_exhaustive()
    }
}
