//! *Did you mean*: the known word nearest to a written one.

use super::error::Help;

/// The known word that was most likely meant, if any comes close.
pub(super) fn nearest<'a>(written: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let folded = fold(written);
    let far = |word: &str| strsim::damerau_levenshtein(&folded, &fold(word));
    let limit = 1.max(folded.chars().count() / 3);
    known.into_iter().map(|word| (far(word), word)).filter(|(far, _)| *far <= limit).min().map(|(_, word)| word)
}

/// `did you mean …?`, or the list of what there is when nothing comes close.
#[must_use]
pub fn did_you_mean<'a>(written: &str, known: impl IntoIterator<Item = &'a str> + Clone) -> Option<String> {
    if let Some(word) = nearest(written, known.clone()) {
        return Some(format!("did you mean `{word}`?"));
    }
    one_of(known)
}

/// `use one of …`.
pub(super) fn one_of<'a>(known: impl IntoIterator<Item = &'a str>) -> Help {
    let words: Vec<_> = known.into_iter().map(|word| format!("`{word}`")).collect();
    match words.as_slice() {
        [] => None,
        [only] => Some(format!("only {only} is known here")),
        [head @ .., last] => Some(format!("use one of {} and {last}", head.join(", "))),
    }
}

/// People write `Test Developer` as on the order form.
fn fold(word: &str) -> String {
    word.to_lowercase().replace([' ', '_'], "-")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_word() {
        let roles = ["prod-developer", "prod-operations", "test-developer", "test-operations"];
        for (written, meant) in [
            ("test-develper", Some("test-developer")),
            ("Test Developer", Some("test-developer")),
            ("prod_operation", Some("prod-operations")),
            ("owner", None),
        ] {
            assert_eq!(nearest(written, roles), meant, "{written}");
        }
        assert_eq!(nearest("useres", ["owner", "users", "name"]), Some("users"));
        assert_eq!(did_you_mean("x", ["aaa", "bbb"]).unwrap(), "use one of `aaa` and `bbb`");
    }
}
