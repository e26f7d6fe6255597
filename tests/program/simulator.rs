//! A running `tilgang simulate`, and somebody else who works with it: the same HTTP that `curl` would send.

use std::{
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use serde_json::Value;

use crate::workspace::program;

/// A simulator over HTTPS on a free port; ended when dropped.
pub(crate) struct Simulator {
    child: Child,
    pub(crate) url: String,
    ca: tempfile::TempDir,
}

impl Simulator {
    pub(crate) fn start(world: &Path) -> Self {
        Self::start_with(world, &[])
    }

    /// With further flags.
    pub(crate) fn start_with(world: &Path, flags: &[&str]) -> Self {
        let ca = tempfile::tempdir().unwrap();
        let mut command: Command = program();
        command
            .args(["simulate", "--listen", "127.0.0.1:0", "--world"])
            .arg(world)
            .arg("--tls")
            .arg(ca.path())
            .args(flags);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut url = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut url).unwrap();
        Self { child, url: url.trim().to_owned(), ca }
    }

    /// The folder with its CA and its own certificate.
    pub(crate) fn ca(&self) -> PathBuf {
        self.ca.path().to_owned()
    }

    /// The flags that lead `tilgang` here.
    pub(crate) fn flags(&self) -> [String; 4] {
        let ca = self.ca.path().join("ca.pem").display().to_string();
        ["--simulate".to_owned(), self.url.clone(), "--ca".to_owned(), ca]
    }

    /// Sends a request, as `curl` would; answers its status and body.
    pub(crate) fn send(&self, method: &str, path: &str, token: Option<&str>, body: Option<&Value>) -> (u16, Value) {
        let body = body.map(|body| ("application/json", body.to_string()));
        self.request(method, path, token, body)
    }

    /// Signs in as one of the world's applications.
    pub(crate) fn token(&self, tenant: &str, client: &str) -> String {
        let scope = format!("{}/.default", self.url);
        let form = format!("grant_type=client_credentials&client_id={client}&client_secret=secret&scope={scope}");
        let body = Some(("application/x-www-form-urlencoded", form));
        let (status, answer) = self.request("POST", &format!("/{tenant}/oauth2/v2.0/token"), None, body);
        answer["access_token"].as_str().unwrap_or_else(|| panic!("{status} {answer}")).to_owned()
    }

    fn request(&self, method: &str, path: &str, token: Option<&str>, body: Option<(&str, String)>) -> (u16, Value) {
        let ca = std::fs::read(self.ca.path().join("ca.pem")).unwrap();
        let _ = rustls::crypto::ring::default_provider().install_default();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let ca = reqwest::Certificate::from_pem(&ca).unwrap();
            let client = reqwest::Client::builder().no_proxy().tls_certs_only([ca]).build().unwrap();
            let mut request = client.request(method.parse().unwrap(), format!("{}{path}", self.url));
            request = request.header("accept", "application/json");
            if let Some(token) = token {
                request = request.bearer_auth(token);
            }
            if let Some((kind, body)) = body {
                request = request.header("content-type", kind).body(body);
            }
            let answer = request.send().await.unwrap();
            let status = answer.status().as_u16();
            (status, serde_json::from_str(&answer.text().await.unwrap()).unwrap_or_default())
        })
    }

    /// What was asked since the last reset.
    pub(crate) fn stats(&self) -> Value {
        self.send("GET", "/_simulator/stats", None, None).1
    }

    pub(crate) fn reset(&self) {
        self.send("POST", "/_simulator/stats/reset", None, None);
    }
}

impl Drop for Simulator {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
