//! The directory: users, groups and applications, the deleted users among them (FACTS §7).

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

use super::{Touched, World};
use crate::model::{
    ids::{PrincipalId, UserName},
    people::{Attribute, Person},
};

/// How long a deleted user can be restored (graph-docs; FACTS §7).
pub const RESTORABLE: SignedDuration = SignedDuration::from_hours(30 * 24);

/// One user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// The object id.
    pub id: PrincipalId,
    /// The sign-in name, as it was written; for a deleted one the name it had.
    pub name: UserName,
    /// The name people use.
    pub display_name: Option<String>,
    /// The e-mail address; a guest's is not its sign-in name (recorded, FACTS §7).
    pub mail: Option<String>,
    /// Whether it can sign in.
    pub enabled: bool,
    /// Whether it is a guest.
    pub guest: bool,
    /// `companyName`, `department`, `officeLocation`, `employeeType`, where it has one.
    pub attributes: BTreeMap<Attribute, String>,
    /// When it was made: `createdDateTime`, which may be null (graph-docs v1.0 resources/user.md).
    pub created: Option<Timestamp>,
    /// When it was deleted.
    pub deleted: Option<Timestamp>,
}

impl User {
    /// The sign-in name that Graph shows: a deleted user's carries its id, without dashes, as a prefix.
    #[must_use]
    pub fn shown_name(&self) -> String {
        match self.deleted {
            Some(_) => format!("{}{}", self.id.0.simple(), self.name),
            None => self.name.to_string(),
        }
    }

    /// As the ports see a person.
    #[must_use]
    pub fn person(&self) -> Person {
        Person {
            id: self.id,
            name: self.name.clone(),
            display_name: self.display_name.as_deref().map(Into::into),
            enabled: self.enabled,
            guest: self.guest,
            created: self.created,
        }
    }
}

/// One group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    /// The object id.
    pub id: PrincipalId,
    /// The display name.
    pub name: String,
    /// Who is in it: users, applications, groups.
    pub members: BTreeSet<PrincipalId>,
}

/// One application, and its service principal.
#[derive(Clone, PartialEq, Eq)]
pub struct Application {
    /// The service principal's object id: what role assignments name.
    pub id: PrincipalId,
    /// The client id: what signs in.
    pub client_id: Uuid,
    /// The display name.
    pub name: String,
    /// Its client secret, if it has one.
    pub secret: Option<String>,
    /// Whether a client assertion signs it in.
    pub federated: bool,
    /// Its Graph permissions: Azure Owner rights don't include reading the directory (FACTS §7).
    pub graph: Vec<String>,
}

impl std::fmt::Debug for Application {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { id, client_id, name, secret: _, federated, graph } = self;
        let mut all = f.debug_struct("Application");
        all.field("id", id).field("client_id", client_id).field("name", name).field("federated", federated);
        all.field("graph", graph).finish_non_exhaustive()
    }
}

impl Application {
    /// Whether it may read people.
    #[must_use]
    pub fn may_read_people(&self) -> bool {
        self.graph.iter().any(|permission| {
            ["User.Read.All", "User.ReadWrite.All", "Directory.Read.All", "Directory.ReadWrite.All"]
                .contains(&permission.as_str())
        })
    }

    /// Whether it may read groups and who is in them. `User.Read.All` is not among those that do ("List group transitive
    /// members", permissions).
    #[must_use]
    pub fn may_read_groups(&self) -> bool {
        let reads = [
            "GroupMember.Read.All",
            "GroupMember.ReadWrite.All",
            "Group.Read.All",
            "Group.ReadWrite.All",
            "Directory.Read.All",
            "Directory.ReadWrite.All",
        ];
        self.graph.iter().any(|permission| reads.contains(&permission.as_str()))
    }

    /// Whether it may look up objects of this kind by id: `user`, `group`, `servicePrincipal`.
    #[must_use]
    pub fn may_look_up(&self, kind: &str) -> bool {
        let own: &[&str] = match kind {
            "user" => return self.may_read_people(),
            "group" => return self.may_read_groups(),
            "servicePrincipal" => &["Application.Read.All", "Application.ReadWrite.All"],
            "device" => &["Device.Read.All", "Device.ReadWrite.All"],
            _ => &[],
        };
        let all = ["Directory.Read.All", "Directory.ReadWrite.All"];
        self.graph.iter().any(|permission| own.iter().chain(&all).any(|known| permission == known))
    }

    /// Whether it may look up objects of every kind by id.
    #[must_use]
    pub fn may_look_up_all(&self) -> bool {
        ["user", "group", "servicePrincipal", "device", ""].into_iter().all(|kind| self.may_look_up(kind))
    }

    /// Whether it may change people.
    #[must_use]
    pub fn may_write_people(&self) -> bool {
        let writes = ["User.ReadWrite.All", "Directory.ReadWrite.All"];
        self.graph.iter().any(|permission| writes.contains(&permission.as_str()))
    }
}

