//! A plan that was written down, and what may still be carried out of it.
//!
//! A saved plan only ever takes away: [`Saved::admit`] lets through what a plan made now, from git and Azure, has approved
//! anyway, and lets it through only if all that was saved is still among it and every fact it rests on is what it was. So
//! whoever can write the file can at most leave something out. No age is asked for: a plan is as old as its facts, and
//! those are compared.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use crate::model::{
    assignment::{PrincipalType, Triple},
    desired::Desired,
    ids::{AssignmentName, TenantId, UserName},
    observed::Observed,
    owner::{EnvironmentName, InstanceName, OwnerCode, RoleName},
    people::{ById, ByName},
};

use super::{
    Plan,
    approve::{Approval, Refusal, Refused},
    basis::{About, Basis, Side},
    change::{Action, Change},
};

/// What a change does, for whom and why: all of it but where git says so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deed {
    /// What is done.
    pub action: Action,
    /// At whose expense or gain.
    pub owner: OwnerCode,
    /// In which environment, if it is known.
    pub environment: Option<EnvironmentName>,
    /// Which of the owner's roles, if it is known.
    pub role: Option<RoleName>,
    /// The person's sign-in name, if it is known.
    pub user: Option<UserName>,
    /// What the principal is.
    pub principal_type: PrincipalType,
    /// Scope, principal, role definition.
    pub triple: Triple,
    /// The assignment's name in Azure.
    pub name: AssignmentName,
    /// Its description.
    pub description: String,
    /// Why, in words.
    pub because: String,
}

impl From<&Change> for Deed {
    fn from(change: &Change) -> Self {
        Self {
            action: change.action,
            owner: change.owner,
            environment: change.environment.clone(),
            role: change.role.clone(),
            user: change.who.name.clone(),
            principal_type: change.who.principal_type,
            triple: change.triple.clone(),
            name: change.name,
            description: change.description.clone(),
            because: change.because.to_string(),
        }
    }
}

/// A plan as it was written down.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Saved {
    /// The program that made it, and its version.
    pub tool: String,
    /// The tenant it is about.
    pub tenant: TenantId,
    /// The installation it is of.
    pub instance: InstanceName,
    /// The owners it was made for, if some were chosen.
    pub selected: Option<BTreeSet<OwnerCode>>,
    /// What policy let through: what shall be carried out.
    pub changes: Vec<Deed>,
    /// The removals that policy took out.
    pub refused: Vec<Deed>,
    /// What the changes rest on.
    pub basis: Basis,
}

/// Why a saved plan is not carried out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Difference {
    /// It is not for here: what, as saved, as it is.
    Elsewhere(&'static str, String, String),
    /// A fact moved: what about, as saved, as it is.
    Moved(About, Option<String>, Option<String>),
    /// A plan made now does not have this change.
    NotPlanned(Deed),
    /// Policy refuses it now.
    Refused(Deed, Refusal),
}

impl Saved {
    /// What says that it is not for this tenant, instance or version: known before anybody signs in. Facts are told in the
    /// words of one version, so another one's cannot be compared.
    #[must_use]
    pub fn elsewhere(&self, desired: &Desired, tool: &str) -> Vec<Difference> {
        let compared = [
            ("made by", self.tool.clone(), tool.to_owned()),
            ("tenant", self.tenant.to_string(), desired.tenant.to_string()),
            ("instance", self.instance.to_string(), desired.instance.to_string()),
        ];
        let differ = compared.into_iter().filter(|(_, saved, here)| saved != here);
        differ.map(|(what, saved, here)| Difference::Elsewhere(what, saved, here)).collect()
    }

