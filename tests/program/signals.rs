//! Signals and notices as somebody gets them who runs the program: a collector of traces, a webhook.

use std::{
    io::{Read as _, Write as _},
    net::{TcpListener, TcpStream},
    sync::{Arc, Mutex},
    time::Duration,
};

use opentelemetry_proto::tonic::{
    collector::trace::v1::ExportTraceServiceRequest,
    common::v1::{AnyValue, KeyValue, any_value::Value as Any},
    trace::v1::Span,
};
use prost::Message as _;

use crate::workspace::{Workspace, program, project};

/// A request as it came: its head, and its body.
type Came = Arc<Mutex<Vec<(String, Vec<u8>)>>>;

/// A server on loopback that takes every request.
fn server() -> (String, Came) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let came = Came::default();
    let taken = came.clone();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let taken = taken.clone();
            std::thread::spawn(move || take(stream, &taken));
        }
    });
    (url, came)
}

fn take(mut stream: TcpStream, came: &Came) {
    let (mut bytes, mut buffer) = (Vec::new(), vec![0; 65_536]);
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    while let Ok(count @ 1..) = stream.read(&mut buffer) {
        bytes.extend_from_slice(&buffer[..count]);
        while let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            let head = String::from_utf8_lossy(&bytes[..end]).to_ascii_lowercase();
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")?.trim().parse().ok());
            let whole = end + 4 + length.unwrap_or(0);
            if bytes.len() < whole {
                break;
            }
            came.lock().unwrap().push((head, bytes[end + 4..whole].to_vec()));
            bytes.drain(..whole);
            stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").unwrap();
        }
    }
}

/// All spans that a collector was sent, and what they say of the service.
fn spans(came: &Came) -> (Vec<Span>, String) {
    let (mut spans, mut resource) = (Vec::new(), String::new());
    for (head, body) in came.lock().unwrap().iter() {
        assert!(
            head.starts_with("post /v1/traces ") && head.contains("content-type: application/x-protobuf"),
            "{head}"
        );
        for of in ExportTraceServiceRequest::decode(body.as_slice()).unwrap().resource_spans {
            resource = format!("{:?}", of.resource.unwrap().attributes);
            spans.extend(of.scope_spans.into_iter().flat_map(|of| of.spans));
        }
    }
    (spans, resource)
}

fn text(attributes: &[KeyValue], key: &str) -> String {
    let value = attributes.iter().find(|it| it.key == key).and_then(|it| it.value.clone());
    match value {
        Some(AnyValue { value: Some(Any::StringValue(text)) }) => text,
        Some(AnyValue { value: Some(Any::IntValue(number)) }) => number.to_string(),
        _ => String::new(),
    }
}

#[test]
fn a_run_is_a_trace_and_names_nobody() {
    let (url, came) = server();
    let workspace = Workspace::copy_of(&project().join("examples/altinn"));
    let out = program()
        .args(["apply", "--yes", "--simulate", "-vvv"])
        .current_dir(workspace.path())
        .env("OTEL_EXPORTER_OTLP_ENDPOINT", &url)
        .env("OTEL_EXPORTER_OTLP_HEADERS", "x-key=hemmelig")
        .env("OTEL_RESOURCE_ATTRIBUTES", "deployment.environment.name=prod")
        .output()
        .unwrap();
    let (spans, resource) = spans(&came);
    assert!(!spans.is_empty(), "{}", String::from_utf8_lossy(&out.stderr));
    assert!(came.lock().unwrap().iter().all(|(head, _)| head.contains("x-key: hemmelig")));
    assert!(resource.contains("tilgang") && resource.contains("deployment.environment.name"), "{resource}");
    // One trace: what was asked for under what was being done.
    let names: Vec<&str> = spans.iter().map(|span| span.name.as_str()).collect();
    for name in ["command", "observe", "plan", "execute"] {
        assert_eq!(names.iter().filter(|it| **it == name).count(), 1, "{name}: {names:?}");
    }
    assert!(spans.iter().all(|span| span.trace_id == spans[0].trace_id), "{names:?}");
    let observe = spans.iter().find(|span| span.name == "observe").unwrap();
    let requests: Vec<&Span> =
        spans.iter().filter(|span| !text(&span.attributes, "http.request.method").is_empty()).collect();
    assert!(requests.iter().filter(|span| span.parent_span_id == observe.span_id).count() > 5, "{names:?}");
    let put = requests.iter().find(|span| text(&span.attributes, "http.request.method") == "PUT").unwrap();
    let route = "/subscriptions/{}/resourceGroups/{}/providers/Microsoft.KeyVault/vaults/{}/providers/Microsoft.Authorization/roleAssignments/{}";
    let routes: Vec<String> = requests.iter().map(|span| text(&span.attributes, "url.template")).collect();
    assert!(routes.iter().any(|it| it.eq_ignore_ascii_case(route)), "{routes:#?}");
    assert!(["200", "201"].contains(&text(&put.attributes, "http.response.status_code").as_str()));
    let guid = regex::Regex::new("[0-9a-f]{8}-[0-9a-f]{4}").unwrap();
    // Neither a person, nor an id, nor a token; no event, since a log line may hold any of them.
    for span in &spans {
        let said = format!("{} {:?}", span.name, span.attributes);
        assert!(span.events.is_empty(), "{said}");
        assert!(!said.contains('@') && !said.to_ascii_lowercase().contains("bearer"), "{said}");
        assert!(!guid.is_match(&said), "{said}");
    }
    assert!(!String::from_utf8_lossy(&out.stderr).contains("hemmelig"), "a key to the collector is in no log");
}

