//! Conditions that delegate role assignments: the one that `identity` writes, and what one that was found allows.
//!
//! The form is that of Microsoft's examples (azure-docs delegate-role-assignments-examples.md, "Constrain roles and specific
//! principal types"): a clause for writes over `@Request`, one for deletes over `@Resource`. What is not understood is
//! neither allowed nor denied: [`Condition::allows`] answers `None`.

use crate::{model::ids::RoleDefinitionId, ports::Permission};

use super::{DELETE, WRITE};

/// The version of the language, the only one that Azure takes.
pub const VERSION: &str = "2.0";
/// A condition's size in bytes at most (azure-docs limits.md).
pub const BYTES_MAX: usize = 8 * 1_024;

/// Lets these role definitions be given to people, and those be taken from them; nothing else.
pub(super) fn text<'a>(
    given: impl Iterator<Item = &'a RoleDefinitionId>,
    taken: impl Iterator<Item = &'a RoleDefinitionId>,
) -> String {
    let attribute = "Microsoft.Authorization/roleAssignments";
    let clause = |action: &str, of: &str, ids: Vec<String>| {
        let ids = ids.join(", ");
        format!(
            "((!(ActionMatches{{'{action}'}})) OR (@{of}[{attribute}:RoleDefinitionId] ForAnyOfAnyValues:GuidEquals {{{ids}}} AND @{of}[{attribute}:PrincipalType] ForAnyOfAnyValues:StringEqualsIgnoreCase {{'User'}}))"
        )
    };
    let write = clause(WRITE, "Request", given.map(ToString::to_string).collect());
    let delete = clause(DELETE, "Resource", taken.map(ToString::to_string).collect());
    format!("{write} AND {delete}")
}

/// What is asked of a condition.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    /// [`WRITE`] or [`DELETE`].
    pub action: &'a str,
    /// Which role definition.
    pub definition: RoleDefinitionId,
    /// For what kind of principal, in Azure's word.
    pub principal_type: &'a str,
}

/// A condition that was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Condition(Node);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Node {
    Any(Vec<Node>),
    All(Vec<Node>),
    Not(Box<Node>),
    Actions(Vec<String>),
    Attribute { of_request: bool, name: String, is_in: Option<bool>, values: Vec<String> },
}

impl Condition {
    /// Reads a condition; `None` where its form is not known here.
    #[must_use]
    pub fn read(text: &str) -> Option<Self> {
        let mut reader = Reader { rest: text, depth: 0 };
        let node = reader.any()?;
        reader.rest.trim().is_empty().then_some(Self(node))
    }

    /// Whether it allows this; `None` where that hangs on something else than role definition and principal type.
    #[must_use]
    pub fn allows(&self, asked: &Asked<'_>) -> Option<bool> {
        self.0.allows(asked)
    }
}

impl Node {
    fn allows(&self, asked: &Asked<'_>) -> Option<bool> {
        match self {
            Self::Any(nodes) => settled(nodes, asked, true),
            Self::All(nodes) => settled(nodes, asked, false),
            Self::Not(node) => node.allows(asked).map(|allows| !allows),
            Self::Actions(actions) => {
                Some(Permission { actions: actions.clone(), ..Permission::default() }.allows(asked.action))
            }
            Self::Attribute { of_request, name, is_in, values } => {
                // A write looks at the request, a delete at what is stored (azure-docs); the other one is not there.
                if *of_request != asked.action.eq_ignore_ascii_case(WRITE) {
                    return None;
                }
                let value = match name.to_ascii_lowercase().as_str() {
                    "microsoft.authorization/roleassignments:roledefinitionid" => asked.definition.to_string(),
                    "microsoft.authorization/roleassignments:principaltype" => asked.principal_type.to_owned(),
                    _ => return None,
                };
                is_in.map(|is_in| values.iter().any(|one| one.eq_ignore_ascii_case(&value)) == is_in)
            }
        }
    }
}

/// One part with this answer settles the whole, whatever is not known of the others.
fn settled(nodes: &[Node], asked: &Asked<'_>, settles: bool) -> Option<bool> {
    let answers: Vec<Option<bool>> = nodes.iter().map(|node| node.allows(asked)).collect();
    if answers.contains(&Some(settles)) { Some(settles) } else { (!answers.contains(&None)).then_some(!settles) }
}

/// Brackets in brackets at most: what people write has four or five.
const DEPTH_MAX: usize = 64;

struct Reader<'a> {
    rest: &'a str,
    depth: usize,
}

impl<'a> Reader<'a> {
    fn any(&mut self) -> Option<Node> {
        let mut nodes = vec![self.all()?];
        while self.word(&["OR", "||"]) {
            nodes.push(self.all()?);
        }
        Some(Node::Any(nodes))
    }

    fn all(&mut self) -> Option<Node> {
        let mut nodes = vec![self.one()?];
        while self.word(&["AND", "&&"]) {
            nodes.push(self.one()?);
        }
        Some(Node::All(nodes))
    }

