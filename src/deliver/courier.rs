//! Each channel opened, with its secrets; a notice → what its channel answered.

use std::{collections::BTreeMap, time::Duration};

use jiff::Timestamp;

use super::{
    mail::Mailer,
    post::{Clients, Door},
    secret::Secret,
    slack, teams,
    webhook::{self, Key},
};
use crate::{
    model::notify::{self as model, Notify, SecretAt, Target},
    notify::{Answer, Notice, Setting, letter},
};

/// Who fetches a secret from where it is kept; or says why there is none.
pub type Keys<'a> = dyn Fn(&SecretAt) -> Result<Secret, String> + 'a;

/// Where a channel leads, opened.
#[derive(Debug)]
enum Way {
    Slack(Door),
    Teams(Door),
    Webhook(Door, Key),
    Ping(Door),
    Mail(Box<Mailer>),
}

/// All channels, opened. One that cannot be opened is its own trouble: what is meant for it waits.
#[derive(Debug)]
pub struct Courier {
    ways: BTreeMap<String, Result<Way, String>>,
    setting: Setting,
}

impl Courier {
    /// Opens every channel. `ca_pem` is trusted beside the system's roots; `whole_max` is for tests that do not want to wait.
    ///
    /// # Errors
    /// If no HTTPS can be spoken at all.
    pub fn open(
        notify: &Notify,
        setting: Setting,
        keys: &Keys<'_>,
        ca_pem: Option<&str>,
        whole_max: Option<Duration>,
    ) -> Result<Self, String> {
        let clients = Clients::open(ca_pem, whole_max)?;
        let door = |door: &model::Door| {
            let url = keys(&door.url)?;
            Door::open(&url, door.loopback, &clients).map_err(|why| format!("{}: {why}", door.url))
        };
        let open = |target: &Target| -> Result<Way, String> {
            Ok(match target {
                Target::Slack(at) => Way::Slack(door(at)?),
                Target::Teams(at) => Way::Teams(door(at)?),
                Target::Ping(at) => Way::Ping(door(at)?),
                Target::Webhook(at, key) => {
                    let secret = keys(key)?;
                    Way::Webhook(door(at)?, Key::read(&secret).map_err(|why| format!("{key}: {why}"))?)
                }
                Target::Email(mail) => {
                    let password = mail.sign_in.as_ref().map(|(_, at)| keys(at)).transpose()?;
                    Way::Mail(Box::new(Mailer::open(mail, password.as_ref(), ca_pem)?))
                }
            })
        };
        let ways = notify.channels.iter().map(|channel| (channel.name.clone(), open(&channel.target))).collect();
        Ok(Self { ways, setting })
    }

    /// Channels that cannot be used, and why.
    pub fn problems(&self) -> impl Iterator<Item = (&str, &str)> {
        self.ways.iter().filter_map(|(name, way)| Some((name.as_str(), way.as_ref().err()?.as_str())))
    }

    /// Sends a notice through its channel.
    pub async fn send(&self, notice: &Notice, now: Timestamp) -> Answer {
        let way = match self.ways.get(&notice.channel) {
            Some(Ok(way)) => way,
            Some(Err(why)) => return Answer::Later { after: None, why: why.clone() },
            None => return Answer::Refused { why: "there is no such channel".to_owned() },
        };
        let (door, key, body) = match way {
            Way::Mail(mailer) => return mailer.send(notice, &letter(notice, &self.setting), now).await,
            Way::Slack(door) => (door, None, slack::message(&letter(notice, &self.setting))),
            Way::Teams(door) => (door, None, teams::message(&letter(notice, &self.setting))),
            Way::Webhook(door, key) => (door, Some(key), webhook::body(notice, &self.setting)),
            Way::Ping(door) => (door, None, webhook::body(notice, &self.setting)),
        };
        let body = body.to_string();
        let headers = webhook::headers(notice, key, &body, now);
        door.post(body, headers, now).await
    }

    /// What would be sent, for people who want to see it first.
    #[must_use]
    pub fn shown(&self, notice: &Notice, target: &Target) -> String {
        let letter = letter(notice, &self.setting);
        let json = match target {
            Target::Email(_) => return format!("Subject: {}\n\n{}", letter.subject, super::mail::text(&letter)),
            Target::Slack(_) => slack::message(&letter),
            Target::Teams(_) => teams::message(&letter),
            Target::Webhook(..) | Target::Ping(_) => webhook::body(notice, &self.setting),
        };
        serde_json::to_string_pretty(&json).unwrap_or_default()
    }
}
