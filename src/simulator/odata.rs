//! Graph's `$filter`: read, checked against Graph's limits, and applied.
//!
//! In: the filter after percent-decoding. Out: which objects it means, or Graph's refusal. Texts compare without regard to
//! case, as Graph's do.

use serde_json::Value;

use super::refusal::Refusal;

/// Values in `in`, and children of `or`: 15 (graph-docs known issues; recorded words for `or`, FACTS §6).
const CHILDREN_MAX: usize = 15;
/// Characters in the value of `eq` (graph-docs known issues, FACTS §6).
const VALUE_CHARS_MAX: usize = 120;

/// A filter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Filter {
    /// `property eq value`.
    Eq(String, Value),
    /// `property in ('a', 'b')`.
    In(String, Vec<Value>),
    /// `startswith(property, 'a')`.
    Starts(String, String),
    /// `endswith(property, 'a')`.
    Ends(String, String),
    /// `property/any(x:x eq 'a')`.
    Any(String, Value),
    /// Both.
    And(Vec<Filter>),
    /// Either.
    Or(Vec<Filter>),
    /// Not that; also `ne`.
    Not(Box<Filter>),
}

impl Filter {
    /// Reads a filter.
    pub fn read(text: &str) -> Result<Self, Refusal> {
        let mut parser = Parser { rest: text, depth: 0 };
        let filter = parser.or().filter(|_| parser.rest.trim().is_empty());
        let filter = filter.ok_or_else(|| {
            // Recorded for a filter that Graph could not read: `BadRequest`, "Invalid filter clause".
            Refusal::new(400, "BadRequest", format!("Invalid filter clause: '{text}' is not understood."))
        })?;
        filter.check()?;
        Ok(filter)
    }

    /// Whether it needs an advanced query: `ConsistencyLevel: eventual` and `$count=true` (graph-docs aad-advanced-queries).
    #[must_use]
    pub fn is_advanced(&self) -> bool {
        match self {
            Self::Ends(..) | Self::Not(_) => true,
            Self::And(all) | Self::Or(all) => all.iter().any(Self::is_advanced),
            Self::Eq(..) | Self::In(..) | Self::Starts(..) | Self::Any(..) => false,
        }
    }

    /// Whether an object is meant.
    #[must_use]
    pub fn fits(&self, object: &Value) -> bool {
        let text = |property: &str| object.get(property).and_then(Value::as_str).unwrap_or_default().to_lowercase();
        match self {
            Self::Eq(property, value) => object.get(property).is_some_and(|found| same(found, value)),
            Self::In(property, values) => {
                object.get(property).is_some_and(|found| values.iter().any(|value| same(found, value)))
            }
            Self::Starts(property, with) => text(property).starts_with(&with.to_lowercase()),
            Self::Ends(property, with) => text(property).ends_with(&with.to_lowercase()),
            Self::Any(property, value) => {
                let list = object.get(property).and_then(Value::as_array);
                list.is_some_and(|list| list.iter().any(|found| same(found, value)))
            }
            Self::And(all) => all.iter().all(|filter| filter.fits(object)),
            Self::Or(any) => any.iter().any(|filter| filter.fits(object)),
            Self::Not(filter) => !filter.fits(object),
        }
    }

    /// The properties that it names.
    #[must_use]
    pub fn properties(&self) -> Vec<&str> {
        match self {
            Self::Eq(property, _)
            | Self::In(property, _)
            | Self::Starts(property, _)
            | Self::Ends(property, _)
            | Self::Any(property, _) => vec![property],
            Self::And(all) | Self::Or(all) => all.iter().flat_map(Self::properties).collect(),
            Self::Not(filter) => filter.properties(),
        }
    }

    /// The values that one of these properties must have: with them an index answers in place of a search.
    #[must_use]
    pub fn keys(&self) -> Option<Vec<(&str, &str)>> {
        match self {
            Self::Eq(property, value) => Some(vec![(property, value.as_str()?)]),
            Self::In(property, values) => {
                values.iter().map(|value| Some((property.as_str(), value.as_str()?))).collect()
            }
            Self::Or(any) => any.iter().map(Self::keys).collect::<Option<Vec<_>>>().map(|keys| keys.concat()),
            Self::And(all) => all.iter().find_map(Self::keys),
            Self::Starts(..) | Self::Ends(..) | Self::Any(..) | Self::Not(_) => None,
        }
    }

    fn check(&self) -> Result<(), Refusal> {
        let (children, values): (&[Self], &[Value]) = match self {
            Self::And(all) => (all, &[]),
            Self::Or(any) => (any, &[]),
            Self::Eq(_, value) => (&[], std::slice::from_ref(value)),
            Self::In(_, values) => (&[], values),
            Self::Not(filter) => (std::slice::from_ref(filter.as_ref()), &[]),
            Self::Starts(..) | Self::Ends(..) | Self::Any(..) => (&[], &[]),
        };
        let many = if matches!(self, Self::Or(_)) { children.len() } else { values.len() };
        if many > CHILDREN_MAX {
            return Err(Refusal::new(
                400,
                "Request_UnsupportedQuery",
                format!(
                    "Too many child clauses specified in search filter expression containing 'OR' operators: {many}. Max allowed: {CHILDREN_MAX}."
                ),
            ));
        }
        if values.iter().filter_map(Value::as_str).any(|value| value.chars().count() > VALUE_CHARS_MAX) {
            let message = format!("The value of a filter may have {VALUE_CHARS_MAX} characters."); // words not recorded
            return Err(Refusal::new(400, "Request_UnsupportedQuery", message));
        }
        children.iter().try_for_each(Self::check)
    }
}

