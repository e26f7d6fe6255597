//! The pack that a lead signs: one row for each way by which somebody can do something, with a place for a decision. Here are the
//! rows; each format prints them.

use jiff::{Timestamp, ToSpan, civil::Date, tz::TimeZone};

use super::{Asked, json, review_csv, review_html, review_markdown, review_text, words};
use crate::{
    access::{Being, Holder, Level, Way},
    model::{code::Code, other_access::Denial, owner::OwnerCode},
    plan::finding::Finding,
    report::{Style, words::list},
};

/// What ends within so many days is said to end soon.
pub(super) const SOON_DAYS: i32 = 14;

/// How a review looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum ReviewFormat {
    /// For people, at a terminal.
    Text,
    /// For people, in a pull request, an issue or a wiki.
    Markdown,
    /// One page to print and sign.
    Html,
    /// For spreadsheets: one row a way, RFC 4180.
    Csv,
    /// For machines.
    Json,
}

/// What is asked.
#[derive(Clone, Copy, Debug)]
pub struct Review<'a> {
    /// At this owner.
    pub owner: OwnerCode,
    /// The commit that says what git wants.
    pub commit: Option<&'a str>,
    /// What changed since the last review, if that is asked.
    pub since: Option<&'a Since>,
}

/// What changed since a time, in words; or why that is not known.
#[derive(Clone, Debug)]
pub struct Since {
    /// The time.
    pub at: Timestamp,
    /// In git.
    pub git: Result<Vec<String>, String>,
    /// In Azure, as the ledger tells.
    pub azure: Result<Vec<String>, String>,
}

/// One way by which somebody can do something at one target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Row {
    /// Its title.
    pub environment: String,
    /// Titles of the roles that it is as good as.
    pub role: String,
    /// What people call them.
    pub person: String,
    /// What tells them apart.
    pub sign_in: String,
    /// What they may.
    pub can: String,
    /// Names of the targets.
    pub targets: String,
    /// `git`, `tilgang, not git`, `others`, `eligible` or `access policy`.
    pub by: &'static str,
    /// What gives it.
    pub assignment: String,
    /// The day the assignment was made.
    pub since: Option<String>,
    /// The lines of git, with reason and ticket.
    pub why: String,
    /// The day it ends.
    pub until: Option<String>,
    /// Whether that is soon.
    pub soon: bool,
    /// Whatever else a lead should know.
    pub notes: Vec<String>,
}

impl Review<'_> {
    /// Findings about this owner, or about all.
    pub(super) fn findings<'a>(&self, asked: &Asked<'a>, accepted: bool) -> Vec<&'a Finding> {
        let here = |finding: &&Finding| {
            finding.owner.is_none_or(|owner| owner == self.owner) && finding.accepted.is_some() == accepted
        };
        asked.plan.findings.iter().filter(here).collect()
    }

    /// What is denied at this owner's targets.
    pub(super) fn denials<'a>(&self, asked: &Asked<'a>) -> Vec<&'a Denial> {
        words::denials(asked, |target| target.owner == self.owner)
    }

    /// Whether everything was read that the pack hangs on.
    #[must_use]
    pub fn is_answered(&self, asked: &Asked<'_>) -> bool {
        let known = |since: &Since| since.git.is_ok() && since.azure.is_ok();
        self.since.is_none_or(known) && !asked.access.unknown.iter().any(|it| it.unread)
    }
}

/// The pack. Ends with a line feed.
#[must_use]
pub fn review(asked: &Asked<'_>, question: &Review<'_>, format: ReviewFormat, style: Style) -> String {
    match format {
        ReviewFormat::Text => review_text::text(asked, question, style),
        ReviewFormat::Markdown => review_markdown::markdown(asked, question),
        ReviewFormat::Html => review_html::page_of(asked, question),
        ReviewFormat::Csv => review_csv::csv(asked, question),
        ReviewFormat::Json => json::review(asked, question),
    }
}

