//! Reading ports that remember: what was asked once is not asked again, so that two states of git are held against one and
//! the same Azure.
//!
//! Answers come from the ports behind it, failures too. Never writes; forgets nothing until it is dropped.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Mutex, MutexGuard, PoisonError},
};

use crate::{
    model::{
        assignment::RoleAssignment,
        ids::{PrincipalId, RoleDefinitionId, ScopeId, SubscriptionId, UserName},
        observed::Lock,
        other_access::{AccessPolicy, DeletedVault, Denial, Eligibility},
        people::{Attribute, ById, ByName, FormerHolders, GroupKey, HasAttribute, InGroup},
        permissions::Definition,
        trouble::Trouble,
    },
    ports::{
        AccessReader, AssignmentReader, Directory, Inventory, Permission, Permits, PimInstance, Rights, Stock, Usage,
    },
};

/// Answers by what was asked.
type Answers<K, V> = Mutex<BTreeMap<K, V>>;
/// The same, of what may fail.
type Tried<K, V> = Answers<K, Result<V, Trouble>>;

/// Reading ports, and all that they have answered.
pub struct Remembering<'a, A> {
    azure: &'a A,
    names: Answers<UserName, ByName>,
    ids: Answers<PrincipalId, ById>,
    former_holders: Tried<BTreeSet<UserName>, FormerHolders>,
    groups: Answers<GroupKey, InGroup>,
    attributes: Answers<(Attribute, PrincipalId), HasAttribute>,
    stock: Tried<BTreeSet<String>, Stock>,
    assignments: Tried<SubscriptionId, Vec<RoleAssignment>>,
    pim: Tried<SubscriptionId, Vec<PimInstance>>,
    locks: Tried<SubscriptionId, Vec<Lock>>,
    usage: Tried<SubscriptionId, Usage>,
    definitions: Tried<SubscriptionId, BTreeMap<RoleDefinitionId, Definition>>,
    role_definitions: Tried<RoleDefinitionId, Option<Definition>>,
    deleted_vaults: Tried<SubscriptionId, Vec<DeletedVault>>,
}

impl<'a, A> Remembering<'a, A> {
    /// Nothing asked yet.
    pub fn new(azure: &'a A) -> Self {
        Self {
            azure,
            names: Mutex::default(),
            ids: Mutex::default(),
            former_holders: Mutex::default(),
            groups: Mutex::default(),
            attributes: Mutex::default(),
            stock: Mutex::default(),
            assignments: Mutex::default(),
            pim: Mutex::default(),
            locks: Mutex::default(),
            usage: Mutex::default(),
            definitions: Mutex::default(),
            role_definitions: Mutex::default(),
            deleted_vaults: Mutex::default(),
        }
    }
}

/// A map is whole after each change to it, so whoever panicked beside it left it whole.
fn open<T>(answers: &Mutex<T>) -> MutexGuard<'_, T> {
    answers.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The answers to many questions: the new ones are asked together.
async fn all<K: Ord + Clone, V: Clone, F: Future<Output = BTreeMap<K, V>>>(
    answers: &Answers<K, V>,
    asked: &BTreeSet<K>,
    ask: impl FnOnce(BTreeSet<K>) -> F,
) -> BTreeMap<K, V> {
    let new: BTreeSet<K> = {
        let known = open(answers);
        asked.iter().filter(|key| !known.contains_key(*key)).cloned().collect()
    };
    if !new.is_empty() {
        let answered = ask(new).await;
        open(answers).extend(answered);
    }
    let known = open(answers);
    asked.iter().filter_map(|key| Some((key.clone(), known.get(key)?.clone()))).collect()
}

/// The answer to one question.
async fn one<K: Ord, V: Clone>(answers: &Answers<K, V>, key: K, ask: impl Future<Output = V>) -> V {
    if let Some(known) = open(answers).get(&key) {
        return known.clone();
    }
    let answer = ask.await;
    open(answers).insert(key, answer.clone());
    answer
}

