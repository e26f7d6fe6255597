//! Dated rules: which hold today, which have ended, and which findings they accept.

use jiff::civil::Date;

use crate::model::policy::{Accept, Policy};

use super::{
    Rules,
    finding::{Code, Finding},
};

/// What holds on this day.
pub(super) fn in_force(policy: &Policy, today: Date) -> Rules {
    Rules {
        today,
        freezes: policy.freezes.iter().filter(|freeze| freeze.until >= today).cloned().collect(),
        overrides: policy.overrides.iter().filter(|it| it.until >= today).cloned().collect(),
    }
}

/// What held once: each is said until somebody takes it out.
pub(super) fn ended(policy: &Policy, today: Date) -> Vec<Finding> {
    let find = |message: String, origin| Finding::new(Code::ExceptionEnded, message, vec![origin]);
    let accepts = policy.accept.iter().filter(|it| it.until.is_some_and(|until| until < today)).map(|it| {
        let until = it.until.unwrap_or(today);
        let message = format!(
            "`{}` was accepted until {until}, and is no longer: take the entry out, or give it a later day",
            it.code.word()
        );
        find(message, it.origin.clone())
    });
    let freezes = policy.freezes.iter().filter(|it| it.until < today).map(|it| {
        let message = format!("this freeze expired: its last day was {}; remove it, or give it a later day", it.until);
        Finding { owner: it.owner, ..find(message, it.origin.clone()) }
    });
    let overrides = policy.overrides.iter().filter(|it| it.until < today).map(|it| {
        let message =
            format!("this override expired: its last day was {}, and the limits hold again; remove the file", it.until);
        find(message, it.origin.clone())
    });
    accepts.chain(freezes).chain(overrides).collect()
}

/// Marks the findings that are known, until their day.
pub(super) fn accept(findings: &mut [Finding], accepted: &[Accept], today: Date) {
    for finding in findings {
        finding.accepted =
            accepted.iter().find(|accept| fits(accept, finding, today)).map(|accept| accept.reason.clone());
    }
}

/// Entries that hold and that no finding fits.
pub(super) fn unused(findings: &[Finding], accepted: &[Accept], today: Date) -> Vec<Finding> {
    let idle = accepted.iter().filter(|accept| {
        // One that accepts what this very function says is judged by nothing; who is still held is only asked for a change.
        let is_judged = !matches!(accept.code, Code::AcceptUnused | Code::StillHeld);
        let holds = accept.until.is_none_or(|until| until >= today) && is_judged;
        holds && !findings.iter().any(|finding| fits(accept, finding, today))
    });
    let finding = |accept: &Accept| {
        let message =
            format!("`{}` is accepted here, and there is no such finding: take the entry out", accept.code.word());
        Finding::new(Code::AcceptUnused, message, vec![accept.origin.clone()])
    };
    idle.map(finding).collect()
}

fn fits(accept: &Accept, finding: &Finding, today: Date) -> bool {
    let person = finding.who.as_ref().and_then(|who| who.name.as_ref());
    accept.code == finding.code
        && accept.until.is_none_or(|until| until >= today)
        && accept.person.as_ref().is_none_or(|name| person == Some(name))
        && accept.scope.as_ref().is_none_or(|scope| finding.scope.as_ref().is_some_and(|at| scope.holds(at)))
}
