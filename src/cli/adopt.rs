//! `tilgang adopt`: writes owners' files for what stands in Azure; with `--mark` it also makes that ours, by the way that
//! `apply` goes. What is written is held against Azure first: a plan from it changes nothing that it did not before.

use std::{collections::BTreeSet, fmt::Write as _, time::Instant};

use clap::Args;
use jiff::{civil::Date, tz::TimeZone};

use crate::{
    app::{
        Exit, Note,
        adopt::{AdoptInput, Edits, Written},
    },
    config,
    edit::{self, Edited},
    model::{ids::UserName, observed::PimService},
    plan::adopt::{self, TakenOut},
    report::{self, Fit, ReportFormat, Style, View},
};

use super::{
    Global, TOOL,
    apply::{applying, ask_whether, conclude, record},
    change::{diff, diff_new},
    connect::Connection,
    environment,
    grant::day,
    output,
    planning::Planned,
    progress,
    reports::Reports,
};

/// Write owners' files for what stands in Azure, so that the next plan has nothing to do
#[derive(Debug, Args)]
#[command(after_help = "Example: tilgang adopt --dir examples/altinn --simulate --check

Owners are those of tilgang.yaml and owners/, and those whom the naming rule of subscriptions reveals. What no role can say \
(groups, conditions, what PIM gives, half a role, wider scopes) becomes a comment in the file and a finding.

What others made stays theirs, and meets what git lists as long as it stands: whom git drops keeps it, as `unmanaged`, and would \
be adopted again. With --mark it becomes ours by its description, and `tilgang apply` removes it when git drops the person.")]
pub(super) struct Adopt {
    /// Write nothing: show the difference, and exit with 2 if there is one
    #[arg(long, conflicts_with = "yes")]
    check: bool,
    /// Do not ask: for CI
    #[arg(long)]
    yes: bool,
    /// Also make ours what others made and git lists, by its description in Azure
    #[arg(long)]
    mark: bool,
    /// State this reason where `policy.require` demands one
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
    /// State this ticket where `policy.require` demands one
    #[arg(long, value_name = "TICKET")]
    ticket: Option<String>,
    /// State this last day where `policy.require` demands one
    #[arg(long, value_name = "YYYY-MM-DD", value_parser = day)]
    until: Option<Date>,
    #[command(flatten)]
    reports: Reports,
}

impl Adopt {
    pub(super) async fn run(&self, global: &Global) -> Exit {
        let today = environment::now().to_zoned(TimeZone::UTC).date();
        if let Some(day) = self.until.filter(|day| *day < today) {
            return output::usage(global, format!("`--until {day}` has passed: it would let nobody in"));
        }
        let mut reports = match self.reports.open(global) {
            Ok(reports) => reports,
            Err(exit) => return exit,
        };
        let is_text = reports.format() == ReportFormat::Text;
        if !self.mark && !is_text {
            return output::usage(global, "`--format` is for what `--mark` does: files are shown as they will be");
        }
        let (look, connection) = match Box::pin(self.observe(global)).await {
            Ok(read) => read,
            Err(exit) => return exit,
        };
        let begun = Instant::now();
        let may_list = |name: &str| config::may_be_listed(name, &look.loaded.domains);
        let (reason, ticket) = (self.reason.as_deref(), self.ticket.as_deref());
        let terms = adopt::Terms { may_list: &may_list, reason, ticket, until: self.until };
        let written = match look.written(terms) {
            Ok(written) => written,
            Err(error) => return output::error(global, &error),
        };
        let reading = Exit::Failed.when(!written.plan.is_complete() || written.counted.subscriptions == 0);
        show(&written, &look, self, global);
        let exit = if self.check {
            let is_pending = !written.edits.is_empty() || (self.mark && !look.marks(&written).is_empty());
            reading.max(Exit::Pending.when(is_pending))
        } else {
            match self.write(&look, &written, global) {
                Ok(()) => reading,
                Err(exit) => return exit,
            }
        };
        close(&written, &look, self);
        if !self.mark {
            return exit;
        }
        let marking = match look.marking(written, if self.check { Edits::Shown } else { Edits::Written }) {
            Ok(marking) => marking,
            Err(error) => return output::error(global, &error),
        };
        let recording = connection.recording(&marking.workspace, &marking.desired);
        let run = marking.plan(recording.records());
        if run.plan().changes.is_empty() && is_text {
            output::say("Nothing to mark: whatever git lists and a description may mark is ours.");
            return exit;
        }
        if is_text {
            output::result("\n"); // what is written to files was printed before
        }
        if self.check {
            reports.print(&run, global, |view, format, style| report::plan(&applying(view), format, style));
            output::say("Nothing was marked. `tilgang adopt --mark` marks it.");
            return exit.max(run.exit());
        }
        let planned = Planned { run, recording, connection };
        if let Err(exit) = record(&planned, "nothing was marked", global) {
            return exit;
        }
        exit.max(Box::pin(conclude("adopt", self.yes, &mut reports, planned, begun, global)).await)
    }

