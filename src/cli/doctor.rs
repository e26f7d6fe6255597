//! `tilgang doctor`: what our identity may do and lacks, by action and scope; and what stands in the way of a run.

use std::{collections::BTreeMap, fmt::Write};

use clap::Args;
use futures::{StreamExt, stream};

use crate::{
    model::{
        ids::ScopeId,
        observed::{Reading, Sighting},
        people::ByName,
        trouble::Trouble,
    },
    ports::{Permission, Rights},
};

use super::{Exit, Global, far::Far, output, survey, validate::count};

/// What is asked of the identity at each target.
const NEEDED: &[(&str, &str)] = &[
    ("Microsoft.Authorization/roleAssignments/read", "plan, drift"),
    ("Microsoft.Authorization/roleAssignments/write", "apply"),
    ("Microsoft.Authorization/roleAssignments/delete", "apply"),
];

/// Questions asked at the same time.
const SIDE_BY_SIDE_MAX: usize = 16;

/// Say what our identity may do and what it lacks, by action and scope
#[derive(Debug, Args)]
#[command(after_help = "Example: tilgang doctor --dir examples/altinn --simulate")]
pub(super) struct Doctor {}

impl Doctor {
    pub(super) async fn run(&self, global: &Global) -> Exit {
        let Self {} = self;
        let mut ground = match global.ground() {
            Ok(ground) => ground,
            Err(exit) => return exit,
        };
        let Some(desired) = ground.loaded.desired.take() else { return ground.exit().max(Exit::Failed) };
        let mut page = Page::default();
        page.good(format_args!("workspace {}: {}", ground.dir.display(), count(desired.owners.len(), "service owner")));
        let far = match Far::connect(global, &ground, desired.tenant).await {
            Ok(far) => far,
            Err(exit) => return exit,
        };
        page.good(format_args!(
            "signed in to tenant {} by {} at {}",
            desired.tenant,
            far.session.signed_in_by(),
            far.address
        ));
        page.note(format_args!("as {}", far.who));
        for used in &far.used {
            page.note(format_args!("{} gave the {}", used.variable, used.became));
        }
        let (observed, plan) = survey::look(&desired, ground.owners.as_ref(), &far, far.now()).await;
        match &observed.inventory {
            Ok(()) => page
                .good(format_args!("Resource Graph answers: {}", count(observed.subscriptions.len(), "subscription"))),
            Err(trouble) => page.bad(trouble),
        }
        let unanswered = observed.people.by_name.values().filter_map(|answer| match answer {
            ByName::Unanswered(trouble) => Some(trouble),
            ByName::Person(_) | ByName::Nobody(_) => None,
        });
        match unanswered.clone().next() {
            None => {
                page.good(format_args!(
                    "Microsoft Graph answers: {} looked up",
                    count(observed.people.by_name.len(), "person")
                ));
            }
            Some(trouble) => {
                page.bad(format_args!("{trouble} ({} without an answer)", count(unanswered.count(), "person")));
            }
        }
        for subscription in observed.subscriptions.values() {
            if let Reading::Unseen(trouble) = &subscription.reading {
                page.bad(format_args!("{}: {trouble}", subscription.name));
            }
        }
        let mut scopes = Vec::new();
        for (key, sighting) in &observed.targets {
            match sighting {
                Sighting::Found(target) => scopes.push(target.scope.clone()),
                Sighting::Missing(words) => page.bad(format_args!("{} {}: {words}", key.owner, key.environment)),
                Sighting::Several(several) => {
                    page.bad(format_args!(
                        "{} {}: {} resources are named `{}`",
                        key.owner,
                        key.environment,
                        several.len(),
                        key.name
                    ));
                }
                Sighting::Unseen(_) => {}
            }
        }
        page.rights(rights(&scopes, &far).await);
        if plan.is_complete() {
            page.good("everything that a plan needs can be read");
        }
        output::result(&page.text);
        ground.exit().max(if page.is_bad { Exit::Failed } else { Exit::Converged })
    }
}

type Answers = Vec<(ScopeId, Result<Vec<Permission>, Trouble>)>;

async fn rights(scopes: &[ScopeId], far: &Far) -> Answers {
    let asked = scopes.iter().map(async |scope| (scope.clone(), far.reader.permissions(scope).await));
    stream::iter(asked).buffered(SIDE_BY_SIDE_MAX).collect().await
}

#[derive(Default)]
struct Page {
    text: String,
    is_bad: bool,
}

impl Page {
    fn good(&mut self, words: impl std::fmt::Display) {
        let _ = writeln!(self.text, "ok       {words}");
    }

    fn note(&mut self, words: impl std::fmt::Display) {
        let _ = writeln!(self.text, "         {words}");
    }

    fn bad(&mut self, words: impl std::fmt::Display) {
        self.is_bad = true;
        let _ = writeln!(self.text, "problem  {words}");
    }

    /// One line for each action: granted everywhere, or where it lacks.
    fn rights(&mut self, answers: Answers) {
        let (asked, all) = (answers.len(), answers.iter().filter(|(_, answer)| answer.is_ok()).count());
        let mut lacking: BTreeMap<usize, Vec<String>> = BTreeMap::new();
        for (scope, answer) in answers {
            match answer {
                Ok(permissions) => {
                    for (n, (action, _)) in NEEDED.iter().enumerate() {
                        if !permissions.iter().any(|permission| permission.allows(action)) {
                            lacking.entry(n).or_default().push(scope.last_segment().to_owned());
                        }
                    }
                }
                Err(trouble) => self.bad(trouble),
            }
        }
        for (n, (action, needed_for)) in NEEDED.iter().enumerate() {
            match lacking.get(&n) {
                None if all == 0 => {} // nobody knows
                None if all < asked => {
                    self.good(format_args!("{action} at the {all} of {asked} targets that answered"));
                }
                None => self.good(format_args!("{action} at all {all} targets")),
                Some(at) if *needed_for == "apply" => {
                    // A reading identity is a good thing: plan and drift need no more.
                    self.note(format_args!(
                        "{action} is lacking at {} of {all} targets: `apply` needs it ({})",
                        at.len(),
                        at.join(", ")
                    ));
                }
                Some(at) => self.bad(format_args!("{action} is lacking at {}: {needed_for} need it", at.join(", "))),
            }
        }
    }
}