    fn one(&mut self) -> Option<Node> {
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return None;
        }
        let node = self.part();
        self.depth -= 1;
        node
    }

    fn part(&mut self) -> Option<Node> {
        if self.word(&["!", "NOT"]) {
            return Some(Node::Not(Box::new(self.one()?)));
        }
        if self.word(&["("]) {
            let node = self.any()?;
            return self.word(&[")"]).then_some(node);
        }
        if self.word(&["ActionMatches"]) {
            return Some(Node::Actions(self.values()?));
        }
        let of_request = self.word(&["@Request"]);
        if !of_request && !self.word(&["@Resource"]) {
            return None;
        }
        let name = self.between('[', ']')?.trim().to_owned();
        let after = self.rest.trim_start();
        let end = after.find(|c: char| c.is_whitespace() || c == '{')?;
        let (operator, rest) = after.split_at(end);
        self.rest = rest;
        // One value stands on the left: "any of any" and "all of any" are the same, and so are the two "… of all".
        let (quantifier, comparison) = operator.split_once(':').unwrap_or(("", operator));
        let folded = comparison.to_ascii_lowercase();
        let (of_any, of_all) = (quantifier.ends_with("OfAnyValues"), quantifier.ends_with("OfAllValues"));
        let values = self.values()?;
        let alone = values.len() == 1;
        let is_in = match folded.as_str() {
            "guidequals" | "stringequals" | "stringequalsignorecase" if of_any || alone => Some(true),
            "guidnotequals" | "stringnotequals" | "stringnotequalsignorecase" if of_all || alone => Some(false),
            _ => None,
        };
        Some(Node::Attribute { of_request, name, is_in, values })
    }

    fn word(&mut self, words: &[&str]) -> bool {
        let text = self.rest.trim_start();
        let after = words.iter().find_map(|word| text.strip_prefix(word));
        self.rest = after.unwrap_or(self.rest);
        after.is_some()
    }

    fn between(&mut self, open: char, close: char) -> Option<&'a str> {
        let (inner, after) = self.rest.trim_start().strip_prefix(open)?.split_once(close)?;
        self.rest = after;
        Some(inner)
    }

    /// `{a, 'b'}`, or one quoted value.
    fn values(&mut self) -> Option<Vec<String>> {
        let inner = match self.rest.trim_start().chars().next()? {
            '{' => self.between('{', '}')?,
            _ => self.between('\'', '\'')?,
        };
        Some(inner.split(',').map(|one| one.trim().trim_matches('\'').to_owned()).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OURS: &str = "b86a8fe4-44ce-4948-aee5-eccb2c155cd7";
    const RETIRED: &str = "21090545-7ca7-4776-b22c-e363652d74d2";
    const OWNER: &str = "8e3af657-a8ff-443c-a75c-2fe8c4bcb635";

    fn allows(condition: &str, action: &str, definition: &str, principal_type: &str) -> Option<bool> {
        let definition = definition.parse().unwrap();
        Condition::read(condition)?.allows(&Asked { action, definition, principal_type })
    }

    #[test]
    fn what_is_written_allows_what_is_meant_and_no_more() {
        let (ours, retired) = (OURS.parse().unwrap(), RETIRED.parse().unwrap());
        let written = text([ours].iter(), [ours, retired].iter());
        assert!(written.len() < BYTES_MAX);
        for (action, definition, principal_type, may) in [
            (WRITE, OURS, "User", true),
            (WRITE, RETIRED, "User", false),
            (WRITE, OWNER, "User", false),
            (WRITE, OURS, "Group", false),
            (WRITE, OURS, "ServicePrincipal", false),
            (DELETE, OURS, "User", true),
            (DELETE, RETIRED, "user", true),
            (DELETE, OWNER, "User", false),
            (DELETE, OURS, "Group", false),
        ] {
            assert_eq!(allows(&written, action, definition, principal_type), Some(may), "{action} {definition}");
        }
    }

    /// Microsoft's own examples in other forms: all but some roles, and only the write held.
    #[test]
    fn other_forms_are_read() {
        let all_but = "((!(ActionMatches{'Microsoft.Authorization/roleAssignments/write'})) OR (@Request[Microsoft.Authorization/roleAssignments:RoleDefinitionId] ForAnyOfAllValues:GuidNotEquals {8e3af657-a8ff-443c-a75c-2fe8c4bcb635, f58310d9-a9f6-439a-9e8d-f62e7b41a168}))";
        assert_eq!(allows(all_but, WRITE, OURS, "Group"), Some(true));
        assert_eq!(allows(all_but, WRITE, OWNER, "User"), Some(false));
        assert_eq!(allows(all_but, DELETE, OWNER, "User"), Some(true));
    }

    #[test]
    fn what_is_not_known_is_neither_allowed_nor_denied() {
        let to_whom = "!(ActionMatches{'Microsoft.Authorization/roleAssignments/write'}) OR @Request[Microsoft.Authorization/roleAssignments:PrincipalId] ForAnyOfAnyValues:GuidEquals {8e3af657-a8ff-443c-a75c-2fe8c4bcb635}";
        assert_eq!(allows(to_whom, WRITE, OURS, "User"), None);
        assert_eq!(allows(to_whom, DELETE, OURS, "User"), Some(true));
        for strange in ["", "@Environment[x] DateTimeLess '1'", "(ActionMatches{'x'}", "ActionMatches{'x'} )", "!"] {
            assert_eq!(Condition::read(strange), None, "{strange}");
        }
        assert_eq!(Condition::read(&"(".repeat(100_000)), None);
        assert_eq!(Condition::read(&"!".repeat(100_000)), None);
    }
}
