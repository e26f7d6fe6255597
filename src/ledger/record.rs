//! Changes, outcomes and plans → entries. No token, no secret: what is written down is what the plan says and what Azure answers.

use std::collections::BTreeMap;

use sha2::{Digest as _, Sha256};

use super::entry::{Answered, Asked, Commit, Entry, How, Refusals};
use crate::{
    model::desired::{Origin, Place, Revision},
    plan::{
        approve::Approval,
        change::Change,
        outcome::{Done, Failure, Outcome},
    },
    ports,
};

/// Longest text of Azure's that is kept. Ours: its messages have some hundred characters.
const MESSAGE_CHARS_MAX: usize = 1_000;

/// A change, as run `run` asks for it.
#[must_use]
pub fn asked(run: u64, change: &Change, place: &dyn Fn(&Origin) -> Place) -> Asked {
    let Change { action, owner, environment, role, who, triple, definition_name, because, origins, .. } = change;
    let origins = origins.iter().map(|origin| {
        let Place { file, line, column: _ } = place(origin);
        format!("{file}:{line}")
    });
    Asked {
        run,
        action: action.word().to_owned(),
        owner: owner.to_string(),
        environment: environment.as_ref().map(ToString::to_string),
        role: role.as_ref().map(ToString::to_string),
        user: who.name.as_ref().map(ToString::to_string),
        principal: triple.principal.to_string(),
        principal_type: who.principal_type.as_azure().to_owned(),
        scope: triple.scope.to_string(),
        definition: triple.definition.to_string(),
        definition_name: definition_name.as_deref().map(str::to_owned),
        assignment: change.assignment(),
        because: because.to_string(),
        origins: origins.collect(),
    }
}

/// An outcome, as the answer to line `of`; `None` where nothing was asked.
#[must_use]
pub fn answered(of: u64, outcome: &Outcome, answer: Option<&ports::Answered<()>>) -> Option<Entry> {
    let how = match &outcome.result {
        Ok(Done::Now) => How::Done,
        Ok(Done::Already) => How::Already,
        Err(Failure::Trouble(trouble)) => {
            return Some(Entry::Answered(Answered {
                of,
                how: How::Failed,
                status: trouble.status,
                code: trouble.code.clone(),
                message: Some(trouble.message.chars().take(MESSAGE_CHARS_MAX).collect()),
                request: trouble.request_id.clone(),
            }));
        }
        Err(Failure::HeldBack | Failure::Moved(_) | Failure::Unrecorded(_) | Failure::NotTried) => return None,
    };
    let status = answer.and_then(|answer| answer.status);
    let request = answer.and_then(|answer| answer.request_id.clone());
    Some(Entry::Answered(Answered { of, how, status, code: None, message: None, request }))
}

/// `sha256:…` over the changes that were approved, in their order.
#[must_use]
pub fn plan_digest(changes: &[Change]) -> String {
    let mut digest = Sha256::new();
    for change in changes {
        let Change { action, triple, description, .. } = change;
        let assignment = change.assignment().to_ascii_lowercase();
        let line = format!("{} {assignment} {} {} {description}\n", action.word(), triple.principal, triple.definition);
        digest.update(line.as_bytes());
    }
    format!("sha256:{:x}", digest.finalize())
}

/// What policy refused, by reason.
#[must_use]
pub fn refusals(approval: &Approval) -> Vec<Refusals> {
    let mut by_code: BTreeMap<&str, usize> = BTreeMap::new();
    for refused in &approval.refused {
        *by_code.entry(refused.refusal.code()).or_default() += 1;
    }
    by_code.into_iter().map(|(code, count)| Refusals { code: code.to_owned(), count }).collect()
}

/// The commit that was read, and how many files differ from it.
#[must_use]
pub fn commit(revision: &Revision) -> (Option<Commit>, usize) {
    match revision {
        Revision::Commit { hash, time, edited } => (Some(Commit { hash: hash.clone(), time: *time }), edited.len()),
        Revision::NotInGit | Revision::Unknown(_) => (None, 0),
    }
}
