//! A notice for a machine: JSON, signed as "Standard Webhooks" says (standardwebhooks.com, version 1.0.0): HMAC-SHA256 over
//! `id.timestamp.body`. The id stays however often it is sent; the timestamp is that of the try, so that an old one can be refused.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use jiff::Timestamp;
use reqwest::header::{HeaderMap, HeaderValue};
use ring::hmac;
use serde_json::{Value, json};

use super::secret::Secret;
use crate::{
    model::visible,
    notify::{Event, Kind, Notice, Setting},
};

/// Shortest and longest key, in bytes: the standard's own.
const KEY_BYTES: std::ops::RangeInclusive<usize> = 24..=64;

/// What a webhook is signed with.
#[derive(Clone)]
pub(super) struct Key(hmac::Key);

impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("[secret]")
    }
}

impl Key {
    /// Reads `whsec_<base64>`.
    pub(super) fn read(secret: &Secret) -> Result<Self, String> {
        let encoded = secret.reveal().strip_prefix("whsec_").ok_or("the key does not begin with `whsec_`")?;
        let bytes = STANDARD.decode(encoded).map_err(|_| "what follows `whsec_` in the key is not base64")?;
        if !KEY_BYTES.contains(&bytes.len()) {
            return Err(format!("the key has {} bytes, where 24 to 64 belong", bytes.len()));
        }
        Ok(Self(hmac::Key::new(hmac::HMAC_SHA256, &bytes)))
    }

    /// The signature of a body.
    pub(super) fn sign(&self, id: &str, seconds: i64, body: &str) -> String {
        let tag = hmac::sign(&self.0, format!("{id}.{seconds}.{body}").as_bytes());
        format!("v1,{}", STANDARD.encode(tag.as_ref()))
    }
}

/// The three headers of a try.
pub(super) fn headers(notice: &Notice, key: Option<&Key>, body: &str, now: Timestamp) -> HeaderMap {
    let (id, seconds) = (notice.id.to_string(), now.as_second());
    let mut headers = HeaderMap::new();
    let mut put = |name: &'static str, value: &str| {
        if let Ok(value) = HeaderValue::from_str(value) {
            headers.insert(name, value);
        }
    };
    put("webhook-id", &id);
    put("webhook-timestamp", &seconds.to_string());
    if let Some(key) = key {
        put("webhook-signature", &key.sign(&id, seconds, body));
    }
    headers
}

/// The body.
pub(super) fn body(notice: &Notice, setting: &Setting) -> Value {
    let events: Vec<Value> = notice.events.iter().map(|event| entry(event, setting)).collect();
    let mut data = json!({ "instance": setting.instance, "channel": notice.channel, "run": notice.run });
    if let (Some(data), Kind::Changes | Kind::Digest) = (data.as_object_mut(), notice.kind) {
        data.insert("events".into(), Value::Array(events));
        data.insert("left_out".into(), notice.left_out.into());
    }
    json!({ "type": format!("tilgang.{}", notice.kind.word()), "timestamp": notice.made, "data": data })
}

fn entry(event: &Event, setting: &Setting) -> Value {
    let item = &event.item;
    let link = setting.page.as_ref().zip(item.owner.as_ref()).map(|(page, owner)| format!("{page}/owners/{owner}"));
    let shown = |text: &Option<String>| text.as_deref().map(visible::line);
    json!({
        "happened": event.happened.word(), "at": event.at, "class": item.topic.word(), "id": item.id,
        "owner": item.owner, "environment": item.environment, "who": shown(&item.who), "words": visible::line(&item.words),
        "remedy": visible::line(&item.remedy), "since": item.since, "by": shown(&item.by), "until": item.until,
        "scope": shown(&item.scope), "link": link,
    })
}
