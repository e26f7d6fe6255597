//! The shape of `azure.yaml`, key by key; what each means stands in the module above.

use std::{collections::BTreeMap, fmt, marker::PhantomData};

use jiff::Timestamp;
use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{self, MapAccess, Visitor, value::MapAccessDeserializer},
};
use serde_json::Value;

use crate::simulator::world::{
    pim::PimRequest,
    tenant::{Licence, Uncovered},
};

macro_rules! entries {
    ($($(#[$doc:meta])* $name:ident { $($body:tt)* })+) => {$(
        $(#[$doc])*
        #[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
        #[serde(deny_unknown_fields)]
        #[allow(missing_docs, reason = "each key is told of once, in the module above")]
        pub struct $name { $($body)* }
    )+};
}

entries! {
    /// The whole file.
    WorldFile {
        pub tenant: String,
        #[serde(default, skip_serializing_if = "Option::is_none")] pub clock: Option<String>,
        #[serde(default, skip_serializing_if = "Option::is_none")] pub settings: Option<SettingsEntry>,
        #[serde(default, skip_serializing_if = "Option::is_none")] pub applications: Option<Vec<ApplicationEntry>>,
        #[serde(default, skip_serializing_if = "Vec::is_empty")] pub users: Vec<OneLine<UserEntry>>,
        #[serde(default, skip_serializing_if = "Vec::is_empty")] pub groups: Vec<GroupEntry>,
        #[serde(default, skip_serializing_if = "Vec::is_empty")] pub subscriptions: Vec<SubscriptionItem>,
        #[serde(default, skip_serializing_if = "Vec::is_empty")] pub role_definitions: Vec<DefinitionEntry>,
        #[serde(default, skip_serializing_if = "Vec::is_empty")] pub deny_assignments: Vec<DenialEntry>,
        #[serde(default, skip_serializing_if = "Vec::is_empty")] pub assignments: Vec<AssignmentEntry>,
        #[serde(default, skip_serializing_if = "Vec::is_empty")] pub eligibilities: Vec<EligibilityEntry>,
        #[serde(default, skip_serializing_if = "Vec::is_empty")] pub pim_requests: Vec<PimRequest>,
    }
    /// What can be set.
    SettingsEntry {
        #[serde(default, skip_serializing_if = "Option::is_none")] pub assignments_max: Option<usize>,
        #[serde(default, skip_serializing_if = "Option::is_none")] pub page_size: Option<usize>,
        #[serde(default, skip_serializing_if = "Option::is_none")] pub throttling: Option<bool>,
        #[serde(default, skip_serializing_if = "Option::is_none")] pub lists_stale: Option<String>,
        #[serde(default, skip_serializing_if = "Option::is_none")] pub people_unknown: Option<String>,
        #[serde(default, skip_serializing_if = "Option::is_none")] pub resource_graph_lag: Option<String>,
        #[serde(default, skip_serializing_if = "Option::is_none")] pub activity_log_lag: Option<String>,
        #[serde(default, skip_serializing_if = "Option::is_none")] pub licence: Option<Licence>,
        #[serde(default, skip_serializing_if = "Option::is_none")] pub uncovered: Option<Uncovered>,
    }
    /// Who can sign in.
    ApplicationEntry {
        pub name: String,
        #[serde(default, skip_serializing_if = "Option::is_none")] pub client_id: Option<String>,
        #[serde(default, skip_serializing_if = "Option::is_none")] pub id: Option<String>,
        #[serde(default, skip_serializing_if = "Option::is_none")] pub secret: Option<String>,
        #[serde(default, skip_serializing_if = "std::ops::Not::not")] pub federated: bool,
        #[serde(default, skip_serializing_if = "Option::is_none")] pub graph: Option<Vec<String>>,
    }
    /// A person.
    UserEntry {
        pub user: String,
        #[serde(default, skip_serializing_if = "Option::is_none")] pub id: Option<String>,
        #[serde(default, skip_serializing_if = "Option::is_none")] pub name: Option<String>,
        #[serde(default, skip_serializing_if = "Option::is_none")] pub mail: Option<String>,
        #[serde(default, skip_serializing_if = "Option::is_none")] pub enabled: Option<bool>,
        #[serde(default, skip_serializing_if = "Option::is_none")] pub guest: Option<bool>,
        #[serde(default, skip_serializing_if = "BTreeMap::is_empty")] pub attributes: BTreeMap<String, String>,
        #[serde(default, skip_serializing_if = "Option::is_none")] pub created: Option<Timestamp>,
        #[serde(default, skip_serializing_if = "Option::is_none")] pub deleted: Option<Timestamp>,
    }
    /// A group.
    GroupEntry {
        pub name: String,
        #[serde(default, skip_serializing_if = "Option::is_none")] pub id: Option<String>,
        #[serde(default, skip_serializing_if = "Vec::is_empty")] pub members: Vec<String>,
        #[serde(default, skip_serializing_if = "Option::is_none")] pub deleted: Option<Timestamp>,
    }
    /// A subscription and what is in it.
    SubscriptionItem {
        pub name: String,
        #[serde(default, skip_serializing_if = "Option::is_none")] pub id: Option<String>,
        #[serde(default, skip_serializing_if = "Option::is_none")] pub state: Option<String>,
        #[serde(default, skip_serializing_if = "Option::is_none")] pub tenant: Option<String>,
        #[serde(default, skip_serializing_if = "Vec::is_empty")] pub management_groups: Vec<String>,
        #[serde(default, skip_serializing_if = "Option::is_none")] pub group: Option<String>,
        #[serde(default, skip_serializing_if = "BTreeMap::is_empty")] pub tags: BTreeMap<String, String>,
        #[serde(default, skip_serializing_if = "Vec::is_empty")] pub resource_groups: Vec<OneLine<ResourceGroupEntry>>,
        #[serde(default, skip_serializing_if = "Vec::is_empty")] pub resources: Vec<OneLine<ResourceEntry>>,
        #[serde(default, skip_serializing_if = "Vec::is_empty")] pub locks: Vec<LockItem>,
    }
    /// A resource group.
    ResourceGroupEntry {
        pub group: String,
        #[serde(default, skip_serializing_if = "Option::is_none")] pub location: Option<String>,
        #[serde(default, skip_serializing_if = "BTreeMap::is_empty")] pub tags: BTreeMap<String, String>,
    }
    /// A resource: one of `vault`, `component`, `workspace`, or `type` with `name`.
    ResourceEntry {
        #[serde(default, skip_serializing_if = "Option::is_none")] pub vault: Option<String>,
        #[serde(default, skip_serializing_if = "Option::is_none")] pub component: Option<String>,
        #[serde(default, skip_serializing_if = "Option::is_none")] pub workspace: Option<String>,
        #[serde(default, rename = "type", skip_serializing_if = "Option::is_none")] pub arm_type: Option<String>,
        #[serde(default, skip_serializing_if = "Option::is_none")] pub name: Option<String>,
        #[serde(default, skip_serializing_if = "Option::is_none")] pub id: Option<String>,
        #[serde(default, skip_serializing_if = "Option::is_none")] pub group: Option<String>,
        #[serde(default, skip_serializing_if = "Option::is_none")] pub location: Option<String>,
        #[serde(default, skip_serializing_if = "Option::is_none")] pub kind: Option<String>,
        #[serde(default, skip_serializing_if = "Option::is_none")] pub tags: Option<BTreeMap<String, String>>,
        #[serde(default, skip_serializing_if = "Option::is_none")] pub rbac: Option<bool>,
        #[serde(default, skip_serializing_if = "Option::is_none")] pub network: Option<String>,
        #[serde(default, skip_serializing_if = "Option::is_none")] pub resource_permissions: Option<bool>,
        #[serde(default, skip_serializing_if = "Option::is_none")] pub properties: Option<Value>,
        #[serde(default, skip_serializing_if = "Option::is_none")] pub created: Option<Timestamp>,
        #[serde(default, skip_serializing_if = "Option::is_none")] pub deleted: Option<Timestamp>,
    }
    /// A lock.
    LockItem {
        pub name: String,
        pub level: String,
        #[serde(default, skip_serializing_if = "Option::is_none")] pub scope: Option<String>,
        #[serde(default, skip_serializing_if = "Option::is_none")] pub notes: Option<String>,
    }
    /// A role definition of the tenant's own.
    DefinitionEntry {
        pub name: String,
        #[serde(default, skip_serializing_if = "Option::is_none")] pub id: Option<String>,
        #[serde(default, skip_serializing_if = "String::is_empty")] pub description: String,
        #[serde(default, skip_serializing_if = "Vec::is_empty")] pub scopes: Vec<String>,
        #[serde(default, skip_serializing_if = "Vec::is_empty")] pub actions: Vec<String>,
        #[serde(default, skip_serializing_if = "Vec::is_empty")] pub not_actions: Vec<String>,
        #[serde(default, skip_serializing_if = "Vec::is_empty")] pub data_actions: Vec<String>,
        #[serde(default, skip_serializing_if = "Vec::is_empty")] pub not_data_actions: Vec<String>,
        #[serde(default, skip_serializing_if = "Option::is_none")] pub created: Option<Timestamp>,
        #[serde(default, skip_serializing_if = "Option::is_none")] pub updated: Option<Timestamp>,
        #[serde(default, skip_serializing_if = "Option::is_none")] pub created_by: Option<String>,
        #[serde(default, skip_serializing_if = "Option::is_none")] pub updated_by: Option<String>,
    }
    /// What somebody may activate.
    EligibilityEntry {
        pub principal: String,
        pub role: String,
        pub scope: String,
        #[serde(default, skip_serializing_if = "Option::is_none")] pub id: Option<String>,
        #[serde(default, skip_serializing_if = "Option::is_none")] pub start: Option<Timestamp>,
        #[serde(default, skip_serializing_if = "Option::is_none")] pub ends: Option<Timestamp>,
        #[serde(default, skip_serializing_if = "Option::is_none")] pub created: Option<Timestamp>,
    }
    /// A deny assignment.
    DenialEntry {
        pub name: String,
        pub scope: String,
        #[serde(default, skip_serializing_if = "Option::is_none")] pub id: Option<String>,
        #[serde(default, skip_serializing_if = "String::is_empty")] pub description: String,
        #[serde(default, skip_serializing_if = "std::ops::Not::not")] pub only_here: bool,
        #[serde(default, skip_serializing_if = "Vec::is_empty")] pub actions: Vec<String>,
        #[serde(default, skip_serializing_if = "Vec::is_empty")] pub not_actions: Vec<String>,
        #[serde(default, skip_serializing_if = "Vec::is_empty")] pub data_actions: Vec<String>,
        #[serde(default, skip_serializing_if = "Vec::is_empty")] pub not_data_actions: Vec<String>,
        #[serde(default, skip_serializing_if = "std::ops::Not::not")] pub audit: bool,
        #[serde(default, skip_serializing_if = "Vec::is_empty")] pub principals: Vec<String>,
        #[serde(default, skip_serializing_if = "Vec::is_empty")] pub except: Vec<String>,
    }
    /// A role assignment.
    AssignmentEntry {
        pub principal: String,
        pub role: String,
        pub scope: String,
        #[serde(default, skip_serializing_if = "Option::is_none")] pub name: Option<String>,
        #[serde(default, rename = "type", skip_serializing_if = "Option::is_none")] pub principal_type: Option<String>,
        #[serde(default, skip_serializing_if = "Option::is_none")] pub description: Option<String>,
        #[serde(default, skip_serializing_if = "Option::is_none")] pub condition: Option<String>,
        #[serde(default, skip_serializing_if = "Option::is_none")] pub condition_version: Option<String>,
        #[serde(default, skip_serializing_if = "Option::is_none")] pub created: Option<Timestamp>,
        #[serde(default, skip_serializing_if = "Option::is_none")] pub updated: Option<Timestamp>,
        #[serde(default, skip_serializing_if = "Option::is_none")] pub created_by: Option<String>,
        #[serde(default, skip_serializing_if = "Option::is_none")] pub updated_by: Option<String>,
        #[serde(default, skip_serializing_if = "std::ops::Not::not")] pub activated: bool,
        #[serde(default, skip_serializing_if = "Option::is_none")] pub ends: Option<Timestamp>,
    }
}

/// An entry that may be written as one line of text.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct OneLine<T>(pub T);

/// How such a line is read.
pub trait Line: Sized {
    /// What a line is, for messages.
    const EXPECTED: &'static str;
    /// Reads one.
    fn from_line(line: &str) -> Result<Self, String>;
    /// As a line, if one says it all.
    fn to_line(&self) -> Option<String>;
}

impl Line for UserEntry {
    const EXPECTED: &'static str = "a sign-in name, or a mapping with `user`";

    fn from_line(line: &str) -> Result<Self, String> {
        Ok(Self { user: line.to_owned(), ..Self::default() })
    }

    fn to_line(&self) -> Option<String> {
        (*self == Self { user: self.user.clone(), ..Self::default() }).then(|| self.user.clone())
    }
}

impl Line for ResourceGroupEntry {
    const EXPECTED: &'static str = "a resource group's name, or a mapping with `group`";

    fn from_line(line: &str) -> Result<Self, String> {
        Ok(Self { group: line.to_owned(), ..Self::default() })
    }

    fn to_line(&self) -> Option<String> {
        (*self == Self { group: self.group.clone(), ..Self::default() }).then(|| self.group.clone())
    }
}

impl Line for ResourceEntry {
    const EXPECTED: &'static str = "`vault NAME`, `component NAME`, `workspace NAME`, or a mapping";

    fn from_line(line: &str) -> Result<Self, String> {
        let (kind, name) = line.split_once(' ').unwrap_or((line, ""));
        let name = Some(name.trim().to_owned()).filter(|name| !name.is_empty() && !name.contains(' '));
        let name = name.ok_or_else(|| format!("`{line}` is not {}", Self::EXPECTED))?;
        match kind {
            "vault" => Ok(Self { vault: Some(name), ..Self::default() }),
            "component" => Ok(Self { component: Some(name), ..Self::default() }),
            "workspace" => Ok(Self { workspace: Some(name), ..Self::default() }),
            _ => Err(format!("`{line}` is not {}", Self::EXPECTED)),
        }
    }

    fn to_line(&self) -> Option<String> {
        None // what is written is written whole
    }
}

impl<'de, T: Line + Deserialize<'de>> Deserialize<'de> for OneLine<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either<T>(PhantomData<T>);
        impl<'de, T: Line + Deserialize<'de>> Visitor<'de> for Either<T> {
            type Value = T;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(T::EXPECTED)
            }

            fn visit_str<E: de::Error>(self, line: &str) -> Result<T, E> {
                T::from_line(line).map_err(E::custom)
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<T, A::Error> {
                T::deserialize(MapAccessDeserializer::new(map))
            }
        }
        deserializer.deserialize_any(Either(PhantomData)).map(Self)
    }
}

impl<T: Line + Serialize> Serialize for OneLine<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0.to_line() {
            Some(line) => serializer.serialize_str(&line),
            None => self.0.serialize(serializer),
        }
    }
}