/// Every row: by environment, then role, then person; who cannot act is left out.
pub(super) fn rows(asked: &Asked<'_>, question: &Review<'_>) -> Vec<Row> {
    let mut holders: Vec<&Holder<'_>> = asked.access.holders.values().filter(|it| it.being.can_act()).collect();
    holders.sort_by_key(|holder| holder.order());
    let mut rows: Vec<Row> = Vec::new();
    for holder in holders {
        let first = rows.len();
        for way in holder.ways.iter().filter(|way| way.target.owner == question.owner) {
            let new = row(asked, question, holder, way);
            // One assignment that leads to several targets and opens the same there is one decision.
            let same = |row: &&mut Row| Row { targets: new.targets.clone(), ..(**row).clone() } == new;
            match rows.iter_mut().skip(first).find(same) {
                Some(row) => row.targets = format!("{}, {}", row.targets, new.targets),
                None => rows.push(new),
            }
        }
    }
    rows.sort_by(|a, b| {
        (&a.environment, a.role.is_empty(), &a.role).cmp(&(&b.environment, b.role.is_empty(), &b.role))
    });
    rows
}

fn row(asked: &Asked<'_>, question: &Review<'_>, holder: &Holder<'_>, way: &Way<'_>) -> Row {
    let (person, sign_in) = words::called(holder);
    let titles = |name| asked.desired.catalog.roles.get(name).map(|role| role.title.clone());
    // By git, the roles that ask for it; else those that it is as good as.
    let roles: Vec<String> = match way.grants.as_slice() {
        [] => way.opens.roles.iter().filter_map(|name| titles(*name)).collect(),
        grants => {
            let mut roles: Vec<String> = grants.iter().filter_map(|grant| titles(&grant.role)).collect();
            roles.dedup();
            roles
        }
    };
    let why: Vec<String> = way
        .grants
        .iter()
        .map(|grant| {
            let place = words::place(&(asked.places)(&grant.origin));
            let why = words::why(grant);
            if why.is_empty() { place } else { format!("{place}: {why}") }
        })
        .collect();
    // Of several lines that ask for the same, the one that lasts longest counts; of those without an end, any.
    let ends: Option<Vec<Date>> = way.grants.iter().map(|grant| grant.until).collect();
    let by_git = ends.and_then(|ends| ends.into_iter().max());
    let by_pim = way.ends.map(|at| at.to_zoned(TimeZone::UTC).date());
    let until = by_pim.or(by_git);
    let today = asked.plan.rules.today;
    let soon = until.is_some_and(|until| until <= today.saturating_add(SOON_DAYS.days()));
    let mut notes = words::notes(way);
    if holder.being != Being::Application {
        notes.extend(words::being(holder.being).into_iter().map(str::to_owned));
    }
    notes.extend(inherited(way));
    for ability in way.opens.abilities.keys() {
        for why in asked.access.hindrances_of(way, ability) {
            let words = words::impediment(&way.target.name, why);
            if !notes.contains(&words) {
                notes.push(words);
            }
        }
    }
    let about = asked.plan.findings.iter().filter(|finding| {
        let codes = [Code::NotAMember, Code::MembershipUnknown, Code::TooLong, Code::TwoOwners];
        codes.contains(&finding.code)
            && finding.owner.is_none_or(|owner| owner == question.owner)
            && finding.who.as_ref().is_none_or(|who| who.id == holder.who.id)
            && way.is_of_git()
    });
    notes.extend(about.map(|finding| finding.message.clone()));
    Row {
        environment: asked.environment(way.target),
        role: list(&roles),
        person,
        sign_in,
        can: words::may(&way.opens.abilities),
        targets: way.target.name.clone(),
        by: words::by(asked, way),
        assignment: words::way(asked, way),
        since: way.made().map(words::day),
        why: why.join("; "),
        until: until.map(|until| until.to_string()),
        soon,
        notes,
    }
}

/// That taking a line out of git does not take it away.
fn inherited(way: &Way<'_>) -> Option<String> {
    let above = match way.from {
        Level::Target | Level::Within(_) => None,
        Level::ResourceGroup(_) | Level::Subscription(_) | Level::ManagementGroup(_) | Level::Tenant => {
            Some("inherited from above the target")
        }
    };
    match (above, way.through) {
        (Some(above), Some(_)) => Some(format!("{above}, by group")),
        (Some(above), None) => Some(above.to_owned()),
        (None, Some(_)) => Some("by group".to_owned()),
        (None, None) => None,
    }
}
