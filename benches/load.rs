//! How much the simulator bears: ten thousand role assignments, read page by page and one by one, over plain HTTP and TLS.
//!
//! `cargo bench --bench load`. The simulator runs as people run it, in a process of its own on loopback; the load comes
//! from here, over connections that stay open, for a bounded time. Any answer but 200, or of 20 kB and more, is an error.
//! Nothing else is asserted: a bench is a command, and its numbers belong in a note.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, missing_docs)]
#![allow(
    clippy::print_stdout,
    clippy::disallowed_methods,
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation
)]

use std::{
    fs,
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    path::Path,
    process::{Child, Command, Stdio},
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use rustls::{
    ClientConfig, ClientConnection, RootCertStore, StreamOwned,
    pki_types::{CertificateDer, pem::PemObject},
};
use serde_json::Value;
use tilgang::simulator::generate::{Options, Standing, generate};

const CONNECTIONS: usize = 8;
const REQUESTS_MAX: usize = 30_000;
const TIME_MAX: Duration = Duration::from_secs(10);
const BODY_MAX: usize = 20_000;
const PAGE: usize = 20;

trait Wire: Read + Write {}
impl<T: Read + Write> Wire for T {}

fn main() {
    let folder = tempfile::tempdir().unwrap();
    let world = folder.path().join("azure.yaml");
    let options = Options { standing: Standing::All, grants: Some(10_000), ..Options::new(10, 3_000, 1) };
    let mut made = generate(&options);
    let settings = made.world.settings.get_or_insert_default();
    (settings.page_size, settings.throttling) = (Some(PAGE), Some(false));
    fs::write(&world, serde_json::to_string(&made.world).unwrap()).unwrap();
    println!("{} assignments, pages of {PAGE}, {CONNECTIONS} connections", made.world.assignments.len());
    println!(
        "{:>6} {:>9} {:>8} {:>10} {:>9} {:>9} {:>10} {:>8} {:>9}",
        "", "requests", "errors", "requests/s", "median ms", "99 % ms", "largest B", "MiB idle", "MiB after"
    );
    for tls in [false, true] {
        one(&world, folder.path(), tls, &made.world.tenant);
    }
}

fn one(world: &Path, folder: &Path, tls: bool, tenant: &str) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tilgang"));
    command.args(["simulate", "--listen", "127.0.0.1:0", "--world"]).arg(world);
    if tls {
        command.arg("--tls").arg(folder);
    }
    let mut server = Ended(command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap());
    let mut url = String::new();
    BufReader::new(server.0.stdout.take().unwrap()).read_line(&mut url).unwrap();
    let address = url.trim().split("://").nth(1).unwrap().to_owned();
    let trusted = tls.then(|| trust(&folder.join("ca.pem")));

    let mut wire = connect(&address, trusted.as_ref());
    let client = tilgang::simulator::World::derived_id(tenant.parse().unwrap(), "application", "tilgang");
    let form =
        format!("grant_type=client_credentials&client_id={client}&client_secret=secret&scope={}/.default", url.trim());
    let request = format!(
        "POST /{tenant}/oauth2/v2.0/token HTTP/1.1\r\nhost: {address}\r\ncontent-type: application/x-www-form-urlencoded\r\ncontent-length: {}\r\n\r\n{form}",
        form.len()
    );
    let (_, body) = ask(&mut *wire, &request);
    let answer: Value = serde_json::from_slice(&body).unwrap();
    let token = answer["access_token"].as_str().unwrap_or_else(|| panic!("{answer}")).to_owned();
    let get = |path: &str| format!("GET {path} HTTP/1.1\r\nhost: {address}\r\nauthorization: Bearer {token}\r\n\r\n");

    // Every page of every list, and each is there once.
    let api = "/providers/Microsoft.Authorization";
    let json = |wire: &mut dyn Wire, path: &str| -> Value { serde_json::from_slice(&ask(wire, &get(path)).1).unwrap() };
    let subscriptions = json(&mut *wire, "/subscriptions?api-version=2022-12-01");
    let ids: Vec<String> =
        subscriptions["value"].as_array().unwrap().iter().map(|it| it["id"].as_str().unwrap().to_owned()).collect();
    let (mut mix, mut names, mut pages) = (Vec::new(), std::collections::BTreeSet::new(), 0);
    for id in &ids {
        let mut next = Some(format!("{id}{api}/roleAssignments?api-version=2022-04-01"));
        while let Some(path) = next {
            let page = json(&mut *wire, &path);
            pages += 1;
            mix.push(get(&path));
            for entry in page["value"].as_array().unwrap() {
                if names.insert(entry["name"].as_str().unwrap().to_owned()) && names.len().is_multiple_of(20) {
                    mix.push(get(&format!("{}?api-version=2022-04-01", entry["id"].as_str().unwrap())));
                    mix.push(get(&format!("/v1.0/users/{}", entry["properties"]["principalId"].as_str().unwrap())));
                }
            }
            next = page["nextLink"].as_str().map(|link| link.split_once(&address).unwrap().1.to_owned());
        }
        mix.push(get(&format!("{id}{api}/permissions?api-version=2022-04-01")));
        mix.push(get(&format!("{id}{api}/roleDefinitions?api-version=2022-04-01&$filter=roleName%20eq%20'Reader'")));
        mix.push(get("/v1.0/users?$top=20"));
    }
    let idle = resident(server.0.id());

    let mix = Arc::new(mix);
    let start = Instant::now();
    let workers: Vec<_> = (0..CONNECTIONS)
        .map(|n| {
            let (mix, address, trusted) = (mix.clone(), address.clone(), trusted.clone());
            thread::spawn(move || {
                let mut wire = connect(&address, trusted.as_ref());
                let (mut times, mut errors, mut largest) = (Vec::new(), 0_usize, 0);
                // Each begins elsewhere, and goes through the mix with a stride that meets all of it.
                let mut at = n * mix.len() / CONNECTIONS;
                while times.len() < REQUESTS_MAX / CONNECTIONS && start.elapsed() < TIME_MAX {
                    at = (at + 7_919) % mix.len();
                    let asked = Instant::now();
                    let (status, body) = ask(&mut *wire, &mix[at]);
                    times.push(asked.elapsed());
                    errors += usize::from(status != 200 || body.len() >= BODY_MAX);
                    largest = largest.max(body.len());
                }
                (times, errors, largest)
            })
        })
        .collect();
    let done: Vec<_> = workers.into_iter().map(|worker| worker.join().unwrap()).collect();
    let took = start.elapsed().as_secs_f64();
    let mut times: Vec<Duration> = done.iter().flat_map(|(times, ..)| times.clone()).collect();
    times.sort();
    let at = |share: usize| times[(times.len() * share / 100).min(times.len() - 1)].as_secs_f64() * 1_000.0;
    println!(
        "{:>6} {:>9} {:>8} {:>10.0} {:>9.2} {:>9.2} {:>10} {:>8} {:>9}",
        if tls { "https" } else { "http" },
        times.len(),
        done.iter().map(|it| it.1).sum::<usize>(),
        times.len() as f64 / took,
        at(50),
        at(99),
        done.iter().map(|it| it.2).max().unwrap(),
        idle,
        resident(server.0.id()),
    );
    println!(
        "       {} different assignments on {pages} pages, {} different requests in the mix",
        names.len(),
        mix.len()
    );
}

