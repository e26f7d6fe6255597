//! Conditions on who may assign what: the part of Azure's condition language that delegates role assignments (azure-docs
//! delegate-role-assignments-examples.md; FACTS §9).
//!
//! In: a condition, and what is asked for. Out: whether it is fulfilled; `None` for what is not understood here. Never a
//! guess: whoever asks takes `None` for "not fulfilled".

use crate::model::ids::{PrincipalId, RoleDefinitionId};

/// What is asked for: the request's attributes for a write, the stored assignment's for a delete.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    /// The action.
    pub action: &'a str,
    /// The role definition.
    pub definition: Option<RoleDefinitionId>,
    /// The principal.
    pub principal: Option<PrincipalId>,
    /// Its type as sent, or as stored.
    pub principal_type: Option<&'a str>,
}

impl Asked<'_> {
    fn is_write(&self) -> bool {
        self.action.to_ascii_lowercase().ends_with("/write")
    }
}

/// Whether a condition is fulfilled.
#[must_use]
pub fn fulfilled(condition: &str, asked: &Asked<'_>) -> Option<bool> {
    let mut parser = Parser { rest: condition, asked };
    let fulfilled = parser.any()?;
    parser.rest.trim().is_empty().then_some(fulfilled)
}

struct Parser<'a> {
    rest: &'a str,
    asked: &'a Asked<'a>,
}

impl<'a> Parser<'a> {
    fn any(&mut self) -> Option<bool> {
        let mut any = self.all()?;
        while self.took("OR") || self.took("||") {
            any |= self.all()?;
        }
        Some(any)
    }

    fn all(&mut self) -> Option<bool> {
        let mut all = self.one()?;
        while self.took("AND") || self.took("&&") {
            all &= self.one()?;
        }
        Some(all)
    }

    fn one(&mut self) -> Option<bool> {
        if self.took("!") || self.took("NOT") {
            return self.one().map(|one| !one);
        }
        if self.took("(") {
            let inner = self.any()?;
            return self.took(")").then_some(inner);
        }
        if self.took("ActionMatches") {
            let actions = self.list()?;
            return Some(actions.iter().any(|action| action.eq_ignore_ascii_case(self.asked.action)));
        }
        // A write looks at the request, a delete at what is stored: the other one is not there.
        let there = if self.took("@Request") {
            self.asked.is_write()
        } else if self.took("@Resource") {
            !self.asked.is_write()
        } else {
            return None;
        };
        let attribute = self.between('[', ']')?.rsplit(':').next()?;
        let value = match attribute.to_ascii_lowercase().as_str() {
            "roledefinitionid" => self.asked.definition.map(|id| id.to_string()),
            "principalid" => self.asked.principal.map(|id| id.to_string()),
            "principaltype" => self.asked.principal_type.map(ToOwned::to_owned),
            _ => return None,
        };
        let value = value.filter(|_| there);
        let negated = if self.took("ForAnyOfAnyValues:GuidEquals")
            || self.took("ForAnyOfAnyValues:StringEqualsIgnoreCase")
            || self.took("StringEqualsIgnoreCase")
            || self.took("GuidEquals")
        {
            false
        } else if self.took("ForAnyOfAllValues:GuidNotEquals")
            || self.took("ForAnyOfAllValues:StringNotEqualsIgnoreCase")
        {
            true
        } else {
            return None;
        };
        let listed = self.list()?;
        Some(value.is_some_and(|value| listed.iter().any(|one| one.eq_ignore_ascii_case(&value)) != negated))
    }

    fn took(&mut self, word: &str) -> bool {
        let after = self.rest.trim_start().strip_prefix(word);
        self.rest = after.unwrap_or(self.rest);
        after.is_some()
    }

    fn between(&mut self, open: char, close: char) -> Option<&'a str> {
        let (inner, after) = self.rest.trim_start().strip_prefix(open)?.split_once(close)?;
        self.rest = after;
        Some(inner)
    }

    fn list(&mut self) -> Option<Vec<&'a str>> {
        let inner = self.between('{', '}')?;
        Some(inner.split(',').map(|one| one.trim().trim_matches('\'')).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The form of FACTS §9, from Microsoft's examples.
    const DELEGATED: &str = "((!(ActionMatches{'Microsoft.Authorization/roleAssignments/write'})) OR (@Request[Microsoft.Authorization/roleAssignments:RoleDefinitionId] ForAnyOfAnyValues:GuidEquals {43d0d8ad-25c7-4714-9337-8ba259a9fe05, b86a8fe4-44ce-4948-aee5-eccb2c155cd7} AND @Request[Microsoft.Authorization/roleAssignments:PrincipalType] ForAnyOfAnyValues:StringEqualsIgnoreCase {'User', 'Group'})) AND ((!(ActionMatches{'Microsoft.Authorization/roleAssignments/delete'})) OR (@Resource[Microsoft.Authorization/roleAssignments:RoleDefinitionId] ForAnyOfAnyValues:GuidEquals {43d0d8ad-25c7-4714-9337-8ba259a9fe05, b86a8fe4-44ce-4948-aee5-eccb2c155cd7} AND @Resource[Microsoft.Authorization/roleAssignments:PrincipalType] ForAnyOfAnyValues:StringEqualsIgnoreCase {'User', 'Group'}))";

    #[test]
    fn delegation() {
        let asked = |action, definition: &str, principal_type| {
            let definition = definition.parse().ok();
            fulfilled(DELEGATED, &Asked { action, definition, principal: None, principal_type })
        };
        let (write, delete) =
            ("Microsoft.Authorization/roleAssignments/write", "Microsoft.Authorization/roleAssignments/delete");
        let (ours, owner) = ("B86A8FE4-44ce-4948-aee5-eccb2c155cd7", "8e3af657-a8ff-443c-a75c-2fe8c4bcb635");
        assert_eq!(asked(write, ours, Some("user")), Some(true));
        assert_eq!(asked(delete, ours, Some("Group")), Some(true));
        assert_eq!(asked(write, owner, Some("User")), Some(false));
        assert_eq!(asked(delete, owner, Some("User")), Some(false));
        assert_eq!(asked(write, ours, Some("ServicePrincipal")), Some(false));
        assert_eq!(asked(write, ours, None), Some(false)); // inferred: the type that is sent counts (FACTS §9)
        let nothing = Asked { action: write, definition: None, principal: None, principal_type: None };
        assert_eq!(fulfilled("@Environment[x] DateTimeLess '1'", &nothing), None);
        assert_eq!(fulfilled("(ActionMatches{'x'}", &nothing), None);
    }
}
