//! Every code that a note may carry, with what it means and what helps: what code scanning shows beside a result.

use crate::config::RULES;

/// A code in words.
#[derive(Clone, Copy, Debug)]
pub(super) struct Row {
    pub code: &'static str,
    /// What it means.
    pub what: &'static str,
    /// What to do.
    pub help: &'static str,
}

const fn row_of(code: &'static str, what: &'static str, help: &'static str) -> Row {
    Row { code, what, help }
}

const LIMIT: &str = "If all of these removals are meant, let the platform team raise the limit by a dated file in `overrides/`; or remove fewer at a time.";
const NAME: &str = "Correct the entry in the owner's file, or take it out.";
const AGAIN: &str = "Run again; `tilgang doctor` shows whether a right is missing.";
const HAND: &str = "List it in git, take it away by hand, or accept it in `policy.accept`.";

/// Codes of blocks, refusals, findings, drift and outcomes. Those of mistakes in files are [`RULES`].
#[rustfmt::skip]
static ROWS: &[Row] = &[
    row_of("unknown-person", "Entra knows nobody by this sign-in name", "The person must be a registered user first; check the spelling of the sign-in name."),
    row_of("gone-person", "The object id in git belongs to nobody", NAME),
    row_of("not-a-person", "The object id in git belongs to a group or an application", NAME),
    row_of("other-person", "Another person stands behind the name than git's object id says", "Find out which of the two is meant, and correct `user` or `id`."),
    row_of("person-unanswered", "Entra could not say who this is", AGAIN),
    row_of("target-missing", "The owner has no such resource", "Make the resource fit in Azure; or correct the rule, or the owner's `resources`, in `tilgang.yaml`."),
    row_of("target-ambiguous", "Several resources fit where one is meant", "Rename one, or tag only the right one, so that one is left."),
    row_of("target-shared", "One resource is the target of two owners, environments or kinds", "Give each a resource of its own in `tilgang.yaml`."),
    row_of("unread", "A part of Azure could not be read: nothing is removed there", AGAIN),
    row_of("role-missing", "Azure has no role definition with this GUID", "Correct `definition` in `tilgang.yaml`, or create the role definition."),
    row_of("role-unread", "What a role definition permits could not be read: nothing new is granted of it", AGAIN),
    row_of("role-name", "Azure calls the role definition otherwise than the workspace does", "Write Azure's name in `tilgang.yaml`, or correct `definition`."),
    row_of("role-renamed", "Microsoft renamed a role definition of its own, and it permits what it did", "Write its new name in `tilgang.yaml`."),
    row_of("privileged", "The role definition gives access to others, and no role says why it may", "Give a narrower one, or write `privileged: \"<reason>\"` beside its `definition` in `tilgang.yaml`."),
    row_of("broad", "The role definition reaches nearly everything, and no role says why it may", "Give a narrower one, or write `privileged: \"<reason>\"` beside its `definition` in `tilgang.yaml`."),
    row_of("role-gives-less", "The role definition does not give what `may` claims", "Give one that does, or correct `may` in `tilgang.yaml`."),
    row_of("role-not-assignable", "The role definition cannot be assigned at the target", "Add the subscription to its assignable scopes, or give another."),
    row_of("role-changed", "The role definition permits something else than when it was last seen", "Make sure that the change is meant; then accept it in `policy.accept`, or change the role."),
    row_of("role-definition", "A role definition that git gives is not what the workspace says", "Correct it in Azure, or the role in `tilgang.yaml`."),
    row_of("held-with-condition", "Somebody else's assignment with a condition stands in its place", "Take the other assignment away in the portal, and run again."),
    row_of("held-by-pim", "The person holds it through PIM, for a time", "Run again when it has ended there."),
    row_of("pim-unanswered", "Whether PIM ends it could not be asked", AGAIN),
    row_of("owner-file-missing", "The owner has no file: nothing explains a removal", "Restore the file; or, if the owner has left, write one with `removed: true`."),
    row_of("owner-file-broken", "The owner's file has errors: it explains nothing", "Correct the errors in the owner's file."),
    row_of("owner-unknown", "Nobody can say whose assignment this is", "Remove it by hand, if nobody needs it."),
    row_of("doubt", "Somebody whom git lists could not be told from the holder", "Make sure who the listed person is; then run again."),
    row_of("still-listed", "Git still lists the person, but where it should now stand is not known", "Correct the naming rule or the catalogue in `tilgang.yaml`."),
    row_of("not-shown", "Ours stands at a resource that Resource Graph does not show", "If the resource was moved or deleted, remove the assignment by hand: it opens nothing there."),
    row_of("grant-waits", "The person shall have another role in its place, and cannot get it now", "See to it that the other role can be granted."),
    row_of("made-after-commit", "It was made after the commit that was read", "Run from that commit, or from a newer one."),
    row_of("commit-unknown", "Git could not say which commit this is", "Run in a clone whose history git can read."),
    row_of("locked", "A lock stops changes there", "Let the lock's owner take it off for the change."),
    row_of("too-long", "It lasts longer than `policy.longest` allows", "Write an earlier `until`."),
    row_of("too-many-holders", "More people are listed with this role than `policy.holders_max` allows", "Take somebody out, or let the platform team raise the number."),
    row_of("two-owners", "The person is listed at two owners, and not both files say so", "Write `also_at` in both files."),
    row_of("not-a-member", "The person does not belong to the owner", "Let the owner make the person a member, or take the entry out of the file."),
    row_of("membership-unknown", "Whether people belong to the owner could not be found out", AGAIN),
    row_of("guest", "The person is a guest from elsewhere", "Use an account of the tenant, or let the platform team change `policy.block`."),
    row_of("disabled", "The account is disabled", "Enable the account, or take the entry out of the file."),
    row_of("no-room", "The subscription cannot hold so many assignments", "Take assignments away that nobody needs, or use groups."),
    row_of("protected", "The person is protected: tilgang takes nothing away from them", "List the role in the owner's file again, or take the person out of `policy.protected`."),
    row_of("protected-unknown", "`policy.protected` names somebody who cannot be found: until then nothing is removed", "Correct the entry in `tilgang.yaml`."),
    row_of("frozen", "Changes are frozen", "Wait until the freeze has ended; or let the platform team take it out of `policy.freeze`."),
    row_of("revokes-per-owner", "More removals at one owner than policy allows", LIMIT),
    row_of("revokes-prod-per-owner", "More removals at one owner in production than policy allows", LIMIT),
    row_of("revokes-share", "A larger share of what stands would go than policy allows", LIMIT),
    row_of("revokes-max", "More removals in one run than policy allows", LIMIT),
    row_of("expiries-max", "More grants ended in one run than policy allows", LIMIT),
    row_of("older-commit", "A newer commit was applied before", "Run from that commit, or from a newer one."),
    row_of("unmanaged", "Others made it, and git does not list it", HAND),
    row_of("orphaned", "Its person is no longer in Entra", "`tilgang apply` removes what is ours; the rest goes by hand."),
    row_of("no-effect", "The grant does not do what it says", "Correct the resource in Azure, or take the grant out of the file."),
    row_of("renamed", "The person has another sign-in name than git says", "Write the new name in the file."),
    row_of("not-seen", "Our identity does not see a subscription of the owner", "Give it the right to read there; or say which `environments` the owner has."),
    row_of("same-name", "Several subscriptions have the name that the naming rule gives to an owner", "Rename the ones that are not meant: a display name is not unique in Azure."),
    row_of("may-end", "Somebody else's assignment satisfies the grant, and may end by itself", AGAIN),
    row_of("lookalike", "Others made what opens the same, and git does not list it", HAND),
    row_of("inherited", "The person already holds the same from a wider scope", "Take the wider one away, if it is not meant."),
    row_of("keeps", "No longer granted in git, and keeps the access by an assignment created outside tilgang", "Remove the assignment in the portal, list the person again, or accept it in `policy.accept`."),
    row_of("still-held", "Taken out of git by this change, and the person would keep the access another way", "Take the other way away by hand, too, if the access is to end."),
    row_of("base", "How this was told from what differed before", "Nothing to do: this is to be seen."),
    row_of("not-enabled", "A subscription may refuse changes", "Enable the subscription again."),
    row_of("near-limit", "Little room is left under the limit on role assignments", "Take assignments away that nobody needs, or use groups."),
    row_of("unanswered", "Something that may make a change fail could not be asked", AGAIN),
    row_of("role-emptied", "Nobody is left with a role in production", "Make sure that this is meant."),
    row_of("accept-unused", "An entry of `policy.accept` accepts nothing any more", "Take it out of `tilgang.yaml`."),
    row_of("exception-ended", "An exception whose last day has passed", "Take it out."),
    row_of("name-changed-hands", "A sign-in name, listed without `id`, led to another account before", "Find out who is meant, and write the account's `id` below the name in the owner's file."),
    row_of("newer-than-line", "An account, listed without `id`, is younger than the line that lists it", "Find out who is meant, and write the account's `id` below the name in the owner's file."),
    row_of("line-age-unknown", "Policy blocks accounts that are younger than their line, and how old the line is is not known", "Commit the file, or fetch the whole history (`fetch-depth: 0`); or write the account's `id` below the name."),
    row_of("other-instance", "Assignments bear the mark of another instance of tilgang", "If this instance was renamed, name it in `former_instances`; if a second one is meant, accept it in `policy.accept`."),
    row_of("recreated", "A target is not the resource that the ledger knew: it was made anew", "Make sure that it is the owner's, and that its assignments are meant."),
    row_of("not-assignable", "The condition of our identity's role leaves out what a change is about, or a deny assignment forbids it", "Write the condition anew: `tilgang identity --for applying` prints it; or exclude the identity from the deny assignment."),
    row_of("target-recreated", "The resource was deleted and made anew before the first write", "Make a new plan."),
    row_of("left-out", "The owner's file has errors: what stands stays as it is", "Correct the errors in the owner's file."),
    row_of("override", "Removals go beyond the limits, by a dated override", "Nothing to do: this is to be seen."),
    row_of("failed", "Azure refused the change", "Read Azure's answer: `tilgang doctor` shows whether a right is missing, and against a deny assignment no right helps. Else run `tilgang apply` again."),
    row_of("held-back", "Not taken away, because what the same person should gain failed", "Run `tilgang apply` again."),
    row_of("not-tried", "The run ended before", "Run `tilgang apply` again."),
    row_of("other-kind", "The run was narrowed to other kinds of changes", "`tilgang plan` shows what a whole run would do, and what policy says to it."),
    row_of("ended-long-ago", "It expired so long ago that this counts as a removal and not as an expiry", "`tilgang apply` removes it, if the limits for removals allow it."),
    row_of("ended-unmanaged", "It expired, and others made the assignment: this counts as a removal and not as an expiry", "`tilgang apply` removes it, if the limits for removals allow it."),
    row_of("already", "It was so already", "Nothing to do."),
    row_of("target-gone", "The resource was gone before the first write", "Make a new plan."),
    row_of("target-other", "Another resource has the name now", "Make a new plan."),
    row_of("target-mode", "The resource changed its mode before the first write", "Make a new plan."),
    row_of("target-unread", "The resource could not be read before the first write", AGAIN),
    row_of("person-back", "The person is back in Entra", "Make a new plan."),
    row_of("missing", "Git wants it, Azure does not have it", "`tilgang apply` makes it."),
    row_of("altered", "It stands, but not as git says", "`tilgang apply` puts it right."),
    row_of("description-lost", "Made by tilgang, and its description no longer says so", "`tilgang apply` writes it again; let the tool that clears it leave it alone."),
    row_of("expiring-soon", "It stands as git says, and its last day is near", "If it is still needed, write a later `until`."),
    row_of("surplus", "It stands, and the owner's file does not list it", "`tilgang apply` removes it; if it is meant, list it in the owner's file."),
    row_of("expired", "It stands after its last day", "`tilgang apply` removes it; if it is still needed, write a later `until`."),
    row_of("stray", "Made by tilgang, where no file, rule or catalogue puts anything", "`tilgang apply` removes it; if it should stand, correct the rule or the catalogue."),
    row_of("blocked", "Git asks for it, and it cannot be done, or not safely", "What is in its way stands with each."),
    row_of("grant", "Somebody gains a role", "Nothing to do: this is to be seen."),
    row_of("update", "An assignment is put right", "Nothing to do: this is to be seen."),
    row_of("revoke", "Somebody loses a role", "Nothing to do: this is to be seen."),
];

