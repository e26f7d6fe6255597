//! The ways to sign in, and the evidence for each.
//!
//! An environment comes in, a [`Chain`] goes out: the links it holds evidence for, in order, and what the others lack.
//! Without evidence a link is not even tried: a laptop would wait 72 s for a metadata service that it does not have.

use std::path::PathBuf;

use azure_core::credentials::Secret;

use crate::{
    azure::settings::Environment,
    model::trouble::{Trouble, TroubleKind},
};

/// One way to sign in, with all it needs but the tenant.
#[derive(Clone, Debug)]
pub(crate) enum Link {
    /// An application's secret.
    Secret { client: String, secret: Secret },
    /// An application's certificate: we sign what proves it.
    Certificate { client: String, path: PathBuf },
    /// A federated token that others write into a file and renew.
    File { client: String, path: PathBuf },
    /// A federated token that was handed to us once.
    Token { client: String, token: Secret },
    /// GitHub Actions: a federated token for the asking.
    GitHub { client: String, url: String, key: Secret },
    /// Azure Pipelines: the same, by another name.
    Pipelines { client: String, url: String, connection: String, key: Secret },
    /// A managed identity: App Service's by its variables, a virtual machine's when chosen.
    Managed { client: Option<String>, machine: bool },
    /// Whoever is signed in to `az`.
    Az,
    /// Whoever is signed in to `azd`.
    Azd,
}

impl Link {
    /// Its name, as `TILGANG_CREDENTIAL` has it.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Secret { .. } => "secret",
            Self::Certificate { .. } => "certificate",
            Self::File { .. } | Self::Token { .. } => "workload",
            Self::GitHub { .. } => "github",
            Self::Pipelines { .. } => "pipelines",
            Self::Managed { .. } => "managed",
            Self::Az => "az",
            Self::Azd => "azd",
        }
    }

    /// What it is, for people.
    pub(crate) fn title(&self) -> &'static str {
        match self {
            Self::Secret { .. } => "the application's secret",
            Self::Certificate { .. } => "the application's certificate",
            Self::File { .. } => "workload identity (federated token file)",
            Self::Token { .. } => "workload identity (federated token)",
            Self::GitHub { .. } => "GitHub Actions' identity",
            Self::Pipelines { .. } => "Azure Pipelines' service connection",
            Self::Managed { .. } => "the managed identity",
            Self::Az => "whoever is signed in to `az`",
            Self::Azd => "whoever is signed in to `azd`",
        }
    }

    /// Whether its failure lets the next one try. Only a tool that nobody is signed in to does: a wrong secret must not
    /// end in acting as somebody else.
    pub(crate) fn may_pass(&self) -> bool {
        matches!(self, Self::Az | Self::Azd)
    }
}

/// Which links may be tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Choice {
    /// The first that the environment holds evidence for.
    Any,
    /// This one alone.
    Only(&'static str),
}

/// The links to try, in order, and what the others lack.
#[derive(Clone, Debug)]
pub(crate) struct Chain {
    pub(crate) links: Vec<Link>,
    pub(crate) lacking: Vec<String>,
}

const NAMES: &[&str] = &["secret", "certificate", "workload", "github", "pipelines", "managed", "az", "azd"];
const CLIENT: &[&str] = &["AZURE_CLIENT_ID", "ARM_CLIENT_ID"];

/// The application or managed identity that a variable names.
pub(crate) fn client(environment: &mut Environment<'_>) -> Option<String> {
    environment.first(CLIENT, "application (client) id")
}

/// Reads the evidence.
pub(crate) fn chain(environment: &mut Environment<'_>) -> Result<Chain, Trouble> {
    let choice = match environment.first(&["TILGANG_CREDENTIAL"], "choice of credential") {
        None => Choice::Any,
        Some(word) => {
            Choice::Only(NAMES.iter().find(|name| word.trim().eq_ignore_ascii_case(name)).ok_or_else(|| {
                let message = format!("there is no credential `{word}`: `{}`", NAMES.join("`, `"));
                Trouble::new(TroubleKind::SignIn, "choose a credential", message)
            })?)
        }
    };
    let chosen = |name| choice == Choice::Only(name);
    let client = client(environment);
    let mut own = vec![secret(environment, client.as_ref()), certificate(environment, client.as_ref())];
    let mut federated = vec![
        file(environment, client.as_ref()),
        token(environment, client.as_ref()),
        github(environment, client.as_ref()),
        pipelines(environment, client.as_ref()),
    ];
    let mut all = Vec::new();
    if environment.is("ARM_USE_OIDC", "true", "federated tokens first") {
        all.append(&mut federated);
        all.append(&mut own);
    } else {
        all.append(&mut own);
        all.append(&mut federated);
    }
    all.push(managed(environment, client, chosen("managed")));
    let barred = environment.is("ARM_USE_CLI", "false", "no developer tools");
    all.push(tool(environment, barred && !chosen("az"), Link::Az));
    all.push(tool(environment, barred && !chosen("azd"), Link::Azd));

    let mut chain = Chain { links: Vec::new(), lacking: Vec::new() };
    for evidence in all {
        match evidence {
            Ok(link) if choice == Choice::Any || chosen(link.name()) => chain.links.push(link),
            Err((name, lack)) if choice == Choice::Any || chosen(name) => chain.lacking.push(format!("{name}: {lack}")),
            Ok(_) | Err(_) => {}
        }
    }
    Ok(chain)
}

