//! No secret and no token leaves the program but in the request that needs it (promise 10): not in a log of any level, not
//! in an error, a report or a file.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Output,
};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_rustls::{
    TlsAcceptor,
    rustls::{
        ServerConfig,
        pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _},
    },
};

use crate::{
    simulator::Simulator,
    workspace::{Workspace, program, project},
};

const TENANT: &str = "00000000-0000-0000-0000-0000000000aa";
const CLIENT: &str = "00000000-0000-0000-0000-0000000000c1";
/// Each is unlike anything else that is printed.
const SECRET: &str = "hush~client~secret~4f1c";
const KEY: &str = "hush-key-to-the-issuer-9a2d";
const STATEMENT: &str = "hushHEAD77.hushBODY77.hushSIGN77";

/// What no output may hold: what we were given, and how a token of the simulator begins, goes on and ends.
const NEVER: &[&str] =
    &[SECRET, KEY, STATEMENT, "hushBODY77", "eyJ", "c2ltdWxhdGVk", "client_assertion=", "client_secret="];

/// Gives a signed statement to whoever brings the key, as GitHub Actions and Azure Pipelines do, with the certificate of the
/// simulator's CA; answers its address.
fn issuer(ca: &Path) -> String {
    let chain: Vec<CertificateDer<'_>> =
        CertificateDer::pem_slice_iter(&fs::read(ca.join("server.pem")).unwrap()).map(Result::unwrap).collect();
    let key = PrivateKeyDer::from_pem_slice(&fs::read(ca.join("server-key.pem")).unwrap()).unwrap();
    let _ = rustls::crypto::ring::default_provider().install_default();
    let config = ServerConfig::builder().with_no_client_auth().with_single_cert(chain, key).unwrap();
    let acceptor = TlsAcceptor::from(std::sync::Arc::new(config));
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    listener.set_nonblocking(true).unwrap();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let listener = tokio::net::TcpListener::from_std(listener).unwrap();
            while let Ok((stream, _)) = listener.accept().await {
                let acceptor = acceptor.clone();
                tokio::spawn(async move {
                    let mut stream = acceptor.accept(stream).await.ok()?;
                    let mut seen = vec![0; 16_384];
                    let read = stream.read(&mut seen).await.ok()?;
                    let asked = String::from_utf8_lossy(seen.get(..read)?).into_owned();
                    let statement = if asked.contains(KEY) { STATEMENT } else { "no" };
                    let body = format!("{{\"value\":\"{statement}\",\"oidcToken\":\"{statement}\"}}");
                    let answer = format!(
                        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{body}",
                        body.len()
                    );
                    stream.write_all(answer.as_bytes()).await.ok()?;
                    stream.shutdown().await.ok()
                });
            }
        });
    });
    format!("https://{address}/statement?x=1")
}

