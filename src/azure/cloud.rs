//! Where a cloud's three doors are: sign-in, Resource Manager, Microsoft Graph.
//!
//! A name or three URLs come in, endpoints go out. Nothing here opens a connection.

use azure_core::http::Url;

use crate::model::trouble::{Trouble, TroubleKind};

/// The endpoints of one Azure cloud, and the audiences that tokens for them are asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cloud {
    /// Where we sign in: `https://login.microsoftonline.com`.
    pub authority: Url,
    /// Azure Resource Manager.
    pub arm: Url,
    /// Microsoft Graph.
    pub graph: Url,
    /// The audience of tokens for Resource Manager, without `/.default`.
    pub arm_audience: String,
    /// The audience of tokens for Graph, without `/.default`.
    pub graph_audience: String,
}

/// Name, sign-in, Resource Manager, Graph. Sources: `azure_identity`'s `get_authority_host`, `azure_core` 0.21's
/// `resource_manager_endpoint`, and Graph's "National cloud deployments" page.
const CLOUDS: &[(&str, [&str; 3])] = &[
    ("public", ["https://login.microsoftonline.com", "https://management.azure.com", "https://graph.microsoft.com"]),
    (
        "china",
        [
            "https://login.chinacloudapi.cn",
            "https://management.chinacloudapi.cn",
            "https://microsoftgraph.chinacloudapi.cn",
        ],
    ),
    (
        "us-government",
        ["https://login.microsoftonline.us", "https://management.usgovcloudapi.net", "https://graph.microsoft.us"],
    ),
];

impl Cloud {
    /// A cloud by its name: ours, the `az` CLI's (`AzureChinaCloud`) or Terraform's (`usgovernment`).
    pub fn named(name: &str) -> Result<Self, Trouble> {
        let folded = name.to_ascii_lowercase();
        let ours = match folded.as_str() {
            "azurepubliccloud" | "azurecloud" => "public",
            "azurechinacloud" => "china",
            "usgovernment" | "azureusgovernment" | "azureusgovernmentcloud" => "us-government",
            other => other,
        };
        let (_, [authority, arm, graph]) = CLOUDS.iter().find(|(name, _)| *name == ours).ok_or_else(|| {
            let message = format!("there is no cloud `{name}`: `public`, `china` or `us-government`");
            Trouble::new(TroubleKind::SignIn, "choose a cloud", message)
        })?;
        Self::at(authority, arm, graph)
    }

    /// A cloud by its three URLs. The audiences are the URLs without a final slash, as Microsoft's own are.
    pub fn at(authority: &str, arm: &str, graph: &str) -> Result<Self, Trouble> {
        let (authority, arm, graph) = (endpoint(authority)?, endpoint(arm)?, endpoint(graph)?);
        let (arm_audience, graph_audience) = (audience(&arm), audience(&graph));
        Ok(Self { authority, arm, graph, arm_audience, graph_audience })
    }

    /// Moves Resource Manager, and its audience with it.
    pub fn set_arm(&mut self, url: &str) -> Result<(), Trouble> {
        self.arm = endpoint(url)?;
        self.arm_audience = audience(&self.arm);
        Ok(())
    }

    /// Moves Graph, and its audience with it.
    pub fn set_graph(&mut self, url: &str) -> Result<(), Trouble> {
        self.graph = endpoint(url)?;
        self.graph_audience = audience(&self.graph);
        Ok(())
    }

    /// Moves sign-in.
    pub fn set_authority(&mut self, url: &str) -> Result<(), Trouble> {
        self.authority = endpoint(url)?;
        Ok(())
    }

    /// The two clouds that these endpoints are of, where sign-in, Resource Manager and Graph are not all of one: by name, sign-in's
    /// or Resource Manager's first. An endpoint that is no cloud's own counts for none.
    #[must_use]
    pub fn mixed(&self) -> Option<(&'static str, &'static str)> {
        let of = |at: usize, url: &Url| {
            let is_its =
                |urls: &[&str; 3]| urls.get(at).and_then(|its| Url::parse(its).ok()).is_some_and(|its| its == *url);
            CLOUDS.iter().find(|(_, urls)| is_its(urls)).map(|(name, _)| *name)
        };
        let names = [of(0, &self.authority), of(1, &self.arm), of(2, &self.graph)];
        let mut names = names.into_iter().flatten();
        let first = names.next()?;
        names.find(|name| *name != first).map(|other| (first, other))
    }

    /// Whether all of it is on this machine: a simulator.
    pub(crate) fn is_local(&self) -> bool {
        [&self.authority, &self.arm, &self.graph].into_iter().all(is_loopback)
    }
}

/// Whether a URL leads to this machine: there no proxy helps, and none may see the traffic.
pub(crate) fn is_loopback(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
    host.eq_ignore_ascii_case("localhost") || host.parse().is_ok_and(|ip: std::net::IpAddr| ip.is_loopback())
}

/// An endpoint from its text; a bare host (as some write `AZURE_AUTHORITY_HOST`) is taken as `https://`.
fn endpoint(text: &str) -> Result<Url, Trouble> {
    let trouble = |why: String| Trouble::new(TroubleKind::SignIn, format!("use the endpoint `{text}`"), why);
    let whole = if text.contains("://") { text.to_owned() } else { format!("https://{text}") };
    let url = Url::parse(&whole).map_err(|error| trouble(error.to_string()))?;
    // Not our choice alone: the SDK refuses to send a secret or a token over plain HTTP.
    if url.scheme() != "https" {
        return Err(trouble("it must be `https://`, or a token would travel in the open".to_owned()));
    }
    Ok(url)
}

fn audience(url: &Url) -> String {
    url.as_str().trim_end_matches('/').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clouds_by_anybodys_name() {
        for (name, arm) in [
            ("public", "https://management.azure.com/"),
            ("AzureCloud", "https://management.azure.com/"),
            ("usgovernment", "https://management.usgovcloudapi.net/"),
            ("AzureChinaCloud", "https://management.chinacloudapi.cn/"),
        ] {
            assert_eq!(Cloud::named(name).unwrap().arm.as_str(), arm, "{name}");
        }
        assert_eq!(Cloud::named("public").unwrap().arm_audience, "https://management.azure.com");
        assert!(Cloud::named("mars").unwrap_err().to_string().contains("`us-government`"));
    }

    #[test]
    fn endpoints_of_two_clouds_are_noticed() {
        let mut cloud = Cloud::named("public").unwrap();
        assert_eq!(cloud.mixed(), None);
        cloud.set_authority("login.microsoftonline.us").unwrap();
        assert_eq!(cloud.mixed(), Some(("us-government", "public")));
        cloud.set_authority("https://login.example").unwrap();
        assert_eq!(cloud.mixed(), None);
    }

    #[test]
    fn plain_http_is_refused_before_anything_is_sent() {
        let trouble = Cloud::at("http://127.0.0.1:1", "https://a", "https://b").unwrap_err();
        assert!(trouble.to_string().contains("https"), "{trouble}");
        assert!(Cloud::at("login.example", "https://127.0.0.1:8443", "https://[::1]:1").is_ok());
    }

    #[test]
    fn loopback_is_known_by_name_and_by_number() {
        for (url, local) in [
            ("https://localhost:1", true),
            ("https://127.0.0.1", true),
            ("https://[::1]:4", true),
            ("https://example.com", false),
            ("https://localhost.example.com", false),
        ] {
            assert_eq!(is_loopback(&url.parse().unwrap()), local, "{url}");
        }
    }
}
