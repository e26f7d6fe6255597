//! Real servers on loopback: what they get, what they answer, and what is made of it.

mod forms;
mod http;
mod mail;

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{
    Router,
    body::{Body, Bytes},
    extract::State,
    http::{HeaderMap, StatusCode},
    response::{IntoResponse as _, Response},
};
use jiff::{Timestamp, tz::TimeZone};
use tokio::net::TcpListener;

use super::{Courier, Secret};
use crate::{
    model::notify::{Channel, Door, Notify, SecretAt, Target, Topic},
    notify::{Found, Item, Setting},
};

/// What a server does with a request.
#[derive(Clone, Debug)]
pub(super) enum Does {
    /// Takes it.
    Takes,
    /// Answers with this, and asks to wait so long.
    Says(u16, Option<&'static str>, &'static str),
    /// Takes it in and cuts the line.
    Cuts,
    /// Takes it in and answers late.
    Waits(Duration),
    /// Sends it elsewhere.
    Leads(String),
}

/// A request as it came.
#[derive(Clone, Debug)]
pub(super) struct Came {
    pub headers: HeaderMap,
    pub body: Bytes,
}

/// A server on loopback that does what it is told, one request after the other, and then takes everything.
#[derive(Clone)]
pub(super) struct Server {
    pub url: String,
    script: Arc<Mutex<VecDeque<Does>>>,
    came: Arc<Mutex<Vec<Came>>>,
}

impl Server {
    pub(super) async fn start(script: impl IntoIterator<Item = Does>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        // The path is what a stranger must not see.
        let url = format!("http://{}/services/T0SECRET/B0SECRET", listener.local_addr().unwrap());
        let server = Self { url, script: Arc::new(Mutex::new(script.into_iter().collect())), came: Arc::default() };
        let router = Router::new().fallback(take).with_state(server.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        server
    }

    pub(super) fn came(&self) -> Vec<Came> {
        self.came.lock().unwrap().clone()
    }

    pub(super) fn ids(&self) -> Vec<String> {
        self.came().iter().map(|it| it.headers["webhook-id"].to_str().unwrap().to_owned()).collect()
    }
}

async fn take(State(server): State<Server>, headers: HeaderMap, body: Bytes) -> Response {
    server.came.lock().unwrap().push(Came { headers, body });
    let does = server.script.lock().unwrap().pop_front().unwrap_or(Does::Takes);
    match does {
        Does::Takes => StatusCode::ACCEPTED.into_response(),
        Does::Says(status, after, words) => {
            let mut answer = (StatusCode::from_u16(status).unwrap(), words).into_response();
            after.map(|after| answer.headers_mut().insert("retry-after", after.parse().unwrap()));
            answer
        }
        Does::Cuts => {
            let broken = futures::stream::once(async { Err::<Bytes, _>(std::io::Error::other("cut")) });
            let mut answer = Response::new(Body::from_stream(broken));
            *answer.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
            answer
        }
        Does::Waits(time) => {
            tokio::time::sleep(time).await;
            StatusCode::OK.into_response()
        }
        Does::Leads(to) => (StatusCode::TEMPORARY_REDIRECT, [("location", to)]).into_response(),
    }
}

/// A key as Standard Webhooks shows one.
pub(super) const KEY: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

pub(super) fn kept(name: &str) -> SecretAt {
    SecretAt::Variable(name.to_owned())
}

pub(super) fn door(name: &str) -> Door {
    Door { url: kept(name), loopback: true }
}

pub(super) fn channel(name: &str, target: Target) -> Channel {
    Channel { name: name.to_owned(), target, classes: None, owners: None, environments: None }
}

pub(super) fn notify(channels: Vec<Channel>) -> Notify {
    Notify { channels, ..Notify::default() }
}

pub(super) fn setting() -> Setting {
    Setting {
        instance: "altinn-apps".to_owned(),
        titles: BTreeMap::from([("ttd".to_owned(), "Testdepartementet".to_owned())]),
        page: Some("https://tilgang.example.no".to_owned()),
        zone: TimeZone::get("Europe/Oslo").unwrap(),
    }
}

pub(super) fn courier(notify: &Notify, secrets: &[(&str, &str)]) -> Courier {
    let keys = |at: &SecretAt| {
        let found = secrets.iter().find(|(name, _)| kept(name) == *at);
        found.map(|(_, value)| Secret::new(value)).ok_or_else(|| format!("{at} is not set"))
    };
    Courier::open(notify, setting(), &keys, None, Some(Duration::from_millis(400))).unwrap()
}

pub(super) fn now() -> Timestamp {
    "2026-11-26T10:12:00Z".parse().unwrap()
}

pub(super) fn item() -> Item {
    Item {
        id: "k1".to_owned(),
        topic: Topic::Unmanaged,
        owner: Some("ttd".to_owned()),
        environment: Some("prod".to_owned()),
        who: Some("ola.stroem@ai-dev.no".to_owned()),
        words: "Key Vault Secrets Officer on ttd-prod-kv2: others made it, and git does not list it".to_owned(),
        gist: String::new(),
        remedy: "`tilgang apply` removes it".to_owned(),
        since: Some("2026-11-26T09:58:00Z".parse().unwrap()),
        by: Some("by per.admin@ai-dev.no".to_owned()),
        until: None,
        left: None,
        scope: Some("/subscriptions/0/resourceGroups/x/providers/Microsoft.KeyVault/vaults/ttd-prod-kv2".to_owned()),
    }
}

pub(super) fn found(items: Vec<Item>) -> Found {
    Found { at: now(), day: jiff::civil::date(2026, 11, 26), run: 17, items: Some(items), failing: None, git: None }
}
