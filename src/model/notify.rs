//! Whom the daemon tells what, when and how, as `notify:` of `tilgang.yaml` states it. No secret is in it: only where each is
//! kept.

use std::{collections::BTreeSet, path::PathBuf};

use jiff::{
    civil::{Time, Weekday},
    tz::TimeZone,
};

use super::owner::{EnvironmentName, OwnerCode};

macro_rules! topics {
    ($($(#[doc = $doc:literal])+ $name:ident $word:literal)+) => {
        /// What a notice can be about: the classes of drift, and what else people want to hear of. Gravest first.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Topic {
            $($(#[doc = $doc])+ $name,)+
        }

        impl Topic {
            /// Every topic, gravest first.
            pub const ALL: &[Self] = &[$(Self::$name),+];

            /// The stable word.
            #[must_use]
            pub fn word(self) -> &'static str {
                match self {
                    $(Self::$name => $word,)+
                }
            }
        }
    };
}

topics! {
    /// Runs fail: nobody knows what stands in Azure.
    Failing "failing"
    /// Somebody was taken out of git, and keeps the access by what others gave.
    Keeps "keeps"
    /// Another instance of tilgang made what is at the targets.
    OtherInstance "other-instance"
    /// Others gave access, and git does not list it.
    Unmanaged "unmanaged"
    /// Others gave something else that opens the same.
    Lookalike "lookalike"
    /// A role definition that git gives is not what the workspace says.
    RoleDefinition "role-definition"
    /// Ours stands where no file, rule or catalogue puts anything.
    Stray "stray"
    /// Ours stands, and its owner's file does not list it.
    Surplus "surplus"
    /// Ours stands after its last day.
    Expired "expired"
    /// Its person is no longer among the living in Entra.
    Orphaned "orphaned"
    /// Ours stands, but not as we made it.
    Altered "altered"
    /// Ours lost the description that says why it exists.
    DescriptionLost "description-lost"
    /// Git wants it, Azure does not have it.
    Missing "missing"
    /// It stands, and opens nothing.
    NoEffect "no-effect"
    /// A lock keeps it as it is.
    Locked "locked"
    /// It could not be decided: something was unclear or could not be read.
    Blocked "blocked"
    /// A grant ends soon.
    Expiring "expiring-soon"
}

impl Topic {
    /// The topic with this word.
    #[must_use]
    pub fn named(word: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|topic| topic.word() == word)
    }
}

/// `notify:`, whole.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Notify {
    /// Channels, by name, as written.
    pub channels: Vec<Channel>,
    /// When nobody is disturbed.
    pub quiet: Option<Quiet>,
    /// When what is open is told again.
    pub digest: Option<Digest>,
    /// Whose clock `quiet` and `digest` mean; UTC where none is stated.
    pub zone: Option<TimeZone>,
}

impl Notify {
    /// The clock that `quiet` and `digest` mean.
    #[must_use]
    pub fn zone(&self) -> TimeZone {
        self.zone.clone().unwrap_or(TimeZone::UTC)
    }

    /// The channel with this name.
    #[must_use]
    pub fn channel(&self, name: &str) -> Option<&Channel> {
        self.channels.iter().find(|channel| channel.name == name)
    }
}

/// One way to tell people, or a machine.
#[derive(Clone, Debug, PartialEq)]
pub struct Channel {
    /// Its name: it stands in logs, metrics and notices.
    pub name: String,
    /// Where it leads.
    pub target: Target,
    /// Only these; all where none is stated.
    pub classes: Option<BTreeSet<Topic>>,
    /// Only these; all where none is stated.
    pub owners: Option<BTreeSet<OwnerCode>>,
    /// Only these; all where none is stated.
    pub environments: Option<BTreeSet<EnvironmentName>>,
}

/// Where a channel leads.
#[derive(Clone, Debug, PartialEq)]
pub enum Target {
    /// An incoming webhook of Slack.
    Slack(Door),
    /// A Workflows webhook of Teams.
    Teams(Door),
    /// Mail.
    Email(Box<Mail>),
    /// A webhook of anybody's, signed with this key.
    Webhook(Door, SecretAt),
    /// A dead man's switch: told of each run that succeeded, so that somebody else notices silence.
    Ping(Door),
}

impl Target {
    /// The word for it in `tilgang.yaml`.
    #[must_use]
    pub fn word(&self) -> &'static str {
        match self {
            Self::Slack(_) => "slack",
            Self::Teams(_) => "teams",
            Self::Email(_) => "email",
            Self::Webhook(..) => "webhook",
            Self::Ping(_) => "ping",
        }
    }

    /// Whether people read it: what is for machines is neither quiet nor told again.
    #[must_use]
    pub fn is_for_people(&self) -> bool {
        matches!(self, Self::Slack(_) | Self::Teams(_) | Self::Email(_))
    }
}

