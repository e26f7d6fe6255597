//! The same Azure over HTTPS on loopback, asked by the production client.

use std::{
    collections::{BTreeMap, BTreeSet},
    future::Future,
};

use tilgang::{
    azure::{Reader, Session, Settings, Writer},
    model::{
        assignment::RoleAssignment,
        ids::{AssignmentName, PrincipalId, RoleDefinitionId, ScopeId, SubscriptionId, UserName},
        observed::{Lock, ResourceNow},
        other_access::{AccessPolicy, DeletedVault, Denial, Eligibility},
        people::{Attribute, ById, ByName, FormerHolders, GroupKey, HasAttribute, InGroup},
        permissions::Definition,
        trouble::Trouble,
    },
    ports::{
        AccessReader, Answered, AssignmentReader, AssignmentWriter, Deleted, Directory, Inventory, Permission, Permits,
        PimInstance, PutAssignment, Resources, Rights, Stock, Usage,
    },
    simulator::{Running, ServeOptions, SharedWorld, Tls, serve},
};
use tokio::runtime::Runtime;

use super::{
    faulty::Far,
    universe::{CLIENT, SECRET, TENANT},
};

/// A client that is signed in, and the server that it talks to.
pub struct Https {
    reader: Reader,
    identity: Option<PrincipalId>,
    writer: Writer,
    runtime: Runtime,
    _running: Running,
}

impl Https {
    /// Serves a world and signs in to it.
    pub fn connect(shared: &SharedWorld) -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let (reader, identity, writer, running) = runtime.block_on(async {
            let options = ServeOptions { tls: Some(Tls::throw_away().unwrap()), ..ServeOptions::default() };
            let running = serve(shared.clone(), options).await.unwrap();
            let client = (CLIENT.to_string(), SECRET.to_owned());
            let settings =
                Settings::simulated(&running.url, TENANT, (&client.0, &client.1), running.ca_pem.clone()).unwrap();
            let session = Session::connect(&settings).await.unwrap();
            let identity = session.identity().await.unwrap().object;
            (session.reader(), identity, session.writer(), running)
        });
        Self { reader, identity, writer, runtime, _running: running }
    }
}

impl Far for Https {
    fn identity(&self) -> Option<PrincipalId> {
        self.identity
    }

    fn block_on<T>(&self, future: impl Future<Output = T>) -> T {
        self.runtime.block_on(future)
    }
}

impl Directory for Https {
    async fn by_name(&self, names: &BTreeSet<UserName>) -> BTreeMap<UserName, ByName> {
        self.reader.by_name(names).await
    }

    async fn by_id(&self, ids: &BTreeSet<PrincipalId>) -> BTreeMap<PrincipalId, ById> {
        self.reader.by_id(ids).await
    }

    async fn former_holders(&self, names: &BTreeSet<UserName>) -> Result<FormerHolders, Trouble> {
        self.reader.former_holders(names).await
    }

    async fn groups(&self, keys: &BTreeSet<GroupKey>) -> BTreeMap<GroupKey, InGroup> {
        self.reader.groups(keys).await
    }

    async fn attributes(&self, which: Attribute, of: &BTreeSet<PrincipalId>) -> BTreeMap<PrincipalId, HasAttribute> {
        self.reader.attributes(which, of).await
    }
}

impl Resources for Https {
    async fn resource(&self, id: &ScopeId) -> Result<Option<ResourceNow>, Trouble> {
        self.reader.resource(id).await
    }
}

impl Inventory for Https {
    async fn stock(&self, arm_types: &BTreeSet<String>) -> Result<Stock, Trouble> {
        self.reader.stock(arm_types).await
    }
}

impl AccessReader for Https {
    async fn eligibilities(&self, at: &ScopeId) -> Result<Vec<Eligibility>, Trouble> {
        self.reader.eligibilities(at).await
    }

    async fn denials(&self, at: SubscriptionId) -> Result<Vec<Denial>, Trouble> {
        self.reader.denials(at).await
    }

    async fn access_policies(&self, vault: &ScopeId) -> Result<Option<Vec<AccessPolicy>>, Trouble> {
        self.reader.access_policies(vault).await
    }

    async fn deleted_vaults(&self, of: SubscriptionId) -> Result<Vec<DeletedVault>, Trouble> {
        self.reader.deleted_vaults(of).await
    }
}

impl AssignmentReader for Https {
    async fn assignments(&self, at: SubscriptionId) -> Result<Vec<RoleAssignment>, Trouble> {
        self.reader.assignments(at).await
    }

    async fn pim_instances(&self, at: SubscriptionId) -> Result<Vec<PimInstance>, Trouble> {
        self.reader.pim_instances(at).await
    }

    async fn locks(&self, at: SubscriptionId) -> Result<Vec<Lock>, Trouble> {
        self.reader.locks(at).await
    }

    async fn usage(&self, at: SubscriptionId) -> Result<Usage, Trouble> {
        self.reader.usage(at).await
    }

    async fn role_definition(&self, id: RoleDefinitionId, at: SubscriptionId) -> Result<Option<Definition>, Trouble> {
        self.reader.role_definition(id, at).await
    }

    async fn definitions(&self, at: SubscriptionId) -> Result<BTreeMap<RoleDefinitionId, Definition>, Trouble> {
        self.reader.definitions(at).await
    }
}

impl Rights for Https {
    async fn permissions(&self, at: &ScopeId) -> Result<Vec<Permission>, Trouble> {
        self.reader.permissions(at).await
    }

    async fn held_by(&self, who: PrincipalId, at: SubscriptionId) -> Result<Vec<RoleAssignment>, Trouble> {
        self.reader.held_by(who, at).await
    }

    async fn definition(&self, id: RoleDefinitionId, at: SubscriptionId) -> Result<Permits, Trouble> {
        self.reader.definition(id, at).await
    }
}

impl AssignmentWriter for Https {
    async fn put(&self, put: &PutAssignment) -> Result<Answered<()>, Trouble> {
        self.writer.put(put).await
    }

    async fn delete(&self, scope: &ScopeId, name: AssignmentName) -> Result<Answered<Deleted>, Trouble> {
        self.writer.delete(scope, name).await
    }
}
