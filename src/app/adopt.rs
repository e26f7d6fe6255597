//! Owners' files for what Azure already has: what would be written, compared with Azure before it is: a plan from it changes
//! nothing that it did not change before. And the marks by which it becomes ours, as a planned run.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
};

use jiff::{Timestamp, civil::Date, tz::TimeZone};

use crate::{
    config::{self, Loaded},
    edit::{self, Adopting, EditError, Edited},
    model::{
        desired::{Desired, Owner, OwnerFile},
        ids::{AssignmentName, ScopeId},
        observed::Observed,
        owner::OwnerCode,
        people::ById,
    },
    observe::{observe_with, revealed, stock},
    plan::{
        Plan, adopt,
        change::{Action, Change, Who},
        finding::{Code, Finding},
        mark,
        selection::Scope,
        stated,
    },
    ports::{AccessReader, AssignmentReader, Directory, Inventory},
};

use super::{
    asked_of_git::histories,
    error::Error,
    plan::{PlannedRun, compare},
    record::Records,
    workspace::{Workspace, choose},
};

/// The workspace, and Azure as it was seen for it.
pub struct AdoptInput {
    /// The workspace's folder.
    pub dir: PathBuf,
    /// Its files.
    pub loaded: Loaded,
    /// What git wants, with the owners that Azure revealed.
    pub desired: Desired,
    /// What Azure showed.
    pub observed: Observed,
    /// The owners that were chosen.
    pub scope: Scope,
    /// The day, UTC.
    pub today: Date,
}

/// How much an adoption lists.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counted {
    /// Roles that people get in git.
    pub grants: usize,
    /// How many people.
    pub people: usize,
    /// How many subscriptions were seen.
    pub subscriptions: usize,
    /// Files that exist already.
    pub files: usize,
    /// Files that are new.
    pub new_files: usize,
}

/// What is written, and what a plan from it says.
pub struct Written {
    /// The files, before and after.
    pub edits: Vec<Edited>,
    /// How much is listed.
    pub counted: Counted,
    /// Assignments of ours that git no longer lists, and that stay so.
    pub unlisted: usize,
    /// Whom git listed before and lists no longer, and who still has the access: left out.
    pub taken_out: BTreeSet<adopt::TakenOut>,
    /// Owners whose access we made and whose files are missing.
    pub lost: BTreeSet<OwnerCode>,
    /// Owners whose subscriptions hold nothing that the naming rule leads to.
    pub empty: BTreeSet<OwnerCode>,
    /// Of the workspace with the edits; its findings are those of the adoption.
    pub plan: Plan,
    /// What Azure showed, as the edits would have it.
    pub observed: Observed,
    /// What git wants with the edits.
    pub desired: Desired,
}

impl AdoptInput {
    /// Reads the workspace in a folder, where owners' files may be still to be written.
    ///
    /// # Errors
    /// If any file has an error.
    pub fn read(dir: &Path) -> Result<(Workspace, Desired), Error> {
        let mut workspace = Workspace::of(dir.to_owned(), config::load_to_begin(dir));
        let errors = std::mem::take(&mut workspace.loaded.errors);
        let message = "nothing is adopted as long as there are errors; correct them first";
        match workspace.loaded.desired.clone() {
            Some(desired) if errors.is_empty() => Ok((workspace, desired)),
            _ => Err(Error::Invalid { message: message.to_owned(), errors }),
        }
    }

    /// Reads Azure for it, and git's history where somebody has what others gave. `codes`: only these owners, of those that git or
    /// Azure has.
    ///
    /// # Errors
    /// If Azure cannot list what is there, or one of the owners is nowhere.
    pub async fn observe(
        (workspace, mut desired): (Workspace, Desired),
        codes: &[String],
        (now, records): (Timestamp, &Records),
        azure: &(impl Directory + Inventory + AssignmentReader + AccessReader),
    ) -> Result<Self, Error> {
        let stock = stock(&desired, azure).await.map_err(|trouble| {
            Error::Azure(format!("{trouble}; nothing was written. `tilgang doctor` shows our rights"))
        })?;
        for owner in revealed(&desired, &stock).into_keys() {
            desired.owners.entry(owner).or_insert_with(no_file_yet);
        }
        let is_known = |code: &OwnerCode| desired.owners.contains_key(code);
        let scope = choose(codes, is_known, "in this workspace or in Azure", || desired.owners.keys())?;
        let mut observed = observe_with(&desired, scope.owners(), now, Some(stock), azure).await;
        observed.remembered.clone_from(&records.remembered);
        let strangers = compare(&desired, &observed, &scope).strangers;
        observed.histories = histories(&desired, &strangers, &workspace.history());
        let today = observed.at.to_zoned(TimeZone::UTC).date();
        let Workspace { dir, loaded, .. } = workspace;
        Ok(Self { dir, loaded, desired, observed, scope, today })
    }

