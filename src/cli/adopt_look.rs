//! What `adopt` works with: the workspace, Azure as it was seen for it, and what would be written, held against both.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
};

use jiff::{civil::Date, tz::TimeZone};

use crate::{
    config::{self, Loaded},
    edit::{self, Adopting, EditError, Edited},
    ledger::entry::Commit,
    model::{
        desired::{Desired, Owner, OwnerFile},
        ids::AssignmentName,
        observed::Observed,
        owner::OwnerCode,
        people::ById,
    },
    observe::{observe_with, revealed, stock},
    plan::{
        Plan, adopt,
        approve::Applied,
        change::{Action, Who},
        finding::{Code, Finding},
        mark, stated,
    },
    report::{self, Counted, Fit, View},
};

use super::{
    Exit, Global, TOOL,
    far::Far,
    ground::{Ground, draw, no_owner},
    ledger as records, output,
    own::Mandate,
    progress,
    survey::{Survey, compare},
};

/// The workspace, and Azure as it was seen for it.
pub(super) struct Look {
    pub(super) dir: PathBuf,
    pub(super) loaded: Loaded,
    /// What git wants, with the owners that Azure revealed.
    pub(super) desired: Desired,
    pub(super) observed: Observed,
    pub(super) owners: Option<BTreeSet<OwnerCode>>,
    pub(super) today: Date,
}

/// What is written, and what a plan from it says.
pub(super) struct Written {
    pub(super) edits: Vec<Edited>,
    pub(super) counted: Counted,
    pub(super) unlisted: usize,
    pub(super) lost: BTreeSet<OwnerCode>,
    pub(super) empty: BTreeSet<OwnerCode>,
    /// Of the workspace with the edits; its findings are those of the adoption.
    pub(super) plan: Plan,
    pub(super) observed: Observed,
    pub(super) desired: Desired,
}

impl Look {
    pub(super) async fn make(global: &Global, far: &mut Option<Far>) -> Result<Self, Exit> {
        let dir = global.workspace()?;
        let loaded = config::load_to_begin(&dir);
        if !loaded.errors.is_empty() {
            for error in &loaded.errors {
                output::say_drawn(draw(error, global.color.stderr()));
            }
            return Err(output::fail(global, "nothing is adopted as long as there are errors; correct them first"));
        }
        let Some(mut desired) = loaded.desired.clone() else { return Err(Exit::Failed) };
        let ground = Ground::new(dir, loaded, None);
        let far = far.insert(Far::connect(global, &ground, desired.tenant).await?);
        let spinner = progress::looking();
        let looking = async {
            let stock = stock(&desired, &far.reader).await.map_err(|trouble| {
                output::fail(global, format_args!("{trouble}; nothing was written. `tilgang doctor` shows our rights"))
            })?;
            for owner in revealed(&desired, &stock).into_keys() {
                desired.owners.entry(owner).or_insert_with(no_file_yet);
            }
            let owners = chosen(global, &desired)?;
            let observed = observe_with(&desired, owners.as_ref(), far.now(), Some(stock), &far.reader).await;
            Ok((desired, observed, owners))
        };
        let looked = progress::telling(&spinner, || far.session.waiting(), looking).await;
        spinner.finish_and_clear();
        let (desired, observed, owners) = looked?;
        let today = observed.at.to_zoned(TimeZone::UTC).date();
        let Ground { dir, loaded, .. } = ground;
        Ok(Self { dir, loaded, desired, observed, owners, today })
    }

    /// What would be written, and what a plan from it says.
    pub(super) fn written(&self, terms: adopt::Terms<'_>, global: &Global) -> Result<Written, Exit> {
        let Self { desired, observed, owners, today, .. } = self;
        let adoption = adopt::adopt(desired, observed, *today, owners.as_ref(), terms);
        let mut by_owner: BTreeMap<OwnerCode, Adopting> = BTreeMap::new();
        let new = |owner| Adopting { owner, people: Vec::new(), notes: Vec::new() };
        for grant in &adoption.grants {
            by_owner.entry(grant.owner).or_insert_with(|| new(grant.owner)).people.push(stated(grant));
        }
        let observed = stated::stated(desired, observed, &adoption.grants).1;
        let mut adopted = self.adopted(&by_owner, global)?;
        let (mut desired, mut plan) = self.proven(&mut adopted, &observed, global)?;
        // What is wider is said by the comparison: of those who are listed by now that they hold it twice.
        let wider = |it: &Finding| matches!(it.code, Code::Lookalike | Code::Inherited | Code::Unanswered);
        let mut findings = adoption.findings;
        findings.extend(plan.findings.drain(..).filter(wider));
        findings.extend(
            adopted.left.iter().map(|(owner, grant, error)| self.by_hand(*owner, grant, error, &adoption.grants)),
        );
        findings.sort_by(|a, b| a.order().cmp(&b.order()));
        findings.dedup();
        plan.findings = findings;
        let notes: Vec<(OwnerCode, String)> = self.view(&plan, |view| {
            let notes = plan.findings.iter().filter_map(|finding| Some((finding.owner?, report::note(view, finding)?)));
            notes.collect()
        });
        plan.findings.extend(adoption.demands);
        plan.findings.sort_by(|a, b| a.order().cmp(&b.order()));
        let mut left = adopted.left.len();
        if !notes.is_empty() {
            for (owner, note) in notes {
                by_owner.entry(owner).or_insert_with(|| new(owner)).notes.push(note);
            }
            adopted = self.adopted(&by_owner, global)?;
            left = adopted.left.len();
            desired = self.proven(&mut adopted, &observed, global)?.0;
        }
        let people: BTreeSet<_> = adoption.grants.iter().map(|grant| grant.id).collect();
        let new_files = adopted.edits.iter().filter(|edit| edit.is_new).count();
        let counted = Counted {
            grants: adoption.grants.len() - left,
            people: people.len(),
            files: adopted.edits.len() - new_files,
            new_files,
        };
        let (unlisted, lost, empty) = (adoption.unlisted, adoption.lost, adoption.empty);
        Ok(Written { edits: adopted.edits, counted, unlisted, lost, empty, plan, observed, desired })
    }

