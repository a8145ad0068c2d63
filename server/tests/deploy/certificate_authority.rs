//! A test's own certificate authority, and a certificate for 127.0.0.1.

use std::path::Path;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use tokio_rustls::rustls::{ClientConfig, RootCertStore, pki_types::CertificateDer};

/// The certificate of the authority.
#[derive(Clone)]
pub struct CertificateAuthority(CertificateDer<'static>);

/// Writes `certificate.pem` and `key.pem`, both in one as `both.pem`, and the authority's own certificate as `ca.pem` into
/// `folder`.
pub fn issue_certificate(folder: &Path) -> CertificateAuthority {
    let mut parameters = CertificateParams::new(Vec::new()).unwrap();
    parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = CertifiedIssuer::self_signed(parameters, KeyPair::generate().unwrap()).unwrap();
    let key = KeyPair::generate().unwrap();
    let parameters = CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap();
    let certificate = parameters.signed_by(&key, &authority).unwrap();
    let (certificate, key) = (certificate.pem(), key.serialize_pem());
    let both = format!("{certificate}{key}");
    for (name, content) in
        [("certificate.pem", certificate), ("key.pem", key), ("both.pem", both), ("ca.pem", authority.pem())]
    {
        std::fs::write(folder.join(name), content).unwrap();
    }
    CertificateAuthority(authority.der().clone())
}

impl CertificateAuthority {
    /// The certificate to trust, for reqwest.
    pub fn reqwest(&self) -> reqwest::Certificate {
        reqwest::Certificate::from_der(&self.0).unwrap()
    }

    /// A configuration of an HTTP/1.1 client that trusts the authority.
    pub fn rustls(&self) -> ClientConfig {
        let mut roots = RootCertStore::empty();
        roots.add(self.0.clone()).unwrap();
        let mut config = ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        config
    }
}
