//! What can go wrong, kind by kind.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// What happens in place of an answer, or to one.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Misbehaviour {
    /// Nothing is done; this is answered.
    Answer(Canned),
    /// Nothing is done; 429, in the words of whoever was asked.
    Throttle(Throttle),
    /// It is done, and the connection closed without a word.
    LostReply,
    /// Nothing is done, and the connection is reset.
    #[default]
    Reset,
    /// Nothing is done, and nothing is ever said; the connection stays open.
    Never,
    /// It is done, and half of the answer's body is sent before the connection is closed.
    HalfBody,
    /// It is done, and the answer's body takes so many milliseconds to arrive, in ten pieces.
    SlowBody(u64),
    /// Nothing is done; a proxy's HTML page is answered with 200.
    Html,
    /// Nothing is done; 200 with `{}`.
    EmptyObject,
    /// It is done; a list's answer gets a `nextLink` (or `@odata.nextLink`) to this URL.
    NextLink(String),
    /// It is done after so many milliseconds.
    Slow(u64),
}

impl Misbehaviour {
    /// Whether one request inside a `$batch` can meet it: it has no connection of its own.
    #[must_use]
    pub fn is_for_items(&self) -> bool {
        matches!(self, Self::Answer(_) | Self::Throttle(_) | Self::EmptyObject | Self::NextLink(_))
    }
}

/// An answer that is made up.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Canned {
    /// HTTP status.
    pub status: u16,
    /// Azure's error code; with it the body is Azure's error form.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// The message with it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub message: String,
    /// The whole body, where `code` is left out. With neither, a failure has Azure's usual words for its status.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub body: String,
    /// Its type; JSON if left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content_type: Option<String>,
    /// Further headers.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: BTreeMap<String, String>,
}

/// A 429.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Throttle {
    /// `Retry-After` as sent: whole seconds, a fraction (Graph's own sample: `2.128`, FACTS §6) or a date. Left out: the
    /// time until a [`Pace`] has room again, or no header.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after: Option<String>,
    /// Whether the body is HTML (PIM does that: 17 bytes of `text/HTML`, azurerm#31893).
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub html: bool,
}

/// A bucket of tokens: so many at once, so many more each second. Filled by the caller's time, as Azure's own are.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pace {
    /// How many it holds.
    pub at_once: u32,
    /// How many come back each second.
    pub per_second: f64,
}
