//! Text → tokens.

use super::NotUnderstood;

/// One token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Token {
    /// A name or keyword; `project-away` is one, and so are `!in` and `in~`.
    Word(String),
    /// A text.
    Text(String),
    /// A whole number.
    Number(i64),
    /// Anything else: `|`, `(`, `==`.
    Mark(&'static str),
}

const MARKS: [&str; 16] = ["==", "!=", "=~", "!~", "<=", ">=", "|", "(", ")", "[", "]", ",", "=", ".", "<", ">"];
const NEGATED: [&str; 5] = ["!in~", "!in", "!contains", "!startswith", "!endswith"];

pub(super) fn tokens(query: &str) -> Result<Vec<Token>, NotUnderstood> {
    let mut tokens = Vec::new();
    let mut rest = query;
    loop {
        rest = rest.trim_start();
        let Some(first) = rest.chars().next() else { return Ok(tokens) };
        if let Some(comment) = rest.strip_prefix("//") {
            rest = comment.split_once('\n').map_or("", |(_, after)| after);
        } else if first == '\'' || first == '"' {
            let (text, after) = text(rest, first)?;
            tokens.push(Token::Text(text));
            rest = after;
        } else if first.is_ascii_digit() {
            let end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
            let (digits, after) = rest.split_at(end);
            tokens.push(Token::Number(digits.parse().map_err(|_| NotUnderstood(format!("number `{digits}`")))?));
            rest = after;
        } else if let Some(word) = NEGATED.iter().find(|word| begins_with(rest, word)) {
            tokens.push(Token::Word((*word).to_owned()));
            rest = rest.split_at(word.len()).1;
        } else if first.is_alphabetic() || first == '_' {
            let end = rest.find(|c: char| !(c.is_alphanumeric() || c == '_' || c == '-')).unwrap_or(rest.len());
            let (mut word, mut after) = rest.split_at(end);
            if word.eq_ignore_ascii_case("in") && after.starts_with('~') {
                (word, after) = rest.split_at(end + 1);
            }
            tokens.push(Token::Word(word.to_owned()));
            rest = after;
        } else if let Some(mark) = MARKS.iter().find(|mark| rest.starts_with(**mark)) {
            tokens.push(Token::Mark(mark));
            rest = rest.split_at(mark.len()).1;
        } else {
            return Err(NotUnderstood(format!(
                "unexpected `{first}` at `{}`",
                rest.chars().take(20).collect::<String>()
            )));
        }
    }
}

/// In any case.
fn begins_with(rest: &str, word: &str) -> bool {
    rest.get(..word.len()).is_some_and(|head| head.eq_ignore_ascii_case(word))
}

fn text(rest: &str, quote: char) -> Result<(String, &str), NotUnderstood> {
    let mut text = String::new();
    let mut letters = rest.char_indices().skip(1);
    while let Some((at, letter)) = letters.next() {
        if letter == quote {
            return Ok((text, rest.split_at(at + 1).1));
        }
        match letter {
            '\\' => text.extend(letters.next().map(|(_, escaped)| escaped)),
            _ => text.push(letter),
        }
    }
    Err(NotUnderstood(format!("a text without end: {}", rest.chars().take(20).collect::<String>())))
}