/// Everybody.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::simulator) struct People {
    users: BTreeMap<PrincipalId, User>,
    groups: BTreeMap<PrincipalId, Group>,
    applications: Vec<Application>, // few, and the first of the file signs in where nobody says who
    by_name: BTreeMap<UserName, PrincipalId>, // the living only
    by_mail: BTreeMap<UserName, BTreeSet<PrincipalId>>, // likewise; folded as names are; several may have one address
    member_of: BTreeMap<PrincipalId, BTreeSet<PrincipalId>>,
    deleted: BTreeSet<PrincipalId>,
    deleted_groups: BTreeMap<PrincipalId, (Group, Timestamp)>,
}

impl People {
    pub(super) fn groups_of(&self, member: PrincipalId) -> impl Iterator<Item = PrincipalId> {
        self.member_of.get(&member).into_iter().flatten().copied()
    }

    fn index(&mut self, id: PrincipalId) {
        let Some(user) = self.users.get(&id) else { return };
        if user.deleted.is_some() {
            self.deleted.insert(id);
            return;
        }
        self.by_name.insert(user.name.clone(), id);
        if let Some(mail) = &user.mail {
            self.by_mail.entry(UserName::new(mail)).or_default().insert(id);
        }
    }

    fn unindex(&mut self, id: PrincipalId) {
        let Some(user) = self.users.get(&id) else { return };
        self.deleted.remove(&id);
        if self.by_name.get(&user.name) == Some(&id) {
            self.by_name.remove(&user.name);
        }
        if let Some(mail) = user.mail.as_deref().map(UserName::new) {
            let emptied = self.by_mail.get_mut(&mail).is_some_and(|with| with.remove(&id) && with.is_empty());
            if emptied {
                self.by_mail.remove(&mail);
            }
        }
    }
}

impl World {
    /// Every user, the deleted ones included.
    pub fn all_users(&self) -> impl Iterator<Item = &User> {
        self.people.users.values()
    }

    /// The living users, by name.
    pub fn users(&self) -> impl Iterator<Item = &User> {
        self.people.by_name.values().filter_map(|id| self.people.users.get(id))
    }

    /// How many living users there are.
    #[must_use]
    pub fn users_len(&self) -> usize {
        self.people.by_name.len()
    }

    /// A living user by name, without regard to case.
    #[must_use]
    pub fn user_named(&self, name: &UserName) -> Option<&User> {
        self.people.by_name.get(name).and_then(|id| self.people.users.get(id))
    }

    /// The living users with an e-mail address, without regard to case.
    pub fn users_with_mail(&self, mail: &str) -> impl Iterator<Item = &User> {
        let with = self.people.by_mail.get(&UserName::new(mail));
        with.into_iter().flatten().filter_map(|id| self.people.users.get(id))
    }

    /// A living user by object id.
    #[must_use]
    pub fn user(&self, id: PrincipalId) -> Option<&User> {
        self.people.users.get(&id).filter(|user| user.deleted.is_none())
    }

