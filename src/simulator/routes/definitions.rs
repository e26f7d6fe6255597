//! Role definitions over HTTP: list with its filters, get, create, change, delete (FACTS §1.9; specs).

use serde_json::{Value, json};

use super::{Answer, Ask, wire};
use crate::{
    model::ids::{PrincipalId, RoleDefinitionId, ScopeId},
    simulator::{
        refusal::Refusal,
        world::{Block, Definition, DefinitionBody, World},
    },
};

const READ: &str = "Microsoft.Authorization/roleDefinitions/read";

/// The terms of a list's `$filter`.
#[derive(Debug, Default)]
struct Filter {
    name: Option<String>,
    custom: Option<bool>,
    below: bool,
}

/// `roleName eq '…'` ignores case (recorded); `type eq '…'` and `atScopeAndBelow()` are in the description.
fn filter(text: &str) -> Result<Filter, Refusal> {
    let mut filter = Filter::default();
    for term in text.split(" and ").map(str::trim).filter(|term| !term.is_empty()) {
        let value = term.split_once('\'').and_then(|(_, rest)| rest.rsplit_once('\'')).map(|(value, _)| value);
        let folded = term.to_ascii_lowercase();
        match value {
            Some(value) if folded.starts_with("rolename eq") => filter.name = Some(value.replace("''", "'")),
            Some(value) if folded.starts_with("type eq") => {
                filter.custom = Some(value.eq_ignore_ascii_case("CustomRole"));
            }
            None if folded == "atscopeandbelow()" => filter.below = true,
            None if folded == "atscope()" => {}
            _ => {
                let message = format!("The filter '{text}' is not supported."); // words not recorded
                return Err(Refusal::new(400, "UnsupportedQuery", message));
            }
        }
    }
    Ok(filter)
}

pub(super) fn list(world: &World, caller: PrincipalId, ask: &Ask, scope: &ScopeId) -> Result<Answer, Refusal> {
    world.demand_below(READ, caller, scope)?;
    let filter = filter(ask.parameter("$filter").unwrap_or_default())?;
    let fits = |found: &&Definition| {
        filter.name.as_ref().is_none_or(|name| found.name.eq_ignore_ascii_case(name))
            && filter.custom.is_none_or(|custom| custom != found.built_in)
    };
    let value: Vec<Value> =
        world.definitions_at(scope, filter.below).filter(fits).map(|found| wire::definition(found, scope)).collect();
    Ok(Answer::json(200, &json!({ "value": value })))
}

pub(super) fn one(
    world: &mut World,
    caller: PrincipalId,
    ask: &Ask,
    scope: &ScopeId,
    name: &str,
) -> Result<Option<Answer>, Refusal> {
    let id: RoleDefinitionId = name.parse().map_err(|_| Refusal::no_definition(404, name))?;
    Ok(Some(match ask.method.as_str() {
        "GET" => {
            world.demand_below(READ, caller, scope)?;
            Answer::json(200, &wire::definition(world.definition(id)?, scope))
        }
        "PUT" => {
            let body = body(&ask.body, scope)?;
            Answer::json(201, &wire::definition(world.put_definition(caller, scope, id, body)?, scope)) // 201 only (specs)
        }
        "DELETE" => match world.delete_definition(caller, scope, id)? {
            Some(gone) => Answer::json(200, &wire::definition(&gone, scope)),
            None => Answer::empty(204),
        },
        _ => return Ok(None),
    }))
}

fn body(bytes: &[u8], at: &ScopeId) -> Result<DefinitionBody, Refusal> {
    let unreadable =
        || Refusal::new(400, "InvalidRequestContent", "The request content was invalid and could not be deserialized.");
    let value: Value = serde_json::from_slice(bytes).map_err(|_| unreadable())?;
    let properties = value.get("properties").ok_or_else(unreadable)?;
    let text = |key: &str| properties.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
    let blocks = properties.get("permissions").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let all = |key: &str| -> Vec<String> {
        let lists = blocks.iter().filter_map(|block| block.get(key)?.as_array()).flatten();
        lists.filter_map(Value::as_str).map(ToOwned::to_owned).collect()
    };
    let scopes = properties.get("assignableScopes").and_then(Value::as_array);
    let scopes = scopes.map(|scopes| scopes.iter().filter_map(Value::as_str).map(ScopeId::new).collect());
    Ok(DefinitionBody {
        name: text("roleName"),
        description: text("description"),
        block: Block {
            actions: all("actions"),
            not_actions: all("notActions"),
            data_actions: all("dataActions"),
            not_data_actions: all("notDataActions"),
        },
        scopes: scopes.unwrap_or_else(|| vec![at.clone()]),
    })
}
