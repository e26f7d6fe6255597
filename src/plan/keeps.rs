//! Who is out of git and keeps the access: git's history, or the ledger, shows that they were listed at an owner, and an
//! assignment that others made still gives it. Nothing is removed for it; whoever took them out should know.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::{
    desired::{Desired, FileId, OwnerFile},
    ids::{PrincipalId, UserName},
    observed::Observed,
    owner::OwnerCode,
};

use super::{
    Plan,
    change::Who,
    finding::{Code, Finding},
    resolve::resolve,
};

/// The files whose history tells whether somebody was listed: of each owner at which somebody whom git does not list holds what
/// others gave. No name is asked about.
#[must_use]
pub fn formerly_listed(desired: &Desired, plan: &Plan) -> BTreeMap<FileId, BTreeSet<UserName>> {
    let outsiders = plan.findings.iter().filter(|finding| is_outsider(finding));
    let owners: BTreeSet<OwnerCode> = outsiders.filter_map(|finding| finding.owner).collect();
    owners.into_iter().filter_map(|owner| Some((file(desired, owner)?, BTreeSet::new()))).collect()
}

/// Whether it is about a person who holds, by what others gave, what git does not list.
fn is_outsider(finding: &Finding) -> bool {
    matches!(finding.code, Code::Unmanaged | Code::Lookalike | Code::OtherInstance)
        && finding.who.as_ref().is_some_and(|who| who.kind().is_none())
}

fn file(desired: &Desired, owner: OwnerCode) -> Option<FileId> {
    match desired.file_of(owner) {
        OwnerFile::Read(file) | OwnerFile::Removed(file) => Some(file),
        OwnerFile::Missing | OwnerFile::Broken(_) => None,
    }
}

/// Turns what is said of somebody whom git does not list into what it is for whoever was listed before.
pub(super) fn mark(plan: &mut Plan, desired: &Desired, observed: &Observed) {
    let resolved =
        desired.grants.iter().filter_map(|grant| Some((grant.owner, resolve(&grant.user, &observed.people).ok()?.id)));
    let listed: BTreeSet<(OwnerCode, PrincipalId)> = resolved.collect();
    for finding in plan.findings.iter_mut().filter(|finding| is_outsider(finding)) {
        let Some((owner, who)) = finding.owner.zip(finding.who.as_ref()) else { continue };
        // Of somebody who is listed there still, a name in an older file tells nothing.
        let by_git = || !listed.contains(&(owner, who.id)) && was_listed(desired, observed, owner, who);
        if by_git()
            || finding.assignment.is_some() && observed.granted_before.contains(&(owner, who.id, finding.role.clone()))
        {
            finding.message = if finding.code == Code::Unmanaged {
                "no longer in git, and keeps the access by an assignment that tilgang did not make: remove it in the portal, \
                 list the person again, or accept it"
                    .to_owned()
            } else {
                format!("no longer in git, and keeps the access: {}", finding.message)
            };
            finding.code = Code::Keeps;
        }
    }
}

fn was_listed(desired: &Desired, observed: &Observed, owner: OwnerCode, who: &Who) -> bool {
    let past = file(desired, owner).and_then(|file| observed.people.past.get(&file));
    past.zip(who.name.as_ref()).is_some_and(|(past, name)| past.names(name))
}
