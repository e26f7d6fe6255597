//! Which of our spans leave the machine.

use tracing::Metadata;

/// Whether a span, and never an event, is for a collector: only ours, since others put into theirs what they like; and no
/// event, since log lines name people.
pub(super) fn leaves(metadata: &Metadata<'_>) -> bool {
    metadata.is_span() && metadata.target().starts_with("tilgang")
}
