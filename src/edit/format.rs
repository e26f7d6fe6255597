//! A text → its canonical form.
//!
//! Two spaces a level, lists indented below their key; keys in the order of the schema; one space around what needs one;
//! quotes only where they are needed; blank lines as they were, but never two in a row, nor first, last or below a key;
//! comments where they belong, one space behind a value. In owners' files lists of words stand in brackets where they fit
//! and nobody commented on them, and everything else on lines of its own; in `tilgang.yaml` and `overrides/` what was written
//! in brackets stays so where it fits. Lines end as the first one does.

use super::{
    comments::blank_above,
    layout::{Above, Block, Laid, LeftAlone, Part, Style, laid_out},
    splice::line_end,
    tree::tree,
};

/// The canonical form of a file.
pub(super) fn formatted(text: &str, style: Style) -> Result<String, LeftAlone> {
    let Some(top) = tree(text) else {
        return Err(LeftAlone { line: 1, why: "something that is not formatted here" });
    };
    let block = laid_out(text, &top, style)?;
    let mut lines = Vec::new();
    comments(&block.head, 0, &mut lines);
    let first = top.map().and_then(|map| map.entries.first()).map(|(key, _)| key.span.start);
    if !lines.is_empty() && first.is_some_and(|at| blank_above(text, at)) {
        lines.push(String::new());
    }
    print(&block, 0, &mut lines);
    let end = line_end(text, 0);
    Ok(lines.into_iter().map(|line| line + end).collect())
}

/// Prints comments; blank lines above them only where something stands above already.
fn comments(above: &Above, indent: usize, lines: &mut Vec<String>) {
    for (blank, comment) in above {
        if *blank && !lines.is_empty() {
            lines.push(String::new());
        }
        lines.push(format!("{:indent$}{comment}", ""));
    }
}

fn print(block: &Block, indent: usize, out: &mut Vec<String>) {
    let mut lines = Vec::new();
    for part in &block.parts {
        let Part { above, blank, key, behind_key, value, behind } = part;
        comments(above, indent, &mut lines);
        if *blank && !lines.is_empty() {
            lines.push(String::new());
        }
        let head = key.as_ref().map_or_else(|| "-".to_owned(), |key| format!("{key}:"));
        match value {
            Laid::Line(value) => {
                let behind = behind.as_ref().map(|comment| format!(" {comment}")).unwrap_or_default();
                lines.push(format!("{:indent$}{head} {value}{behind}", ""));
            }
            Laid::Block(inner) if key.is_some() => {
                let behind = behind_key.as_ref().map(|comment| format!(" {comment}")).unwrap_or_default();
                lines.push(format!("{:indent$}{head}{behind}", ""));
                print(inner, indent + 2, &mut lines);
            }
            Laid::Block(inner) => {
                let first = lines.len();
                print(inner, indent + 2, &mut lines);
                if let Some(line) = lines.get_mut(first) {
                    *line = format!("{:indent$}- {}", "", line.trim_start());
                }
            }
        }
    }
    comments(&block.tail, indent, &mut lines);
    out.append(&mut lines);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(style: Style, text: &str, expected: &str) {
        let once = formatted(text, style).unwrap();
        assert_eq!(once, expected);
        assert_eq!(formatted(&once, style).unwrap(), once);
    }

    #[test]
    fn an_owners_file() {
        check(
            Style::People,
            "\n\n# head\n\nusers:  # all\n# first\n- roles:   # r\n    - prod-developer\n    - 'test-developer'\n  # of a\n  \"user\": a@ai-dev.no   # A\n\n\n\n- { roles: [x, { until: 2027-01-31, role: z }], user: b@ai-dev.no } # B\n# last\n\nname: 'Å: b'\nowner: \"ttd\"\n\n# end",
            "# head\n\nowner: ttd\n# last\n\nname: \"Å: b\"\nusers: # all\n  # first\n  # of a\n  - user: a@ai-dev.no # A\n    roles: [prod-developer, test-developer] # r\n\n  - user: b@ai-dev.no # B\n    roles:\n      - x\n      - role: z\n        until: 2027-01-31\n\n# end\n",
        );
        check(Style::People, "owner: ttd\r\nusers: [ ]", "owner: ttd\r\nusers: []\r\n");
    }

    #[test]
    fn comments_keep_a_list_on_its_lines() {
        for text in [
            "owner: ttd\nusers:\n  - user: a@ai-dev.no\n    roles:\n      - x # why\n",
            "owner: ttd\nusers:\n  - user: a@ai-dev.no\n    roles:\n      # why\n      - x\n",
            "owner: ttd\nusers:\n  - user: a@ai-dev.no\n    roles:\n      - x\n      # why\n",
        ] {
            check(Style::People, text, text);
        }
    }

    #[test]
    fn a_workspace_keeps_its_brackets() {
        let text = "version: 1\ntenant: x\n\n# What.\nowners:\n  ttd:\n    resources:\n      prod: { key-vault: [a, b] } # c\n  k1103: { environments: [test] }\npolicy:\n  revokes: { max: 5, share: 25% }\n";
        check(Style::Settings, text, text);
        check(
            Style::Settings,
            "tenant: x\npolicy: {revokes: {share: '25%',\n max: 5}, unmanaged: report}\nversion: 1",
            "version: 1\ntenant: x\npolicy: { unmanaged: report, revokes: { max: 5, share: 25% } }\n",
        );
    }

    #[test]
    fn an_override() {
        check(
            Style::Override,
            "# why\nrevokes: {share: \"100%\",\n  max: 40} # all\nowners: [ ttd,skd ]\nuntil: 2026-12-01\n\nticket: 'OPS-17'\nreason:   TTD moves\n",
            "# why\nreason: TTD moves\n\nticket: OPS-17\nuntil: 2026-12-01\nowners: [ttd, skd]\nrevokes: { max: 40, share: 100% } # all\n",
        );
    }

    #[test]
    fn what_is_not_clear_is_left_alone() {
        for (text, line) in [
            ("owner: ttd\nusers:\n  - user: a\n    roles: [ # why\n      x]\n", 4),
            ("owner: ttd\nname: # why\n  x\nusers: []\n", 2),
            ("owner: ttd\nusers:\n  - # why\n    user: a\n    roles: []\n", 3),
            ("owner: ttd\nname: >\n  x\nusers: []\n", 2),
            ("{ owner: ttd, users: [] }\n", 1),
        ] {
            assert_eq!(formatted(text, Style::People).map_err(|left| left.line), Err(line), "{text}");
        }
    }
}