    fn adopted(&self, by_owner: &BTreeMap<OwnerCode, Adopting>, global: &Global) -> Result<edit::Adopted, Exit> {
        let wanted: Vec<Adopting> = by_owner.values().cloned().collect();
        edit::adopted(&self.loaded, &wanted).map_err(|errors| {
            for error in &errors {
                output::say_drawn(draw(error, global.color.stderr()));
            }
            output::fail(
                global,
                "what would be written is not valid, so nothing was written; list these people by hand",
            )
        })
    }

    /// Holds what would be written against Azure: a plan from it changes nothing that it did not before.
    fn proven(
        &self,
        adopted: &mut edit::Adopted,
        observed: &Observed,
        global: &Global,
    ) -> Result<(Desired, Plan), Exit> {
        let Self { desired, owners, .. } = self;
        let before = compare(desired, &self.observed, owners.as_ref());
        let after = if adopted.edits.is_empty() { Some(desired.clone()) } else { adopted.after.desired.take() };
        let Some(mut after) = after else { return Err(Exit::Failed) };
        after.revision = desired.revision.clone();
        let plan = compare(&after, observed, owners.as_ref());
        // To mend our own mark takes nothing from anybody, and gives nobody anything.
        let known: BTreeSet<(AssignmentName, Action)> =
            before.changes.iter().map(|change| (change.name, change.action)).collect();
        if let Some(change) =
            plan.changes.iter().find(|it| it.action != Action::Update && !known.contains(&(it.name, it.action)))
        {
            let (word, who) = (change.action.word(), &change.who);
            let words =
                format!("a plan from what would be written would {word} something for {who}: nothing was written");
            return Err(output::fail(global, words));
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

    pub(super) fn view<T>(&self, plan: &Plan, report: impl FnOnce(&View<'_>) -> T) -> T {
        report(&View {
            desired: &self.desired,
            plan,
            refused: &[],
            places: &|origin| self.loaded.sources.place(origin),
            errors: 0,
            mistakes: &[],
            folder: "",
            observed_at: self.observed.at,
            config_digest: &self.loaded.digest,
            observed_digest: "",
            tool: TOOL,
            is_applying: false,
            fit: Fit::default(),
            owners: self.owners.as_ref(),
            saved: None,
            base: None,
        })
    }

    /// The marks alone, as a plan that goes through policy as every other.
    pub(super) fn survey(self, written: Written, far: &Far, is_check: bool) -> Result<Survey, String> {
        let Self { dir, loaded, owners, today, .. } = self;
        let Written { edits, observed, mut desired, .. } = written;
        // What was written is newer than HEAD, and its lines are those of the files as they stand now.
        let loaded = if is_check || edits.is_empty() { loaded } else { config::load(&dir) };
        if !edits.is_empty() && !is_check {
            desired = loaded.desired.clone().ok_or("what was written cannot be read again: run `tilgang validate`")?;
        }
        let mut ground = Ground::new(dir, loaded, owners);
        ground.loaded.desired = None;
        let ledger = records::open(&ground, &desired, far);
        let newest = ledger.as_ref().and_then(|it| it.as_ref().ok()).and_then(|it| it.replay().newest().cloned());
        let applied = newest.map(|Commit { hash, time }| Applied { commit: hash, time });
        let mut plan = compare(&desired, &observed, ground.owners.as_ref());
        plan.changes = mark::marks(&desired, &observed, today, ground.owners.as_ref());
        plan.blocked.clear(); // what is blocked is neither marked nor meant here; `plan` says it
        plan.findings.clear();
        let approval = plan.settle(&desired.policy, false).unless_older(&desired.revision, applied.as_ref());
        Ok(Survey {
            ground,
            desired,
            observed,
            plan,
            approval,
            ledger,
            applied,
            mandate: Mandate::default(),
            base: None,
        })
    }
}

impl Look {
    /// The environments whose subscription our identity sees.
    pub(super) fn seen(&self, owner: OwnerCode) -> Vec<String> {
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

/// The owners that were chosen, of all that are known now.
fn chosen(global: &Global, desired: &Desired) -> Result<Option<BTreeSet<OwnerCode>>, Exit> {
    if global.owner.is_empty() {
        return Ok(None);
    }
    let mut owners = BTreeSet::new();
    for text in &global.owner {
        let Some(code) = OwnerCode::new(text).filter(|code| desired.owners.contains_key(code)) else {
            return Err(output::usage(global, no_owner(text, "in this workspace or in Azure", desired.owners.keys())));
        };
        owners.insert(code);
    }
    Ok(Some(owners))
}
