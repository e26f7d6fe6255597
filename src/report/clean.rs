//! The ways out of a report: text and JSON that only show (promise 10). They are the whole program's.

pub(super) use crate::model::visible::{json as clean_json, line as clean};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_stays_the_same_data() {
        let hostile = "a\u{202e}b\u{9b}c\u{e0041}d\u{7f}";
        let text = clean_json(&serde_json::to_string_pretty(&[hostile]).unwrap());
        assert!(text.is_ascii(), "{text}");
        assert_eq!(serde_json::from_str::<Vec<String>>(&text).unwrap(), [hostile]);
    }
}
