//! Text from YAML or Azure → text that cannot move a cursor, change a colour, turn a line around or start a new one (promise 10).

use std::fmt::Write as _;

use crate::model::visible::is_hidden;

pub(super) use crate::model::visible::line as clean;

/// The same for a finished JSON text: what cannot be seen can only stand inside its strings, and is written as `\uXXXX`.
pub(super) fn clean_json(json: &str) -> String {
    let mut out = String::with_capacity(json.len());
    for c in json.chars() {
        if c == '\n' || !is_hidden(c) {
            out.push(c);
            continue;
        }
        for unit in c.encode_utf16(&mut [0; 2]) {
            let _ = write!(out, "\\u{unit:04x}"); // writing to a String cannot fail
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_stays_the_same_data() {
        let hostile = "a\u{202e}b\u{9b}c\u{e0041}d\u{7f}";
        let json = clean_json(&serde_json::to_string_pretty(&[hostile]).unwrap());
        assert!(json.is_ascii(), "{json}");
        assert_eq!(serde_json::from_str::<Vec<String>>(&json).unwrap(), [hostile]);
    }
}
