//! What a plan asks of our identity, and what of that Azure will refuse: the condition of its role leaves a role definition or
//! a kind of principal out, or a deny assignment forbids it. Who may is judged in `rights`; here it is said. Nothing is blocked: Azure decides, and a removal
//! that replaces access waits for its grant.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use crate::model::{
    assignment::PrincipalType,
    ids::{RoleDefinitionId, ScopeId, SubscriptionId},
    owner::{EnvironmentName, OwnerCode},
    trouble::Trouble,
};

use super::{
    Plan,
    change::{Action, Change},
    finding::{Code, Finding},
    standstill,
};

/// What some changes at one place ask of our identity.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Errand {
    /// Whose changes.
    pub owner: OwnerCode,
    /// In which environment, if it is known.
    pub environment: Option<EnvironmentName>,
    /// Where.
    pub scope: ScopeId,
    /// To take away, or to give.
    pub takes: bool,
    /// Which role definition.
    pub definition: RoleDefinitionId,
    /// Its name, if the catalogue knows it.
    pub definition_name: Option<Arc<str>>,
    /// To or from what kind of principal.
    pub principal_type: PrincipalType,
}

impl From<&Change> for Errand {
    fn from(change: &Change) -> Self {
        Self {
            owner: change.owner,
            environment: change.environment.clone(),
            scope: change.triple.scope.clone(),
            takes: change.action == Action::Revoke,
            definition: change.triple.definition,
            definition_name: change.definition_name.clone(),
            principal_type: change.who.principal_type,
        }
    }
}

impl Plan {
    /// What its changes ask of our identity, each with how many of them do.
    #[must_use]
    pub fn errands(&self) -> BTreeMap<Errand, usize> {
        let mut errands = BTreeMap::new();
        for change in &self.changes {
            *errands.entry(Errand::from(change)).or_default() += 1;
        }
        errands
    }

    /// Says where nobody could tell whether our identity may.
    pub fn unanswered_mandate(&mut self, unanswered: &BTreeMap<SubscriptionId, Arc<Trouble>>) {
        for (id, trouble) in unanswered {
            let here = self.changes.iter().filter(|change| change.triple.scope.subscription() == Some(*id));
            let whose = standstill::whose(here);
            let words = standstill::unasked("our identity may make changes", trouble);
            self.findings.extend(standstill::said(Code::Unanswered, whose, words));
        }
    }

    /// What our identity may not do, of what is planned.
    pub(super) fn left_out(&self) -> impl Iterator<Item = Finding> {
        let errands = self.errands();
        let left_out = self.left_out.iter().map(|errand| (errand, None));
        let all = left_out.chain(self.denied.iter().map(|(errand, by)| (errand, Some(by))));
        all.filter_map(move |(errand, by)| Some(finding(errand, *errands.get(errand)?, by)))
    }
}

fn finding(errand: &Errand, changes: usize, denied_by: Option<&BTreeSet<String>>) -> Finding {
    let Errand { owner, environment, scope, takes, definition, definition_name, principal_type } = errand;
    let called = definition_name.as_deref().map_or_else(|| definition.to_string(), str::to_owned);
    let (does, what) = if *takes { ("take", "removal") } else { ("give", "grant") };
    let (of, plural) = (if *takes { "from" } else { "to" }, if changes == 1 { "" } else { "s" });
    let kind = match principal_type {
        PrincipalType::User => "a person",
        PrincipalType::Group | PrincipalType::ForeignGroup => "a group",
        PrincipalType::ServicePrincipal | PrincipalType::Other => "an application",
    };
    let (why, help) = match denied_by {
        None => (
            "the condition of its role leaves that out".to_owned(),
            "give it the condition that `tilgang identity` writes",
        ),
        Some(names) => {
            let names: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
            (
                format!("the deny assignment {} forbids it", names.join(" and ")),
                "whoever made that must exclude our identity from it",
            )
        }
    };
    Finding {
        owner: Some(*owner),
        environment: environment.clone(),
        scope: Some(scope.clone()),
        message: format!(
            "our identity may not {does} `{called}` on `{}` {of} {kind}: {why}, and Azure will refuse {changes} \
             {what}{plural}; {help}",
            scope.last_segment()
        ),
        ..Finding::new(Code::NotAssignable, String::new(), Vec::new())
    }
}
