//! `tilgang why`: why a person has what they have, and why not what git wants.

use std::collections::BTreeSet;

use clap::Args;

use crate::{
    access::{self, Access, Found, Subject},
    model::{
        ids::{PrincipalId, UserName},
        people::{ById, ByName, Hint},
    },
    plan::change::Who,
    ports::Directory,
    report::{
        self, Format, Style,
        access::{Asked, Why as Question},
    },
};

use super::{Exit, Global, TOOL, connect::Connection, output, questions};

const HELP: &str = "Examples:
  Why can Siri read secrets in production at ttd?
    tilgang why siri.proeve@ai-dev.brreg.no --owner ttd --env prod
  Somebody by a part of their name, at every owner
    tilgang why fiktiv

Exit codes: 0 answered; 1 something could not be read, or nobody is called so; 64 several people are called so.";

/// Say why a person has the access they have: by which line of git, whose commit, or by whose assignment and group
///
/// What git lists and Azure does not have is said, too, with the reason. Conditions and deny assignments are named and not
/// weighed.
#[derive(Debug, Args)]
#[command(after_help = HELP)]
pub(super) struct Why {
    /// A sign-in name, an object id, or a part of a name that only one person has
    #[arg(value_name = "PERSON")]
    person: String,
    /// Only in this environment
    #[arg(long, value_name = "ENVIRONMENT")]
    env: Option<String>,
    /// How the answer looks
    #[arg(long, value_enum, default_value_t = Format::Text, value_name = "FORMAT")]
    format: Format,
}

impl Why {
    pub(super) async fn run(&self, global: &Global) -> Exit {
        Box::pin(self.answer(global)).await.unwrap_or_else(|exit| exit)
    }

    async fn answer(&self, global: &Global) -> Result<Exit, Exit> {
        let (answer, far) = questions::answer(global, global.workspace()?).await?;
        let environment = questions::environment(global, self.env.as_deref(), &answer.desired, &answer.scope)?;
        let access = answer.access();
        let subject = match access::find(&self.person, &access, &answer.observed) {
            Found::One(subject) => subject,
            Found::Several(several) => return Err(self.several(global, &several)),
            Found::Nobody(close) => self.look_up(global, &far, &access, &close).await?,
        };
        let sources = &answer.workspace.loaded.sources;
        let is_theirs = |listed: &&access::Listed<'_>| match &subject {
            Subject::Known(who) => listed.person == Some(who.id),
            Subject::Listed(name) => listed.grant.user.name == *name,
        };
        let commits = answer.commits(access.listed.iter().filter(is_theirs).map(|listed| &listed.grant.origin));
        let asked = Asked {
            desired: &answer.desired,
            plan: &answer.plan,
            access: &access,
            places: &|origin| sources.place(origin),
            commits: &commits,
            at: answer.observed.at,
            tool: TOOL,
        };
        let owners = answer.scope.owners();
        let question = Question { subject: &subject, owners, environment: environment.as_ref() };
        let style = if global.color.stdout() { Style::Colour } else { Style::Plain };
        output::result(&report::access::why(&asked, &question, self.format, style));
        let read = if question.is_answered(&asked) { Exit::Converged } else { Exit::Failed };
        Ok(answer.workspace.exit().max(read))
    }

    /// Somebody who holds nothing and is not listed: Entra may know them all the same.
    async fn look_up(
        &self,
        global: &Global,
        far: &Connection,
        access: &Access<'_>,
        close: &[UserName],
    ) -> Result<Subject, Exit> {
        if let Ok(id) = self.person.parse::<PrincipalId>() {
            let answers = far.reader.by_id(&[id].into()).await;
            return match answers.into_values().next() {
                Some(ById::Person(person)) => Ok(Subject::Known(Who::person(&person))),
                Some(ById::NotAPerson(name)) => {
                    let words = format!("{id} is `{name}`, not a person, and holds nothing here");
                    Err(output::fail(global, words))
                }
                Some(ById::Deleted { name, .. }) => {
                    Err(output::fail(global, format_args!("{id} is `{name}`, who was deleted; and holds nothing here")))
                }
                Some(ById::Unanswered(trouble)) => Err(output::fail(global, trouble)),
                Some(ById::NoUser) => {
                    let words = format!(
                        "no user has the id {id}, deleted ones included; whether a group or an application has it could not \
                         be asked"
                    );
                    Err(output::fail(global, words))
                }
                Some(ById::Gone) | None => Err(output::fail(global, format_args!("nobody in Entra has the id {id}"))),
            };
        }
        if !self.person.contains('@') {
            return Err(self.nobody(global, &self.close_to(access)));
        }
        let name = UserName::new(&self.person);
        match far.reader.by_name(&[name].into()).await.into_values().next() {
            Some(ByName::Person(person)) => Ok(Subject::Known(Who::person(&person))),
            Some(ByName::Unanswered(trouble)) => Err(output::fail(global, trouble)),
            Some(ByName::Nobody(Hint::Nearest(name))) => Err(self.nobody(global, &first([name].into(), close))),
            Some(ByName::Nobody(Hint::MailOf(names))) => Err(self.nobody(global, &first(names, close))),
            Some(ByName::Nobody(Hint::Deleted { id, .. })) => {
                let words =
                    format!("`{}` was deleted from Entra (object id {id}), and holds nothing here", self.person);
                Err(output::fail(global, words))
            }
            Some(ByName::Nobody(Hint::Nothing)) | None => Err(self.nobody(global, close)),
        }
    }

    /// People who are called nearly so: a part of a name may be misspelt.
    fn close_to(&self, access: &Access<'_>) -> Vec<UserName> {
        let known = access.holders.values().filter_map(|holder| holder.who.name.clone());
        let listed = access.listed.iter().map(|listed| listed.grant.user.name.clone());
        let mut names: Vec<UserName> = known.chain(listed).collect();
        names.sort();
        names.dedup();
        let text = self.person.to_lowercase();
        let is_close = |name: &UserName| {
            let mut parts = name.local().split(['.', '-', '_']);
            parts.any(|part| strsim::osa_distance(part, &text) <= 2 && text.chars().count() > 2)
        };
        names.into_iter().filter(is_close).take(3).collect()
    }

    fn nobody(&self, global: &Global, close: &[UserName]) -> Exit {
        let hint = match close {
            [] => "no owner's file lists such a person, and nobody who is called so holds anything here".to_owned(),
            close => {
                let names: Vec<String> = close.iter().map(|name| format!("`{name}`")).collect();
                format!("did you mean {}?", names.join(" or "))
            }
        };
        output::fail(global, format_args!("nobody is called `{}`: {hint}", self.person))
    }

    fn several(&self, global: &Global, several: &[Subject]) -> Exit {
        let name = |subject: &Subject| match subject {
            Subject::Known(who) => who.to_string(),
            Subject::Listed(name) => name.to_string(),
        };
        let names: Vec<String> = several.iter().map(name).collect();
        output::usage(
            global,
            format_args!("{} people are called `{}`: which of {}?", several.len(), self.person, names.join(", ")),
        )
    }
}

/// These names before the others that are close.
fn first(names: BTreeSet<UserName>, close: &[UserName]) -> Vec<UserName> {
    let others: Vec<UserName> = close.iter().filter(|other| !names.contains(*other)).cloned().collect();
    names.into_iter().chain(others).collect()
}
