//! A value → how it is spelt in YAML: plain where that reads as the same text everywhere, else in quotes.

use serde_yaml::Value;

/// What YAML 1.1, which many editors and other tools read, takes for a truth value. We quote these words.
const TRUTHS: [&str; 6] = ["y", "n", "yes", "no", "on", "off"];

/// How this text is spelt; between brackets, commas and brackets would end a plain one.
pub(super) fn spelt(text: &str, in_flow: bool) -> String {
    if is_plain(text, in_flow) {
        return text.to_owned();
    }
    let as_it_is = !text.contains(|c: char| c == '\'' || c.is_control());
    if as_it_is && text.contains(['"', '\\']) {
        return format!("'{text}'");
    }
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => quoted.extend(['\\', c]),
            '\n' => quoted.push_str("\\n"),
            '\t' => quoted.push_str("\\t"),
            c if c.is_control() => quoted.extend(format!("\\u{:04X}", u32::from(c)).chars()),
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}

/// How a key is spelt. Here words such as `on` stay plain: they are keys of ours, and no value hangs on them.
pub(super) fn key_spelt(text: &str, in_flow: bool) -> String {
    if TRUTHS.contains(&text) { text.to_owned() } else { spelt(text, in_flow) }
}

/// Whether this text needs no quotes. Stricter than YAML is: what people would have to think about is quoted.
fn is_plain(text: &str, in_flow: bool) -> bool {
    let first = text.chars().next().is_some_and(|c| c.is_alphanumeric() || matches!(c, '_' | '/'));
    let inner = text.chars().zip(text.chars().skip(1).chain([' '])).zip([' '].into_iter().chain(text.chars()));
    let all = inner.into_iter().all(|((c, next), before)| match c {
        c if c.is_alphanumeric() => true,
        '-' | '_' | '.' | '@' | '/' | '+' | '(' | ')' | '!' | '~' | '^' | '=' | ';' | '\'' | '%' | '&' | '–' | '«'
        | '»' => true,
        ' ' => before != ' ' && next != ' ',
        ',' => !in_flow,
        '#' => before != ' ',
        ':' => !in_flow && next != ' ',
        _ => false,
    });
    let ends = text.ends_with([' ', ':']);
    first
        && all
        && !ends
        && !TRUTHS.contains(&text.to_ascii_lowercase().as_str())
        && matches!(serde_yaml::from_str(text), Ok(Value::String(read)) if read == text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn quotes_only_where_needed() {
        for (text, block, flow) in [
            ("kari.fiktiv@ai-dev.no", "kari.fiktiv@ai-dev.no", "kari.fiktiv@ai-dev.no"),
            ("a#EXT#@ai-dev.no", "a#EXT#@ai-dev.no", "a#EXT#@ai-dev.no"),
            ("on call, again", "on call, again", "\"on call, again\""),
            ("vakt: høst", "\"vakt: høst\"", "\"vakt: høst\""),
            ("no", "\"no\"", "\"no\""),
            ("2027", "\"2027\"", "\"2027\""),
            ("!x", "\"!x\"", "\"!x\""),
            ("say \"so\"", "'say \"so\"'", "'say \"so\"'"),
            ("a\nb", "\"a\\nb\"", "\"a\\nb\""),
            ("a #b", "\"a #b\"", "\"a #b\""),
            ("", "\"\"", "\"\""),
        ] {
            assert_eq!((spelt(text, false).as_str(), spelt(text, true).as_str()), (block, flow), "{text:?}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn what_is_spelt_reads_as_it_was(text in "([a-zæ0-9]|[-_.@/+():;!~#,'\"\\\\\\[\\]{}&*?|>% \n\t=]|\\PC){0,12}") {
            let block = format!("a: {}\n", spelt(&text, false));
            let read: Value = serde_yaml::from_str(&block).unwrap();
            prop_assert_eq!(read["a"].as_str(), Some(text.as_str()), "{}", block);
            let flow = format!("[{}, {{ b: {} }}]\n", spelt(&text, true), spelt(&text, true));
            let read: Value = serde_yaml::from_str(&flow).unwrap();
            prop_assert_eq!(read[0].as_str(), Some(text.as_str()), "{}", flow);
            prop_assert_eq!(read[1]["b"].as_str(), Some(text.as_str()), "{}", flow);
        }
    }
}