    /// What would be written, and what a plan from it says.
    ///
    /// # Errors
    /// If it would not be valid, or a plan from it would change something.
    pub fn written(&self, terms: adopt::Terms<'_>) -> Result<Written, Error> {
        let Self { desired, observed, scope, today, .. } = self;
        let mut adoption = adopt::adopt(desired, observed, *today, scope.owners(), terms);
        let mut by_owner: BTreeMap<OwnerCode, Adopting> = BTreeMap::new();
        let new = |owner| Adopting { owner, people: Vec::new(), notes: Vec::new() };
        for grant in &adoption.grants {
            by_owner.entry(grant.owner).or_insert_with(|| new(grant.owner)).people.push(stated(grant));
        }
        let observed = stated::stated(desired, observed, &adoption.grants).1;
        let mut adopted = self.adopted(&by_owner)?;
        let (mut desired, mut plan) = self.proven(&mut adopted, &observed)?;
        // What is wider is said by the comparison: of those who are listed by now that they hold it twice.
        let wider = |it: &Finding| matches!(it.code, Code::Lookalike | Code::Inherited | Code::Unanswered);
        let mut findings = std::mem::take(&mut adoption.findings);
        let known: BTreeSet<Option<String>> = findings.iter().map(|it| it.assignment.clone()).collect();
        // Whoever keeps it from a wider scope is not among what stands at a target.
        let kept = |it: &Finding| it.code == Code::Keeps && !known.contains(&it.assignment);
        findings.extend(plan.findings.drain(..).filter(|it| wider(it) || kept(it)));
        findings.extend(
            adopted.left.iter().map(|(owner, grant, error)| self.by_hand(*owner, grant, error, &adoption.grants)),
        );
        findings.sort_by(|a, b| a.order().cmp(&b.order()));
        findings.dedup();
        plan.findings = findings;
        let notes = plan.findings.iter().filter_map(|it| Some((it.owner?, comment(&self.desired, it)?)));
        let notes: Vec<(OwnerCode, String)> = notes.collect();
        plan.findings.append(&mut adoption.demands);
        plan.findings.sort_by(|a, b| a.order().cmp(&b.order()));
        let mut left = adopted.left.len();
        if !notes.is_empty() {
            for (owner, note) in notes {
                by_owner.entry(owner).or_insert_with(|| new(owner)).notes.push(note);
            }
            adopted = self.adopted(&by_owner)?;
            left = adopted.left.len();
            desired = self.proven(&mut adopted, &observed)?.0;
        }
        let people: BTreeSet<_> = adoption.grants.iter().map(|grant| grant.id).collect();
        let new_files = adopted.edits.iter().filter(|edit| edit.is_new).count();
        let counted = Counted {
            grants: adoption.grants.len() - left,
            people: people.len(),
            subscriptions: observed.subscriptions.len(),
            files: adopted.edits.len() - new_files,
            new_files,
        };
        let adopt::Adoption { unlisted, taken_out, lost, empty, .. } = adoption;
        Ok(Written { edits: adopted.edits, counted, unlisted, taken_out, lost, empty, plan, observed, desired })
    }

    fn adopted(&self, by_owner: &BTreeMap<OwnerCode, Adopting>) -> Result<edit::Adopted, Error> {
        let wanted: Vec<Adopting> = by_owner.values().cloned().collect();
        edit::adopted(&self.loaded, &wanted).map_err(|errors| {
            let message = "what would be written is not valid, so nothing was written; list these people by hand";
            Error::Invalid { message: message.to_owned(), errors }
        })
    }

    /// Compares what would be written with Azure: a plan from it changes nothing that it did not before.
    fn proven(&self, adopted: &mut edit::Adopted, observed: &Observed) -> Result<(Desired, Plan), Error> {
        let Self { desired, scope, .. } = self;
        let before = compare(desired, &self.observed, scope);
        let after = if adopted.edits.is_empty() { Some(desired.clone()) } else { adopted.after.desired.take() };
        let mut after = after.ok_or_else(|| Error::Unproven("what would be written cannot be read".to_owned()))?;
        after.revision = desired.revision.clone();
        let plan = compare(&after, observed, scope);
        // To mend our own mark takes nothing from anybody, and gives nobody anything.
        let known: BTreeSet<(AssignmentName, Action)> =
            before.changes.iter().map(|change| (change.name, change.action)).collect();
        if let Some(change) =
            plan.changes.iter().find(|it| it.action != Action::Update && !known.contains(&(it.name, it.action)))
        {
            let (word, who) = (change.action.word(), &change.who);
            let words =
                format!("a plan from what would be written would {word} something for {who}: nothing was written");
            return Err(Error::Unproven(words));
        }
        Ok((after, plan))
    }