struct Ended(Child);

impl Drop for Ended {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn trust(ca: &Path) -> Arc<ClientConfig> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(ca).unwrap()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    Arc::new(config.with_root_certificates(roots).with_no_client_auth())
}

fn connect(address: &str, trusted: Option<&Arc<ClientConfig>>) -> Box<dyn Wire> {
    let stream = TcpStream::connect(address).unwrap();
    stream.set_nodelay(true).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    match trusted {
        None => Box::new(stream),
        Some(config) => {
            let name = "127.0.0.1".try_into().unwrap();
            Box::new(StreamOwned::new(ClientConnection::new(config.clone(), name).unwrap(), stream))
        }
    }
}

/// One request and its whole answer; the connection stays open.
fn ask(wire: &mut (dyn Wire + '_), request: &str) -> (u16, Vec<u8>) {
    wire.write_all(request.as_bytes()).unwrap();
    wire.flush().unwrap();
    let (mut got, mut buffer) = (Vec::new(), [0; 16_384]);
    let head = loop {
        if let Some(end) = got.windows(4).position(|four| four == b"\r\n\r\n") {
            break end + 4;
        }
        let n = wire.read(&mut buffer).unwrap();
        assert!(n > 0, "closed");
        got.extend_from_slice(&buffer[..n]);
    };
    let text = String::from_utf8_lossy(&got[..head]).to_ascii_lowercase();
    let status = text.split(' ').nth(1).unwrap().parse().unwrap();
    let length =
        text.lines().find_map(|line| line.strip_prefix("content-length: ")).map_or(0, |n| n.trim().parse().unwrap());
    while got.len() < head + length {
        let n = wire.read(&mut buffer).unwrap();
        assert!(n > 0, "closed");
        got.extend_from_slice(&buffer[..n]);
    }
    (status, got.split_off(head))
}

/// What a process holds in memory, in MiB.
fn resident(process: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap_or("0");
    line.split_whitespace().next().and_then(|kb| kb.parse::<u64>().ok()).unwrap_or_default() / 1_024
}
