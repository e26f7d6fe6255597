//! The world as a file, `azure.yaml`: for people to write by hand, and the form in which a world is kept and sent.
//!
//! In: YAML (or JSON, which is YAML). Out: a [`World`](super::World), or one clear error. Back again: [`write()`]; a world that is written
//! and read is the same world. Never: a key that nobody knows, or a name that could mean two things.
//!
//! ```yaml
#![doc = include_str!("example.yaml")]
//! ```

mod entries;
mod mistake;
mod read;
mod resources;
#[cfg(test)]
mod schema;
mod settings;
mod write;

pub use self::{
    entries::{
        ApplicationEntry, AssignmentEntry, DefinitionEntry, DenialEntry, EligibilityEntry, GroupEntry, LockItem,
        OneLine, ResourceEntry, ResourceGroupEntry, SettingsEntry, SubscriptionItem, UserEntry, WorldFile,
    },
    mistake::{Mistake, Place, explain},
    read::{Unreadable, read},
    settings::change as change_settings,
    write::{assignment_entry, settings_entry, write},
};
pub(super) use self::{
    read::replay,
    resources::{anew, made},
};

/// The form of `azure.yaml` as a JSON Schema (draft 2020-12), for editors.
pub const SCHEMA: &str = include_str!("schema.json");

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        model::ids::{ScopeId, UserName},
        simulator::World,
    };

    const EXAMPLE: &str = include_str!("example.yaml");

    #[track_caller]
    fn round_trip(world: &World) {
        let yaml = serde_yaml::to_string(&write(world)).unwrap();
        assert_eq!(&read(&yaml).unwrap(), world, "{yaml}");
        let json = serde_json::to_string(&write(world)).unwrap();
        assert_eq!(&read(&json).unwrap(), world);
    }

    /// The example in the module's documentation has every key.
    #[test]
    fn every_key_is_read_and_written_back() {
        let world = read(EXAMPLE).unwrap();
        round_trip(&world);
        assert_eq!(world.now().to_string(), "2026-11-22T09:00:00Z");
        assert_eq!(world.users().count(), 1); // the other one is deleted
        assert_eq!(world.resources().count(), 6);
        let at = |name: &str| world.resources().find(|found| found.name == name).unwrap();
        assert_eq!(at("ttd-prod-ai").properties["WorkspaceResourceId"], serde_json::Value::Null); // two to choose from
        assert_eq!(
            at("ttd-prod-ai2").properties["WorkspaceResourceId"].as_str().unwrap(),
            at("ttd-prod-law").id.as_str()
        );
        assert_eq!(at("ttd-prod-keyvault").properties.get("enableRbacAuthorization"), None);
        assert_eq!(at("ttd-prod-keyvault").properties["publicNetworkAccess"], "Disabled");
        assert_eq!(world.assignments_len(), 1);
        assert_eq!(world.settings().consistency.resource_graph_lag, jiff::SignedDuration::from_mins(10));
    }

    #[test]
    fn a_tenant_is_a_world() {
        let world = read("tenant: 00000000-0000-0000-0000-0000000000aa").unwrap();
        round_trip(&world);
        let tilgang = world.applications().next().unwrap();
        assert!(world.may(tilgang.id, "Microsoft.Authorization/roleAssignments/write", &ScopeId::new("/x")));
        assert!(world.user_named(&UserName::new("kari.fiktiv@ai-dev.no")).is_none());
    }

    #[test]
    fn mistakes_are_named() {
        let head = "tenant: 00000000-0000-0000-0000-0000000000aa\n";
        for (text, words) in [
            ("user: []", "unknown field `user`"),
            ("users: [{ user: a@b.no, nam: x }]", "unknown field `nam`"),
            ("users: [a@b.no, A@B.no]", "there twice"),
            ("subscriptions: [{ name: S, resources: [valut kv] }]", "`valut kv` is not `vault NAME`"),
            ("assignments: [{ principal: a@b.no, role: Reader, scope: / }]", "nobody is called `a@b.no`"),
            (
                "users: [a@b.no]\nassignments: [{ principal: a@b.no, role: Reder, scope: / }]",
                "no role definition is called `Reder`",
            ),
            ("users: [a@b.no]\nassignments: [{ principal: a@b.no, role: Reader, scope: kv }]", "is called `kv`"),
            (
                "users: [a@b.no]\nsubscriptions: [{ name: S, resources: [vault kv] }, { name: T, resources: [vault kv] }]\nassignments: [{ principal: a@b.no, role: Reader, scope: kv }]",
                "write the whole id",
            ),
            ("clock: soon", "`clock: soon`"),
            ("settings: { lists_stale: soon }", "`lists_stale: soon`"),
            ("settings: { lists_stael: 1s }", "unknown field `lists_stael`"),
        ] {
            let error = read(&format!("{head}{text}")).unwrap_err().to_string();
            assert!(error.contains(words), "{text}: {error}");
        }
        assert!(read("tenant: x").unwrap_err().to_string().contains("tenant"));
    }
}