    /// The living users whose name begins so, by name.
    pub fn users_starting<'a>(&'a self, with: &str) -> impl Iterator<Item = &'a User> {
        let from = UserName::new(with);
        let prefix = from.folded().to_owned();
        let range = self.people.by_name.range(from..).take_while(move |(name, _)| name.folded().starts_with(&prefix));
        range.filter_map(|(_, id)| self.people.users.get(id))
    }

    /// The users that were deleted and can still be restored.
    pub fn deleted_users(&self) -> impl Iterator<Item = &User> {
        let now = self.now();
        let restorable = move |user: &&User| user.deleted.is_some_and(|on| now.duration_since(on) < RESTORABLE);
        self.people.deleted.iter().filter_map(|id| self.people.users.get(id)).filter(restorable)
    }

    /// A deleted user by object id.
    #[must_use]
    pub fn deleted_user(&self, id: PrincipalId) -> Option<&User> {
        let now = self.now();
        let user = self.people.users.get(&id)?;
        user.deleted.is_some_and(|on| now.duration_since(on) < RESTORABLE).then_some(user)
    }

    /// Every group.
    pub fn groups(&self) -> impl Iterator<Item = &Group> {
        self.people.groups.values()
    }

    /// A group by object id.
    #[must_use]
    pub fn group(&self, id: PrincipalId) -> Option<&Group> {
        self.people.groups.get(&id)
    }

    /// Who is in a group, through groups as well. Empty if there is no such group.
    #[must_use]
    pub fn everybody_in(&self, id: PrincipalId) -> BTreeSet<PrincipalId> {
        let mut members = BTreeSet::new();
        let mut next = vec![id];
        while let Some(id) = next.pop() {
            let inside = self.group(id).into_iter().flat_map(|group| &group.members);
            next.extend(inside.filter(|member| members.insert(**member)).copied());
        }
        members
    }

    /// Every application, in the order of the file.
    pub fn applications(&self) -> impl Iterator<Item = &Application> {
        self.people.applications.iter()
    }

    /// An application by its service principal's object id.
    #[must_use]
    pub fn application(&self, id: PrincipalId) -> Option<&Application> {
        self.people.applications.iter().find(|application| application.id == id)
    }

    /// An application by client id.
    #[must_use]
    pub fn client(&self, client_id: Uuid) -> Option<&Application> {
        self.people.applications.iter().find(|application| application.client_id == client_id)
    }

    /// Azure's word for what has this id; `None` if nothing living has it.
    #[must_use]
    pub fn type_of(&self, id: PrincipalId) -> Option<&'static str> {
        if self.user(id).is_some() {
            Some("User")
        } else if self.people.groups.contains_key(&id) {
            Some("Group")
        } else if self.application(id).is_some() {
            Some("ServicePrincipal")
        } else {
            None
        }
    }

    /// What Resource Manager calls a caller: the name of a user, the client id of an application (FACTS §1.8).
    #[must_use]
    pub fn client_word(&self, caller: PrincipalId) -> String {
        let user = self.people.users.get(&caller).map(|user| user.name.to_string());
        let client = || self.application(caller).map(|application| application.client_id.to_string());
        user.or_else(client).unwrap_or_else(|| caller.to_string())
    }

    /// Adds or replaces a user.
    pub fn place_user(&mut self, user: User) {
        let id = user.id;
        self.before_principal(id);
        self.people.unindex(id);
        self.people.users.insert(id, user);
        self.people.index(id);
        self.touch(Touched::World);
    }

    /// Adds or replaces a group.
    pub fn place_group(&mut self, group: Group) {
        self.before_principal(group.id);
        let member_of = &mut self.people.member_of;
        for member in self.people.groups.get(&group.id).into_iter().flat_map(|old| &old.members) {
            let emptied = member_of.get_mut(member).is_some_and(|of| of.remove(&group.id) && of.is_empty());
            if emptied {
                member_of.remove(member);
            }
        }
        for member in &group.members {
            member_of.entry(*member).or_default().insert(group.id);
        }
        self.people.groups.insert(group.id, group);
        self.touch(Touched::World);
    }

    /// The groups that were deleted and can still be restored.
    pub fn deleted_groups(&self) -> impl Iterator<Item = (&Group, Timestamp)> {
        let now = self.now();
        let kept = self.people.deleted_groups.values().map(|(group, on)| (group, *on));
        kept.filter(move |(_, on)| now.duration_since(*on) < RESTORABLE)
    }

    /// Puts a deleted group in as it was.
    pub fn place_deleted_group(&mut self, group: Group, on: Timestamp) {
        self.people.deleted_groups.insert(group.id, (group, on));
        self.touch(Touched::World);
    }

    /// Deletes a group: kept for 30 days, its role assignments stay. `false` if there is none.
    pub fn delete_group_object(&mut self, id: PrincipalId) -> bool {
        let Some(group) = self.people.groups.get(&id).cloned() else { return false };
        self.place_group(Group { members: BTreeSet::new(), ..group.clone() });
        self.people.groups.remove(&id);
        let now = self.now();
        self.place_deleted_group(group, now);
        true
    }

    /// Restores a deleted group with its members. `false` if there is none.
    pub fn restore_group(&mut self, id: PrincipalId) -> bool {
        if !self.deleted_groups().any(|(group, _)| group.id == id) {
            return false;
        }
        let Some((group, _)) = self.people.deleted_groups.remove(&id) else { return false };
        self.place_group(group);
        true
    }

    /// Adds or replaces an application.
    pub fn place_application(&mut self, application: Application) {
        self.before_principal(application.id);
        let applications = &mut self.people.applications;
        match applications.iter_mut().find(|old| old.id == application.id) {
            Some(old) => *old = application,
            None => applications.push(application),
        }
        self.touch(Touched::World);
    }

    /// Deletes a user: gone by name and id, kept for 30 days among the deleted; its role assignments stay (azure-docs
    /// troubleshooting.md, FACTS §7). `false` if there is none.
    pub fn delete_user(&mut self, id: PrincipalId) -> bool {
        let now = self.now();
        let Some(user) = self.user(id).cloned() else { return false };
        self.place_user(User { deleted: Some(now), ..user });
        true
    }

    /// Restores a deleted user, with the id and the name it had. `false` if there is none, or its name is taken.
    pub fn restore_user(&mut self, id: PrincipalId) -> bool {
        let Some(user) = self.deleted_user(id).cloned() else { return false };
        if self.user_named(&user.name).is_some() {
            return false;
        }
        self.place_user(User { deleted: None, ..user });
        true
    }
}
