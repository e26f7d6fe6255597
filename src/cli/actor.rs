//! Who runs this, as the surroundings say: a person at CI, or the user of this machine. Told, not proven.

use crate::ledger::entry::By;

/// Reads it from variables: GitHub ("Default environment variables"), Azure DevOps ("Use predefined variables"), else the
/// system's user.
pub(super) fn actor(variable: &dyn Fn(&str) -> Option<String>) -> By {
    let by = |via: &str, name: Option<String>, run| By {
        via: via.to_owned(),
        name: name.unwrap_or_else(|| "somebody without a name".to_owned()),
        run,
        identity: None,
    };
    if variable("GITHUB_ACTIONS").is_some() {
        // Whoever runs a job again is not whoever pushed: GITHUB_ACTOR stays the first one.
        let name = variable("GITHUB_TRIGGERING_ACTOR").or_else(|| variable("GITHUB_ACTOR"));
        let parts = ["GITHUB_REPOSITORY", "GITHUB_RUN_ID", "GITHUB_RUN_ATTEMPT"].map(variable);
        let run = match parts {
            [Some(repository), Some(id), Some(attempt)] => {
                Some(format!("{repository}/actions/runs/{id}/attempts/{attempt}"))
            }
            [_, id, _] => id,
        };
        return by("github-actions", name, run);
    }
    if variable("TF_BUILD").is_some() {
        let name = variable("BUILD_REQUESTEDFOREMAIL").or_else(|| variable("BUILD_REQUESTEDFOR"));
        let run = match (variable("SYSTEM_TEAMPROJECT"), variable("BUILD_BUILDID")) {
            (Some(project), Some(id)) => Some(format!("{project}/_build/results?buildId={id}")),
            (_, id) => id,
        };
        return by("azure-pipelines", name, run);
    }
    by("machine", ["USER", "LOGNAME", "USERNAME"].into_iter().find_map(variable), None)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_told_by_the_surroundings() {
        let of = |set: &[(&str, &str)]| {
            let set: Vec<(String, String)> = set.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect();
            let by = actor(&|name| set.iter().find(|(known, _)| known == name).map(|(_, value)| value.clone()));
            (by.via, by.name, by.run.unwrap_or_default())
        };
        let text = |a: &str, b: &str, c: &str| (a.to_owned(), b.to_owned(), c.to_owned());
        assert_eq!(of(&[("USER", "kari")]), text("machine", "kari", ""));
        assert_eq!(of(&[]), text("machine", "somebody without a name", ""));
        let github = [
            ("GITHUB_ACTIONS", "true"),
            ("GITHUB_ACTOR", "ola"),
            ("GITHUB_TRIGGERING_ACTOR", "kari"),
            ("GITHUB_REPOSITORY", "example/access"),
            ("GITHUB_RUN_ID", "17"),
            ("GITHUB_RUN_ATTEMPT", "2"),
            ("USER", "runner"),
        ];
        assert_eq!(of(&github), text("github-actions", "kari", "example/access/actions/runs/17/attempts/2"));
        let azure =
            [("TF_BUILD", "True"), ("BUILD_REQUESTEDFOREMAIL", "kari.fiktiv@ai-dev.no"), ("BUILD_BUILDID", "9")];
        assert_eq!(of(&azure), text("azure-pipelines", "kari.fiktiv@ai-dev.no", "9"));
    }
}
