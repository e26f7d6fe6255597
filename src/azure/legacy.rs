//! The bridge: `azure_mgmt_authorization` stands on `azure_core` 0.21, and everything it sends goes through our door.
//!
//! The old client's requests come in, whole answers go out, or our own [`Trouble`] inside its error type. It never sees
//! a token: its `Debug` of headers prints just the authorization header (TRAPS), so it is given a dummy, which our bearer
//! policy overwrites. What it would take for an empty list is refused here.

use std::sync::Arc;

use azure_core::http::{
    Method, Request, Url,
    headers::{ACCEPT, CONTENT_TYPE},
};
use azure_core_legacy as legacy;
use serde::{Deserialize, de::IgnoredAny};
use serde_json::Value;

use super::{answer::Answer, pipeline::Door};
use crate::model::trouble::{Trouble, TroubleKind};

/// Not a secret, and never sent.
const DUMMY: &str = "overwritten-by-the-bearer-policy";

/// The authorization client, over our door.
pub(crate) fn client(door: &Door) -> Result<azure_mgmt_authorization::Client, Trouble> {
    let trouble = |message: String| Trouble::new(TroubleKind::Malformed, "prepare the authorization client", message);
    let endpoint = legacy::Url::parse(door.base().as_str()).map_err(|error| trouble(error.to_string()))?;
    azure_mgmt_authorization::Client::builder(Arc::new(Dummy))
        .endpoint(endpoint)
        .transport(legacy::TransportOptions::new(Arc::new(Bridge(door.clone()))))
        .retry(legacy::RetryOptions::none())
        .build()
        .map_err(|error| trouble(error.to_string()))
}

/// The trouble inside an error of the old client.
pub(crate) fn trouble(error: &legacy::Error, doing: &str) -> Trouble {
    match error.downcast_ref::<Trouble>() {
        Some(ours) if ours.kind == TroubleKind::SignIn => ours.clone(),
        Some(ours) => Trouble { doing: doing.to_owned(), ..ours.clone() },
        // Everything that was sent comes back as ours, so this is an answer that it could not parse.
        None => Trouble::new(TroubleKind::Malformed, doing, error.to_string()),
    }
}

#[derive(Debug)]
struct Dummy;

#[async_trait::async_trait]
impl legacy::auth::TokenCredential for Dummy {
    async fn get_token(&self, _: &[&str]) -> legacy::Result<legacy::auth::AccessToken> {
        let never = azure_core::time::OffsetDateTime::UNIX_EPOCH; // nobody looks: the old client asks at each request
        Ok(legacy::auth::AccessToken::new(DUMMY, never))
    }

    async fn clear_cache(&self) -> legacy::Result<()> {
        Ok(())
    }
}

#[derive(Debug)]
struct Bridge(Door);

#[async_trait::async_trait]
impl legacy::HttpClient for Bridge {
    async fn execute_request(&self, request: &legacy::Request) -> legacy::Result<legacy::Response> {
        let answer = forward(&self.0, request).await.map_err(|trouble| {
            let message = trouble.to_string();
            legacy::Error::full(legacy::error::ErrorKind::Other, trouble, message)
        })?;
        let status = legacy::StatusCode::try_from(answer.status).map_err(|error| {
            let message = format!("an unknown success, {}: {error}", answer.status);
            legacy::Error::message(legacy::error::ErrorKind::Other, message)
        })?;
        let mut headers = legacy::headers::Headers::new();
        for (name, value) in answer.headers.iter() {
            headers.insert(name.as_str().to_owned(), value.as_str().to_owned());
        }
        Ok(legacy::Response::new(status, headers, Box::pin(legacy::BytesStream::new(answer.body))))
    }
}

async fn forward(door: &Door, old: &legacy::Request) -> Result<Answer, Trouble> {
    let doing = "carry a request over";
    let trouble = |message: String| Trouble::new(TroubleKind::Malformed, doing, message);
    let method = match old.method().as_ref() {
        "GET" => Method::Get,
        "PUT" => Method::Put,
        "DELETE" => Method::Delete,
        other => return Err(trouble(format!("`{other}` is not among what we send"))),
    };
    let url = Url::parse(old.url().as_str()).map_err(|error| trouble(error.to_string()))?;
    let mut request = Request::new(url, method);
    request.insert_header(ACCEPT, "application/json");
    match old.body() {
        legacy::Body::Bytes(bytes) if bytes.is_empty() => {}
        legacy::Body::Bytes(bytes) => {
            let mut body: Value = serde_json::from_slice(bytes).map_err(|error| trouble(error.to_string()))?;
            without_nulls(&mut body);
            request.insert_header(CONTENT_TYPE, "application/json");
            request.set_body(body.to_string());
        }
        legacy::Body::SeekableStream(_) => return Err(trouble("streams are not among what we send".to_owned())),
    }
    let answer = door.send(request, doing).await?;
    if method == Method::Get {
        answer.json::<List>(doing)?;
    }
    Ok(answer)
}

/// All that we GET through the old client are lists. To it, `{}` and `"value": null` are empty *and complete* ones.
#[derive(Deserialize)]
struct List {
    #[serde(rename = "value")]
    _value: Vec<IgnoredAny>,
}

/// Azure documents the properties of a PUT one by one; a `null` date is none of them.
fn without_nulls(value: &mut Value) {
    if let Value::Object(entries) = value {
        entries.retain(|_, value| !value.is_null());
        entries.values_mut().for_each(without_nulls);
    }
}
