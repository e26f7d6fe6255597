//! The ports over HTTP, through Microsoft's SDK.
//!
//! [`Settings`] come in, a [`Session`] goes out; it hands out a [`Reader`], and to `execute` alone a [`Writer`]. No token
//! ever gets into a log, an error or a plan, no token goes to a host that is not configured, and no list comes back
//! shorter than it is.
//!
//! | file | what it does |
//! |---|---|
//! | [`settings`], [`cloud`] | environment → endpoints and evidence for signing in |
//! | `credential/` | the chain of ways to sign in; tokens, once per audience |
//! | `transport`, `policies/`, `pipeline` | the one request path |
//! | `pace/` | when the next request may go |
//! | `answer` | what came back → [`Trouble`] |
//! | `legacy` | `azure_mgmt_authorization`'s `azure_core` 0.21 → that path |
//! | `access` | eligibilities, deny assignments, access policies, deleted vaults |
//! | `activity` | who deleted what |
//! | `assignments` | role assignments, PIM, locks, permissions |
//! | `inventory` | Resource Graph |
//! | `resources` | one resource, by Resource Manager |
//! | `graph/` | people |

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use azure_core::http::Transport;
use jiff::Timestamp;

use self::{
    credential::{Credential, source::Sources},
    pace::{Key, Pacer},
    pipeline::Door,
    policies::{
        gate::Gate,
        retry::{Pace, WAIT_MAX},
    },
};
use crate::{
    model::{
        activity::Removal,
        assignment::RoleAssignment,
        ids::{AssignmentName, PrincipalId, RoleDefinitionId, ScopeId, SubscriptionId, UserName},
        observed::{Lock, ResourceNow},
        other_access::{AccessPolicy, DeletedVault, Denial, Eligibility},
        people::{Attribute, ById, ByName, FormerHolders, GroupKey, HasAttribute, InGroup},
        permissions::Definition,
        trouble::Trouble,
    },
    ports::{
        AccessReader, Answered, AssignmentReader, AssignmentWriter, Deleted, Directory, History, Inventory, Permission,
        Permits, PimInstance, PutAssignment, Resources, Rights, Stock, Usage,
    },
};

mod access;
mod activity;
mod answer;
mod assignments;
pub mod cloud;
mod credential;
#[cfg(any(test, fuzzing))]
#[doc(hidden)]
pub mod fuzzing;
mod graph;
mod inventory;
mod legacy;
mod pace;
mod pipeline;
mod policies;
mod resources;
pub mod settings;
mod transport;

#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;

pub use self::{cloud::Cloud, credential::identity::Identity, settings::Settings};

/// A connection to one Azure, signed in.
#[derive(Clone)]
pub struct Session {
    arm: Door,
    graph: Door,
    client: azure_mgmt_authorization::Client,
    credential: Arc<Credential>,
    sign_in: Arc<Gate>,
    pacer: Arc<Pacer>,
    arm_audience: Arc<str>,
    graph_audience: Arc<str>,
}

impl Session {
    /// Opens the transport and signs in: one request, for a token. Whatever is wrong with either is said here.
    pub async fn connect(settings: &Settings) -> Result<Self, Trouble> {
        Self::over(transport::open(&settings.cloud, settings.ca_pem.as_deref())?, settings).await
    }

    async fn over(transport: Transport, settings: &Settings) -> Result<Self, Trouble> {
        let Settings { cloud, tenant, ca_pem: _, client: _, used: _, conflicts: _, chain } = settings;
        let sign_in = Gate::new();
        let sources = Sources {
            transport: transport.clone(),
            authority: cloud.authority.clone(),
            tenant: tenant.clone(),
            gate: sign_in.clone(),
        };
        let credential = Arc::new(Credential::sign_in(chain, sources, &cloud.arm_audience).await?);
        let pacer = Pacer::new(WAIT_MAX);
        let door = |url, audience, id_header, key| {
            let pace = Pace { pacer: pacer.clone(), key, gate: Gate::new() };
            Door::new(url, audience, id_header, transport.clone(), credential.clone(), pace)
        };
        let arm = door(&cloud.arm, &cloud.arm_audience, "x-ms-client-request-id", |it| Key::of(it.method(), it.url()));
        let graph = door(&cloud.graph, &cloud.graph_audience, "client-request-id", |_| Key::Graph);
        let client = legacy::client(&arm)?;
        let (arm_audience, graph_audience) = (cloud.arm_audience.as_str().into(), cloud.graph_audience.as_str().into());
        Ok(Self { arm, graph, client, credential, sign_in, pacer, arm_audience, graph_audience })
    }

