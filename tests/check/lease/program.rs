//! Replicas of the program itself, on one state folder, with a simulated Azure and the API server of these tests.

use std::{
    fs,
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::TcpStream,
    path::Path,
    process::{Child, Command, Stdio},
    sync::mpsc::{Receiver, RecvTimeoutError, channel},
    thread,
    time::{Duration, Instant},
};

use serde_json::json;

use super::server::ApiServer;

/// A machine may be slow, but not like this.
const PATIENCE: Duration = Duration::from_mins(2);

struct Replica {
    child: Child,
    lines: Receiver<String>,
    heard: Vec<String>,
}

impl Drop for Replica {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Replica {
    fn start(server: &ApiServer, workspace: &Path, pod: &str) -> Self {
        let kubeconfig = workspace.join(format!("{pod}.kubeconfig"));
        fs::write(&kubeconfig, server.kubeconfig(pod)).unwrap();
        let mut child = Command::new(env!("CARGO_BIN_EXE_tilgang"))
            .args(["serve", "--simulate", "--listen=127.0.0.1:0", "--lease=tilgang", "--lease-duration=6s"])
            .args(["--interval=1s", "--jitter=0s", "--state"])
            .arg(workspace.join("state"))
            .arg("--dir")
            .arg(workspace)
            .env("KUBECONFIG", kubeconfig)
            .env("POD_NAME", pod)
            .env("TILGANG_LOG", "info")
            .env_remove("KUBERNETES_SERVICE_HOST")
            .stderr(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let (said, lines) = channel();
        let stderr = BufReader::new(child.stderr.take().unwrap());
        thread::spawn(move || stderr.lines().map_while(Result::ok).for_each(|line| drop(said.send(line))));
        Self { child, lines, heard: Vec::new() }
    }

    /// Waits until it says this.
    fn says(&mut self, words: &str) -> String {
        let until = Instant::now() + PATIENCE;
        loop {
            match self.lines.recv_timeout(until.saturating_duration_since(Instant::now())) {
                Ok(line) => {
                    self.heard.push(line.clone());
                    if line.contains(words) {
                        return line;
                    }
                }
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {
                    panic!("it never said `{words}`: {:#?}", self.heard)
                }
            }
        }
    }

    fn ends(&mut self) -> i32 {
        let until = Instant::now() + PATIENCE;
        while Instant::now() < until {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status.code().unwrap_or(-1);
            }
            thread::sleep(Duration::from_millis(20));
        }
        panic!("it never ended: {:#?}", self.heard)
    }

    fn terminate(&self) {
        let id = self.child.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &id]).status().unwrap().success());
    }
}

/// What it answers, at the address that a line names.
fn get(line: &str, path: &str) -> String {
    let address = line.rsplit("http://").next().unwrap().trim();
    let mut stream = TcpStream::connect(address).unwrap();
    write!(stream, "GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().map(Result::unwrap).filter(|entry| entry.file_name() != ".tilgang") {
        let to = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &to);
        } else {
            fs::copy(entry.path(), to).unwrap();
        }
    }
}

/// Killed, cut off, and asked to end: each time the other goes on, with what was kept.
#[tokio::test(flavor = "multi_thread")]
async fn one_replica_works_and_another_goes_on() {
    let server = ApiServer::start().await;
    server.apply(
        &json!({ "leaseDurationSeconds": 1, "leaseTransitions": 1, "renewTime": "2026-11-22T09:00:00.000000Z" }),
    );
    let folder = tempfile::tempdir().unwrap();
    copy(&Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/altinn"), folder.path());
    tokio::task::block_in_place(|| {
        let start = |pod: &str| Replica::start(&server, folder.path(), pod);
        let mut a = start("pod-a");
        let watching = a.says("watching ");
        assert!(get(&watching, "/healthz").starts_with("HTTP/1.1 200 "));
        a.says("a run is over");

        let mut b = start("pod-b");
        let standing_by = b.says("standing by until this replica leads");
        b.says("pod-a_");
        assert!(get(&standing_by, "/readyz").contains("ready: pod-a_"));
        assert!(get(&standing_by, "/").starts_with("HTTP/1.1 503 "));

        a.child.kill().unwrap(); // not a word to anybody
        b.says("watching ");
        b.says("a run is over");
        assert!(b.heard.iter().all(|line| !line.contains("begins anew")), "{:#?}", b.heard);

        let mut c = start("pod-c");
        c.says("pod-b_");
        server.cut_off("pod-b", true);
        c.says("watching ");
        b.says("this replica leads no longer");
        assert_eq!(b.ends(), 1, "a new process begins with what the new leader writes");

        let mut d = start("pod-d");
        d.says("pod-c_");
        c.terminate();
        assert_eq!(c.ends(), 0);
        d.says("watching ");
        d.terminate();
        assert_eq!(d.ends(), 0);
    });
    let lease = server.lease();
    assert_eq!(lease["spec"].get("holderIdentity"), None, "let go of");
    assert_eq!(lease["spec"]["leaseTransitions"], 5, "a, b, c, d");
}