/// A URL that is itself a secret: who has it can post.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Door {
    /// Where it is kept.
    pub url: SecretAt,
    /// Whether it may be plain HTTP to this machine.
    pub loopback: bool,
}

/// Where a secret is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SecretAt {
    /// In this variable.
    Variable(String),
    /// In this file.
    File(PathBuf),
}

impl std::fmt::Display for SecretAt {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Variable(name) => write!(f, "the variable `{name}`"),
            Self::File(path) => write!(f, "the file `{}`", path.display()),
        }
    }
}

/// A server for mail, and who writes to whom.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mail {
    /// Its name.
    pub server: String,
    /// Its port.
    pub port: u16,
    /// How it is spoken to.
    pub security: MailSecurity,
    /// Who signs in, and where the password is kept.
    pub sign_in: Option<(String, SecretAt)>,
    /// The sender's address.
    pub from: String,
    /// Whom it reaches.
    pub to: Vec<Addressee>,
}

/// How a server for mail is spoken to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MailSecurity {
    /// TLS after `STARTTLS`, or not at all.
    StartTls,
    /// TLS from the first byte.
    Tls,
    /// None: only to this machine.
    Loopback,
}

/// Whom a mail reaches.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Addressee {
    /// The contact of the owner that it is about.
    Contact,
    /// This address, whatever it is about.
    Address(String),
}

/// When nobody is disturbed: what comes up then is told after it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Quiet {
    /// Each day from the one time to the other, over midnight if that is earlier.
    pub hours: Option<(Time, Time)>,
    /// The whole of these days.
    pub days: BTreeSet<Day>,
    /// What cannot wait.
    pub except: BTreeSet<Topic>,
}

/// When what is open is told again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Digest {
    /// On this day of each week; on each day where none is stated.
    pub on: Option<Day>,
    /// At this time.
    pub at: Time,
}

/// A day of the week.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Day {
    /// Monday.
    Mon,
    /// Tuesday.
    Tue,
    /// Wednesday.
    Wed,
    /// Thursday.
    Thu,
    /// Friday.
    Fri,
    /// Saturday.
    Sat,
    /// Sunday.
    Sun,
}

impl Day {
    /// The week.
    pub const ALL: [(Self, &'static str, Weekday); 7] = [
        (Self::Mon, "mon", Weekday::Monday),
        (Self::Tue, "tue", Weekday::Tuesday),
        (Self::Wed, "wed", Weekday::Wednesday),
        (Self::Thu, "thu", Weekday::Thursday),
        (Self::Fri, "fri", Weekday::Friday),
        (Self::Sat, "sat", Weekday::Saturday),
        (Self::Sun, "sun", Weekday::Sunday),
    ];

    /// The day with this word: `mon`.
    #[must_use]
    pub fn named(word: &str) -> Option<Self> {
        Self::ALL.iter().find(|(_, name, _)| *name == word).map(|(day, ..)| *day)
    }

    /// Whether the calendar's day is this one.
    #[must_use]
    pub fn is(self, weekday: Weekday) -> bool {
        Self::ALL.iter().any(|(day, _, other)| *day == self && *other == weekday)
    }
}

/// Whether mail can be sent to it: ASCII, one `@`, none of the characters that mean something in a header.
#[must_use]
pub fn is_address(text: &str) -> bool {
    let Some((name, domain)) = text.split_once('@') else { return false };
    let in_name = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_`{|}~.".contains(&b);
    let in_domain = |b: u8| b.is_ascii_alphanumeric() || b == b'.' || b == b'-';
    let whole = |part: &str| !part.is_empty() && !part.starts_with('.') && !part.ends_with('.') && !part.contains("..");
    text.len() <= 254 && whole(name) && whole(domain) && name.bytes().all(in_name) && domain.bytes().all(in_domain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_word_names_its_topic() {
        for topic in Topic::ALL {
            assert_eq!(Topic::named(topic.word()), Some(*topic));
        }
    }

    #[test]
    fn addresses() {
        for good in ["ttd@example.no", "a.b+c@ai-dev.brreg.no", "root@localhost"] {
            assert!(is_address(good), "{good}");
        }
        for bad in
            ["", "ttd", "@a.no", "a@", "a b@c.no", "a@b.no, c@d.no", "a@b.no\r\nBcc: x@y.no", "<a@b.no>", "a@b@c"]
        {
            assert!(!is_address(bad), "{bad:?}");
        }
    }
}