    /// What reads. It cannot write.
    #[must_use]
    pub fn reader(&self) -> Reader {
        Reader {
            client: self.client.clone(),
            arm: self.arm.clone(),
            graph: self.graph.clone(),
            credential: self.credential.clone(),
            graph_audience: self.graph_audience.clone(),
        }
    }

    /// What writes role assignments. It cannot read.
    #[must_use]
    pub fn writer(&self) -> Writer {
        Writer { client: self.client.clone() }
    }

    /// Which way to sign in answered, for people.
    #[must_use]
    pub fn signed_in_by(&self) -> String {
        self.credential.signed_in_by().to_owned()
    }

    /// Who we are, as our token says; no request is made for it.
    pub async fn identity(&self) -> Result<Identity, Trouble> {
        self.credential.identity(&self.arm_audience).await
    }

    /// What our token for Microsoft Graph says that we may do there, in Graph's words: `User.Read.All`.
    pub async fn graph_permissions(&self) -> Result<Vec<String>, Trouble> {
        Ok(self.credential.identity(&self.graph_audience).await?.permissions)
    }

    /// What is waited for just now, and why, for people; `None` if nothing is.
    #[must_use]
    pub fn waiting(&self) -> Option<String> {
        self.pacer.waiting()
    }

    /// Requests sent to Resource Manager and Graph so far, repeated ones included.
    #[must_use]
    pub fn requests(&self) -> u64 {
        self.arm.requests() + self.graph.requests()
    }

    /// What was sent so far, by service.
    #[must_use]
    pub fn sent(&self) -> Sent {
        let of = |door: &Door| Counted { requests: door.requests(), throttled: door.throttled() };
        let sign_in = Counted { requests: self.sign_in.passed(), throttled: self.sign_in.throttled() };
        Sent { resource_manager: of(&self.arm), graph: of(&self.graph), sign_in }
    }

    /// Requests sent to sign in so far.
    #[must_use]
    pub fn sign_in_requests(&self) -> u64 {
        self.sign_in.passed()
    }
}

/// What a session has sent, by service.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sent {
    /// To Azure Resource Manager, Resource Graph included.
    pub resource_manager: Counted,
    /// To Microsoft Graph.
    pub graph: Counted,
    /// To Microsoft Entra, to sign in.
    pub sign_in: Counted,
}

/// Requests to one service.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counted {
    /// How many, repeated ones included.
    pub requests: u64,
    /// How many were answered with "too many" (429), those inside a batch as well.
    pub throttled: u64,
}

impl std::fmt::Debug for Session {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Session").field("signed_in_by", &self.signed_in_by()).finish_non_exhaustive()
    }
}

/// Azure's reading ports.
#[derive(Clone)]
pub struct Reader {
    client: azure_mgmt_authorization::Client,
    arm: Door,
    graph: Door,
    credential: Arc<Credential>,
    graph_audience: Arc<str>,
}

/// Azure's writing port.
#[derive(Clone)]
pub struct Writer {
    client: azure_mgmt_authorization::Client,
}

impl Directory for Reader {
    async fn by_name(&self, names: &BTreeSet<UserName>) -> BTreeMap<UserName, ByName> {
        graph::by_name(&self.graph, names).await
    }

    async fn by_id(&self, ids: &BTreeSet<PrincipalId>) -> BTreeMap<PrincipalId, ById> {
        // A token that does not come is said by the request that needs one.
        let identity = self.credential.identity(&self.graph_audience).await.unwrap_or_default();
        graph::by_id(&self.graph, &graph::Kinds::covered_by(&identity.permissions), ids).await
    }