impl<A: Directory> Directory for Remembering<'_, A> {
    async fn by_name(&self, names: &BTreeSet<UserName>) -> BTreeMap<UserName, ByName> {
        all(&self.names, names, async |new| self.azure.by_name(&new).await).await
    }

    async fn by_id(&self, ids: &BTreeSet<PrincipalId>) -> BTreeMap<PrincipalId, ById> {
        all(&self.ids, ids, async |new| self.azure.by_id(&new).await).await
    }

    async fn former_holders(&self, names: &BTreeSet<UserName>) -> Result<FormerHolders, Trouble> {
        one(&self.former_holders, names.clone(), self.azure.former_holders(names)).await
    }

    async fn groups(&self, keys: &BTreeSet<GroupKey>) -> BTreeMap<GroupKey, InGroup> {
        all(&self.groups, keys, async |new| self.azure.groups(&new).await).await
    }

    async fn attributes(&self, which: Attribute, of: &BTreeSet<PrincipalId>) -> BTreeMap<PrincipalId, HasAttribute> {
        let asked: BTreeSet<_> = of.iter().map(|id| (which, *id)).collect();
        let answers = all(&self.attributes, &asked, async |new: BTreeSet<(Attribute, PrincipalId)>| {
            let new = new.into_iter().map(|(_, id)| id).collect();
            let answered = self.azure.attributes(which, &new).await;
            answered.into_iter().map(|(id, has)| ((which, id), has)).collect()
        });
        answers.await.into_iter().map(|((_, id), has)| (id, has)).collect()
    }
}

impl<A: Inventory> Inventory for Remembering<'_, A> {
    async fn stock(&self, arm_types: &BTreeSet<String>) -> Result<Stock, Trouble> {
        one(&self.stock, arm_types.clone(), self.azure.stock(arm_types)).await
    }
}

impl<A: AssignmentReader> AssignmentReader for Remembering<'_, A> {
    async fn assignments(&self, at: SubscriptionId) -> Result<Vec<RoleAssignment>, Trouble> {
        one(&self.assignments, at, self.azure.assignments(at)).await
    }

    async fn pim_instances(&self, at: SubscriptionId) -> Result<Vec<PimInstance>, Trouble> {
        one(&self.pim, at, self.azure.pim_instances(at)).await
    }

    async fn locks(&self, at: SubscriptionId) -> Result<Vec<Lock>, Trouble> {
        one(&self.locks, at, self.azure.locks(at)).await
    }

    async fn usage(&self, at: SubscriptionId) -> Result<Usage, Trouble> {
        one(&self.usage, at, self.azure.usage(at)).await
    }

    async fn role_definition(&self, id: RoleDefinitionId, at: SubscriptionId) -> Result<Option<Definition>, Trouble> {
        one(&self.role_definitions, id, self.azure.role_definition(id, at)).await
    }

    async fn definitions(&self, at: SubscriptionId) -> Result<BTreeMap<RoleDefinitionId, Definition>, Trouble> {
        one(&self.definitions, at, self.azure.definitions(at)).await
    }
}

/// Asked once in a run anyway.
impl<A: AccessReader> AccessReader for Remembering<'_, A> {
    async fn eligibilities(&self, at: &ScopeId) -> Result<Vec<Eligibility>, Trouble> {
        self.azure.eligibilities(at).await
    }

    async fn denials(&self, at: SubscriptionId) -> Result<Vec<Denial>, Trouble> {
        self.azure.denials(at).await
    }

    async fn access_policies(&self, vault: &ScopeId) -> Result<Option<Vec<AccessPolicy>>, Trouble> {
        self.azure.access_policies(vault).await
    }

    async fn deleted_vaults(&self, of: SubscriptionId) -> Result<Vec<DeletedVault>, Trouble> {
        one(&self.deleted_vaults, of, self.azure.deleted_vaults(of)).await
    }
}

/// What our own identity may do is asked once in a run anyway.
impl<A: Rights> Rights for Remembering<'_, A> {
    async fn permissions(&self, at: &ScopeId) -> Result<Vec<Permission>, Trouble> {
        self.azure.permissions(at).await
    }

    async fn held_by(&self, who: PrincipalId, at: SubscriptionId) -> Result<Vec<RoleAssignment>, Trouble> {
        self.azure.held_by(who, at).await
    }

    async fn definition(&self, id: RoleDefinitionId, at: SubscriptionId) -> Result<Permits, Trouble> {
        self.azure.definition(id, at).await
    }
}