    async fn observe(&self, global: &Global) -> Result<(AdoptInput, Connection), Exit> {
        let dir = global.find_dir()?;
        let (workspace, desired) = AdoptInput::read(&dir).map_err(|error| output::error(global, &error))?;
        let connection = Connection::open(global, &workspace, desired.tenant).await?;
        let spinner = progress::looking();
        let records = connection.recording(&workspace, &desired).records();
        let (now, azure) = (connection.now(), &connection.reader);
        let work = AdoptInput::observe((workspace, desired), &global.owner, (now, &records), azure);
        let work = Box::pin(work); // it holds much
        let observed = progress::telling(&spinner, || connection.session.waiting(), work).await;
        spinner.finish_and_clear();
        Ok((observed.map_err(|error| output::error(global, &error))?, connection))
    }

    /// Asks, and writes.
    fn write(&self, look: &AdoptInput, written: &Written, global: &Global) -> Result<(), Exit> {
        if written.edits.is_empty() {
            return Ok(());
        }
        if !self.yes {
            let files = written.edits.len();
            match ask_whether(&format!("Write {files} file{}?", if files == 1 { "" } else { "s" })) {
                Some(true) => {}
                Some(false) => {
                    output::say("nothing was written");
                    return Err(Exit::Converged);
                }
                None => {
                    let words = "nobody can be asked here; pass `--yes` to write without asking, or `--check` to look";
                    return Err(output::usage(global, words));
                }
            }
        }
        for edited in &written.edits {
            edit::write(&look.dir, edited)
                .map_err(|error| output::fail(global, format_args!("{}: {error}", edited.path)))?;
        }
        Ok(())
    }
}

/// The difference, then what is left out.
fn show(written: &Written, look: &AdoptInput, adopt: &Adopt, global: &Global) {
    let mut text = String::new();
    for Edited { path, is_new, before, after, .. } in &written.edits {
        text += &if *is_new { diff_new(path, after) } else { diff(path, before, after) };
    }
    let style = if global.color.stdout() { Style::Colour } else { Style::Plain };
    let report = in_view(written, look, |view| report::adoption(view, written.counted, style));
    let gap = if text.is_empty() { "" } else { "\n" };
    let _ = write!(text, "{gap}{report}");
    if adopt.reports.format == ReportFormat::Text { output::result(&text) } else { output::say(text.trim_end()) }
}