    async fn former_holders(&self, names: &BTreeSet<UserName>) -> Result<FormerHolders, Trouble> {
        graph::former_holders(&self.graph, names).await
    }

    async fn groups(&self, keys: &BTreeSet<GroupKey>) -> BTreeMap<GroupKey, InGroup> {
        graph::groups::members(&self.graph, keys).await
    }

    async fn attributes(&self, which: Attribute, of: &BTreeSet<PrincipalId>) -> BTreeMap<PrincipalId, HasAttribute> {
        graph::groups::attributes(&self.graph, which, of).await
    }
}

impl Inventory for Reader {
    async fn stock(&self, arm_types: &BTreeSet<String>) -> Result<Stock, Trouble> {
        inventory::stock(&self.arm, arm_types).await
    }
}

impl Resources for Reader {
    async fn resource(&self, id: &ScopeId) -> Result<Option<ResourceNow>, Trouble> {
        resources::now(&self.arm, id).await
    }
}

impl AssignmentReader for Reader {
    async fn assignments(&self, at: SubscriptionId) -> Result<Vec<RoleAssignment>, Trouble> {
        assignments::list(&self.client, at).await
    }

    async fn pim_instances(&self, at: SubscriptionId) -> Result<Vec<PimInstance>, Trouble> {
        assignments::pim(&self.client, at).await
    }

    async fn locks(&self, at: SubscriptionId) -> Result<Vec<Lock>, Trouble> {
        assignments::locks(&self.arm, at).await
    }

    async fn usage(&self, at: SubscriptionId) -> Result<Usage, Trouble> {
        assignments::usage(&self.arm, at).await
    }

    async fn role_definition(&self, id: RoleDefinitionId, at: SubscriptionId) -> Result<Option<Definition>, Trouble> {
        assignments::role_definition(&self.arm, id, at).await
    }

    async fn definitions(&self, at: SubscriptionId) -> Result<BTreeMap<RoleDefinitionId, Definition>, Trouble> {
        assignments::definitions(&self.arm, at).await
    }
}

impl AccessReader for Reader {
    async fn eligibilities(&self, at: &ScopeId) -> Result<Vec<Eligibility>, Trouble> {
        access::eligibilities(&self.client, at).await
    }

    async fn denials(&self, at: SubscriptionId) -> Result<Vec<Denial>, Trouble> {
        access::denials(&self.arm, at).await
    }

    async fn access_policies(&self, vault: &ScopeId) -> Result<Option<Vec<AccessPolicy>>, Trouble> {
        access::access_policies(&self.arm, vault).await
    }

    async fn deleted_vaults(&self, of: SubscriptionId) -> Result<Vec<DeletedVault>, Trouble> {
        access::deleted_vaults(&self.arm, of).await
    }
}

impl History for Reader {
    async fn removals(&self, at: SubscriptionId, from: Timestamp, to: Timestamp) -> Result<Vec<Removal>, Trouble> {
        activity::removals(&self.arm, at, from, to).await
    }
}

impl Rights for Reader {
    async fn permissions(&self, at: &ScopeId) -> Result<Vec<Permission>, Trouble> {
        assignments::permissions(&self.arm, at).await
    }

    async fn held_by(&self, who: PrincipalId, at: SubscriptionId) -> Result<Vec<RoleAssignment>, Trouble> {
        assignments::held_by(&self.client, who, at).await
    }

    async fn definition(&self, id: RoleDefinitionId, at: SubscriptionId) -> Result<Permits, Trouble> {
        assignments::definition(&self.arm, id, at).await
    }
}

impl AssignmentWriter for Writer {
    async fn put(&self, assignment: &PutAssignment) -> Result<Answered<()>, Trouble> {
        assignments::put(&self.client, assignment).await
    }

    async fn delete(&self, scope: &ScopeId, name: AssignmentName) -> Result<Answered<Deleted>, Trouble> {
        assignments::delete(&self.client, scope, name).await
    }
}