/// A certificate and its key, and the lines of the key.
fn certificate() -> (String, Vec<String>) {
    let text = fs::read_to_string(project().join("src/azure/tests/throw-away.b64")).unwrap();
    let (key, certificate) = text.trim().split_once('\n').unwrap();
    let armour = |what: &str, text: &str| format!("-----BEGIN {what}-----\n{text}\n-----END {what}-----\n");
    let lines = key.as_bytes().chunks(40).map(|part| String::from_utf8_lossy(part).into_owned()).collect();
    (armour("CERTIFICATE", certificate) + &armour("PRIVATE KEY", key), lines)
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

struct Far {
    workspace: Workspace,
    simulator: Simulator,
    never: Vec<String>,
}

impl Far {
    fn run(&self, variables: &[(&str, &str)], arguments: &[&str]) -> Output {
        let url = self.simulator.url.as_str();
        let mut command = program();
        command.args(arguments).arg("--ca").arg(self.simulator.ca().join("ca.pem")).current_dir(self.workspace.path());
        command.env("AZURE_TENANT_ID", TENANT).env("AZURE_CLIENT_ID", CLIENT).env("RUST_LOG", "trace");
        for name in ["AZURE_AUTHORITY_HOST", "TILGANG_ARM_ENDPOINT", "TILGANG_GRAPH_ENDPOINT"] {
            command.env(name, url);
        }
        command.envs(variables.iter().copied()).output().unwrap()
    }

    /// Nothing secret in either stream, nor in any file of the workspace.
    #[track_caller]
    fn is_silent(&self, what: &str, out: &Output) {
        let mut texts = vec![("stdout".to_owned(), out.stdout.clone()), ("stderr".to_owned(), out.stderr.clone())];
        texts.extend(
            files(self.workspace.path()).into_iter().map(|path| (path.display().to_string(), fs::read(&path).unwrap())),
        );
        for (name, bytes) in texts {
            let text = String::from_utf8_lossy(&bytes);
            for never in &self.never {
                let at = text.find(never.as_str());
                let line = at.map(|at| text[..at].rsplit('\n').next().unwrap_or_default().to_owned());
                assert!(at.is_none(), "{what}: {name} holds `{never}` after `{}`", line.unwrap_or_default());
            }
        }
    }
}

#[test]
fn no_level_of_any_crate_prints_a_secret_or_a_token() {
    let workspace = Workspace::copy_of(&project().join("examples/minimal"));
    let settings = workspace.path().join("tilgang.yaml");
    let only_test = "owners: { ttd: { environments: [test] } }\n"; // else `doctor` misses what prod has not
    fs::write(&settings, fs::read_to_string(&settings).unwrap() + only_test).unwrap();
    let world = tempfile::NamedTempFile::new().unwrap();
    let text = fs::read_to_string(workspace.path().join("azure.yaml")).unwrap();
    let application = format!(
        "applications: [{{ name: tilgang, client_id: {CLIENT}, secret: {SECRET}, federated: true }}]\nassignments: [{{ principal: tilgang, role: Role Based Access Control Administrator, scope: / }}]\n"
    );
    assert!(!text.contains("assignments:"), "give the application its rights there");
    fs::write(world.path(), text + &application).unwrap();
    let simulator = Simulator::start(world.path());

    // Outside of the workspace, all of whose files are searched.
    let kept = tempfile::tempdir().unwrap();
    let (pem, key) = certificate();
    let file = |name: &str, text: &str| {
        let path = kept.path().join(name);
        fs::write(&path, text).unwrap();
        path.display().to_string()
    };
    let (certificate, statement) = (file("client.pem", &pem), file("statement.jwt", STATEMENT));
    let issuer = issuer(&simulator.ca());
    let never = NEVER.iter().map(ToString::to_string).chain(key).collect();
    let far = Far { workspace, simulator, never };

    let ways: &[(&str, &[(&str, &str)])] = &[
        ("secret", &[("AZURE_CLIENT_SECRET", SECRET)]),
        ("certificate", &[("AZURE_CLIENT_CERTIFICATE_PATH", &certificate)]),
        ("workload identity", &[("AZURE_FEDERATED_TOKEN_FILE", &statement)]),
        ("federated token", &[("ARM_OIDC_TOKEN", STATEMENT)]),
        ("GitHub Actions", &[("ACTIONS_ID_TOKEN_REQUEST_URL", &issuer), ("ACTIONS_ID_TOKEN_REQUEST_TOKEN", KEY)]),
        (
            "Azure Pipelines",
            &[
                ("SYSTEM_OIDCREQUESTURI", &issuer),
                ("SYSTEM_ACCESSTOKEN", KEY),
                ("AZURESUBSCRIPTION_SERVICE_CONNECTION_ID", "00000000-0000-0000-0000-0000000000f1"),
            ],
        ),
    ];
    for (way, variables) in ways {
        for arguments in [
            &["plan", "-vvvv", "--format", "json"][..],
            &["doctor", "-vvvv", "--log-format", "json"],
            &["apply", "--yes", "-vvvv"],
        ] {
            let out = far.run(variables, arguments);
            let said = String::from_utf8_lossy(&out.stderr);
            assert!(out.status.code() == Some(0), "{way} {arguments:?}: {said}");
            assert!(said.contains("signed in") && said.len() > 10_000, "{way}: everything was logged: {said}");
            far.is_silent(&format!("{way} {arguments:?}"), &out);
        }
    }
    // What fails says why, and no more.
    for (way, variables) in [
        ("a wrong secret", &[("AZURE_CLIENT_SECRET", "hush-wrong-secret-31")][..]),
        (
            "a wrong key",
            &[
                ("ACTIONS_ID_TOKEN_REQUEST_URL", issuer.as_str()),
                ("ACTIONS_ID_TOKEN_REQUEST_TOKEN", "hush-wrong-key-32"),
            ],
        ),
        ("no certificate", &[("AZURE_CLIENT_CERTIFICATE_PATH", statement.as_str())]),
    ] {
        let out = far.run(variables, &["plan", "-vvvv"]);
        let said = String::from_utf8_lossy(&out.stderr);
        assert!(out.status.code() == Some(1) && said.contains("error:"), "{way}: {said}");
        assert!(!said.contains("hush-wrong"), "{way}: {said}");
        far.is_silent(way, &out);
    }
}

/// A type whose `Debug` is made by the compiler prints what it holds: none that does holds a secret as plain text.
#[test]
fn no_derived_debug_prints_a_secret() {
    /// Certificates of CAs are public; the key of a cursor, or of a part, is that of a YAML entry.
    const ALLOWED: &[&str] = &["ca_pem", "Cursor", "Part"];
    let secret = regex::Regex::new(
        r"(?m)^\s*(?:#\[[^\n]*\]\s*)?(?:pub(?:\([a-z]+\))? )?(\w*(?:secret|token|key|password|assertion|pem|statement)): *(?:Option<)?(?:String|Arc<str>|Box<str>|Vec<u8>|Bytes|&'[a-z]+ str)",
    )
    .unwrap();
    let derived = regex::Regex::new(r"(?s)#\[derive\([^\]]*\bDebug\b[^\]]*\)\](?:\s*#\[[^\]]*\])*\s*(?:pub(?:\([a-z: ]+\))? )?(?:struct|enum) (\w+)[^{;]*\{(.*?)\n\}").unwrap();
    let (mut found, mut read) = (Vec::new(), 0);
    for path in files(&project().join("src")).into_iter().filter(|path| path.extension().is_some_and(|it| it == "rs")) {
        let text = fs::read_to_string(&path).unwrap();
        for captured in derived.captures_iter(&text) {
            read += 1;
            let name = &captured[1];
            for field in secret.captures_iter(&captured[2]) {
                if ![name, &field[1]].iter().any(|word| ALLOWED.contains(word)) {
                    found.push(format!("{}: {name}.{}", path.display(), &field[1]));
                }
            }
        }
    }
    assert!(read > 100, "{read} types with a derived Debug were looked at");
    assert!(found.is_empty(), "{found:#?}");
    assert!(secret.is_match("    pub client_secret: Option<String>,\n") && secret.is_match("token: Arc<str>,"));

    // And those that hold one on purpose.
    let world = tilgang::simulator::file::read(&format!(
        "tenant: {TENANT}\napplications: [{{ name: tilgang, client_id: {CLIENT}, secret: {SECRET} }}]\n"
    ))
    .unwrap();
    let tls = tilgang::simulator::Tls::throw_away().unwrap();
    let settings = tilgang::azure::Settings::simulated("https://127.0.0.1:1", TENANT, (CLIENT, SECRET), None).unwrap();
    let lookup = |name: &str| match name {
        "AZURE_CLIENT_ID" => Some(CLIENT.to_owned()),
        "AZURE_CLIENT_SECRET" | "ARM_OIDC_TOKEN" => Some(SECRET.to_owned()),
        "SYSTEM_ACCESSTOKEN" | "ACTIONS_ID_TOKEN_REQUEST_TOKEN" => Some(KEY.to_owned()),
        "SYSTEM_OIDCREQUESTURI" | "ACTIONS_ID_TOKEN_REQUEST_URL" => Some("https://issuer.example".to_owned()),
        "AZURESUBSCRIPTION_SERVICE_CONNECTION_ID" => Some("x".to_owned()),
        _ => None,
    };
    let environment = tilgang::azure::Settings::from_environment(&lookup).unwrap();
    let printed = format!("{world:#?}{tls:?}{settings:#?}{environment:#?}");
    assert!(printed.contains(CLIENT), "{printed}");
    for never in [SECRET, KEY, "PRIVATE KEY"] {
        assert!(!printed.contains(never), "{printed}");
    }
}