fn same(found: &Value, value: &Value) -> bool {
    match (found, value) {
        (Value::String(found), Value::String(value)) => found.to_lowercase() == value.to_lowercase(),
        _ => found == value,
    }
}

/// So deep a filter may be nested. Ours: Graph's own limit is not documented.
const DEPTH_MAX: usize = 100;

struct Parser<'a> {
    rest: &'a str,
    depth: usize,
}

impl Parser<'_> {
    fn or(&mut self) -> Option<Filter> {
        let mut any = vec![self.and()?];
        while self.word("or") {
            any.push(self.and()?);
        }
        Some(if any.len() == 1 { any.remove(0) } else { Filter::Or(any) })
    }

    fn and(&mut self) -> Option<Filter> {
        let mut all = vec![self.one()?];
        while self.word("and") {
            all.push(self.one()?);
        }
        Some(if all.len() == 1 { all.remove(0) } else { Filter::And(all) })
    }

    fn one(&mut self) -> Option<Filter> {
        self.depth += 1;
        let found = if self.depth > DEPTH_MAX { None } else { self.within() };
        self.depth -= 1;
        found
    }

    fn within(&mut self) -> Option<Filter> {
        if self.word("not") {
            return Some(Filter::Not(Box::new(self.one()?)));
        }
        if self.mark("(") {
            let inner = self.or()?;
            return self.mark(")").then_some(inner);
        }
        let name = self.name()?;
        let folded = name.to_ascii_lowercase();
        if folded == "startswith" || folded == "endswith" {
            let property = self.mark("(").then(|| self.name())??;
            let value = self.mark(",").then(|| self.value())??;
            let value = value.as_str()?.to_owned();
            let filter =
                if folded == "startswith" { Filter::Starts(property, value) } else { Filter::Ends(property, value) };
            return self.mark(")").then_some(filter);
        }
        if self.mark("/any(") {
            let variable = self.name()?;
            let _ = self.mark(":").then(|| self.name())?.filter(|again| *again == variable)?;
            let value = self.word("eq").then(|| self.value())??;
            return self.mark(")").then_some(Filter::Any(name, value));
        }
        if self.word("eq") {
            return Some(Filter::Eq(name, self.value()?));
        }
        if self.word("ne") {
            return Some(Filter::Not(Box::new(Filter::Eq(name, self.value()?))));
        }
        if self.word("in") && self.mark("(") {
            let mut values = vec![self.value()?];
            while self.mark(",") {
                values.push(self.value()?);
            }
            return self.mark(")").then_some(Filter::In(name, values));
        }
        None
    }

    fn mark(&mut self, mark: &str) -> bool {
        let trimmed = self.rest.trim_start();
        let after = trimmed.strip_prefix(mark);
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

    fn name(&mut self) -> Option<String> {
        let trimmed = self.rest.trim_start();
        let end = trimmed.find(|c: char| !(c.is_alphanumeric() || c == '_')).unwrap_or(trimmed.len());
        let (name, after) = trimmed.split_at(end);
        self.rest = after;
        (!name.is_empty()).then(|| name.to_owned())
    }

    fn value(&mut self) -> Option<Value> {
        for (word, value) in [("true", Value::Bool(true)), ("false", Value::Bool(false)), ("null", Value::Null)] {
            if self.word(word) {
                return Some(value);
            }
        }
        let mut rest = self.rest.trim_start().strip_prefix('\'')?;
        let mut text = String::new();
        loop {
            let (before, after) = rest.split_once('\'')?;
            text.push_str(before);
            // A quote inside is doubled (OData; FACTS §7).
            let Some(more) = after.strip_prefix('\'') else {
                self.rest = after;
                return Some(Value::String(text));
            };
            text.push('\'');
            rest = more;
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_the_clients_write() {
        let kari = json!({ "userPrincipalName": "Kari.O'Fiktiv@ai-dev.no", "accountEnabled": true, "servicePrincipalNames": ["a", "b"] });
        for fits in [
            "userPrincipalName eq 'kari.o''fiktiv@ai-dev.no'",
            "userPrincipalName in ('x', 'kari.o''fiktiv@AI-DEV.no')",
            "startswith(userPrincipalName,'KARI')",
            "endswith(userPrincipalName, 'dev.no') and accountEnabled eq true",
            "servicePrincipalNames/any(c:c eq 'b')",
            "not(userPrincipalName eq 'x') and (accountEnabled ne false or userPrincipalName eq 'y')",
        ] {
            assert!(Filter::read(fits).unwrap().fits(&kari), "{fits}");
        }
        for bad in
            ["", "userPrincipalName", "userPrincipalName eq", "userPrincipalName eq 'x", "userPrincipalName like 'x'"]
        {
            assert_eq!(Filter::read(bad).unwrap_err().status, 400, "{bad}");
        }
    }

    #[test]
    fn fifteen_values_and_no_more() {
        let names = |count: usize| (0..count).map(|n| format!("'u{n}@ai-dev.no'")).collect::<Vec<_>>();
        assert!(Filter::read(&format!("userPrincipalName in ({})", names(15).join(","))).is_ok());
        let refusal = Filter::read(&format!("userPrincipalName in ({})", names(16).join(","))).unwrap_err();
        assert_eq!(refusal.code, "Request_UnsupportedQuery");
        let ors = names(18).iter().map(|name| format!("id eq {name}")).collect::<Vec<_>>().join(" or ");
        assert_eq!(
            Filter::read(&ors).unwrap_err().message,
            "Too many child clauses specified in search filter expression containing 'OR' operators: 18. Max allowed: 15."
        );
        assert!(Filter::read(&format!("id eq '{}'", "x".repeat(121))).is_err());
    }
}
