//! The last look before the first write: at each target that a change touches, by Resource Manager itself, and at those who
//! are said to be gone. One request a target, side by side, and one question for 300 people.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use futures::{StreamExt, stream};

use super::SIDE_BY_SIDE_MAX;
use crate::{
    model::{
        ids::{PrincipalId, ScopeId},
        observed::SeenAgain,
    },
    ports::{Directory, Resources},
};

/// Looks once more.
pub async fn again(
    targets: &BTreeSet<ScopeId>,
    people: &BTreeSet<PrincipalId>,
    azure: &(impl Directory + Resources),
) -> SeenAgain {
    let looks = targets.iter().map(async |id| (id.clone(), azure.resource(id).await.map_err(Arc::new)));
    let targets = stream::iter(looks).buffer_unordered(SIDE_BY_SIDE_MAX).collect();
    let people = async { if people.is_empty() { BTreeMap::new() } else { azure.by_id(people).await } };
    let (targets, people) = futures::join!(targets, people);
    SeenAgain { targets, people }
}
