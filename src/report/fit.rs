//! How much room a platform gives a report, counted as the platform counts.

/// Where a Markdown report shall fit in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Fit {
    /// A comment on GitHub: 65,536 characters.
    #[default]
    GithubComment,
    /// A comment on Azure DevOps: 150,000 characters.
    AzureDevopsComment,
    /// A step summary of GitHub Actions: 1 MiB.
    GithubSummary,
    /// No limit: for a file.
    None,
}

/// What a platform adds, or a workflow: room that is not ours.
const MARGIN: usize = 1_024;

impl Fit {
    /// How much may be written.
    ///
    /// GitHub refuses a body with *is too long (maximum is 65536 characters)*. Azure DevOps: a comment holds 150,000 characters
    /// ("Work item limits", and so for pull requests: Atlantis, `server/events/vcs/azuredevops/client.go`). A step summary holds
    /// 1 MiB ("Workflow commands for GitHub Actions", *Adding a job summary*: step isolation and limits).
    pub(super) fn max(self) -> usize {
        match self {
            Self::GithubComment => 65_536 - MARGIN,
            Self::AzureDevopsComment => 150_000 - MARGIN,
            Self::GithubSummary => 1_048_576 - MARGIN,
            Self::None => usize::MAX,
        }
    }

    /// How long a text is, in the platform's own unit: characters at GitHub, UTF-16 units in Azure DevOps (.NET's characters;
    /// no fewer than ours), bytes in a summary.
    pub(super) fn measure(self, text: &str) -> usize {
        match self {
            Self::GithubComment => text.chars().count(),
            Self::AzureDevopsComment => text.encode_utf16().count(),
            Self::GithubSummary | Self::None => text.len(),
        }
    }
}
