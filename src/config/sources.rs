//! The files that were read, and where each value in them stands.
//!
//! Places are looked up when a message needs them: one walk of a file, kept. Never read from disk here.

use std::{
    borrow::Cow,
    ops::Range,
    sync::{Arc, OnceLock},
};

use super::{
    characters::shown,
    error::{ConfigError, DrawnFile, Mistake, Shown, ShownPlace, Spot},
    node::Node,
    spans::{Kids, SpanTree, spans},
};
use crate::model::{
    desired::{FileId, Origin, Place},
    visible::{inline, is_hidden},
};

/// Every file that was read.
#[derive(Debug, Default)]
pub struct Sources(Vec<Source>);

#[derive(Debug)]
struct Source {
    path: Arc<str>,
    text: Arc<str>,
    spans: OnceLock<Option<SpanTree>>,
    /// Where each line starts.
    lines: OnceLock<Vec<usize>>,
    drawn: OnceLock<Arc<str>>,
}

impl Sources {
    pub(super) fn new(files: impl IntoIterator<Item = (String, String)>) -> Self {
        let source = |(path, text): (String, String)| Source {
            path: path.into(),
            text: text.into(),
            spans: OnceLock::new(),
            lines: OnceLock::new(),
            drawn: OnceLock::new(),
        };
        Self(files.into_iter().map(source).collect())
    }

    /// Where a value stands.
    #[must_use]
    pub fn place(&self, origin: &Origin) -> Place {
        let Some(source) = self.get(origin.file) else { return Place { file: String::new(), line: 1, column: 1 } };
        let span = source.tree().and_then(|tree| find(tree, &origin.path)).map(|(_, value)| value.span.start);
        let (line, column) = span.map_or((1, 1), |start| source.line_and_column(start));
        Place { file: source.path.to_string(), line, column }
    }

    /// The first and the last line of a value, with what stands with it: of a role that states more, the whole entry.
    #[must_use]
    pub fn lines(&self, origin: &Origin) -> (usize, usize) {
        let found = self.get(origin.file).and_then(|source| {
            let tree = source.tree()?;
            let (_, value) = find(tree, &origin.path)?;
            let around = origin.path.split_last().and_then(|(_, above)| find(tree, above));
            let entry = around.map(|(_, value)| value).filter(|it| matches!(it.kids, Kids::Entries(_)));
            Some((source, value.span.start, entry.unwrap_or(value).span.clone()))
        });
        found.map_or((1, 1), |(source, start, span)| {
            let text = source.text.get(span.clone()).unwrap_or_default();
            let end = span.start + text.trim_end().len(); // blank lines after it are not its own
            (source.line_and_column(start).0, source.line_and_column(end).0)
        })
    }

    /// Where a file's list of people begins, or its tombstone: what a removal points at that has no line of its own.
    #[must_use]
    pub fn list(&self, file: FileId) -> Place {
        let mut place = self.place(&Origin { file, path: Box::default() });
        let Some(source) = self.get(file) else { return place };
        if let Some(SpanTree { kids: Kids::Entries(entries), .. }) = source.tree() {
            let is_list = |(key, _): &&(SpanTree, SpanTree)| {
                matches!(source.text.get(key.span.clone()), Some("users" | "removed"))
            };
            if let Some((key, _)) = entries.iter().find(is_list) {
                (place.line, place.column) = source.line_and_column(key.span.start);
            }
        }
        place
    }

    /// A file's name, relative to the workspace, with `/`; empty for a file that was not read here.
    #[must_use]
    pub fn path(&self, file: FileId) -> &str {
        self.get(file).map_or("", |source| &source.path)
    }

    /// A file's text.
    #[must_use]
    pub fn text(&self, file: FileId) -> &str {
        self.get(file).map_or("", |source| &source.text)
    }

    /// All files, in order.
    pub fn files(&self) -> impl Iterator<Item = (FileId, &str)> {
        (0..).zip(&self.0).map(|(id, source)| (FileId(id), &*source.path))
    }

