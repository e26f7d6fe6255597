//! A letter for a webhook of the Workflows app in Teams, as an Adaptive Card. (Connectors, which took other cards, are retired:
//! "Retirement of Office 365 connectors within Microsoft Teams".)
//!
//! What is hostile stands in `TextRun`s, which know no Markdown ("RichTextBlock", adaptivecards.io/explorer/RichTextBlock.html);
//! mentions need an entry in `msteams.entities`, and there is none. A message has at most 28 KB ("Limits and specifications for
//! Microsoft Teams", incoming webhooks). The card is at version 1.4, which phones show as well.

use serde_json::{Value, json};

use super::slack::cut;
use crate::notify::{Letter, Line};

/// Of 28 KB: UTF-16 would take more than the UTF-8 that we count.
const BYTES_MAX: usize = 20_000;

/// The message.
pub(super) fn message(letter: &Letter) -> Value {
    let title = vec![run(&cut(&letter.subject, 300), &json!({ "weight": "Bolder", "size": "Large" }))];
    let mut body = vec![rich(&title, &json!({}))];
    body.extend(letter.summary.as_ref().map(|summary| rich(&[run(summary, &json!({}))], &json!({}))));
    let (mut room, mut left_out) = (BYTES_MAX, letter.left_out);
    for section in &letter.sections {
        let heading = run(&cut(&section.heading(), 240), &json!({ "weight": "Bolder" }));
        let mut blocks = vec![rich(&[heading], &json!({ "spacing": "Medium", "separator": true }))];
        for line in &section.lines {
            let block = block(line);
            let size = block.to_string().len();
            if size > room {
                room = 0; // what follows is less grave
                left_out += 1;
                continue;
            }
            room -= size;
            blocks.push(block);
        }
        if blocks.len() > 1 {
            room = room.saturating_sub(300); // the heading
            body.extend(blocks);
        }
    }
    if left_out > 0 {
        body.push(rich(&[run(&format!("… and {left_out} more"), &json!({}))], &json!({})));
    }
    let footer = run(&cut(&letter.footer, 300), &json!({ "isSubtle": true, "size": "Small" }));
    body.push(rich(&[footer], &json!({ "spacing": "Medium" })));
    let mut card = json!({
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.4",
        "fallbackText": cut(&letter.subject, 300),
        "msteams": { "width": "Full" },
        "body": body,
    });
    if let (Some(link), Some(card)) = (&letter.link, card.as_object_mut()) {
        card.insert("actions".into(), json!([{ "type": "Action.OpenUrl", "title": "Open the page", "url": link }]));
    }
    let attachment =
        json!({ "contentType": "application/vnd.microsoft.card.adaptive", "contentUrl": null, "content": card });
    json!({ "type": "message", "attachments": [attachment] })
}

fn block(line: &Line) -> Value {
    let colour = if line.needs { "Attention" } else { "Good" };
    let mut inlines = vec![
        run(&format!("{}: ", line.mark), &json!({ "weight": "Bolder", "color": colour })),
        run(&cut(&line.text, 600), &json!({})),
    ];
    let details = line.details.iter().map(|detail| cut(detail, 400)).collect::<Vec<_>>().join(" · ");
    if !details.is_empty() {
        inlines.push(run(&format!("\n{details}"), &json!({ "isSubtle": true, "size": "Small" })));
    }
    rich(&inlines, &json!({}))
}

fn run(text: &str, style: &Value) -> Value {
    with(json!({ "type": "TextRun", "text": text }), style)
}

fn rich(inlines: &[Value], style: &Value) -> Value {
    with(json!({ "type": "RichTextBlock", "inlines": inlines }), style)
}

fn with(mut value: Value, style: &Value) -> Value {
    if let (Some(value), Some(style)) = (value.as_object_mut(), style.as_object()) {
        value.extend(style.clone());
    }
    value
}
