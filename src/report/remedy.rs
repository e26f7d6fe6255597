//! Classes of drift in words: what each means, and what mends it.

use crate::plan::drift::Class;

/// What a class of drift means.
pub(super) fn meaning(class: Class) -> &'static str {
    class.meaning()
}

/// What mends a change of a class.
pub(super) fn remedy(class: Class) -> &'static str {
    class.remedy()
}
