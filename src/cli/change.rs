//! What `grant` and `revoke` share: the change is made of every owner's file first, then all are written, or none is.

use jiff::tz::TimeZone;

use crate::{
    config,
    edit::{self, Change, EditError, Edited, Granted},
    model::visible::argument,
};

use super::{Exit, Global, environment, output, workspace::draw};

/// Changes these owners' files, or with `check` shows what would change.
pub(super) fn carry_out(global: &Global, change: &Change, check: bool) -> Exit {
    let dir = match global.find_dir() {
        Ok(dir) => dir,
        Err(exit) => return exit,
    };
    let loaded = config::load(&dir);
    let today = environment::now().to_zoned(TimeZone::UTC).date();
    let mut edits: Vec<Edited> = Vec::new();
    let mut exit = Exit::Converged;
    for (at, owner) in global.owner.iter().enumerate() {
        if global.owner.iter().take(at).any(|earlier| earlier == owner) {
            continue;
        }
        match edit::changed(&loaded, owner, change, today) {
            Ok(edited) => edits.push(edited),
            Err(error) => exit = exit.max(tell(global, owner, &error)),
        }
    }
    if exit != Exit::Converged {
        return exit;
    }
    let elsewhere = edit::at_two_owners(&loaded, &edits, today);
    if let Some(first) = elsewhere.first() {
        for found in &elsewhere {
            output::say_drawn(draw(&found.error, global.color.stderr()));
        }
        let words =
            format!("a plan would block this, as `{}` is listed at two owners; nothing was written", first.person);
        return output::fail(global, words);
    }
    if check {
        for edited in &edits {
            output::result(&diff(&edited.path, &edited.before, &edited.after));
        }
        return Exit::Pending;
    }
    for edited in &edits {
        if let Err(error) = edit::write(&dir, edited) {
            return output::fail(global, format!("{}: {error}", edited.path));
        }
        output::result(&told(edited));
        for line in &edited.comments_kept {
            output::say(format_args!(
                "note: the comment in {}:{line} stays; delete it if it was about what is gone",
                edited.path
            ));
        }
    }
    output::say("Nothing has changed in Azure yet: `tilgang plan` shows what will.");
    exit
}

/// What was written, a role a line.
fn told(edited: &Edited) -> String {
    let path = &edited.path;
    let granted = edited.granted.iter().map(|Granted { grant, line, is_new }| {
        let sign = if *is_new { '+' } else { '~' };
        let until = grant.until.map(|until| format!("until {until}"));
        let said = [until.as_deref(), grant.reason.as_deref(), grant.ticket.as_deref()];
        let said = said.into_iter().flatten().collect::<Vec<_>>().join(", ");
        format!("{path}:{line}  {sign} {}  {} {said}", grant.user.name, grant.role).trim_end().to_owned()
    });
    let revoked = edited.revoked.iter().map(|grant| format!("{path}  - {}  {}", grant.user.name, grant.role));
    let lines: Vec<_> = granted.chain(revoked).collect();
    // A person without a role went, or got an id.
    if lines.is_empty() { format!("{path}  changed\n") } else { lines.join("\n") + "\n" }
}

fn tell(global: &Global, owner: &str, error: &EditError) -> Exit {
    match error {
        EditError::Broken(errors) => {
            for error in errors {
                output::say(draw(error, global.color.stderr()));
            }
        }
        EditError::Invalid(errors) => {
            for error in errors {
                let help = match error.message().rsplit('`').nth(1) {
                    Some(key) if error.rule().name == "role-requires" => Some(format!("state it with `--{key}`")),
                    _ => error.help_text().map(str::to_owned),
                };
                output::fail(global, with_help(error.message(), help));
            }
            return Exit::Failed;
        }
        _ => {}
    }
    let message = argument(&error.to_string());
    if let EditError::UnknownOwner { .. } = error {
        return output::usage(global, with_help(&message, error.help()));
    }
    let place = error.line().map(|line| format!(":{line}")).unwrap_or_default();
    output::fail(global, with_help(&format!("owners/{owner}.yaml{place}: {message}"), error.help()))
}

/// A message, and below it what to do.
pub(super) fn with_help(message: &str, help: Option<String>) -> String {
    help.map_or_else(|| message.to_owned(), |help| format!("{message}\n  help: {help}"))
}

/// A file that is not there yet, as `git diff` shows it.
pub(super) fn diff_new(path: &str, text: &str) -> String {
    similar::TextDiff::from_lines("", text).unified_diff().header("/dev/null", &format!("b/{path}")).to_string()
}

/// The difference between two texts of a file, as `git diff` shows it.
pub(super) fn diff(path: &str, before: &str, after: &str) -> String {
    let diff = similar::TextDiff::from_lines(before, after);
    diff.unified_diff().header(&format!("a/{path}"), &format!("b/{path}")).to_string()
}