    fn get(&self, file: FileId) -> Option<&Source> {
        self.0.get(usize::try_from(file.0).ok()?)
    }

    /// A mistake as people see it.
    pub(super) fn show(&self, file_id: FileId, mistake: Mistake) -> ConfigError {
        let Mistake { rule, spot, message, label, help, first } = mistake;
        let source = self.get(file_id);
        let place = source.and_then(|source| source.shown_place(&spot, first.as_ref()));
        let file = source.map_or_else(|| Arc::from(""), Source::shown_path);
        // What people wrote is quoted in messages: nothing in it may move a terminal's cursor.
        let clean = |text: String| shown(&text).into_owned();
        let (message, label, help) = (clean(message), label.map(clean), help.map(clean));
        ConfigError::new(Shown { rule, file_id, file, message, label, help, place })
    }
}

impl Source {
    /// Its name as it is shown: whoever opens a pull request chooses how a file is called.
    fn shown_path(&self) -> Arc<str> {
        if self.path.chars().any(is_hidden) { inline(&self.path).into() } else { self.path.clone() }
    }

    fn tree(&self) -> Option<&SpanTree> {
        let walk = || spans(&self.text, &serde_yaml::from_str::<Node<'_>>(&self.text).ok()?);
        self.spans.get_or_init(walk).as_ref()
    }

    /// Both from 1; the column in characters.
    fn line_and_column(&self, at: usize) -> (usize, usize) {
        let starts = || std::iter::once(0).chain(self.text.match_indices('\n').map(|(end, _)| end + 1)).collect();
        let lines = self.lines.get_or_init(starts);
        let line = lines.partition_point(|start| *start <= at);
        let start = line.checked_sub(1).and_then(|line| lines.get(line)).copied().unwrap_or_default();
        (line, self.text.get(start..at).map_or(0, |before| before.chars().count()) + 1)
    }

    fn span(&self, spot: &Spot) -> Option<Range<usize>> {
        let (trail, of_key) = match spot {
            Spot::File => return None,
            Spot::Bytes(span) => return Some(span.clone()),
            Spot::Value(trail) => (trail, false),
            Spot::Key(trail) => (trail, true),
        };
        Some(match find(self.tree()?, trail.steps())? {
            (Some(key), value) if of_key || value.span.is_empty() => key.span.clone(), // or nothing to point at
            (_, value) => value.span.clone(),
        })
    }

    fn shown_place(&self, spot: &Spot, first: Option<&Spot>) -> Option<ShownPlace> {
        let span = self.span(spot)?;
        let (line, column) = self.line_and_column(span.start);
        let text = self.drawn.get_or_init(|| match shown(&self.text) {
            Cow::Borrowed(_) => self.text.clone(),
            Cow::Owned(text) => text.into(),
        });
        let same = Arc::ptr_eq(text, &self.text); // then so are the places in it
        let length = |range: Range<usize>| match self.text.get(range) {
            Some(part) if same => part.len(),
            part => part.map_or(0, |part| shown(part).len()),
        };
        let drawn = |span: Range<usize>| {
            let start = length(0..span.start);
            start..start + length(span)
        };
        let (span, first) = (drawn(span), first.and_then(|first| self.span(first)).map(drawn));
        let source = DrawnFile { name: self.shown_path(), text: text.clone() };
        Some(ShownPlace { line, column, span, first, source })
    }
}

/// The entry at the end of a path: its key, if it has one, and its value.
fn find<'t>(tree: &'t SpanTree, path: &[u32]) -> Option<(Option<&'t SpanTree>, &'t SpanTree)> {
    let mut at = (None, tree);
    for step in path {
        let step = usize::try_from(*step).ok()?;
        at = match &at.1.kids {
            Kids::None => return None,
            Kids::Items(items) => (None, items.get(step)?),
            Kids::Entries(entries) => entries.get(step).map(|(key, value)| (Some(key), value))?,
        };
    }
    Some(at)
}
