//! What can be told: one thing that stands open, and what happened to it.

use jiff::{Timestamp, civil::Date};
use serde::{Deserialize, Serialize};

use crate::{model::notify::Topic, watch::GitTrouble};

/// Days before the last one at which it is told that a grant ends, the last first. The issue's own.
const STAGES: [i32; 3] = [1, 3, 14];

/// What a run found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// When.
    pub at: Timestamp,
    /// Which day it is for Azure, UTC: on it hangs what has ended.
    pub day: Date,
    /// The run's number.
    pub run: u64,
    /// All that stands open and nobody accepted; `None`: it could not be seen, and everything is as it was.
    pub items: Option<Vec<Item>>,
    /// Why runs fail, when they have failed for so long that people should know.
    pub failing: Option<String>,
    /// Why what git says now is not known, or not to be trusted.
    pub git: Option<GitTrouble>,
}

/// One thing that stands open.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Item {
    /// By which it is known again.
    pub id: String,
    /// What it is about.
    #[serde(with = "by_word")]
    pub topic: Topic,
    /// At which service owner, by code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
    /// In which environment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub environment: Option<String>,
    /// Whose access, as people say it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub who: Option<String>,
    /// What it is, in one sentence.
    pub words: String,
    /// What of it is news when it changes.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub gist: String,
    /// What mends it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub remedy: String,
    /// Since when it is so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<Timestamp>,
    /// Who did it, as in `by ola@…`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
    /// The last day, UTC, where it is about one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Date>,
    /// Days after the one on which it was seen until the last one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub left: Option<i32>,
    /// Where in Azure.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scope: Option<String>,
}

impl Item {
    /// What concerns everybody, known again by this id; nothing is said of it yet.
    pub(super) fn of_everybody(topic: Topic, id: &str) -> Self {
        Self {
            id: id.to_owned(),
            topic,
            owner: None,
            environment: None,
            who: None,
            words: String::new(),
            gist: String::new(),
            remedy: String::new(),
            since: None,
            by: None,
            until: None,
            left: None,
            scope: None,
        }
    }

    /// Whether another sighting of the same says something else.
    pub(super) fn differs(&self, before: &Self) -> bool {
        // Of what ends soon the days that are left are told by stages, and not as a change.
        let gist = |it: &Self| if it.topic == Topic::Expiring { String::new() } else { it.gist.clone() };
        (self.topic, self.until, gist(self)) != (before.topic, before.until, gist(before))
    }

    /// Days until the last one, for what ends soon.
    pub(super) fn days_left(&self) -> Option<i32> {
        self.left.filter(|_| self.topic == Topic::Expiring)
    }

    /// The gravest stage that what ends soon has come to.
    pub(super) fn stage(&self) -> Option<i32> {
        let left = self.days_left()?;
        STAGES.into_iter().find(|days| left <= *days)
    }
}

/// What happened to an item.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Happened {
    /// It is there, and was not before.
    New,
    /// It is still there, and says something else.
    Changed,
    /// It ends in 14, 3 or 1 days.
    Ends,
    /// It is over.
    Resolved,
    /// It is still there: for a digest.
    Open,
}

impl Happened {
    /// The stable word.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::New => "new",
            Self::Changed => "changed",
            Self::Ends => "ends",
            Self::Resolved => "resolved",
            Self::Open => "open",
        }
    }
}

/// What is told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// What happened.
    pub happened: Happened,
    /// When it was seen.
    pub at: Timestamp,
    /// To what.
    pub item: Item,
}

mod by_word {
    //! A topic in a file is its word.

    use serde::{Deserialize as _, Deserializer, Serializer, de::Error};

    use super::Topic;

    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's form")]
    pub(super) fn serialize<S: Serializer>(topic: &Topic, out: S) -> Result<S::Ok, S::Error> {
        out.serialize_str(topic.word())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Topic, D::Error> {
        let word = String::deserialize(from)?;
        Topic::named(&word).ok_or_else(|| D::Error::custom(format!("there is no class `{word}`")))
    }
}