/// What this means, and what comes next.
fn close(written: &Written, look: &AdoptInput, adopt: &Adopt) {
    if look.observed.other.pim == PimService::Unlicensed {
        output::note(&Note::NoPim);
    }
    if written.unlisted > 0 {
        let (number, are) = (written.unlisted, if written.unlisted == 1 { "assignment" } else { "assignments" });
        output::say(format_args!(
            "note: {number} {are} of ours that git no longer lists stay unlisted: `tilgang plan` shows what becomes of them"
        ));
    }
    if !written.taken_out.is_empty() {
        output::say(taken_out(&written.taken_out));
    }
    for owner in &written.lost {
        output::say(format_args!(
            "note: what stands at {owner} was made by tilgang, and owners/{owner}.yaml is missing: git's history may have it, \
             with last days and reasons that Azure does not know (`git log --all -- owners/{owner}.yaml`)"
        ));
    }
    if !written.empty.is_empty() {
        let owners = written.empty.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
        output::say(format_args!(
            "note: subscriptions are named as those of {owners}, and hold nothing that the naming rule leads to: left out"
        ));
    }
    for (owner, name) in &look.observed.absent {
        let revealed = !look.loaded.desired.iter().any(|desired| desired.owners.contains_key(owner));
        if !revealed && written.counted.subscriptions > 0 {
            output::say(format_args!("note: our identity sees no subscription `{name}`: nothing was looked at there"));
        }
        if revealed && !written.empty.contains(owner) {
            output::say(format_args!(
                "note: our identity sees no subscription `{name}`; if {owner} has none, say so in tilgang.yaml: \
                 `owners: {{ {owner}: {{ environments: [{}] }} }}`",
                look.seen(*owner).join(", ")
            ));
        }
    }
    if !written.plan.changes.is_empty() {
        let (number, are) =
            (written.plan.changes.len(), if written.plan.changes.len() == 1 { "change" } else { "changes" });
        output::say(format_args!(
            "note: a plan from these files has {number} {are} to make: `tilgang plan` shows them"
        ));
    }
    if adopt.check {
        if !written.edits.is_empty() {
            output::say("Nothing was written. `tilgang adopt` writes it.");
        }
    } else if !written.edits.is_empty() {
        output::say("Written. Read the files, and commit them: a plan from them has nothing more to do than before.");
    }
    let theirs = look.marks(written).len();
    if !adopt.mark && theirs > 0 {
        let (is, it) = if theirs == 1 { ("is", "it") } else { ("are", "them") };
        output::say(format!(
            "{} that git lists {is} not managed by tilgang yet. If you later remove the person from git, they keep the access. To \
             take {it} over: `tilgang adopt --mark`",
            super::validate::count(theirs, "assignment")
        ));
    }
}

/// So many people who were removed from git are named with a command each. Ours: the findings name all.
const TAKEN_OUT_NAMED_MAX: usize = 10;

/// Whom adoption does not list again, and how to.
fn taken_out(all: &BTreeSet<TakenOut>) -> String {
    let people: BTreeSet<&UserName> = all.iter().map(|it| &it.user).collect();
    let (people, were, them) = match people.len() {
        1 => ("1 person".to_owned(), "was", "has"),
        many => (format!("{many} people"), "were", "have"),
    };
    let mut text = format!(
        "note: {people} {were} removed from git and still {them} access, so adopt does not list them again (`keeps` above). Remove the \
         assignments in the portal; or, to list somebody again:"
    );
    for TakenOut { owner, user, role } in all.iter().take(TAKEN_OUT_NAMED_MAX) {
        let _ = write!(text, "\n  tilgang grant {user} {role} --owner {owner}");
    }
    if all.len() > TAKEN_OUT_NAMED_MAX {
        let _ = write!(text, "\n  and {} more", all.len() - TAKEN_OUT_NAMED_MAX);
    }
    text
}

fn in_view<T>(written: &Written, look: &AdoptInput, report: impl FnOnce(&View<'_>) -> T) -> T {
    report(&View {
        desired: &look.desired,
        plan: &written.plan,
        refused: &[],
        deferred: &[],
        places: &|origin| look.loaded.sources.place(origin),
        errors: 0,
        mistakes: &[],
        folder: "",
        observed_at: look.observed.at,
        config_digest: &look.loaded.digest,
        observed_digest: "",
        tool: TOOL,
        is_applying: false,
        fit: Fit::default(),
        owners: look.scope.owners(),
        saved: None,
        base: None,
    })
}
