//! `tilgang simulate` as a product: how it begins and ends, what it says, its page.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
};

use crate::workspace::{Workspace, program, project};

fn altinn() -> PathBuf {
    project().join("examples/altinn/azure.yaml")
}

/// Plain HTTP on a free port, and the port.
fn start(world: &Path, more: &[&str]) -> (Child, u16) {
    let mut command = program();
    command.args(["simulate", "--listen", "127.0.0.1:0", "--world"]).arg(world).args(more);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut url = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut url).unwrap();
    (child, url.trim().rsplit(':').next().unwrap().parse().unwrap())
}

fn ask(port: u16, request: &str) -> TcpStream {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    stream.write_all(format!("{request} HTTP/1.1\r\nhost: 127.0.0.1\r\nconnection: close\r\n\r\n").as_bytes()).unwrap();
    stream
}

fn answer(mut stream: TcpStream) -> String {
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    text
}

/// Asks this one process to end.
fn signal(child: &Child, name: &str) {
    assert!(Command::new("kill").args([name, &child.id().to_string()]).status().unwrap().success());
}

fn mistake(world: &str) -> String {
    let workspace = Workspace::empty();
    std::fs::write(workspace.path().join("azure.yaml"), world).unwrap();
    let Output { status, stderr, stdout } = workspace.tilgang(&["simulate", "--world", "azure.yaml"]);
    assert_eq!((status.code(), stdout.as_slice()), (Some(1), &[][..]));
    String::from_utf8(stderr).unwrap()
}

#[test]
fn it_ends_when_what_is_in_flight_is_answered() {
    let workspace = Workspace::empty();
    let saved = workspace.path().join("after.yaml");
    for name in ["-INT", "-TERM"] {
        let (mut child, port) = start(&altinn(), &["--latency-ms", "700", "--save", saved.to_str().unwrap()]);
        let waiting = ask(port, "GET /metadata/endpoints?api-version=2022-09-01");
        let idle = TcpStream::connect(("127.0.0.1", port)).unwrap(); // says nothing, and holds nothing up
        std::thread::sleep(std::time::Duration::from_millis(200));
        signal(&child, name);
        assert!(answer(waiting).starts_with("HTTP/1.1 200 "));
        let status = child.wait().unwrap();
        assert_eq!(status.code(), Some(0));
        drop(idle);
        let world = std::fs::read_to_string(&saved).unwrap();
        assert!(tilgang::simulator::file::read(&world).is_ok() && world.contains("kari.fiktiv@ai-dev.no"));
        std::fs::remove_file(&saved).unwrap();
    }
}

#[test]
fn a_port_that_is_taken_is_said() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let out = program().args(["simulate", "--listen", &address, "--world"]).arg(altinn()).output().unwrap();
    let said = String::from_utf8(out.stderr).unwrap();
    assert_eq!(out.status.code(), Some(1));
    assert!(said.contains(&format!("{address} is taken by another program")) && said.contains("127.0.0.1:0"), "{said}");
}

#[test]
fn a_folder_that_is_not_there_is_said_at_the_start() {
    let out =
        program().args(["simulate", "--save", "/no/such/folder/x.yaml", "--world"]).arg(altinn()).output().unwrap();
    let said = String::from_utf8(out.stderr).unwrap();
    assert!(out.status.code() == Some(1) && said.contains("there is no folder /no/such/folder"), "{said}");
}

#[test]
fn a_mistake_is_drawn_at_its_place() {
    let said = mistake(
        "tenant: 00000000-0000-0000-0000-0000000000aa\nusers:\n  - user: kari.fiktiv@ai-dev.no\n    nmae: Kari\n",
    );
    for words in ["unknown key `nmae`", "did you mean `name`?", "azure.yaml:4:5", "    nmae: Kari"] {
        assert!(said.contains(words), "{words}\n{said}");
    }
}

