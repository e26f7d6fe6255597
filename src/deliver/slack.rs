//! A letter for an incoming webhook of Slack, as Block Kit.
//!
//! What is hostile is harmless because `plain_text` has no mark-up and `emoji: false` no emoji; where there is mark-up, `&`, `<`
//! and `>` are escaped and `verbatim` stops Slack from making links and mentions of names ("Formatting message text",
//! docs.slack.dev/messaging/formatting-message-text). Limits: a header has 150 characters, the text of a section 3,000, a message
//! 50 blocks ("Blocks", docs.slack.dev/reference/block-kit/blocks); all blocks together some 13,000 characters, which is written
//! nowhere (github.com/slackapi/bolt-js/issues/2509).

use serde_json::{Value, json};

use crate::notify::{Letter, Line, Section};

const HEADER_CHARS_MAX: usize = 150;
/// Of 3,000.
const SECTION_CHARS_MAX: usize = 2_900;
/// Of 50: room for the header, what is left out, the link and the footer.
const BLOCKS_MAX: usize = 44;
/// Of some 13,000.
const MESSAGE_CHARS_MAX: usize = 10_000;

/// The message.
pub(super) fn message(letter: &Letter) -> Value {
    let mut blocks = vec![json!({ "type": "header", "text": plain(&cut(&letter.subject, HEADER_CHARS_MAX)) })];
    blocks.extend(letter.summary.as_ref().map(|it| json!({ "type": "section", "text": plain(it) })));
    let (mut room, mut left_out) = (MESSAGE_CHARS_MAX, letter.left_out);
    for section in &letter.sections {
        left_out += write(section, &mut blocks, &mut room);
    }
    if left_out > 0 {
        blocks.push(json!({ "type": "section", "text": plain(&format!("… and {left_out} more")) }));
    }
    if let Some(link) = &letter.link {
        blocks.push(json!({ "type": "actions", "elements": [{
            "type": "button", "text": plain("Open the page"), "url": link, "action_id": "open" }] }));
    }
    blocks.push(json!({ "type": "context", "elements": [plain(&cut(&letter.footer, SECTION_CHARS_MAX))] }));
    // `text` is what a telephone shows in its list of messages.
    json!({ "text": escape(&letter.subject), "unfurl_links": false, "unfurl_media": false, "blocks": blocks })
}

/// Writes what there is room for; how many lines there was none for.
fn write(section: &Section, blocks: &mut Vec<Value>, room: &mut usize) -> usize {
    let title = section.title.as_deref().map(|title| format!(" · {}", escape(&cut(title, 200)))).unwrap_or_default();
    // The code is letters and digits, so that nothing can end the bold type before its time.
    let code = section.code.as_deref().filter(|code| code.bytes().all(|b| b.is_ascii_alphanumeric()));
    let heading = format!("*{}*{title}", code.unwrap_or("Everybody"));
    let (mut text, mut lines) = (String::new(), section.lines.iter().peekable());
    let fits = |blocks: &Vec<Value>, room: usize, size: usize| blocks.len() + 2 <= BLOCKS_MAX && room >= size;
    if !fits(blocks, *room, heading.len()) {
        return section.lines.len();
    }
    *room = room.saturating_sub(heading.chars().count());
    blocks.push(json!({ "type": "section", "text": { "type": "mrkdwn", "text": heading, "verbatim": true } }));
    let mut written = 0;
    while let Some(line) = lines.next_if(|line| fits(blocks, *room, line_text(line).chars().count())) {
        let line = line_text(line);
        if text.chars().count() + line.chars().count() > SECTION_CHARS_MAX {
            blocks.push(json!({ "type": "section", "text": plain(&text) }));
            text.clear();
        }
        *room = room.saturating_sub(line.chars().count());
        text.push_str(&line);
        written += 1;
    }
    if !text.is_empty() {
        blocks.push(json!({ "type": "section", "text": plain(&text) }));
    }
    section.lines.len() - written
}

fn line_text(line: &Line) -> String {
    let mut text = format!("• {}: {}\n", line.mark, cut(&line.text, 600));
    for detail in &line.details {
        text.extend([format!("    {}\n", cut(detail, 400))]);
    }
    text
}

fn plain(text: &str) -> Value {
    json!({ "type": "plain_text", "text": text, "emoji": false })
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

/// The beginning of a text, and a sign that it goes on.
pub(super) fn cut(text: &str, chars_max: usize) -> String {
    if text.chars().count() <= chars_max {
        return text.to_owned();
    }
    let head: String = text.chars().take(chars_max.saturating_sub(1)).collect();
    head + "…"
}
