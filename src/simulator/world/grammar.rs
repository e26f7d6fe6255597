//! Whether a role assignment's condition is well formed (azure-docs conditions-format.md): every function, operator and attribute
//! that the page names, whatever they mean. What they mean is in `condition`, as far as it is simulated.

/// Comparisons, by what is compared.
const TEXT: &[&str] = &["Equals", "StartsWith", "Like", "Contains", "EndsWith"];
const ORDER: &[&str] = &["Equals", "GreaterThan", "GreaterThanEquals", "LessThan", "LessThanEquals"];
const EQUAL: &[&str] = &["Equals"];
/// Each with `Not` before the comparison, too: `StringNotEquals`.
const OPERATORS: &[(&str, &[&str], &[&str])] = &[
    ("String", TEXT, &["", "IgnoreCase"]),
    ("Numeric", ORDER, &[""]),
    ("DateTime", ORDER, &[""]),
    ("TimeOfDay", ORDER, &[""]),
    ("Bool", EQUAL, &[""]),
    ("Guid", EQUAL, &[""]),
];
/// Before an operator that compares lists.
const LISTS: &[&str] = &["ForAnyOfAnyValues:", "ForAllOfAnyValues:", "ForAnyOfAllValues:", "ForAllOfAllValues:"];
const SOURCES: &[&str] = &["@Principal", "@Resource", "@Request", "@Environment"];

/// Whether it can be read.
pub(super) fn is_well_formed(condition: &str) -> bool {
    let mut parser = Parser { rest: condition, depth: 0 };
    parser.any().is_some() && parser.rest.trim().is_empty()
}

/// So deep a condition may be nested. Ours: none that is documented has more than five brackets in one another.
const DEPTH_MAX: usize = 100;

struct Parser<'a> {
    rest: &'a str,
    depth: usize,
}

