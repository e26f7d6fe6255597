//! What differs from the recordings on purpose, and what is not replayed, each with its reason.

const ELSEWHERE: &str = "another provider's route: the simulator has none of it";
const APPLICATIONS: &str = "applications are written in the world, not over Graph";
const CONTAINERS: &str = "management groups and tenants have no routes of their own";
const OWNERS: &str = "the world's groups have no owners: what matters is who is in them";

/// Kinds of requests that are not replayed; `*` at the end stands for anything.
pub(crate) const NOT_REPLAYED: &[(&str, &str)] = &[
    ("POST providers/Microsoft.ResourceGraph/resources", "its table is none of the three that are simulated"),
    ("GET groups?*mailNickname*", "the world's groups have no nickname apart from their name"),
    ("GET servicePrincipals?*api://*", "the world's applications have no identifier URIs"),
    ("GET groups/{}/owners", OWNERS),
    ("POST groups/{}/owners/*", OWNERS),
    ("DELETE groups/{}/owners/*", OWNERS),
    ("GET classicAdministrators", "retired by Azure in August 2024"),
    ("PUT providers/Microsoft.Management/*", CONTAINERS),
    ("GET providers/Microsoft.Management/*", CONTAINERS),
    ("DELETE providers/Microsoft.Management/*", CONTAINERS),
    ("GET tenants", CONTAINERS),
    ("GET subscriptions/{}/resourceGroups/{}/providers/Microsoft.RecoveryServices/*", ELSEWHERE),
    ("POST applications*", APPLICATIONS),
    ("GET applications*", APPLICATIONS),
    ("DELETE applications*", APPLICATIONS),
    ("POST servicePrincipals", APPLICATIONS),
    ("PATCH servicePrincipals*", APPLICATIONS),
    ("DELETE servicePrincipals*", APPLICATIONS),
];

/// Versions that the simulator does not speak, and the one that is asked instead: part of the URL, was, is.
pub(crate) const VERSIONS: &[(&str, &str, &str)] = &[
    ("roleAssignments", "2018-09-01-preview", "2022-04-01"),
    ("roleDefinitions", "2018-01-01-preview", "2018-07-01"),
    ("Microsoft.KeyVault", "2021-04-01-preview", "2021-10-01"),
    ("Microsoft.KeyVault", "2019-09-01", "2021-10-01"),
];

/// Errors whose words differ: code, reason.
pub(crate) const WORDS: &[(&str, &str)] = &[
    ("RoleAssignmentExists", "Azure says more since 2024: which assignment it is (public reports of 2025 and 2026)"),
    ("SubscriptionRequestsThrottled", "the operation is told by its kind, not by its provider's route"),
];

const OLD: &str = "2018-09-01-preview had no such field; it is asked as 2022-04-01";
const ONE_PAGE: &str = "the simulator's lists of resources come in one page";
const NULLS: &str = "a property of a resource that is null is left out of the world, and of the answer";
const ETAG: &str = "the simulator keeps no etags";
const OTHERS: &str = "fields that only another provider has beside `properties`";
const OLD_VAULT: &str = "2021-04-01-preview was answered without it; it is asked as 2021-10-01";
const OLDER_VAULT: &str =
    "2019-09-01 and 2021-04-01-preview were answered without it; 2021-10-01, as which they are asked, describes it";
const NO_TAGS: &str = "empty tags are recorded as `{}` and as no key, by provider: here as no key";
const NEWER: &str = "older recordings do not have it, later ones do";

/// Fields that differ: kind, field (`-` missing, `+` more, `~` of another type), reason.
pub(crate) const FIELDS: &[(&str, &str, &str)] = &[
    ("* roleAssignments*?*2018-09-01-preview*", "+*/properties/condition*", OLD),
    ("* roleAssignments*?*2018-09-01-preview*", "+*/properties/delegatedManagedIdentityResourceId", OLD),
    ("* roleAssignments*?*2018-09-01-preview*", "+*/properties/description", OLD),
    ("GET subscriptions/{}/providers/*", "-/nextLink", ONE_PAGE),
    ("* subscriptions/{}/*Microsoft.Insights/components*", "-*/etag", ETAG),
    ("* subscriptions/{}/*Microsoft.Insights/components*", "-*/properties/Flow_Type", NULLS),
    ("* subscriptions/{}/*Microsoft.Insights/components*", "-*/properties/Request_Source", NULLS),
    ("* subscriptions/{}/*Microsoft.Insights/components*", "-*/properties/SamplingPercentage", NULLS),
    (
        "PUT subscriptions/{}/*Microsoft.KeyVault/vaults/{}?*2021-04-01-preview*",
        "+/properties/publicNetworkAccess",
        OLD_VAULT,
    ),
    ("* subscriptions/{}/*Microsoft.KeyVault/vaults*", "+*/systemData", OLDER_VAULT),
    ("GET subscriptions/{}/resources", "-/value/[]/sku", OTHERS),
    ("GET subscriptions/{}/resources", "-/value/[]/tags", NO_TAGS),
    ("GET subscriptions/{}/providers/Microsoft.Storage/storageAccounts", "-/value/[]/sku", OTHERS),
    ("GET subscriptions/{}/providers/Microsoft.Compute/virtualMachines", "-/value/[]/resources", OTHERS),
    ("GET groups*", "+*/serviceProvisioningErrors", NEWER),
    ("POST groups", "+/serviceProvisioningErrors", NEWER),
    ("POST directoryObjects/getByIds", "+*/serviceProvisioningErrors", NEWER),
];