#[test]
fn a_collector_that_is_not_there_or_is_asked_wrongly_stops_nothing() {
    let workspace = Workspace::copy_of(&project().join("examples/altinn"));
    let run = |name: &str, value: &str| {
        let mut command = program();
        command.args(["drift", "--simulate"]).current_dir(workspace.path());
        command.env("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:1").env(name, value).output().unwrap()
    };
    let out = run("OTEL_SERVICE_NAME", "x");
    assert_eq!(out.status.code(), Some(2));
    let out = run("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc");
    let said = String::from_utf8_lossy(&out.stderr).into_owned();
    assert_eq!(out.status.code(), Some(2));
    assert!(said.contains("note: no traces are sent") && said.contains("http/protobuf"), "{said}");
}

/// A workspace whose `tilgang.yaml` names a channel.
fn with_channel(channel: &str) -> Workspace {
    let workspace = Workspace::copy_of(&project().join("examples/altinn"));
    let path = workspace.path().join("tilgang.yaml");
    let notify = format!("\nnotify:\n  channels:\n    hook: {channel}\n");
    std::fs::write(&path, std::fs::read_to_string(&path).unwrap() + &notify).unwrap();
    workspace
}

const HOOK: &str = "{ webhook: { url: { env: TRY_URL }, key: { file: key }, loopback: true } }";

#[test]
fn a_channel_is_tried_before_something_has_to_be_told() {
    let (url, came) = server();
    let workspace = with_channel(HOOK);
    std::fs::write(workspace.path().join("key"), "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\n").unwrap();
    let run = |arguments: &[&str], url: Option<&str>| {
        let mut command = program();
        command.args(["notify", "test"]).args(arguments).current_dir(workspace.path());
        url.map(|url| command.env("TRY_URL", url));
        let out = command.output().unwrap();
        let said = String::from_utf8_lossy(&out.stdout).into_owned() + &String::from_utf8_lossy(&out.stderr);
        (out.status.code().unwrap(), said)
    };
    assert_eq!(run(&[], Some(&format!("{url}/T0SECRET"))), (0, "hook (webhook): sent\n".to_owned()));
    let (head, body) = came.lock().unwrap()[0].clone();
    assert!(head.contains("webhook-signature: v1,") && String::from_utf8(body).unwrap().contains("tilgang.test"));
    let (code, said) = run(&["--dry-run"], Some(&url));
    assert!(code == 0 && said.contains("\"type\": \"tilgang.test\"") && came.lock().unwrap().len() == 1, "{said}");
    let said = run(&[], None);
    assert_eq!(said, (1, "hook (webhook): could not be sent now: the variable `TRY_URL` is not set\n".to_owned()));
    let (code, said) = run(&["--channel", "hok"], Some(&url));
    assert!(code == 64 && said.contains("did you mean `hook`?"), "{said}");
    let (code, said) = run(&[], Some("http://127.0.0.1:1/T0SECRET"));
    assert!(code == 1 && said.contains("could not be sent now") && !said.contains("SECRET"), "{said}");
}

/// The daemon's look, twice, with a restart between: told once, and each line of the log says which run it is.
#[test]
fn the_daemon_tells_once_what_it_found() {
    let (url, came) = server();
    let workspace = with_channel(HOOK);
    std::fs::write(workspace.path().join("key"), "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\n").unwrap();
    let look = || {
        let mut command = program();
        command.args(["serve", "--simulate", "--once", "--log-format", "json", "-v"]).current_dir(workspace.path());
        let out = command.env("TRY_URL", &url).output().unwrap();
        assert_eq!(out.status.code(), Some(2), "{}", String::from_utf8_lossy(&out.stderr));
        String::from_utf8(out.stderr).unwrap()
    };
    let log = look();
    let signed_in = log.lines().find(|line| line.contains("\"signed in\"")).unwrap();
    let line: serde_json::Value = serde_json::from_str(signed_in).unwrap();
    assert_eq!(line["span"]["run"], 1, "{signed_in}");
    look();
    let bodies: Vec<serde_json::Value> =
        came.lock().unwrap().iter().map(|(_, body)| serde_json::from_slice(body).unwrap()).collect();
    assert_eq!(bodies.len(), 1, "the second look found nothing new");
    let events = bodies[0]["data"]["events"].as_array().unwrap();
    let unmanaged: Vec<_> = events.iter().filter(|event| event["class"] == "unmanaged").collect();
    assert!(
        unmanaged.iter().any(|event| event["who"] == "berit.malt@ai-dev.no" && event["owner"] == "brg"),
        "{events:#?}"
    );
}