impl Parser<'_> {
    fn any(&mut self) -> Option<()> {
        self.all()?;
        while self.word("OR") || self.mark("||") {
            self.all()?;
        }
        Some(())
    }

    fn all(&mut self) -> Option<()> {
        self.one()?;
        while self.word("AND") || self.mark("&&") {
            self.one()?;
        }
        Some(())
    }

    fn one(&mut self) -> Option<()> {
        self.depth += 1;
        let found = if self.depth > DEPTH_MAX { None } else { self.within() };
        self.depth -= 1;
        found
    }

    fn within(&mut self) -> Option<()> {
        if self.mark("!") || self.word("NOT") {
            return self.one();
        }
        if self.mark("(") {
            self.any()?;
            return self.mark(")").then_some(());
        }
        if self.word("ActionMatches") || self.word("SubOperationMatches") {
            return self.list();
        }
        if self.word("Exists") {
            return self.attribute();
        }
        self.attribute()?;
        self.operator()?;
        if self.rest.trim_start().starts_with('@') { self.attribute() } else { self.value() }
    }

    fn attribute(&mut self) -> Option<()> {
        let source = SOURCES.iter().any(|source| self.word(source));
        let name = self.mark("[").then(|| self.until(']'))??;
        let is_name = |c: char| c.is_alphanumeric() || ":./_-<>$&\"' ".contains(c);
        (source && !name.trim().is_empty() && name.chars().all(is_name)).then_some(())
    }

    fn operator(&mut self) -> Option<()> {
        let found: String = self.rest.trim_start().chars().take_while(|c| c.is_alphanumeric() || *c == ':').collect();
        self.rest = self.rest.trim_start().get(found.len()..)?;
        let folded = found.to_ascii_lowercase();
        let lists = LISTS.iter().find_map(|list| folded.strip_prefix(list.to_ascii_lowercase().as_str()));
        let operator = lists.unwrap_or(&folded);
        let is = |(of, compares, ends): &(&str, &[&str], &[&str])| {
            let compare = |not: &str| {
                compares.iter().any(|compare| {
                    ends.iter().any(|end| format!("{of}{not}{compare}{end}").eq_ignore_ascii_case(operator))
                })
            };
            compare("") || compare("Not")
        };
        OPERATORS.iter().any(is).then_some(())
    }

    fn value(&mut self) -> Option<()> {
        if self.rest.trim_start().starts_with('{') {
            return self.list();
        }
        if self.mark("'") {
            return self.until('\'').map(drop);
        }
        let word = |c: char| c.is_alphanumeric() || ".:-".contains(c);
        let length = self.rest.trim_start().find(|c| !word(c)).unwrap_or(self.rest.trim_start().len());
        self.rest = self.rest.trim_start().get(length..)?;
        (length > 0).then_some(())
    }

    fn list(&mut self) -> Option<()> {
        let inner = self.mark("{").then(|| self.until('}'))??;
        let is_one = |one: &str| {
            let one = one.trim();
            let quoted = one.strip_prefix('\'').and_then(|one| one.strip_suffix('\''));
            !quoted.unwrap_or(one).is_empty() && !quoted.unwrap_or(one).contains('\'')
        };
        inner.split(',').all(is_one).then_some(())
    }

    fn until(&mut self, close: char) -> Option<String> {
        let (inner, after) = self.rest.split_once(close)?;
        let inner = inner.to_owned();
        self.rest = after;
        Some(inner)
    }

    fn mark(&mut self, mark: &str) -> bool {
        let after = self.rest.trim_start().strip_prefix(mark);
        self.rest = after.unwrap_or(self.rest);
        after.is_some()
    }

    fn word(&mut self, word: &str) -> bool {
        let trimmed = self.rest.trim_start();
        let Some((head, after)) = trimmed.split_at_checked(word.len()) else { return false };
        let whole = !after.starts_with(|c: char| c.is_alphanumeric() || c == '_');
        let found = whole && head.eq_ignore_ascii_case(word);
        if found {
            self.rest = after;
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_can_be_read() {
        for good in [
            // azure-docs delegate-role-assignments-examples.md, conditions-format.md, conditions-role-assignments-cli.md
            "((!(ActionMatches{'Microsoft.Authorization/roleAssignments/write'})) OR (@Request[Microsoft.Authorization/roleAssignments:RoleDefinitionId] ForAnyOfAnyValues:GuidEquals {43d0d8ad-25c7-4714-9337-8ba259a9fe05, b86a8fe4-44ce-4948-aee5-eccb2c155cd7}))",
            "(!(ActionMatches{'Microsoft.Storage/storageAccounts/blobServices/containers/blobs/read'} AND NOT SubOperationMatches{'Blob.List'})) OR (@Resource[Microsoft.Storage/storageAccounts/blobServices/containers:name] StringEquals 'blobs-example-container')",
            "@Resource[Microsoft.Storage/storageAccounts/blobServices/containers:Name] stringEquals 'foo'",
            "@Environment[UtcNow] DateTimeGreaterThan '2023-05-01T13:00:00.000Z'",
            "@Environment[isPrivateLink] BoolEquals true && NOT Exists @Resource[a/b:c]",
            "@Principal[Microsoft.Directory/CustomSecurityAttributes/Id:Engineering_Project] StringEquals @Resource[a/b:c<$key_case_sensitive$>]",
        ] {
            assert!(is_well_formed(good), "{good}");
        }
        for bad in [
            "",
            "nonsense",
            "(ActionMatches{'x'}",
            "ActionMatches{'x'} OR",
            "ActionMatches{}",
            "@Resource[x] StringEqual 'y'",
            "@Resource[x] StringEquals",
            "@Resource[x] StringEquals 'y",
            "@Subject[x] StringEquals 'y'",
            "@Resource[] StringEquals 'y'",
            "ActionMatches{'x'} @Resource[x] StringEquals 'y'",
        ] {
            assert!(!is_well_formed(bad), "{bad}");
        }
    }
}
