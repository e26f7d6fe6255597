//! What we need to know of the environment to reach Azure, and which variable said it.
//!
//! A lookup of variables comes in, [`Settings`] go out; nothing is read from the process, no file is opened and nothing
//! is sent. Azure Identity's names come first, Terraform's `ARM_*` are a fall-back, so that a pipeline that runs one of
//! them runs us. A secret's value is kept in types whose `Debug` does not print it.

use azure_core::credentials::Secret;

use super::{
    cloud::Cloud,
    credential::link::{self, Chain},
};
use crate::model::trouble::Trouble;

/// One environment variable that we look at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Variable {
    /// Its name.
    pub name: &'static str,
    /// What it is for, in one line.
    pub meaning: &'static str,
}

const fn variable(name: &'static str, meaning: &'static str) -> Variable {
    Variable { name, meaning }
}

/// Every variable that we look at, and what it means: the documentation.
pub const VARIABLES: &[Variable] = &[
    variable("AZURE_CLOUD", "the cloud: `public`, `china` or `us-government`"),
    variable("ARM_ENVIRONMENT", "the same, as Terraform names it"),
    variable("AZURE_AUTHORITY_HOST", "where to sign in, if not at the cloud's own place"),
    variable("TILGANG_ARM_ENDPOINT", "Azure Resource Manager, if not the cloud's own"),
    variable("TILGANG_GRAPH_ENDPOINT", "Microsoft Graph, if not the cloud's own"),
    variable("TILGANG_ARM_AUDIENCE", "what tokens for Resource Manager are asked for, if not its endpoint"),
    variable("TILGANG_GRAPH_AUDIENCE", "what tokens for Graph are asked for, if not its endpoint"),
    variable("AZURE_TENANT_ID", "the Entra tenant"),
    variable("ARM_TENANT_ID", "the same, as Terraform names it"),
    variable("AZURE_CLIENT_ID", "the application or managed identity to sign in as"),
    variable("ARM_CLIENT_ID", "the same, as Terraform names it"),
    variable("TILGANG_CREDENTIAL", "the one way to sign in, instead of the first that the environment offers"),
    variable("AZURE_CLIENT_SECRET", "sign in with this secret"),
    variable("ARM_CLIENT_SECRET", "the same, as Terraform names it"),
    variable("AZURE_CLIENT_CERTIFICATE_PATH", "sign in with this certificate and its RSA key (PEM)"),
    variable("ARM_CLIENT_CERTIFICATE_PATH", "the same, as Terraform names it"),
    variable("AZURE_FEDERATED_TOKEN_FILE", "sign in with the token in this file (Kubernetes workload identity)"),
    variable("ARM_OIDC_TOKEN_FILE_PATH", "the same, as Terraform names it"),
    variable("ARM_OIDC_TOKEN", "sign in with this federated token"),
    variable("ARM_USE_OIDC", "`true`: federated tokens go before a secret or certificate"),
    variable("ACTIONS_ID_TOKEN_REQUEST_URL", "set by GitHub Actions with `id-token: write`: sign in as the workflow"),
    variable("ACTIONS_ID_TOKEN_REQUEST_TOKEN", "set by GitHub Actions: the key to that URL"),
    variable("ARM_OIDC_REQUEST_URL", "the same URL, as Terraform names it"),
    variable("ARM_OIDC_REQUEST_TOKEN", "the same key, as Terraform names it"),
    variable("SYSTEM_OIDCREQUESTURI", "set by Azure Pipelines: sign in as the service connection"),
    variable("SYSTEM_ACCESSTOKEN", "set by Azure Pipelines when mapped: the key to that URL"),
    variable("AZURESUBSCRIPTION_SERVICE_CONNECTION_ID", "set by Azure Pipelines' tasks: the service connection"),
    variable("ARM_OIDC_AZURE_SERVICE_CONNECTION_ID", "the same, as Terraform names it"),
    variable("IDENTITY_ENDPOINT", "set by App Service and the like: sign in as the managed identity"),
    variable("IDENTITY_HEADER", "set with it: the key to that URL"),
    variable("ARM_USE_MSI", "`true`: sign in as the managed identity, on a virtual machine too"),
    variable("ARM_USE_CLI", "`false`: never sign in as whoever is signed in to `az` or `azd`"),
    variable("PATH", "whether `az` or `azd` is installed"),
];

