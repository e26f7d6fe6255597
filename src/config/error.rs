//! A mistake as it is found, and as it is shown: at its file, line and column, with what to do.

use std::{fmt, ops::Range, sync::Arc};

use miette::{Diagnostic, LabeledSpan, MietteError, MietteSpanContents, SourceCode, SourceSpan, SpanContents};

use super::{cursor::Trail, rules::Rule};
use crate::model::desired::FileId;

/// What to do about it.
pub(super) type Help = Option<String>;

/// A place in a file, not yet looked up.
#[derive(Clone, Debug)]
pub(super) enum Spot {
    /// The file as a whole.
    File,
    /// These bytes.
    Bytes(Range<usize>),
    /// The value at the end of this trail.
    Value(Trail),
    /// The key of the entry at the end of this trail.
    Key(Trail),
}

/// A mistake as it is found.
#[derive(Clone, Debug)]
pub(super) struct Mistake {
    pub(super) rule: Rule,
    pub(super) spot: Spot,
    pub(super) message: String,
    pub(super) label: Option<String>,
    pub(super) help: Help,
    /// Where the first of two stands.
    pub(super) first: Option<Spot>,
}

impl Mistake {
    pub(super) fn new(rule: Rule, spot: Spot, message: impl Into<String>) -> Self {
        Self { rule, spot, message: message.into(), label: None, help: None, first: None }
    }

    /// What stands beside the place that is drawn.
    pub(super) fn label(self, label: impl Into<String>) -> Self {
        Self { label: Some(label.into()), ..self }
    }

    /// What to do about it.
    pub(super) fn help(self, help: impl Into<String>) -> Self {
        Self { help: Some(help.into()), ..self }
    }

    /// Where the first of two stands.
    pub(super) fn first(self, first: Spot) -> Self {
        Self { first: Some(first), ..self }
    }

    /// What to do about it, if anything comes to mind.
    pub(super) fn maybe_help(self, help: Help) -> Self {
        Self { help, ..self }
    }
}

/// The mistakes of one file, as they are found.
#[derive(Debug, Default)]
pub(super) struct Mistakes(pub(super) Vec<Mistake>);

impl Mistakes {
    pub(super) fn add(&mut self, mistake: Mistake) {
        self.0.push(mistake);
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// A mistake in the workspace, drawn by `miette` at its place.
#[derive(Clone, Debug)]
pub struct ConfigError(Box<Shown>);

#[derive(Clone, Debug)]
pub(super) struct Shown {
    pub(super) rule: Rule,
    pub(super) file_id: FileId,
    pub(super) file: Arc<str>,
    pub(super) message: String,
    pub(super) label: Option<String>,
    pub(super) help: Help,
    /// None where only the file is known.
    pub(super) place: Option<ShownPlace>,
}

#[derive(Clone, Debug)]
pub(super) struct ShownPlace {
    pub(super) line: usize,
    pub(super) column: usize,
    /// In the text as it is drawn.
    pub(super) span: Range<usize>,
    /// Where the first of two stands.
    pub(super) first: Option<Range<usize>>,
    pub(super) source: DrawnFile,
}

impl ConfigError {
    pub(super) fn new(shown: Shown) -> Self {
        Self(Box::new(shown))
    }

    /// In file, then position order.
    pub(super) fn order(&self) -> (FileId, usize, usize) {
        let place = self.0.place.as_ref();
        (self.0.file_id, place.map_or(0, |place| place.span.start), place.map_or(0, |place| place.span.end))
    }

    /// The rule that is broken.
    #[must_use]
    pub fn rule(&self) -> Rule {
        self.0.rule
    }

    /// What is wrong, without the place.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// What to do about it.
    #[must_use]
    pub fn help_text(&self) -> Option<&str> {
        self.0.help.as_deref()
    }

    /// The line that it stands on, as it was drawn; what stays the same when lines above come and go.
    #[must_use]
    pub fn text_of_line(&self) -> Option<&str> {
        let place = self.0.place.as_ref()?;
        let text = &place.source.text;
        let start = text.get(..place.span.start)?.rfind('\n').map_or(0, |at| at + 1);
        let rest = text.get(start..)?;
        Some(rest.split('\n').next().unwrap_or_default().trim())
    }

    /// The file, relative to the workspace, with `/`.
    #[must_use]
    pub fn file(&self) -> &str {
        &self.0.file
    }

    /// The line, from 1; `None` where only the file is known.
    #[must_use]
    pub fn line(&self) -> Option<usize> {
        self.0.place.as_ref().map(|place| place.line)
    }

    /// The column in characters, from 1; `None` where only the file is known.
    #[must_use]
    pub fn column(&self) -> Option<usize> {
        self.0.place.as_ref().map(|place| place.column)
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0.place {
            Some(_) => f.write_str(&self.0.message), // the drawing names the file
            None => write!(f, "{}: {}", self.0.file, self.0.message),
        }
    }
}

impl std::error::Error for ConfigError {}

impl Diagnostic for ConfigError {
    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        self.0.help.as_ref().map(|help| Box::new(help) as Box<dyn fmt::Display>)
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        self.0.place.as_ref().map(|place| &place.source as &dyn SourceCode)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        let place = self.0.place.as_ref()?;
        let label = LabeledSpan::new_primary_with_span(self.0.label.clone(), place.span.clone());
        let first = place.first.clone().map(|span| LabeledSpan::new_with_span(Some("the first one".to_owned()), span));
        Some(Box::new(first.into_iter().chain([label])))
    }
}

/// A file's text as it is drawn. Counts columns in characters; `miette` by itself counts bytes.
#[derive(Clone, Debug)]
pub struct DrawnFile {
    /// Its name, as people know it.
    pub name: Arc<str>,
    /// All of it.
    pub text: Arc<str>,
}

impl SourceCode for DrawnFile {
    fn read_span<'a>(
        &'a self,
        span: &SourceSpan,
        lines_before: usize,
        lines_after: usize,
    ) -> Result<Box<dyn SpanContents<'a> + 'a>, MietteError> {
        let contents = self.text.read_span(span, lines_before, lines_after)?;
        let before = self.text.get(..contents.span().offset()).unwrap_or_default();
        Ok(Box::new(MietteSpanContents::new_named(
            self.name.to_string(),
            contents.data(),
            *contents.span(),
            contents.line(),
            before.rsplit('\n').next().unwrap_or_default().chars().count(),
            contents.line_count(),
        )))
    }
}
