//! The daemon's web page, as people reach it: its binary on loopback, spoken to plainly and in a real browser.

use std::{
    fs,
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    path::PathBuf,
    process::{Child, Stdio},
    time::{Duration, Instant},
};

use serde_json::{Value, json};

use crate::{
    browser::{FAINT, UNTOLD},
    chromium::Chromium,
    workspace::{Workspace, program, project},
};

/// Longer than anything here takes.
const PATIENCE: Duration = Duration::from_mins(1);

fn until<T>(what: &str, mut is: impl FnMut() -> Option<T>) -> T {
    let began = Instant::now();
    loop {
        if let Some(found) = is() {
            return found;
        }
        assert!(began.elapsed() < PATIENCE, "waited too long: {what}");
        std::thread::sleep(Duration::from_millis(25));
    }
}

/// The example, watched; ended when dropped.
struct Watched {
    workspace: Workspace,
    child: Child,
    port: u16,
    log: PathBuf,
}

/// What came back.
struct Answer {
    status: u16,
    head: String,
    body: String,
}

impl Watched {
    fn start(more: &[&str]) -> Self {
        let watched = Self::begin(Workspace::copy_of(&project().join("examples/altinn")), more);
        let state = || watched.ask("GET", "/api/state.json", "x-forwarded-user: kari\r\n").body;
        until("the first look is over", || state().contains("\"looked\":\"").then_some(()));
        watched
    }

    fn begin(workspace: Workspace, more: &[&str]) -> Self {
        let log = workspace.path().join("serve.log");
        let mut command = program();
        command.args(["serve", "--simulate", "--listen", "127.0.0.1:0", "--interval", "1h", "--jitter", "0s"]);
        command.args(["--poll", "200ms"]).args(more).current_dir(workspace.path());
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(fs::File::create(&log).unwrap());
        let mut child = command.spawn().unwrap();
        let port = until("it listens", || {
            let text = fs::read_to_string(&log).unwrap();
            assert!(child.try_wait().unwrap().is_none(), "it ended: {text}");
            after(&text, "listening on http://127.0.0.1:")
        });
        Self { workspace, child, port, log }
    }

    fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }

    fn get(&self, path: &str) -> Answer {
        self.ask("GET", path, "")
    }

    /// `headers`: each with its line end.
    fn ask(&self, method: &str, path: &str, headers: &str) -> Answer {
        ask(self.port, method, path, headers)
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn after(text: &str, words: &str) -> Option<u16> {
    let rest = text.split(words).nth(1)?;
    rest.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
}

fn ask(port: u16, method: &str, path: &str, headers: &str) -> Answer {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let host = if headers.to_lowercase().contains("host:") { "" } else { "host: localhost\r\n" };
    write!(stream, "{method} {path} HTTP/1.1\r\n{host}{headers}connection: close\r\n\r\n").unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    let (head, body) = text.split_once("\r\n\r\n").unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    Answer { status, head: head.to_lowercase(), body: body.to_owned() }
}

#[test]
fn every_page_is_there_and_lets_nothing_else_in() {
    let watched = Watched::start(&[]);
    for (path, status, says) in [
        ("/", 200, "differences from git, at 5 owners"),
        ("/owners/brg", 200, "Brønnøysundregistrene"),
        ("/people", 200, "lars.paafunn@"),
        ("/people?q=berit", 200, "1 person"),
        ("/people/berit.malt%40ai-dev.no", 200, "made by others"),
        ("/people/LARS.PAAFUNN%40ai-dev.brreg.no", 200, "owners/brg.yaml:8"),
        ("/runs/1", 200, "Look #1"),
        ("/api/state.json", 200, "\"version\":1"),
        ("/owners/nobody", 404, "No service owner is called `nobody`."),
        ("/owners/%3Cscript%3Ealert(1)%3C%2Fscript%3E", 404, "&lt;script&gt;alert(1)"),
        ("/people/ola%40nowhere.no", 404, "Nobody here is called"),
        ("/runs/99", 404, "Nothing here"),
        ("/runs/x", 404, "Nothing here"),
        ("/wp-admin", 404, "There is no page `/wp-admin`."),
    ] {
        let answer = watched.get(path);
        assert_eq!(answer.status, status, "{path}: {}", answer.head);
        assert!(answer.body.contains(says), "{path} does not say {says:?}: {}", answer.body);
        for header in [
            "content-security-policy: default-src 'none'; style-src 'sha256-",
            "frame-ancestors 'none'",
            "x-content-type-options: nosniff",
            "referrer-policy: no-referrer",
            "cache-control: no-store",
        ] {
            assert!(answer.head.contains(header), "{path} without {header}: {}", answer.head);
        }
        assert!(!answer.head.contains("access-control"), "{path}: {}", answer.head);
        let head = watched.ask("HEAD", path, "");
        assert_eq!((head.status, head.body.as_str()), (status, ""), "HEAD {path}");
    }
    for method in ["POST", "PUT", "PATCH", "DELETE", "OPTIONS"] {
        for path in ["/", "/owners/brg", "/people/berit.malt%40ai-dev.no", "/runs/1", "/api/state.json", "/live"] {
            assert_eq!(watched.ask(method, path, "content-length: 0\r\n").status, 405, "{method} {path}");
        }
    }
    for path in ["/healthz", "/readyz", "/metrics"] {
        assert_eq!(watched.ask("GET", path, "host: 10.1.2.3:8080\r\n").status, 200, "a probe asks by any name: {path}");
    }
    let days = fs::read_to_string(watched.workspace.path().join(".tilgang/serve/days.json")).unwrap();
    assert!(days.contains("\"unmanaged\",\"brg\",1"), "{days}");
}

/// An owner's file with errors is named where people would look for its people, and no page blames Azure for it.
#[test]
fn what_is_not_known_is_said_on_every_page() {
    let workspace = Workspace::copy_of(&project().join("examples/altinn"));
    let file = workspace.path().join("owners/brg.yaml");
    let text = fs::read_to_string(&file).unwrap();
    fs::write(&file, text.replace("roles:", "rolls:")).unwrap();
    let watched = Watched::begin(workspace, &[]);
    until("the first check is over", || (watched.get("/owners/brg").status == 200).then_some(()));
    let page = watched.get("/owners/brg").body;
    assert!(page.contains("Not known: the owner's file has errors") && !page.contains(": nobody"), "{page}");
    let home = watched.get("/").body;
    assert!(home.contains("1 owner's file has errors"), "{home}");
    let azure = home.rsplit("Azure, in all").next().unwrap().split("</div>").next().unwrap();
    assert!(azure.contains("read to the end") && !azure.contains("trouble"), "{azure}");
    let state: Value = serde_json::from_str(&watched.get("/api/state.json").body).unwrap();
    assert_eq!(state["not_known"], json!([{ "owner": "brg", "words": "owners/brg.yaml has errors" }]));
    for (path, says) in
        [("/people", "Not known: who is listed at"), ("/people/lars.paafunn%40ai-dev.brreg.no", "that was read")]
    {
        let page = watched.get(path);
        assert!(page.status == 404 || page.body.contains(says), "{path}: {}", page.body);
    }
    let metrics = watched.get("/metrics").body;
    assert!(metrics.contains("tilgang_unread 1"), "{metrics}");
}

/// Before a check has completed nobody knows whether there is such an owner or person: that is no 404.
#[test]
fn before_the_first_check_nothing_is_missing() {
    let workspace = Workspace::copy_of(&project().join("examples/altinn"));
    fs::write(workspace.path().join("tilgang.yaml"), "version: 1\n").unwrap();
    let watched = Watched::begin(workspace, &[]);
    let home = until("the first check has failed", || {
        let page = watched.get("/").body;
        page.contains("First check failed").then_some(page)
    });
    assert!(home.contains("the files in git cannot be compared"), "{home}");
    for path in ["/owners/ttd", "/owners/nobody", "/people/ola%40nowhere.no"] {
        let answer = watched.get(path);
        assert_eq!(answer.status, 503, "{path}");
        assert!(answer.body.contains("No check has completed yet"), "{path}: {}", answer.body);
    }
    assert_eq!(watched.get("/wp-admin").status, 404);
    assert!(watched.get("/people").body.contains("Not known before the first check."));
    let state: Value = serde_json::from_str(&watched.get("/api/state.json").body).unwrap();
    assert_eq!(state["looked"], Value::Null, "{state}");
}

#[test]
fn a_strangers_name_that_leads_here_shows_nothing() {
    let watched = Watched::start(&["--external-url", "https://access.example"]);
    for name in ["evil.example", "evil.example:80", "127.0.0.1.evil.example", "localhost.evil.example"] {
        let answer = watched.ask("GET", "/", &format!("host: {name}\r\n"));
        assert_eq!(answer.status, 421, "{name}");
        assert!(!answer.body.contains("differences") && !answer.body.contains("/owners/"), "{}", answer.body);
        assert_eq!(watched.ask("GET", "/api/state.json", &format!("host: {name}\r\n")).status, 421);
        assert_eq!(watched.ask("GET", "/live", &format!("host: {name}\r\n")).status, 421);
    }
    for name in ["localhost", "127.0.0.1:1", "[::1]:8080", "access.example"] {
        assert_eq!(watched.ask("GET", "/", &format!("host: {name}\r\n")).status, 200, "{name}");
    }
}

#[test]
fn beyond_this_machine_there_is_no_page_without_a_proxy_that_says_who_asks() {
    let workspace = Workspace::copy_of(&project().join("examples/altinn"));
    for address in ["0.0.0.0:0", "[::]:0", "192.0.2.1:8080"] {
        let out = workspace.tilgang(&["serve", "--simulate", "--listen", address]);
        let said = String::from_utf8_lossy(&out.stderr).into_owned();
        assert_eq!(out.status.code(), Some(64), "{said}");
        let said = said.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(said.contains("--trust-header") && said.contains(&format!("--probes {address}")), "{said}");
    }
    let watched = Watched::start(&["--trust-header", "X-Forwarded-User", "--probes", "127.0.0.1:0", "-v"]);
    for headers in ["", "x-forwarded-user: \r\n", "x-forwarded-user: a\r\nx-forwarded-user: b\r\n", "x-other: kari\r\n"]
    {
        for path in ["/", "/live", "/api/state.json", "/nowhere"] {
            let answer = watched.ask("GET", path, headers);
            assert_eq!(answer.status, 401, "{path} {headers:?}");
            assert!(!answer.body.contains("/owners/") && answer.head.contains("no-store"), "{}", answer.body);
        }
    }
    let read = watched.ask("GET", "/", "x-forwarded-user: <b>kari.fiktiv@ai-dev.no\r\n");
    assert_eq!(read.status, 200);
    assert!(read.body.contains("read by &lt;b&gt;kari.fiktiv@ai-dev.no"), "{}", read.body);

    let log = fs::read_to_string(&watched.log).unwrap();
    let probes = after(&log, "probes on http://127.0.0.1:").unwrap();
    for path in ["/healthz", "/readyz", "/metrics"] {
        assert_eq!(ask(probes, "GET", path, "").status, 200, "{path}");
    }
    for path in ["/", "/owners/brg", "/people", "/live", "/api/state.json"] {
        assert_eq!(ask(probes, "GET", path, "x-forwarded-user: kari\r\n").status, 404, "{path}");
    }
}

/// Lines of news, as a browser gets them.
struct News(BufReader<TcpStream>);

impl News {
    fn open(port: u16) -> Self {
        let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        write!(stream, "GET /live HTTP/1.1\r\nhost: localhost\r\n\r\n").unwrap();
        Self(BufReader::new(stream))
    }

    fn next(&mut self) -> Option<Value> {
        loop {
            let mut line = String::new();
            if self.0.read_line(&mut line).unwrap_or_default() == 0 {
                return None;
            }
            if let Some(data) = line.strip_prefix("data: ") {
                return Some(serde_json::from_str(data).unwrap());
            }
        }
    }
}

#[test]
fn an_open_page_hears_of_a_run_while_it_is_on_and_so_many_pages_may_be_open() {
    let watched = Watched::start(&[]);
    let mut news = News::open(watched.port);
    let first = std::iter::from_fn(|| news.next()).find(|it| it["running"].is_null()).unwrap();
    assert_eq!((&first["run"], &first["state"]), (&json!(1), &json!("drift")));
    // A run here takes some milliseconds: one that was over before the page's turn came is not seen while it is on.
    let seen = (2..50).any(|number| {
        assert_eq!(watched.ask("POST", "/-/reload", "content-length: 0\r\n").status, 202);
        let still = |it: &Value| it["run"].as_u64() < Some(number) || !it["running"].is_null();
        let told: Vec<Value> = std::iter::from_fn(|| news.next()).take_while(still).collect();
        told.iter().any(|it| it["running"] == number)
    });
    assert!(seen, "no run was seen while it was on");
    drop(news);

    let mut open: Vec<TcpStream> = Vec::new();
    let refused = until("there are places for so many", || {
        let mut stream = TcpStream::connect(("127.0.0.1", watched.port)).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        write!(stream, "GET /live HTTP/1.1\r\nhost: localhost\r\n\r\n").unwrap();
        let mut first = [0; 12];
        stream.read_exact(&mut first).unwrap();
        let refused = &first == b"HTTP/1.1 503";
        open.push(stream);
        refused.then_some(open.len())
    });
    assert!((60..=66).contains(&refused), "{refused} pages");
    assert_eq!(watched.get("/").status, 200, "who only reads is served all the same");
}

const LIVE: &str = "document.getElementById('live').textContent";

fn wait(browser: &mut Chromium, expression: &str, expected: &Value) {
    let began = Instant::now();
    loop {
        let value = browser.value(expression);
        if value == *expected {
            return;
        }
        assert!(began.elapsed() < PATIENCE, "{expression} is {value}, not {expected}");
        std::thread::sleep(Duration::from_millis(25));
    }
}

fn click(browser: &mut Chromium, selector: &str) {
    browser.turns(|it| drop(it.value(&format!("document.querySelector('{selector}').click()"))));
}

#[test]
fn somebody_clicks_through_the_page_and_sees_news_come_in() {
    let Some(mut browser) = Chromium::start() else { return };
    let watched = Watched::start(&[]);
    for path in ["/", "/owners/brg", "/people", "/people/lars.paafunn%40ai-dev.brreg.no", "/runs/1", "/nothing"] {
        for scheme in ["light", "dark"] {
            browser.look(scheme, "screen", 1200);
            browser.visit(&watched.url(path));
            let contrast = browser.value(FAINT);
            assert!(contrast["seen"].as_u64().unwrap() > 5, "{contrast}");
            assert_eq!(contrast["faint"], json!([]), "{path} in {scheme}");
            assert_eq!(browser.value(UNTOLD), json!([]), "{path}");
            browser.look(scheme, "screen", 400);
            let wide = "document.documentElement.scrollWidth - document.documentElement.clientWidth";
            assert_eq!(browser.value(wide), 0, "{path} scrolls sideways");
        }
        browser.look("dark", "print", 800);
        assert_eq!(browser.value(FAINT)["faint"], json!([]), "{path} on paper");
    }
    browser.look("light", "screen", 1200);
    browser.visit(&watched.url("/"));
    let bars = "[...document.querySelectorAll('.plot rect.c-missing')].filter((e) => e.getBoundingClientRect().height > 5).length";
    assert_eq!(browser.value(bars), 1, "today's bar");
    assert_eq!(browser.value("document.querySelector('svg[role=img] > title').textContent.length > 10"), true);

    // From the overview to an owner, to a person, and back to a run.
    click(&mut browser, "a[href=\"/owners/brg\"]");
    assert_eq!(browser.value("document.querySelector('h1').textContent"), "Brønnøysundregistrene");
    assert_eq!(browser.value("document.querySelectorAll('td.extra, td.lacks').length"), 2);
    click(&mut browser, ".entries a[href^=\"/people/berit\"]");
    assert_eq!(browser.value("document.querySelector('h1').textContent"), "Berit Malt");
    click(&mut browser, "nav a[href=\"/\"]");
    click(&mut browser, "a[href=\"/runs/1\"]");
    assert_eq!(browser.value("document.querySelector('h1').textContent"), "Look #1");
    click(&mut browser, "nav a[href=\"/people\"]");
    browser.press("/", 191);
    browser.ask("Input.insertText", &json!({ "text": "lars" }));
    assert_eq!(
        browser.value("[...document.querySelectorAll('tbody tr')].filter((e) => e.checkVisibility()).length"),
        1
    );

    // News: a look that finds the same, and one that finds more.
    browser.visit(&watched.url("/"));
    wait(&mut browser, LIVE, &json!("live"));
    assert_eq!(watched.ask("POST", "/-/reload", "content-length: 0\r\n").status, 202);
    wait(&mut browser, LIVE, &json!("Looked again: the same. Show it"));
    let file = watched.workspace.path().join("owners/brg.yaml");
    let text = fs::read_to_string(&file).unwrap();
    let (kept, _) = text.rsplit_once("  - user:").unwrap();
    fs::write(&file, kept).unwrap();
    assert_eq!(watched.ask("POST", "/-/reload", "content-length: 0\r\n").status, 202);
    let shown = browser.value("document.querySelector('h1').textContent");
    let changed = format!("/Show it$/.test({LIVE}) && !/the same/.test({LIVE})");
    wait(&mut browser, &changed, &json!(true));
    click(&mut browser, "#live a");
    assert_ne!(browser.value("document.querySelector('h1').textContent"), shown);

    // Without JavaScript everything is there, and nothing that would not work.
    browser.ask("Emulation.setScriptExecutionDisabled", &json!({ "value": true }));
    browser.visit(&watched.url("/owners/skd"));
    assert_eq!(browser.value("document.getElementById('tools').checkVisibility()"), false);
    assert_eq!(browser.value("document.querySelectorAll('td.extra, td.lacks').length > 0"), true);
    browser.ask("Emulation.setScriptExecutionDisabled", &json!({ "value": false }));

    let wrong = browser.happened(&["Runtime.exceptionThrown", "Runtime.consoleAPICalled"]);
    assert!(wrong.is_empty(), "{wrong:#?}");
    for entry in browser.happened(&["Log.entryAdded"]) {
        let text = entry["params"]["entry"]["text"].as_str().unwrap();
        assert!(text.contains("404"), "only the page that was asked for and is not there: {text}");
    }
    for request in browser.happened(&["Network.requestWillBeSent"]) {
        let url = request["params"]["request"]["url"].as_str().unwrap();
        assert!(url.starts_with(&watched.url("/")) || url.starts_with("data:image/svg"), "{url}");
    }
}