/// What a code means.
pub(super) fn row(code: &str) -> Row {
    if let Some(row) = ROWS.iter().find(|row| row.code == code) {
        return *row;
    }
    match RULES.iter().find(|rule| rule.name == code) {
        Some(rule) => row_of(
            rule.name,
            rule.why,
            "`tilgang validate` shows every mistake at its place, with what is probably meant.",
        ),
        None => row_of("", "tilgang found this", "`tilgang plan` says more."),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The words stand in the code of other rooms, as `=> "word"` and `= "word"`.
    #[test]
    fn every_code_is_told() {
        let words = regex::Regex::new(r#"=>? "([a-z]+(?:-[a-z]+)*)"[,;]"#).unwrap();
        for (text, at_least) in [
            (include_str!("../plan/blocked.rs"), 5),
            (include_str!("../plan/approve.rs"), 5),
            (include_str!("../plan/again.rs"), 5),
            (include_str!("../plan/drift.rs"), 5),
            (include_str!("../model/code.rs"), 5),
            (include_str!("../plan/selection.rs"), 3),
        ] {
            let mut found = 0;
            for capture in words.captures_iter(text) {
                let code = capture.get(1).unwrap().as_str();
                if !["removals", "all"].contains(&code) {
                    assert_eq!(row(code).code, code);
                }
                found += 1;
            }
            assert!(found >= at_least);
        }
        assert!(RULES.iter().all(|rule| row(rule.name).code == rule.name));
    }

    #[test]
    fn no_code_is_told_twice() {
        for (at, row) in ROWS.iter().enumerate() {
            assert!(ROWS[at + 1..].iter().all(|other| other.code != row.code), "{}", row.code);
            assert!(RULES.iter().all(|rule| rule.name != row.code), "{}", row.code);
        }
    }
}