    /// A person whose entry is written in a way that is not edited here.
    fn by_hand(&self, owner: OwnerCode, grant: &edit::Grant, error: &EditError, grants: &[adopt::Adopted]) -> Finding {
        let held = grants.iter().find(|one| one.owner == owner && Some(one.id) == grant.id);
        let who = held.and_then(|held| match self.observed.people.by_id.get(&held.id) {
            Some(ById::Person(person)) => Some(Who::person(person)),
            _ => None,
        });
        let next = error.help().map(|help| format!("; {help}")).unwrap_or_default();
        let message = format!("could not be put into the file: {error}{next}");
        Finding::of_owner(Code::Unmanaged, owner, held.map(|held| held.role.clone()), who, message)
    }

    /// The assignments that `--mark` would make ours.
    #[must_use]
    pub fn marks(&self, written: &Written) -> Vec<Change> {
        mark::marks(&written.desired, &written.observed, self.today, self.scope.owners())
    }

    /// What is marked: of the files as they are after the edits, which are read again where they were written.
    ///
    /// # Errors
    /// If they cannot be read.
    pub fn marking(self, written: Written, edits: Edits) -> Result<Marking, Error> {
        let Self { dir, loaded, scope, today, .. } = self;
        let is_written = edits == Edits::Written && !written.edits.is_empty();
        let Written { observed, mut desired, .. } = written;
        let mut workspace = Workspace::of(dir.clone(), if is_written { config::load(&dir) } else { loaded });
        let read = workspace.loaded.desired.take();
        if is_written {
            let words = "what was written cannot be read again: run `tilgang validate`";
            desired = read.ok_or_else(|| Error::Unproven(words.to_owned()))?;
        }
        Ok(Marking { workspace, desired, observed, scope, today })
    }
}

/// What became of the edits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Edits {
    /// They are in the files.
    Written,
    /// They were only shown.
    Shown,
}

/// What the marks of an adoption are planned from.
pub struct Marking {
    /// The workspace, read again where it was written.
    pub workspace: Workspace,
    /// What it wants.
    pub desired: Desired,
    observed: Observed,
    scope: Scope,
    today: Date,
}

impl Marking {
    /// The marks alone, as a run that goes through policy as every other.
    #[must_use]
    pub fn plan(self, records: Records) -> PlannedRun {
        let Self { workspace, desired, mut observed, scope, today } = self;
        observed.remembered.clone_from(&records.remembered);
        let marks = mark::marks(&desired, &observed, today, scope.owners());
        PlannedRun::of_marks(workspace, (desired, observed), scope, records, marks)
    }
}

impl AdoptInput {
    /// The environments whose subscription our identity sees.
    #[must_use]
    pub fn seen(&self, owner: OwnerCode) -> Vec<String> {
        let of_owner = self.desired.environments_of(owner);
        let seen = of_owner.filter(|(_, environment)| {
            let name = environment.subscription.fill(owner, &environment.azure_name);
            !self.observed.absent.contains(&(owner, name))
        });
        seen.map(|(name, _)| name.to_string()).collect()
    }
}

/// As an edit.
fn stated(grant: &adopt::Adopted) -> edit::Grant {
    let adopt::Adopted { owner: _, user, id, role, until, reason, ticket } = grant;
    edit::Grant {
        user: user.to_string(),
        id: Some(*id),
        roles: vec![role.to_string()],
        until: *until,
        reason: reason.as_deref().map(str::to_owned),
        ticket: ticket.as_deref().map(str::to_owned),
    }
}

fn no_file_yet() -> Owner {
    Owner {
        title: None,
        file: OwnerFile::Missing,
        environments: None,
        resources: BTreeMap::new(),
        reviewers: Vec::new(),
        contact: None,
    }
}

/// A finding as a comment in its owner's file; none where it may be otherwise in a minute, or is nothing about anybody.
fn comment(desired: &Desired, finding: &Finding) -> Option<String> {
    let lasts = matches!(
        finding.code,
        Code::Unmanaged | Code::Orphaned | Code::Lookalike | Code::Inherited | Code::OtherInstance
    );
    let who = finding.who.as_ref().filter(|_| lasts && finding.accepted.is_none())?.short();
    let target = finding.scope.as_ref().filter(|scope| scope.is_resource()).map(ScopeId::last_segment);
    let role = finding.role.as_ref().map(|role| desired.catalog.role_title(role));
    let what = match (role, target) {
        (Some(role), Some(target)) => format!(", {role} on {target}"),
        (Some(role), None) => format!(", {role}"),
        (None, Some(target)) => format!(", {target}"),
        (None, None) => String::new(),
    };
    Some(format!("{who}{what}: {}", finding.message))
}