type Evidence = Result<Link, (&'static str, String)>;

fn unset(name: &'static str, variable: &str) -> (&'static str, String) {
    (name, format!("`{variable}` is not set"))
}

fn client_id(name: &'static str, client: Option<&String>) -> Result<String, (&'static str, String)> {
    client.cloned().ok_or_else(|| unset(name, "AZURE_CLIENT_ID"))
}

fn secret(environment: &mut Environment<'_>, client: Option<&String>) -> Evidence {
    let name = "secret";
    let secret = environment.first(&["AZURE_CLIENT_SECRET", "ARM_CLIENT_SECRET"], "client secret");
    let secret = Secret::new(secret.ok_or_else(|| unset(name, "AZURE_CLIENT_SECRET"))?);
    Ok(Link::Secret { client: client_id(name, client)?, secret })
}

fn certificate(environment: &mut Environment<'_>, client: Option<&String>) -> Evidence {
    let name = "certificate";
    let path =
        environment.first(&["AZURE_CLIENT_CERTIFICATE_PATH", "ARM_CLIENT_CERTIFICATE_PATH"], "client certificate");
    let path = path.ok_or_else(|| unset(name, "AZURE_CLIENT_CERTIFICATE_PATH"))?.into();
    Ok(Link::Certificate { client: client_id(name, client)?, path })
}

fn file(environment: &mut Environment<'_>, client: Option<&String>) -> Evidence {
    let name = "workload";
    let path = environment.first(&["AZURE_FEDERATED_TOKEN_FILE", "ARM_OIDC_TOKEN_FILE_PATH"], "federated token file");
    let path = path.ok_or_else(|| unset(name, "AZURE_FEDERATED_TOKEN_FILE"))?.into();
    Ok(Link::File { client: client_id(name, client)?, path })
}

fn token(environment: &mut Environment<'_>, client: Option<&String>) -> Evidence {
    let name = "workload";
    let token = environment.first(&["ARM_OIDC_TOKEN"], "federated token");
    let token = Secret::new(token.ok_or_else(|| unset(name, "ARM_OIDC_TOKEN"))?);
    Ok(Link::Token { client: client_id(name, client)?, token })
}

fn github(environment: &mut Environment<'_>, client: Option<&String>) -> Evidence {
    let name = "github";
    let url = environment.first(&["ACTIONS_ID_TOKEN_REQUEST_URL", "ARM_OIDC_REQUEST_URL"], "federated token's URL");
    let url = url.ok_or_else(|| unset(name, "ACTIONS_ID_TOKEN_REQUEST_URL"))?;
    let key = environment.first(&["ACTIONS_ID_TOKEN_REQUEST_TOKEN", "ARM_OIDC_REQUEST_TOKEN"], "key to that URL");
    let key = Secret::new(key.ok_or_else(|| unset(name, "ACTIONS_ID_TOKEN_REQUEST_TOKEN"))?);
    Ok(Link::GitHub { client: client_id(name, client)?, url, key })
}

fn pipelines(environment: &mut Environment<'_>, client: Option<&String>) -> Evidence {
    let name = "pipelines";
    let url = environment.first(&["SYSTEM_OIDCREQUESTURI"], "federated token's URL");
    let url = url.ok_or_else(|| unset(name, "SYSTEM_OIDCREQUESTURI"))?;
    let key = environment.first(&["SYSTEM_ACCESSTOKEN"], "key to that URL");
    let key = Secret::new(key.ok_or_else(|| unset(name, "SYSTEM_ACCESSTOKEN"))?);
    let connections = ["AZURESUBSCRIPTION_SERVICE_CONNECTION_ID", "ARM_OIDC_AZURE_SERVICE_CONNECTION_ID"];
    let connection = environment.first(&connections, "service connection");
    let connection = connection.ok_or_else(|| unset(name, "AZURESUBSCRIPTION_SERVICE_CONNECTION_ID"))?;
    Ok(Link::Pipelines { client: client_id(name, client)?, url, connection, key })
}

/// A virtual machine's metadata service leaves no trace in the environment: it is asked only when chosen.
fn managed(environment: &mut Environment<'_>, client: Option<String>, chosen: bool) -> Evidence {
    let service = ["IDENTITY_ENDPOINT", "IDENTITY_HEADER"].map(|name| environment.peek(name).is_some()) == [true; 2];
    if service {
        environment.first(&["IDENTITY_ENDPOINT"], "managed identity");
        return Ok(Link::Managed { client, machine: false });
    }
    if environment.is("ARM_USE_MSI", "true", "managed identity") || chosen {
        return Ok(Link::Managed { client, machine: true });
    }
    let lack =
        "`IDENTITY_ENDPOINT` is not set, and a virtual machine's is only asked with `TILGANG_CREDENTIAL=managed`";
    Err(("managed", lack.to_owned()))
}

fn tool(environment: &Environment<'_>, barred: bool, link: Link) -> Evidence {
    let name = link.name();
    if barred {
        return Err((name, "`ARM_USE_CLI` is `false`".to_owned()));
    }
    let path = environment.peek("PATH").unwrap_or_default();
    let installed = std::env::split_paths(&path)
        .any(|folder| ["", ".cmd", ".exe"].iter().any(|end| folder.join(format!("{name}{end}")).is_file()));
    if installed { Ok(link) } else { Err((name, format!("`{name}` is not installed"))) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chain(variables: &[(&str, &str)]) -> Chain {
        let lookup = |name: &str| variables.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned());
        super::chain(&mut Environment::new(&lookup)).unwrap()
    }

    fn names(chain: &Chain) -> Vec<&str> {
        chain.links.iter().map(Link::name).collect()
    }

    const BOTH: &[(&str, &str)] = &[
        ("AZURE_CLIENT_ID", "app"),
        ("AZURE_CLIENT_SECRET", "hush"),
        ("ACTIONS_ID_TOKEN_REQUEST_URL", "https://x"),
        ("ACTIONS_ID_TOKEN_REQUEST_TOKEN", "hush"),
    ];

    #[test]
    fn an_empty_environment_offers_nothing_and_says_what_is_lacking() {
        let chain = chain(&[]);
        assert!(chain.links.is_empty());
        assert_eq!(chain.lacking.len(), 9);
        assert!(chain.lacking.contains(&"secret: `AZURE_CLIENT_SECRET` is not set".to_owned()), "{:?}", chain.lacking);
        assert!(chain.lacking.contains(&"az: `az` is not installed".to_owned()), "{:?}", chain.lacking);
    }

    #[test]
    fn half_the_evidence_is_none() {
        let chain = chain(&[("AZURE_CLIENT_SECRET", "hush")]);
        assert!(chain.links.is_empty());
        assert!(chain.lacking.contains(&"secret: `AZURE_CLIENT_ID` is not set".to_owned()), "{:?}", chain.lacking);
    }

    #[test]
    fn order_and_choice() {
        assert_eq!(names(&chain(BOTH)), ["secret", "github"]);
        assert_eq!(names(&chain(&[BOTH, &[("ARM_USE_OIDC", "true")]].concat())), ["github", "secret"]);
        assert_eq!(names(&chain(&[BOTH, &[("TILGANG_CREDENTIAL", "GitHub")]].concat())), ["github"]);
        let none = chain(&[BOTH, &[("TILGANG_CREDENTIAL", "certificate")]].concat());
        assert_eq!((none.links.len(), none.lacking.len()), (0, 1));
    }

    #[test]
    fn a_machines_identity_is_tried_only_when_chosen() {
        assert!(names(&chain(&[("AZURE_CLIENT_ID", "app")])).is_empty());
        assert_eq!(names(&chain(&[("TILGANG_CREDENTIAL", "managed")])), ["managed"]);
        assert_eq!(names(&chain(&[("IDENTITY_ENDPOINT", "http://x"), ("IDENTITY_HEADER", "h")])), ["managed"]);
    }

    #[test]
    fn debug_prints_no_secret() {
        assert!(!format!("{:?}", chain(BOTH)).contains("hush"));
    }
}
