//! What `doctor` found → text, JSON: what lacks, by right and then by place; what is too much; what stands in the way.

use std::{collections::BTreeMap, fmt::Write as _};

use serde_json::{Value, json};

use super::{
    Format,
    clean::{clean, clean_json},
};
use crate::model::ids::ScopeId;
use crate::rights::{
    Purpose, beyond_plans,
    verdict::{Excess, Lack, Place, Verdict},
};

/// Everything that is said.
#[derive(Clone, Copy, Debug)]
pub struct Checkup<'a> {
    /// What the identity is for.
    pub purpose: Purpose,
    /// Who it is, for people.
    pub who: &'a str,
    /// What is as it should be, and notes on it.
    pub good: &'a [(String, Vec<String>)],
    /// What the environment says and is not so here.
    pub notes: &'a [String],
    /// What stands in the way and is no matter of rights.
    pub problems: &'a [String],
    /// What the rights were asked for: nothing, or ` for …` where a part was left out.
    pub of: &'a str,
    /// What was found out about rights.
    pub verdict: &'a Verdict,
    /// The program and its version.
    pub tool: &'a str,
}

impl Checkup<'_> {
    /// Whether a run can do its work.
    #[must_use]
    pub fn is_well(&self) -> bool {
        self.problems.is_empty() && self.verdict.is_well()
    }
}

/// Subscriptions, and targets of one, that are named; what is beyond is counted.
const NAMED_MAX: usize = 5;

/// What was found. Ends with a line feed.
#[must_use]
pub fn doctor(checkup: &Checkup<'_>, format: Format) -> String {
    match format {
        Format::Json => clean_json(&format!("{:#}\n", as_json(checkup))),
        Format::Text => as_text(checkup),
    }
}

fn as_text(checkup: &Checkup<'_>) -> String {
    let mut page = Page::default();
    for (good, notes) in checkup.good {
        page.line("ok", good);
        for note in notes {
            page.line("", note);
        }
    }
    for note in checkup.notes {
        page.line("note", note);
    }
    for problem in checkup.problems {
        page.line("problem", problem);
    }
    let Verdict { lacks, unknown, excess, proven: _, untried } = checkup.verdict;
    let (word, of) = (checkup.purpose.word(), checkup.of);
    match checkup.verdict.whole() {
        whole if checkup.verdict.is_well() => {
            page.line(
                "ok",
                &format!("every permission that {word} needs{of} was tested and works ({whole} permissions)"),
            );
        }
        0 => {}
        1 => page.line("ok", &format!("1 permission was tested and works wherever {word} needs it{of}")),
        whole => page.line("ok", &format!("{whole} permissions were tested and work wherever {word} needs them{of}")),
    }
    page.line("note", "not tested, since neither `plan` nor `apply` uses it:");
    for (action, what) in beyond_plans() {
        page.line("", &format!("{action}, {what}"));
    }
    for (right, need) in untried {
        page.line("untested", &format!("{right}: {need}; nothing was found to test it on"));
    }
    for lack in lacks {
        page.lack("lacking", lack);
    }
    for lack in unknown {
        page.lack("unknown", lack);
    }
    for Excess { role, scope, reasons } in excess {
        let at = scope.as_ref().map_or_else(|| "in Microsoft Graph".to_owned(), |scope| format!("at {scope}"));
        page.line("too much", &format!("{role} {at}: {}", reasons.join("; ")));
    }
    if checkup.verdict.needs_rights() || !excess.is_empty() {
        page.line("", &format!("`tilgang identity --for {word}` writes the least that does"));
    }
    page.0
}

#[derive(Default)]
struct Page(String);

impl Page {
    fn line(&mut self, mark: &str, words: &str) {
        let _ = writeln!(self.0, "{mark:<9}{}", clean(words)); // writing to a String cannot fail
    }

    fn lack(&mut self, mark: &str, lack: &Lack) {
        let because = lack.because.as_ref().map(|why| format!("; {why}")).unwrap_or_default();
        self.line(mark, &format!("{}: {}{because}", lack.right, lack.need));
        let mut places: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for place in &lack.at {
            match place {
                Place::Graph => {
                    places.entry("Microsoft Graph").or_default();
                }
                Place::Subscription(_, name) => {
                    places.entry(name).or_default();
                }
                Place::Target(scope, subscription) => {
                    places.entry(subscription).or_default().push(scope.last_segment());
                }
            }
        }
        // A subscription as a whole is a word, one with targets a line.
        let (whole, parts): (Vec<_>, Vec<_>) = places.iter().partition(|(_, targets)| targets.is_empty());
        let named = |all: Vec<&str>| {
            let more = all.len().saturating_sub(NAMED_MAX);
            let named = all.into_iter().take(NAMED_MAX).collect::<Vec<_>>().join(", ");
            if more == 0 { named } else { format!("{named} and {more} more") }
        };
        if !whole.is_empty() {
            self.line("", &format!("at {}", named(whole.into_iter().map(|(name, _)| *name).collect())));
        }
        for (subscription, targets) in parts.iter().take(NAMED_MAX) {
            self.line("", &format!("at {subscription}: {}", named((*targets).clone())));
        }
        if let more @ 1.. = parts.len().saturating_sub(NAMED_MAX) {
            self.line("", &format!("and at {more} more subscriptions; `--format json` names all"));
        }
    }
}

fn as_json(checkup: &Checkup<'_>) -> Value {
    let place = |place: &Place| match place {
        Place::Graph => json!({ "graph": true }),
        Place::Subscription(id, name) => json!({ "scope": format!("/subscriptions/{id}"), "subscription": name }),
        Place::Target(scope, subscription) => json!({ "scope": scope.as_str(), "subscription": subscription }),
    };
    let lacks = |lacks: &[Lack]| -> Vec<Value> {
        let one = |lack: &Lack| {
            json!({
                "right": lack.right, "needed": lack.need, "because": lack.because,
                "at": lack.at.iter().map(place).collect::<Vec<_>>(),
            })
        };
        lacks.iter().map(one).collect()
    };
    let Verdict { lacks: lacking, unknown, excess: too_much, proven, untried } = checkup.verdict;
    let excess = |it: &Excess| json!({ "role": it.role, "scope": it.scope.as_ref().map(ScopeId::as_str), "reasons": it.reasons });
    json!({
        "format": 1, "tool": checkup.tool, "for": checkup.purpose.word(), "identity": checkup.who,
        "ok": checkup.is_well(), "problems": checkup.problems, "lacking": lacks(lacking), "unknown": lacks(unknown),
        "untested": untried, "beyond_plans": beyond_plans().collect::<BTreeMap<_, _>>(), "notes": checkup.notes,
        "too_much": too_much.iter().map(excess).collect::<Vec<_>>(), "proven": proven,
    })
}
