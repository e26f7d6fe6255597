//! Each form within its limits, and harmless whatever names come from Azure.

use serde_json::Value;

use super::{item, now, setting};
use crate::{
    deliver::{mail, slack, teams, webhook},
    model::visible,
    notify::{Event, Happened, Item, Kind, Letter, Notice, letter},
};

fn notice(items: Vec<Item>) -> Notice {
    let mut notice = Notice::test("platform", None, now());
    notice.kind = Kind::Changes;
    notice.run = 17;
    notice.events = items.into_iter().map(|item| Event { happened: Happened::New, at: now(), item }).collect();
    notice
}

fn letter_of(items: Vec<Item>) -> Letter {
    letter(&notice(items), &setting())
}

const HOSTILE: &[&str] = &[
    "<!channel> <@U012AB3CD> <https://evil.example|click> &lt;",
    "*bold* _it_ ~no~ `code` :tada: https://evil.example",
    "[click](https://evil.example) **b** <at>Kari</at> ![x](https://evil.example/x.png)",
    "<script>alert(1)</script><img src=x onerror=alert(1)>\"'",
    "x\r\nBcc: victim@example.no\r\n\r\nbody",
    "\u{202e}drawkcab\u{200b}\u{1b}[2J\u{0}",
];

fn hostile() -> Vec<Item> {
    let named = |text: &str| Item {
        owner: Some("ttd".to_owned()),
        who: Some(text.to_owned()),
        words: format!("on {text}"),
        by: Some(format!("by {text}")),
        remedy: text.to_owned(),
        scope: Some(text.to_owned()),
        ..item()
    };
    HOSTILE.iter().map(|text| named(text)).collect()
}

/// Every string of a JSON value, with the object it stands in.
fn strings<'a>(value: &'a Value, within: &'a Value, found: &mut Vec<(&'a str, &'a Value)>) {
    match value {
        Value::String(text) => found.push((text, within)),
        Value::Array(items) => items.iter().for_each(|item| strings(item, value, found)),
        Value::Object(object) => object.values().for_each(|inner| strings(inner, value, found)),
        _ => {}
    }
}

#[test]
fn hostile_names_are_words_in_slack() {
    let mut with_title = setting();
    with_title.titles.insert("ttd".to_owned(), "<!here> & *all*".to_owned());
    let message = slack::message(&letter(&notice(hostile()), &with_title));
    let mut all = Vec::new();
    strings(&message, &message, &mut all);
    for (text, within) in &all {
        assert!(!text.chars().any(|c| c != '\n' && visible::is_hidden(c)), "{text:?}");
        if within["type"] == "mrkdwn" {
            assert!(!text.contains('<') && !text.contains('>') && within["verbatim"] == true, "{text}");
        } else if within["type"] == "plain_text" {
            assert_eq!(within["emoji"], false);
        }
    }
    assert!(!message["text"].as_str().unwrap().contains('<'), "the text beside the blocks has mark-up");
    assert!(message.to_string().contains("&lt;!here&gt; &amp; *all*"));
    assert!(message.to_string().contains("<!channel>"), "as plain text it is shown as it is");
}

#[test]
fn hostile_names_are_words_in_teams() {
    let message = teams::message(&letter_of(hostile()));
    let card = &message["attachments"][0]["content"];
    assert!(card["msteams"]["entities"].is_null());
    for block in card["body"].as_array().unwrap() {
        // `TextBlock` would read Markdown.
        assert_eq!(block["type"], "RichTextBlock");
        for run in block["inlines"].as_array().unwrap() {
            assert_eq!(run["type"], "TextRun");
            assert!(run["selectAction"].is_null());
            assert!(!run["text"].as_str().unwrap().chars().any(|c| c != '\n' && visible::is_hidden(c)));
        }
    }
}

#[test]
fn hostile_names_are_words_in_mail() {
    let letter = letter_of(hostile());
    let html = mail::html(&letter);
    for tag in ["<script", "<img", "<at>", "onerror=alert(1)>", "<!channel"] {
        assert!(!html.contains(tag), "{tag}");
    }
    assert!(html.contains("&lt;script&gt;alert(1)&lt;/script&gt;"));
    assert_eq!(html.matches("<a ").count(), 1, "the only link is ours");
    let text = mail::text(&letter);
    assert!(text.lines().all(|line| !line.starts_with("Bcc:")), "{text}");
}

#[test]
fn long_lists_stay_within_every_limit() {
    let long = "é".repeat(500);
    let items = (0..500).map(|n| Item {
        id: format!("k{n}"),
        owner: Some(format!("o{:03}", n / 4)),
        who: Some(format!("person{n}@ai-dev.no")),
        words: long.clone(),
        remedy: long.clone(),
        ..item()
    });
    let mut notice = notice(items.collect());
    notice.left_out = 7;
    let letter = letter(&notice, &setting());
    let message = slack::message(&letter);
    let blocks = message["blocks"].as_array().unwrap();
    assert!(blocks.len() <= 50);
    let (mut all, mut sum) = (Vec::new(), 0);
    strings(&message["blocks"], &message, &mut all);
    for (text, _) in &all {
        assert!(text.chars().count() <= 3_000);
        sum += text.chars().count();
    }
    assert!(sum <= 13_000, "{sum}");
    assert!(blocks[0]["text"]["text"].as_str().unwrap().chars().count() <= 150);
    let more = |text: &str| text.contains("… and ") && text.contains(" more");
    assert!(all.iter().any(|(text, _)| more(text)));
    let card = teams::message(&letter).to_string();
    assert!(card.len() <= 28_000, "{}", card.len());
    assert!(more(&card));
    assert_eq!(webhook::body(&notice, &setting())["data"]["left_out"], 7);
    assert_eq!(webhook::body(&notice, &setting())["data"]["events"].as_array().unwrap().len(), 500);
}

#[test]
fn what_is_left_out_is_counted_to_the_last() {
    let items = |count: usize| (0..count).map(|n| Item { id: format!("k{n}"), ..item() }).collect::<Vec<_>>();
    for count in [1, 20, 60, 200] {
        let letter = letter_of(items(count));
        let texts = [slack::message(&letter).to_string(), teams::message(&letter).to_string()];
        for text in texts {
            let shown = text.matches("New, unmanaged").count();
            let more =
                text.split("… and ").nth(1).and_then(|rest| rest.split(' ').next()).map_or(0, |n| n.parse().unwrap());
            assert_eq!(shown + more, count, "{text}");
        }
    }
}

#[test]
fn people_come_first_and_ids_last() {
    let text = mail::text(&letter_of(vec![item()]));
    assert_eq!(
        text.replace("\r\n", "\n"),
        "Testdepartementet (ttd)\n  - New, unmanaged: ola.stroem@ai-dev.no: Key Vault Secrets Officer on ttd-prod-kv2: \
         others made it, and git does not list it\n      since 26 Nov 2026 10:58 Europe/Oslo, by per.admin@ai-dev.no\n      \
         to mend it: `tilgang apply` removes it\n      \
         /subscriptions/0/resourceGroups/x/providers/Microsoft.KeyVault/vaults/ttd-prod-kv2\n\n\
         https://tilgang.example.no/owners/ttd\n\n-- \n\
         tilgang, altinn-apps, run 17, 26 Nov 2026 11:12 Europe/Oslo, notice "
            .to_owned()
            + &notice(vec![item()]).id.to_string()
            + "\n"
    );
    assert_eq!(letter_of(vec![item()]).subject, "tilgang altinn-apps: ttd: 1 new");
}
