//! A block of lines of ours in a file of others: between two marker lines, put there and replaced without a change to any other line.
//!
//! For files of which the last line that fits decides: rules of others after the block would take it back, so then it moves to the
//! end. Blocks of the same kind, another workspace's, do not count as that. Line ends are those of the file.

/// What is put in.
pub(super) struct Block<'a> {
    /// What all blocks of this kind are called: `tilgang codeowners`.
    pub(super) kind: &'a str,
    /// What tells this one apart, with a space before it; empty where nothing has to.
    pub(super) of: &'a str,
    /// Its lines.
    pub(super) lines: &'a [String],
    /// Paths that each block of this kind may name, wherever its workspace is.
    pub(super) everywhere: &'a [&'a str],
}

/// The markers do not tell which lines are ours.
#[derive(Debug, thiserror::Error)]
#[error(
    "line {line}: `{begin}` and `{end}` do not enclose one block, so it is not clear which lines are tilgang's: delete these lines and what belongs between them"
)]
pub(super) struct Unclear {
    line: usize,
    begin: String,
    end: String,
}

/// The text with the block in it; an error where the markers do not tell which lines are ours.
pub(super) fn put(text: &str, block: &Block<'_>) -> Result<String, Unclear> {
    let Block { kind, of, lines, everywhere: _ } = block;
    let (begin, end) = (format!("# BEGIN {kind}{of}"), format!("# END {kind}{of}"));
    let is_windows = text.split_inclusive('\n').next().is_some_and(|first| first.ends_with("\r\n"));
    let newline = if is_windows { "\r\n" } else { "\n" };
    let ours: String = std::iter::once(&begin).chain(*lines).chain([&end]).flat_map(|line| [line, newline]).collect();
    let all: Vec<&str> = text.split_inclusive('\n').collect();
    let at = |marker: &str| -> Vec<usize> {
        all.iter().enumerate().filter(|(_, line)| line.trim_end() == marker).map(|(at, _)| at).collect()
    };
    let (before, after) = match (at(&begin).as_slice(), at(&end).as_slice()) {
        ([], []) => (all.as_slice(), [].as_slice()),
        ([from], [to]) if from < to => (all.get(..*from).unwrap_or_default(), all.get(to + 1..).unwrap_or_default()),
        (begins, ends) => {
            let line = begins.first().or(ends.first()).map_or(0, |at| at + 1);
            return Err(Unclear { line, begin, end });
        }
    };
    if has_rules(after, block) {
        return Ok(joined(&[before, after].concat(), &ours, &[], newline));
    }
    Ok(joined(before, &ours, after, newline))
}

/// Whether a line of others there says something. Another workspace's block, whole and only of what lies in its folder, does not.
fn has_rules(lines: &[&str], block: &Block<'_>) -> bool {
    let begins = format!("# BEGIN {} of ", block.kind);
    let is_everywhere = |line: &str| line.split(' ').next().is_some_and(|path| block.everywhere.contains(&path));
    let mut rest = lines;
    while let Some((line, after)) = rest.split_first() {
        let line = line.trim();
        let folder = line.strip_prefix(&begins).map(|name| format!("/{}/", name.trim_matches('/')));
        let end = folder.as_ref().and_then(|_| {
            let end = line.replacen("# BEGIN", "# END", 1);
            after.iter().position(|line| line.trim() == end)
        });
        if let (Some(folder), Some(end)) = (folder, end) {
            let mut its = after.get(..end).unwrap_or_default().iter().map(|line| line.trim());
            let says = |line: &str| !line.is_empty() && !line.starts_with('#');
            if its.any(|line| says(line) && !line.starts_with(&folder) && !is_everywhere(line)) {
                return true;
            }
            rest = after.get(end + 1..).unwrap_or_default();
            continue;
        }
        if !line.is_empty() && !line.starts_with('#') {
            return true;
        }
        rest = after;
    }
    false
}

