//! What differed before a change to git, in one line; and what a reader must know of how that was found out.

use crate::{model::owner::OwnerCode, plan::caused::BaseDiff};

use super::words::{count, list};

/// So much of a commit's hash is said.
const COMMIT_CHARS: usize = 12;

/// `Besides this change: 3 differences and 2 findings that were there before.`; and what it was held against.
pub(super) fn before(base: &BaseDiff) -> Option<String> {
    let before = &base.before;
    let some = |number: usize, one, many| (number > 0).then(|| count(number, one, many));
    let there = [
        some(before.differences(), "difference", "differences"),
        some(before.findings, "finding", "findings"),
        some(before.left_out.len(), "owner left out", "owners left out"),
        some(before.unread, "part of Azure not read", "parts of Azure not read"),
    ];
    let there: Vec<String> = there.into_iter().flatten().collect();
    let there = (!there.is_empty()).then(|| {
        let all = before.differences() + before.findings + before.left_out.len() + before.unread;
        let were = if all == 1 { "was" } else { "were" };
        format!("{} that {were} there before", list(&there))
    });
    let settled = before.settled;
    let all = match there {
        Some(there) if settled > 0 => Some(format!("Besides this change: {there}; {settled} more that it settles")),
        Some(there) => Some(format!("Besides this change: {there}")),
        None if settled > 0 => {
            let what = count(settled, "difference that was there", "differences that were there");
            Some(format!("This change settles {what} before"))
        }
        None => None,
    };
    let commit = base.commit.as_deref().map(|commit| commit.get(..COMMIT_CHARS).unwrap_or(commit));
    match (all, commit) {
        (Some(all), Some(commit)) => Some(format!("{all}; compared with commit {commit}.")),
        (Some(all), None) => Some(format!("{all}.")),
        (None, Some(commit)) => Some(format!("Compared with commit {commit}.")),
        (None, None) => None,
    }
}

/// What decides how much of a plan counts as caused, one line each.
pub(super) fn notes(base: &BaseDiff) -> Vec<String> {
    let mut notes = Vec::new();
    if !base.is_known {
        notes.push(
            "before this change there was no workspace that could be read, so everything counts as caused".to_owned(),
        );
    }
    if base.rules && base.is_known {
        notes.push("`tilgang.yaml` or an override is changed, too: all that this leads to counts as caused".to_owned());
    }
    if !base.fixed.is_empty() {
        let owners: Vec<&str> = base.fixed.iter().map(OwnerCode::as_str).collect();
        let (file, had) = if owners.len() == 1 { ("file", "its") } else { ("files", "their") };
        notes.push(format!(
            "the {file} of {} had errors before this change: all of {had} changes count as caused",
            list(&owners)
        ));
    }
    notes
}