    /// What may be carried out: exactly what was saved, if a plan made now, from these same facts, would do all of it.
    /// `plan` is that plan, for the owners that were selected then; `judge` says what may be carried out of one.
    ///
    /// Each owner's removals are judged with all that are planned for it now, saved or not: to save some of them apart evades no limit.
    pub fn admit(
        &self,
        desired: &Desired,
        observed: &Observed,
        plan: &Plan,
        judge: impl FnOnce(&mut Plan) -> Approval,
    ) -> Result<Approval, Vec<Difference>> {
        let owners: BTreeSet<OwnerCode> = self.changes.iter().chain(&self.refused).map(|deed| deed.owner).collect();
        let mut plan = plan.clone();
        plan.changes.retain(|change| owners.contains(&change.owner));
        let approval = judge(&mut plan);
        let mut differences = self.moved(&Basis::of(desired, observed, &self.changes));
        let deeds: BTreeMap<AssignmentName, Deed> = plan.changes.iter().map(|it| (it.name, it.into())).collect();
        // What refuses everything does so as it would without a saved plan: that is no difference.
        let is_of_run = |refused: &Refused| refused.refusal.is_of_run();
        let refused = |deed: &Deed| {
            approval.refused.iter().find(|refused| refused.change.name == deed.name && !is_of_run(refused))
        };
        for saved in &self.changes {
            if deeds.get(&saved.name) != Some(saved) {
                differences.push(Difference::NotPlanned(saved.clone()));
            } else if let Some(refused) = refused(saved) {
                differences.push(Difference::Refused(saved.clone(), refused.refusal.clone()));
            }
        }
        if !differences.is_empty() {
            return Err(differences);
        }
        let saved: BTreeSet<AssignmentName> = self.changes.iter().map(|saved| saved.name).collect();
        let Approval { mut approved, mut refused } = approval;
        approved.retain(|change| saved.contains(&change.name));
        refused.retain(|refused| !is_of_run(refused) || saved.contains(&refused.change.name));
        Ok(Approval { approved, refused })
    }

    fn moved(&self, now: &Basis) -> Vec<Difference> {
        let all: BTreeSet<&About> = self.basis.0.keys().chain(now.0.keys()).collect();
        let both = all.into_iter().map(|about| (about, self.basis.0.get(about), now.0.get(about)));
        let moved = both.filter(|(_, was, is)| was != is);
        moved.map(|(about, was, is)| Difference::Moved(about.clone(), was.cloned(), is.cloned())).collect()
    }

    /// What object ids are called, as far as the plan or this reading knows, for people.
    #[must_use]
    pub fn names(&self, observed: &Observed) -> BTreeMap<String, String> {
        let deeds = self.changes.iter().filter_map(|deed| Some((deed.triple.principal, deed.user.clone()?)));
        let by_name = observed.people.by_name.values().filter_map(|answer| match answer {
            ByName::Person(person) => Some((person.id, person.name.clone())),
            ByName::Nobody(_) | ByName::Unanswered(_) => None,
        });
        let by_id = observed.people.by_id.iter().filter_map(|(id, answer)| match answer {
            ById::Person(person) => Some((*id, person.name.clone())),
            ById::Deleted { name, .. } => Some((*id, name.clone())),
            ById::NotAPerson(_) | ById::Gone | ById::NoUser | ById::Unanswered(_) => None,
        });
        let known = deeds.chain(by_name).chain(by_id);
        known.map(|(id, name)| (id.to_string(), format!("`{name}`"))).collect()
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let deed = |f: &mut fmt::Formatter<'_>, deed: &Deed| {
            let Deed { action, owner, role, triple, .. } = deed;
            let role = role.as_ref().map_or_else(|| triple.definition.to_string(), ToString::to_string);
            let on = triple.scope.last_segment();
            write!(f, "{owner}: {} {role} on `{on}` for {}", action.word(), triple.principal)
        };
        match self {
            Self::Elsewhere(what, saved, here) => write!(f, "{what} {saved}; here it is {here}"),
            Self::Moved(About { owner, side, what }, was, is) => {
                match (owner, side) {
                    (Some(owner), _) => write!(f, "{owner}: {what}")?,
                    (None, Side::Git) => write!(f, "tilgang.yaml: {what}")?,
                    (None, Side::Azure) => f.write_str(what)?,
                }
                match (was, is) {
                    (Some(was), Some(is)) if was.starts_with("sha256:") && is.starts_with("sha256:") => {
                        f.write_str(" changed")
                    }
                    _ => {
                        let nothing = |text: &Option<String>| text.as_deref().unwrap_or("nothing").to_owned();
                        write!(f, ": then {}; now {}", nothing(was), nothing(is))
                    }
                }
            }
            Self::NotPlanned(it) => {
                deed(f, it)?;
                f.write_str(" is not what a plan made now would do")
            }
            Self::Refused(it, refusal) => {
                deed(f, it)?;
                write!(f, " is refused now: {refusal}")
            }
        }
    }
}