#[test]
fn the_embedded_one_says_the_same() {
    let workspace = Workspace::copy_of(&project().join("examples/minimal"));
    let file = workspace.path().join("azure.yaml");
    let text = std::fs::read_to_string(&file).unwrap() + "usrs: []\n";
    std::fs::write(&file, &text).unwrap();
    let out = workspace.tilgang(&["plan", "--simulate"]);
    let said = String::from_utf8(out.stderr).unwrap();
    let line = text.lines().count();
    assert_eq!(out.status.code(), Some(1));
    assert!(said.contains(&format!("line {line}, column 1: unknown key `usrs`; did you mean `users`?")), "{said}");
}

#[test]
fn columns_count_characters() {
    let said = mistake(
        "tenant: 00000000-0000-0000-0000-0000000000aa\nusers:\n  - { user: a@ai-dev.no, name: Siri Prøve, enabeld: true }\n",
    );
    assert_eq!(said.matches("azure.yaml:3:44").count(), 2, "{said}");
}

#[test]
fn the_schema_is_printed() {
    let out = program().args(["simulate", "schema"]).output().unwrap();
    let schema: serde_json::Value = serde_json::from_slice(&out.stdout).unwrap();
    assert_eq!((out.status.code(), &schema["title"]), (Some(0), &serde_json::json!("azure.yaml")));
}

#[test]
fn a_certificate_for_a_further_name() {
    let workspace = Workspace::empty();
    let ca = workspace.path().join("ca");
    let (mut child, _) = start(&altinn(), &["--tls", ca.to_str().unwrap(), "--tls-name", "management.azure.com"]);
    signal(&child, "-TERM");
    assert_eq!(child.wait().unwrap().code(), Some(0));
    assert!(std::fs::read_to_string(ca.join("ca.pem")).unwrap().contains("BEGIN CERTIFICATE"));
    let out = program().args(["simulate", "--tls-name", "x", "--world"]).arg(altinn()).output().unwrap();
    assert_eq!(out.status.code(), Some(64)); // without --tls it would mean nothing
}

/// Whatever a world is called, it is text.
#[test]
fn the_page_escapes_hostile_names() {
    let workspace = Workspace::empty();
    let world = workspace.path().join("azure.yaml");
    let hostile = "<script>alert('x')</script>\\\" onload=\\\"y";
    let text = format!(
        "tenant: 00000000-0000-0000-0000-0000000000aa
applications:
  - {{ name: \"{hostile}\", secret: kept-to-itself, graph: [\"{hostile}\"] }}
users:
  - {{ user: \"<b>@ai-dev.no\", name: \"{hostile}\\u202E\" }}
groups:
  - {{ name: \"{hostile}\", members: [\"<b>@ai-dev.no\"] }}
subscriptions:
  - name: \"{hostile}\"
    state: \"{hostile}\"
    tags: {{ \"{hostile}\": \"{hostile}\" }}
    resources: [{{ vault: \"{hostile}\" }}, {{ type: \"{hostile}\", name: x }}]
role_definitions:
  - {{ name: \"{hostile}\" }}
assignments:
  - {{ principal: \"<b>@ai-dev.no\", role: \"{hostile}\", scope: x }}
"
    );
    std::fs::write(&world, text).unwrap();
    let (mut child, port) = start(&world, &[]);
    answer(ask(port, "GET /<script>alert(1)</script>?x=%3Cimg%20src%3Dx%3E"));
    let page = answer(ask(port, "GET /_simulator"));
    signal(&child, "-TERM");
    assert_eq!(child.wait().unwrap().code(), Some(0));
    assert!(
        page.starts_with("HTTP/1.1 200 ") && page.contains("content-security-policy: default-src 'none'"),
        "{page}"
    );
    for never in ["<script", "<b>@", "<img", "onload=\"", "alert('x')", "\u{202e}", "kept-to-itself"] {
        assert!(!page.contains(never), "{never}\n{page}");
    }
    assert!(
        page.matches("&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;&quot; onload=&quot;y").count() >= 9,
        "{page}"
    );
}