/// A variable that was used, and for what. Its value is not kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Used {
    /// The variable's name.
    pub variable: &'static str,
    /// What its value became: `tenant`.
    pub became: &'static str,
}

/// Two variables that say different things of one matter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Conflict {
    /// What it is about: `tenant`.
    pub about: &'static str,
    /// The one that is used.
    pub used: &'static str,
    /// The one that is not.
    pub ignored: &'static str,
}

impl std::fmt::Display for Conflict {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { about, used, ignored } = self;
        write!(f, "{used} and {ignored} give a different {about}: {used} is used")
    }
}

/// Everything that [`Session::connect`](super::Session::connect) needs.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Where Azure is.
    pub cloud: Cloud,
    /// The Entra tenant, by id or domain. Whoever knows it from a file may fill it in.
    pub tenant: Option<String>,
    /// Certificates to trust beside the system's own (`--ca`).
    pub ca_pem: Option<String>,
    /// The application or managed identity that a variable names.
    pub client: Option<String>,
    /// The variables that were used.
    pub used: Vec<Used>,
    /// Variables that contradict each other.
    pub conflicts: Vec<Conflict>,
    pub(crate) chain: Chain,
}

impl Settings {
    /// From the environment, by a lookup; an empty variable counts as absent.
    pub fn from_environment(lookup: &dyn Fn(&str) -> Option<String>) -> Result<Self, Trouble> {
        let mut environment = Environment::new(lookup);
        let mut cloud = match environment.first(&["AZURE_CLOUD", "ARM_ENVIRONMENT"], CLOUD) {
            Some(name) => Cloud::named(&name)?,
            None => Cloud::named("public")?,
        };
        if let Some(url) = environment.first(&["AZURE_AUTHORITY_HOST"], "sign-in endpoint") {
            cloud.set_authority(&url)?;
        }
        if let Some(url) = environment.first(&["TILGANG_ARM_ENDPOINT"], "Resource Manager endpoint") {
            cloud.set_arm(&url)?;
        }
        if let Some(url) = environment.first(&["TILGANG_GRAPH_ENDPOINT"], "Graph endpoint") {
            cloud.set_graph(&url)?;
        }
        if let Some(audience) = environment.first(&["TILGANG_ARM_AUDIENCE"], "Resource Manager audience") {
            cloud.arm_audience = audience;
        }
        if let Some(audience) = environment.first(&["TILGANG_GRAPH_AUDIENCE"], "Graph audience") {
            cloud.graph_audience = audience;
        }
        let tenant = environment.first(&["AZURE_TENANT_ID", "ARM_TENANT_ID"], "tenant");
        let client = link::client(&mut environment);
        let chain = link::chain(&mut environment)?;
        let Environment { used, mut conflicts, .. } = environment;
        conflicts.retain(|it| it.about != CLOUD || !is_one_cloud(it, lookup));
        Ok(Self { cloud, tenant, ca_pem: None, client, used, conflicts, chain })
    }

    /// For a simulator at `url`, where all three doors are: signed in with a client id and a secret that it knows.
    pub fn simulated(
        url: &str,
        tenant: &str,
        (client, secret): (&str, &str),
        ca_pem: Option<String>,
    ) -> Result<Self, Trouble> {
        let link = link::Link::Secret { client: client.to_owned(), secret: Secret::new(secret.to_owned()) };
        Ok(Self {
            cloud: Cloud::at(url, url, url)?,
            tenant: Some(tenant.to_owned()),
            ca_pem,
            client: Some(client.to_owned()),
            used: Vec::new(),
            conflicts: Vec::new(),
            chain: Chain { links: vec![link], lacking: Vec::new() },
        })
    }
}

const CLOUD: &str = "cloud";

/// Whether two variables name one cloud, each in its own way: `public`, `AzureCloud`.
fn is_one_cloud(conflict: &Conflict, lookup: &dyn Fn(&str) -> Option<String>) -> bool {
    let named = |variable: &str| Cloud::named(&lookup(variable)?).ok();
    named(conflict.used).is_some_and(|cloud| named(conflict.ignored) == Some(cloud))
}

/// A lookup of variables that remembers what was found.
pub(crate) struct Environment<'a> {
    lookup: &'a dyn Fn(&str) -> Option<String>,
    used: Vec<Used>,
    conflicts: Vec<Conflict>,
}

