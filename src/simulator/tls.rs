//! A certificate for loopback, by a CA that lives as long as the process, or in a folder.
//!
//! The CA's key is never kept: nobody can make another certificate with it.

use std::{fs, io, path::Path, sync::Arc};

use tokio_rustls::rustls::{
    ServerConfig, crypto,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _},
};

/// A server's certificate and the CA to trust.
#[derive(Clone)]
pub struct Tls {
    /// The CA's certificate: what a client is told to trust.
    pub ca_pem: String,
    certificate_pem: String,
    key_pem: String,
}

impl std::fmt::Debug for Tls {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Tls")
    }
}

impl Tls {
    /// A new CA, and a certificate for `localhost` and `127.0.0.1`.
    pub fn throw_away() -> io::Result<Self> {
        Self::throw_away_for(&[])
    }

    /// The same, for these hosts as well: names or addresses, for a client that a hosts file leads here.
    pub fn throw_away_for(hosts: &[String]) -> io::Result<Self> {
        Self::make(hosts).map_err(io::Error::other)
    }

    /// The one kept in a folder (`ca.pem`, `server.pem`, `server-key.pem`), or a new one that is then kept there.
    pub fn in_folder(folder: &Path) -> io::Result<Self> {
        Self::in_folder_for(folder, &[])
    }

    /// The same, for these hosts as well. One that was kept for other hosts gives way to a new one, with a new CA.
    pub fn in_folder_for(folder: &Path, hosts: &[String]) -> io::Result<Self> {
        let file = |name: &str| folder.join(name);
        let listed = hosts.join("\n");
        let kept_for = fs::read_to_string(file("hosts")).unwrap_or_default();
        if file("server-key.pem").exists() && kept_for == listed {
            let read = |name| fs::read_to_string(file(name));
            return Ok(Self {
                ca_pem: read("ca.pem")?,
                certificate_pem: read("server.pem")?,
                key_pem: read("server-key.pem")?,
            });
        }
        let made = Self::throw_away_for(hosts)?;
        fs::create_dir_all(folder)?;
        fs::write(file("hosts"), listed)?;
        fs::write(file("ca.pem"), &made.ca_pem)?;
        fs::write(file("server.pem"), &made.certificate_pem)?;
        fs::write(file("server-key.pem"), &made.key_pem)?; // last: it says that all three are there
        Ok(made)
    }

    fn make(hosts: &[String]) -> Result<Self, rcgen::Error> {
        let mut params = rcgen::CertificateParams::new(Vec::<String>::new())?;
        params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        params.key_usages = vec![rcgen::KeyUsagePurpose::KeyCertSign, rcgen::KeyUsagePurpose::CrlSign];
        params.distinguished_name.push(rcgen::DnType::CommonName, "tilgang simulator CA");
        let key = rcgen::KeyPair::generate()?;
        let ca_pem = params.self_signed(&key)?.pem();
        let issuer = rcgen::Issuer::new(params, key);
        let key = rcgen::KeyPair::generate()?;
        let mut names = vec!["localhost".to_owned(), "127.0.0.1".to_owned()];
        names.extend(hosts.iter().cloned());
        let mut params = rcgen::CertificateParams::new(names)?;
        params.distinguished_name.push(rcgen::DnType::CommonName, "localhost");
        params.use_authority_key_identifier_extension = true; // Python's ssl wants it
        params.extended_key_usages = vec![rcgen::ExtendedKeyUsagePurpose::ServerAuth];
        let certificate_pem = params.signed_by(&key, &issuer)?.pem();
        Ok(Self { ca_pem, certificate_pem, key_pem: key.serialize_pem() })
    }

    pub(super) fn config(&self) -> io::Result<Arc<ServerConfig>> {
        let chain = CertificateDer::pem_slice_iter(self.certificate_pem.as_bytes());
        let chain = chain.collect::<Result<Vec<_>, _>>().map_err(io::Error::other)?;
        let key = PrivateKeyDer::from_pem_slice(self.key_pem.as_bytes()).map_err(io::Error::other)?;
        let provider = Arc::new(crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
        let config = config.map_err(io::Error::other)?.with_no_client_auth().with_single_cert(chain, key);
        config.map(Arc::new).map_err(io::Error::other)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_keeps_its_certificate_until_other_hosts_are_named() {
        let folder = tempfile::tempdir().unwrap();
        let first = Tls::in_folder(folder.path()).unwrap();
        assert_eq!(Tls::in_folder(folder.path()).unwrap().ca_pem, first.ca_pem);
        let hosts = ["management.azure.com".to_owned(), "10.0.0.1".to_owned()];
        let second = Tls::in_folder_for(folder.path(), &hosts).unwrap();
        assert_ne!(second.ca_pem, first.ca_pem);
        assert_eq!(Tls::in_folder_for(folder.path(), &hosts).unwrap().ca_pem, second.ca_pem);
        assert!(second.config().is_ok());
    }
}
