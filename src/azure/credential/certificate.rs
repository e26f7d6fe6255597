//! An application's certificate: we sign what proves that we hold its key. No OpenSSL.
//!
//! A PEM file comes in, signed statements go out, each good for ten minutes. The key never leaves the process.

use std::path::Path;

use azure_core::http::ClientMethodOptions;
use azure_identity::ClientAssertion;
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD as BASE64};
use ring::{
    rand::SystemRandom,
    signature::{RSA_PSS_SHA256, RsaKeyPair},
};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject};
use serde_json::json;
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::{
    azure::policies::carry,
    model::trouble::{Trouble, TroubleKind},
};

/// How long a statement is good for; Entra wants it short ("Certificate credentials", learn.microsoft.com).
const GOOD_FOR_SECONDS: i64 = 600;
const DOING: &str = "sign in with the application's certificate";

/// A certificate, its key, and who it proves to whom.
pub(crate) struct Certificate {
    key: RsaKeyPair,
    thumbprint: String,
    client: String,
    audience: String,
}

impl std::fmt::Debug for Certificate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Certificate").field("thumbprint", &self.thumbprint).finish_non_exhaustive()
    }
}

impl Certificate {
    /// Reads a PEM file that holds both; `audience` is the URL that the statement is sent to.
    pub(crate) async fn read(path: &Path, client: String, audience: String) -> Result<Self, Trouble> {
        let pem = tokio::fs::read(path).await.map_err(|error| refused(format!("{}: {error}", path.display())))?;
        Self::parse(&pem, client, audience)
    }

    fn parse(pem: &[u8], client: String, audience: String) -> Result<Self, Trouble> {
        let certificate = CertificateDer::from_pem_slice(pem).map_err(|_| {
            refused("the file holds no PEM certificate; convert a PFX with `openssl pkcs12 -nodes`".to_owned())
        })?;
        let key = match PrivateKeyDer::from_pem_slice(pem) {
            Ok(PrivateKeyDer::Pkcs8(key)) => RsaKeyPair::from_pkcs8(key.secret_pkcs8_der()),
            Ok(PrivateKeyDer::Pkcs1(key)) => RsaKeyPair::from_der(key.secret_pkcs1_der()),
            Ok(_) => return Err(refused("Entra takes RSA keys only".to_owned())),
            Err(_) => return Err(refused("the file holds no private key that is not encrypted".to_owned())),
        }
        .map_err(|why| refused(format!("the key is not an RSA key of 2,048 bits or more: {why}")))?;
        Ok(Self { key, thumbprint: BASE64.encode(Sha256::digest(&certificate)), client, audience })
    }

    /// The statement, as Entra wants it: PS256 over header and claims, the certificate named by its SHA-256.
    fn statement(&self, now: i64) -> Result<String, Trouble> {
        let Self { key, thumbprint, client, audience } = self;
        let header = json!({ "alg": "PS256", "typ": "JWT", "x5t#S256": thumbprint });
        let claims = json!({
            "aud": audience, "iss": client, "sub": client, "jti": Uuid::new_v4().to_string(),
            "iat": now, "nbf": now, "exp": now + GOOD_FOR_SECONDS,
        });
        let text = format!("{}.{}", BASE64.encode(header.to_string()), BASE64.encode(claims.to_string()));
        let mut signature = vec![0; key.public().modulus_len()];
        key.sign(&RSA_PSS_SHA256, &SystemRandom::new(), text.as_bytes(), &mut signature)
            .map_err(|_| refused("the key does not sign".to_owned()))?;
        Ok(format!("{text}.{}", BASE64.encode(signature)))
    }
}

#[async_trait::async_trait]
impl ClientAssertion for Certificate {
    async fn secret(&self, _: Option<ClientMethodOptions<'_>>) -> azure_core::Result<String> {
        self.statement(super::now().unix_timestamp()).map_err(carry)
    }
}

fn refused(message: String) -> Trouble {
    Trouble::new(TroubleKind::SignIn, DOING, message)
}

#[cfg(test)]
mod tests {
    use ring::signature::{RSA_PSS_2048_8192_SHA256, UnparsedPublicKey};
    use serde_json::Value;

    use super::*;
    use crate::azure::testing::throw_away_certificate;

    #[test]
    fn a_statement_is_what_entra_wants_and_the_key_signed_it() {
        let pem = throw_away_certificate();
        let it = Certificate::parse(pem.as_bytes(), "app".to_owned(), "https://login/t/token".to_owned()).unwrap();
        let statement = it.statement(1_000).unwrap();
        let parts: Vec<_> = statement.split('.').collect();
        let [header, claims] =
            [0, 1].map(|at| -> Value { serde_json::from_slice(&BASE64.decode(parts[at]).unwrap()).unwrap() });
        assert_eq!((header["alg"].as_str(), header["typ"].as_str()), (Some("PS256"), Some("JWT")));
        assert_eq!(BASE64.decode(header["x5t#S256"].as_str().unwrap()).unwrap().len(), 32);
        assert_eq!((claims["iss"].as_str(), claims["sub"].as_str()), (Some("app"), Some("app")));
        assert_eq!((claims["aud"].as_str(), claims["exp"].as_i64()), (Some("https://login/t/token"), Some(1_600)));
        let key = UnparsedPublicKey::new(&RSA_PSS_2048_8192_SHA256, it.key.public().as_ref());
        let signed = format!("{}.{}", parts[0], parts[1]);
        assert!(key.verify(signed.as_bytes(), &BASE64.decode(parts[2]).unwrap()).is_ok());
        assert!(!format!("{it:?}").contains("RsaKeyPair"));
    }

    #[test]
    fn what_cannot_be_used_is_said() {
        let parse = |pem: &str| Certificate::parse(pem.as_bytes(), String::new(), String::new()).unwrap_err().message;
        let whole = throw_away_certificate();
        let (certificate, key) = whole.split_at(whole.find("-----BEGIN PRIV").unwrap());
        assert!(parse("PFX").contains("openssl pkcs12"));
        assert!(parse(key).contains("no PEM certificate"));
        assert!(parse(certificate).contains("no private key"));
        let elliptic = rcgen::KeyPair::generate().unwrap().serialize_pem();
        assert!(parse(&format!("{certificate}{elliptic}")).contains("RSA"));
    }
}