impl<'a> Environment<'a> {
    pub(crate) fn new(lookup: &'a dyn Fn(&str) -> Option<String>) -> Self {
        Self { lookup, used: Vec::new(), conflicts: Vec::new() }
    }

    /// The first of these variables that is set; it is remembered as used, and those that say something else as conflicts.
    pub(crate) fn first(&mut self, names: &[&'static str], became: &'static str) -> Option<String> {
        let (variable, value) = names.iter().find_map(|name| Some((*name, self.peek(name)?)))?;
        let used = Used { variable, became };
        if !self.used.contains(&used) {
            self.used.push(used);
        }
        for ignored in names.iter().copied().filter(|name| *name != variable) {
            let conflict = Conflict { about: became, used: variable, ignored };
            let differs = self.peek(ignored).is_some_and(|other| !other.trim().eq_ignore_ascii_case(value.trim()));
            if differs && !self.conflicts.contains(&conflict) {
                self.conflicts.push(conflict);
            }
        }
        Some(value)
    }

    /// A variable's value, without remembering it.
    pub(crate) fn peek(&self, name: &str) -> Option<String> {
        debug_assert!(VARIABLES.iter().any(|variable| variable.name == name), "{name} is not documented");
        (self.lookup)(name).filter(|value| !value.trim().is_empty())
    }

    /// Whether a switch is on.
    pub(crate) fn is(&mut self, name: &'static str, value: &str, became: &'static str) -> bool {
        let set = self.peek(name).is_some_and(|word| word.trim().eq_ignore_ascii_case(value));
        set && self.first(&[name], became).is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(variables: &[(&str, &str)]) -> Settings {
        let lookup = |name: &str| variables.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned());
        Settings::from_environment(&lookup).unwrap()
    }

    #[test]
    fn azure_identitys_names_go_before_terraforms_and_what_was_used_is_told() {
        let both = [
            ("AZURE_TENANT_ID", "a"),
            ("ARM_TENANT_ID", "b"),
            ("ARM_CLIENT_ID", "c"),
            ("ARM_CLIENT_SECRET", "hush"),
            ("ARM_ENVIRONMENT", "usgovernment"),
            ("AZURE_CLIENT_SECRET", " "),
        ];
        let settings = settings(&both);
        assert_eq!(settings.tenant.as_deref(), Some("a"));
        assert_eq!(settings.cloud.arm.as_str(), "https://management.usgovcloudapi.net/");
        let used: Vec<_> = settings.used.iter().map(|used| used.variable).collect();
        assert_eq!(used, ["ARM_ENVIRONMENT", "AZURE_TENANT_ID", "ARM_CLIENT_ID", "ARM_CLIENT_SECRET"]);
        assert!(!format!("{settings:?}").contains("hush"));
        let conflicts: Vec<_> = settings.conflicts.iter().map(ToString::to_string).collect();
        assert_eq!(conflicts, ["AZURE_TENANT_ID and ARM_TENANT_ID give a different tenant: AZURE_TENANT_ID is used"]);
    }

    #[test]
    fn two_names_of_one_cloud_or_client_are_no_conflict_and_two_clouds_are() {
        let one = [
            ("AZURE_CLOUD", "public"),
            ("ARM_ENVIRONMENT", "AzureCloud"),
            ("AZURE_CLIENT_ID", "C"),
            ("ARM_CLIENT_ID", "c"),
        ];
        assert_eq!(settings(&one).conflicts, []);
        let two = settings(&[("AZURE_CLOUD", "public"), ("ARM_ENVIRONMENT", "china")]).conflicts;
        assert!(matches!(two.as_slice(), [Conflict { about: "cloud", .. }]), "{two:?}");
    }

    #[test]
    fn endpoints_move_their_audiences_with_them() {
        let settings = settings(&[
            ("TILGANG_ARM_ENDPOINT", "https://127.0.0.1:8443"),
            ("TILGANG_GRAPH_ENDPOINT", "https://127.0.0.1:8443/"),
            ("TILGANG_GRAPH_AUDIENCE", "https://graph.example"),
        ]);
        assert_eq!(settings.cloud.arm_audience, "https://127.0.0.1:8443");
        assert_eq!(settings.cloud.graph_audience, "https://graph.example");
        assert_eq!(settings.cloud.authority.as_str(), "https://login.microsoftonline.com/");
    }
}
