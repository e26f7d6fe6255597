//! Classes of drift in words: what each means, and what mends it.

use crate::plan::drift::Class;

/// What a class of drift means.
pub(super) fn meaning(class: Class) -> &'static str {
    match class {
        Class::Missing => "git wants it, Azure does not have it",
        Class::Altered => "stands, but not as git says",
        Class::Surplus => "stands, and the owner's file does not list it",
        Class::Expired => "stands after its last day",
        Class::Stray => "made by tilgang, where no file, rule or catalogue puts anything",
        Class::Orphaned => "its person is no longer in Entra",
        Class::Unmanaged => "others made it, and git does not list it",
        Class::Lookalike => "others made what opens the same, and git does not list it",
    }
}

/// What mends a change of a class.
pub(super) fn remedy(class: Class) -> &'static str {
    match class {
        Class::Missing => "`tilgang apply` makes it; if nobody should have it, take it out of the owner's file",
        Class::Altered => "`tilgang apply` puts it right",
        Class::Surplus => "`tilgang apply` removes it; if it is meant, list it in the owner's file",
        Class::Expired => "`tilgang apply --only expired` removes it; if it is still needed, write a later `until`",
        Class::Stray => {
            "`tilgang apply` removes it; if it should stand, correct the rule or the catalogue in `tilgang.yaml`"
        }
        Class::Orphaned | Class::Unmanaged => "`tilgang apply` removes it",
        Class::Lookalike => "take it away by hand, list the person in git, or accept it in `policy.accept`",
    }
}