fn joined(before: &[&str], ours: &str, after: &[&str], newline: &str) -> String {
    let mut text: String = before.concat();
    if !text.is_empty() && !text.ends_with('\n') {
        text.push_str(newline);
    }
    if before.last().is_some_and(|line| !line.trim().is_empty()) {
        text.push_str(newline);
    }
    text + ours + &after.concat()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn with(text: &str, lines: &[&str]) -> String {
        let lines: Vec<String> = lines.iter().map(ToString::to_string).collect();
        put(text, &Block { kind: "tilgang codeowners", of: "", lines: &lines, everywhere: &["/CODEOWNERS"] }).unwrap()
    }

    #[test]
    fn the_block_is_replaced_where_it_is_and_moves_where_rules_would_take_it_back() {
        assert_eq!(with("", &["/a @x"]), "# BEGIN tilgang codeowners\n/a @x\n# END tilgang codeowners\n");
        let first = with("* @all", &["/a @x"]);
        assert_eq!(first, "* @all\n\n# BEGIN tilgang codeowners\n/a @x\n# END tilgang codeowners\n");
        assert_eq!(with(&first, &["/a @x"]), first);
        let commented = format!("{first}# the end\n");
        assert_eq!(with(&commented, &["/b @y"]), commented.replace("/a @x", "/b @y"));
        let after = with(&format!("{first}/a @other\n"), &["/a @x"]);
        assert!(
            after.ends_with("/a @other\n\n# BEGIN tilgang codeowners\n/a @x\n# END tilgang codeowners\n"),
            "{after}"
        );
        // Another workspace's block stays behind ours, or both would move for ever.
        let (begin, end) = ("# BEGIN tilgang codeowners of b/\n", "# END tilgang codeowners of b/\n");
        let two = format!("{first}{begin}/CODEOWNERS @y\n\n# more\n/b/ @y\n{end}");
        assert_eq!(with(&two, &["/a @x"]), two);
        // What only looks like one, or names what lies elsewhere, would take ours back.
        for others in [
            format!("{begin}/b/ @y\n"),
            format!("{begin}/a @y\n{end}"),
            format!("{begin}/b/ @y\n{end}/a @y\n"),
            format!("{begin}* @y\n{end}"),
            format!("# BEGIN tilgang codeowners\u{20}\u{20}of b/\n/a @y\n{end}"),
        ] {
            let moved = with(&format!("{first}{others}"), &["/a @x"]);
            assert!(moved.ends_with("\n# BEGIN tilgang codeowners\n/a @x\n# END tilgang codeowners\n"), "{moved}");
        }
    }

    #[test]
    fn windows_line_ends_stay_and_half_a_block_is_refused() {
        let crlf = with("* @all\r\n", &["/a @x"]);
        assert_eq!(crlf, "* @all\r\n\r\n# BEGIN tilgang codeowners\r\n/a @x\r\n# END tilgang codeowners\r\n");
        assert_eq!(with(&crlf, &["/a @x"]), crlf);
        let block = Block { kind: "tilgang codeowners", of: "", lines: &[], everywhere: &[] };
        let (begin, end) = ("# BEGIN tilgang codeowners\n", "# END tilgang codeowners\n");
        for odd in [begin.to_owned(), end.to_owned(), format!("{end}{begin}"), format!("{begin}{begin}{end}")] {
            assert!(put(&odd, &block).is_err(), "{odd}");
        }
    }

    proptest! {
        /// Whatever is there: every line of others is still there, in its order, and a second time changes nothing.
        #[test]
        fn no_line_of_others_is_lost(
            lines in prop::collection::vec("(|#|# [a-z]{1,4}|/[a-z]{1,3} @[a-z]{1,3}|\\* @all)", 0..8),
            crlf in any::<bool>(),
            last in any::<bool>(),
        ) {
            let newline = if crlf { "\r\n" } else { "\n" };
            let text = lines.join(newline) + if last { newline } else { "" };
            let once = with(&text, &["/owners/ @p"]);
            prop_assert_eq!(with(&once, &["/owners/ @p"]), once.clone());
            let twice = with(&format!("{once}/late @q{newline}"), &["/owners/ @p"]);
            for made in [&once, &twice] {
                let said = |text: &str| text.lines().filter(|it| !it.trim().is_empty()).map(str::to_owned).collect::<Vec<_>>();
                let mut kept = said(made);
                kept.retain(|line| !line.contains("tilgang codeowners") && line != "/owners/ @p" && line != "/late @q");
                prop_assert_eq!(kept, said(&text));
                let decides = made.lines().rfind(|line| !line.starts_with('#') && !line.trim().is_empty());
                prop_assert_eq!(decides, Some("/owners/ @p"));
            }
        }
    }
}
