//! Requests for what is made, changed and taken away: roles, denials, locks, PIM, vaults, resources and their groups.

use serde_json::{Value, json};

use crate::asked::{
    ALL, ALTINN, Asked, GROUP, KARI, NOBODY, OLA, OTHER, READER, READER_ROLE, SUBSCRIPTION, Who, at, component, delete,
    get, grant, named, put, vault, workspace,
};

/// What the first entry of the last list is called.
pub(crate) const FIRST: &str = "{first}";
const MADE: &str = "44dc0e99-fa66-567c-9394-074b260ef8";
const READERS: &str = "00000000-0000-0000-0000-0000000000fe";
const MONITORING: &str = "43d0d8ad-25c7-4714-9337-8ba259a9fe05";
/// The application that only reads.
const HIMSELF: &str = "00000000-0000-0000-0000-0000000000d2";

fn patch(who: Who, target: &str, body: Value, status: u16) -> Asked {
    Asked { method: "PATCH", ..put(who, target, body, status) }
}

fn post(who: Who, target: &str, body: Value, status: u16) -> Asked {
    Asked { method: "POST", body: Some(body).filter(|body| !body.is_null()), ..get(who, target, status) }
}

/// Before each thing that is done, the same by somebody unknown and by somebody who may not.
fn refused_before(asked: Vec<Asked>) -> Vec<Asked> {
    let with = |it: Asked| {
        let mut all = Vec::new();
        if it.who == ALL && it.status < 300 && !it.target.contains(FIRST) {
            all.push(Asked { who: None, status: 401, ..it.clone() });
            all.push(Asked { who: NOBODY, status: 403, ..it.clone() });
        }
        all.push(it);
        all
    };
    asked.into_iter().flat_map(with).collect()
}

fn versioned(scope: &str, rest: &str, version: &str) -> String {
    at(scope, rest).replace("2022-04-01", version)
}

/// Everything, in an order in which each finds what it needs.
pub(crate) fn all() -> Vec<Asked> {
    [roles(), denials(), locks(), pim(), vaults(), resources(), groups()].concat()
}

fn roles() -> Vec<Asked> {
    let body = |name: &str, scope: &str| {
        json!({ "properties": { "roleName": name, "type": "CustomRole", "description": "x", "assignableScopes": [scope],
            "permissions": [{ "actions": ["*/read"], "notActions": [] }] } })
    };
    let role = |scope: &str, id: &str| at(scope, &format!("roleDefinitions/{id}"));
    let mut asked = Vec::new();
    for (number, scope) in [SUBSCRIPTION, GROUP, ALTINN].into_iter().enumerate() {
        let id = format!("{MADE}{number:02}");
        let name = format!("Peeker {number}");
        asked.extend(refused_before(vec![
            put(ALL, &role(scope, &id), body(&name, scope), 201),
            put(ALL, &role(scope, &id), body(&name, scope), 201),
            get(ALL, &role(scope, &id), 200),
            get(ALL, &at(scope, "roleDefinitions?$filter=type%20eq%20'CustomRole'"), 200),
            get(ALL, &at(scope, "roleDefinitions?$filter=atScopeAndBelow()"), 200),
            get(ALL, &at(scope, "roleDefinitions?$filter=scope%20eq%20'x'"), 400),
            put(ALL, &role(scope, OTHER), body(&name, scope), 409),
            put(ALL, &role(scope, OTHER), body("Root", "/"), 400),
            put(ALL, &role(scope, OTHER), body("", scope), 400),
            put(ALL, &role(scope, OTHER), json!({}), 400),
            put(ALL, &role(scope, READER_ROLE), body("Reader", scope), 400),
            put(ALL, &named(scope, OTHER), grant(OLA, &id, "User"), 201),
            get(ALL, &named(scope, OTHER), 200),
            delete(ALL, &role(scope, &id), 400),
            delete(ALL, &named(scope, OTHER), 200),
            delete(ALL, &named(scope, OTHER), 204),
            delete(ALL, &role(scope, READER_ROLE), 400),
            delete(ALL, &role(scope, &id), 200),
            delete(ALL, &role(scope, &id), 204),
            get(ALL, &role(scope, &id), 404),
        ]));
    }
    asked
}

fn denials() -> Vec<Asked> {
    let mut asked = Vec::new();
    for scope in [SUBSCRIPTION, GROUP, &workspace(), ALTINN] {
        let none = at(scope, &format!("denyAssignments/{OTHER}"));
        asked.extend(refused_before(vec![
            get(ALL, &at(scope, "denyAssignments?$filter=atScope()"), 200),
            get(ALL, &at(scope, &format!("denyAssignments?$filter=principalId%20eq%20'{KARI}'")), 200),
            get(ALL, &at(scope, "denyAssignments?$filter=scope%20eq%20'x'"), 400),
            get(ALL, &none, 404),
            get(None, &none, 401),
            get(NOBODY, &none, 403),
        ]));
        asked.push(get(ALL, &at(scope, "denyAssignments"), 200));
        if scope == workspace() {
            asked.push(get(ALL, &at(scope, &format!("denyAssignments/{FIRST}")), 200));
        }
    }
    asked.push(put(ALL, &named(&workspace(), OTHER), grant(OLA, READER_ROLE, "User"), 403));
    asked
}

fn locks() -> Vec<Asked> {
    let level = |level: &str| json!({ "properties": { "level": level, "notes": "n" } });
    let mut asked = Vec::new();
    for scope in [SUBSCRIPTION, GROUP, &workspace()] {
        let lock = versioned(scope, "locks/there", "2020-05-01");
        asked.extend(refused_before(vec![
            put(ALL, &lock, level("CanNotDelete"), 201),
            put(ALL, &lock, level("CanNotDelete"), 200),
            put(ALL, &lock, level("Sometimes"), 400),
            put(READER, &lock, level("ReadOnly"), 403),
            get(ALL, &lock, 200),
            get(ALL, &versioned(scope, "locks?$filter=atScope()", "2020-05-01"), 200),
            delete(ALL, &lock, 200),
            delete(ALL, &lock, 204),
            get(ALL, &lock, 404),
        ]));
    }
    asked
}

fn pim() -> Vec<Asked> {
    let path = |rest: &str| versioned(SUBSCRIPTION, rest, "2020-10-01");
    let request = |of: &str, number: u32| path(&format!("role{of}ScheduleRequests/{MADE}{number:02}"));
    let body = |kind: &str, principal: &str, role: &str, start: &str, duration: &str| {
        json!({ "properties": {
            "principalId": principal, "requestType": kind, "justification": "x",
            "roleDefinitionId": format!("{SUBSCRIPTION}/providers/Microsoft.Authorization/roleDefinitions/{role}"),
            "scheduleInfo": { "startDateTime": start, "expiration": { "type": "AfterDuration", "duration": duration } } } })
    };
    let (now, later) = ("2026-11-22T09:00:00Z", "2026-12-10T09:00:00Z");
    let (eligible, assigned) = ("Eligibility", "Assignment");
    let own = body("SelfActivate", HIMSELF, MONITORING, now, "PT8H");
    let cancel = |of: &str, number: u32| request(of, number).replace('?', "/cancel?");
    let mut asked = refused_before(vec![
        put(ALL, &request(eligible, 1), body("AdminAssign", READERS, MONITORING, now, "P365D"), 201),
        put(ALL, &request(eligible, 1), body("AdminAssign", OLA, MONITORING, now, "P1D"), 409),
        put(ALL, &request(eligible, 2), body("AdminAssign", READERS, MONITORING, now, "P1D"), 400),
        put(ALL, &request(eligible, 2), body("AdminAssign", OTHER, MONITORING, now, "P1D"), 400),
        put(ALL, &request(eligible, 2), body("AdminAssign", OLA, MONITORING, now, "P400D"), 400),
        put(ALL, &request(eligible, 2), body("AdminAssign", HIMSELF, MONITORING, now, "P1D"), 400),
        put(ALL, &request(eligible, 2), body("AdminRemove", READERS, MONITORING, now, "P1D"), 400),
        put(ALL, &request(eligible, 2), body("AdminRemove", OLA, MONITORING, now, "P1D"), 400),
        put(ALL, &request(eligible, 3), body("AdminAssign", OLA, MONITORING, later, "P1D"), 201),
        post(ALL, &cancel(eligible, 3), Value::Null, 200),
        post(ALL, &cancel(eligible, 3), Value::Null, 400),
        post(ALL, &cancel(assigned, 9), Value::Null, 400),
        put(ALL, &request(assigned, 4), own.clone(), 403),
        put(READER, &request(assigned, 4), own.clone(), 201),
        put(READER, &request(assigned, 5), own, 400),
        put(ALL, &request(assigned, 6), body("AdminAssign", OLA, MONITORING, now, "P30D"), 201),
        put(ALL, &request(assigned, 7), body("AdminAssign", OLA, MONITORING, now, "P30D"), 400),
        put(ALL, &request(assigned, 8), json!({ "properties": {} }), 400),
    ]);
    for of in [eligible, assigned] {
        for collection in ["Schedules", "ScheduleInstances", "ScheduleRequests"] {
            let rest = format!("role{of}{collection}");
            for scope in [GROUP, &vault("ttd-prod-kv"), ALTINN] {
                asked.push(get(ALL, &versioned(scope, &rest, "2020-10-01"), 200));
            }
            let filter = format!("{rest}?$filter=principalId%20eq%20'{READERS}'%20and%20atScope()");
            let none = path(&format!("{rest}/{OTHER}"));
            asked.extend(refused_before(vec![
                get(ALL, &path(&filter), 200),
                get(ALL, &path(&format!("{rest}?$filter=asTarget()")), 200),
                get(ALL, &path(&format!("{rest}?$filter=scope%20eq%20'x'")), 400),
                get(ALL, &none, 404),
                get(None, &none, 401),
                get(NOBODY, &none, 403),
                get(ALL, &path(&rest), 200),
                get(ALL, &path(&format!("{rest}/{FIRST}")), 200),
            ]));
        }
    }
    asked
}

fn vaults() -> Vec<Asked> {
    let version = "api-version=2023-07-01";
    let one = |name: &str| format!("{}?{version}", vault(name));
    let policies = |name: &str, kind: &str| format!("{}/accessPolicies/{kind}?{version}", vault(name));
    let gone = |rest: &str| format!("{SUBSCRIPTION}/providers/Microsoft.KeyVault/{rest}?{version}");
    let deleted = |name: &str| gone(&format!("locations/norwayeast/deletedVaults/{name}"));
    let purge = |name: &str| gone(&format!("locations/norwayeast/deletedVaults/{name}/purge"));
    let tenant = crate::asked::TENANT;
    let body = |mode: &str| {
        json!({ "location": "norwayeast", "tags": { "a": "b" }, "properties": {
            "tenantId": tenant, "sku": { "family": "A", "name": "standard" }, "accessPolicies": [], "createMode": mode } })
    };
    let entry = json!({ "properties": { "accessPolicies": [
        { "tenantId": tenant, "objectId": KARI, "permissions": { "secrets": ["get"] } }] } });
    let check = |name: &str| json!({ "name": name, "type": "Microsoft.KeyVault/vaults" });
    let mut asked = refused_before(vec![
        put(ALL, &one("ttd-new-kv"), body("default"), 201),
        put(ALL, &one("ttd-new-kv"), body("default"), 200),
        put(ALL, &one("ttd-new-kv"), json!({}), 400),
        put(ALL, &one("ttd-new-kv").replace("ttd-prod-rg", "gone"), body("default"), 404),
        put(ALL, &one("old"), body("default"), 409),
        patch(ALL, &one("ttd-new-kv"), json!({ "tags": { "c": "d" } }), 200),
        patch(ALL, &one("gone"), json!({ "tags": {} }), 404),
        put(ALL, &policies("ttd-new-kv", "add"), entry.clone(), 200),
        put(ALL, &policies("ttd-new-kv", "replace"), entry.clone(), 200),
        put(ALL, &policies("ttd-new-kv", "remove"), entry.clone(), 200),
        put(ALL, &policies("gone", "add"), entry.clone(), 404),
        put(ALL, &policies("old", "add"), entry, 409),
        get(ALL, &format!("{GROUP}/providers/Microsoft.KeyVault/vaults?{version}"), 200),
        delete(ALL, &one("old"), 409),
        delete(ALL, &one("ttd-new-kv"), 200),
        delete(ALL, &one("ttd-new-kv"), 204),
        put(ALL, &one("ttd-new-kv"), body("default"), 409),
        get(ALL, &gone("deletedVaults"), 200),
        get(ALL, &deleted("ttd-new-kv"), 200),
        get(ALL, &deleted("other"), 404),
        put(ALL, &one("ttd-new-kv"), body("recover"), 200),
        delete(ALL, &one("ttd-new-kv"), 200),
        post(ALL, &purge("ttd-new-kv"), Value::Null, 200),
        post(ALL, &purge("ttd-new-kv"), Value::Null, 404),
    ]);
    asked.extend([
        post(ALL, &gone("checkNameAvailability"), check("ttd-prod-kv"), 200),
        post(ALL, &gone("checkNameAvailability"), check("free"), 200),
        post(None, &gone("checkNameAvailability"), check("free"), 401),
    ]);
    asked
}

fn resources() -> Vec<Asked> {
    let ai = |name: &str| format!("{}?api-version=2020-02-02", component().replace("ttd-prod-ai", name));
    let law = |name: &str| format!("{}?api-version=2023-09-01", workspace().replace("ttd-prod-law", name));
    let made = json!({ "location": "norwayeast", "kind": "web", "properties": { "Application_Type": "web" } });
    let plain = json!({ "location": "norwayeast", "properties": {} });
    let tags = || json!({ "tags": { "a": "b" } });
    refused_before(vec![
        put(ALL, &ai("ai2"), made.clone(), 200),
        put(ALL, &ai("ai2"), made.clone(), 200),
        put(ALL, &ai("ai2"), json!({ "kind": "web" }), 400),
        put(ALL, &ai("ai2").replace("ttd-prod-rg", "gone"), made, 404),
        patch(ALL, &ai("ai2"), tags(), 200),
        patch(ALL, &ai("gone"), tags(), 404),
        get(ALL, &format!("{GROUP}/providers/Microsoft.Insights/components?api-version=2020-02-02"), 200),
        delete(ALL, &ai("ttd-prod-ai"), 409),
        delete(ALL, &ai("ai2"), 200),
        delete(ALL, &ai("ai2"), 204),
        put(ALL, &law("law2"), plain.clone(), 201),
        put(ALL, &law("law2"), plain.clone(), 200),
        put(ALL, &law("law2"), json!({}), 400),
        put(ALL, &law("law2").replace("ttd-prod-rg", "gone"), plain, 404),
        patch(ALL, &law("law2"), tags(), 200),
        patch(ALL, &law("gone"), tags(), 404),
        get(ALL, &format!("{GROUP}/providers/Microsoft.OperationalInsights/workspaces?api-version=2023-09-01"), 200),
        delete(ALL, &law("law2"), 200),
        delete(ALL, &law("law2"), 204),
    ])
}

fn groups() -> Vec<Asked> {
    let version = "api-version=2021-04-01";
    let group = |name: &str| format!("{SUBSCRIPTION}/resourcegroups/{name}?{version}");
    let list =
        |scope: &str, rest: &str| format!("{scope}/{rest}{}{version}", if rest.contains('?') { '&' } else { '?' });
    let head = |name: &str, status: u16| Asked { method: "HEAD", ..get(ALL, &group(name), status) };
    let at = |location: &str| json!({ "location": location, "tags": { "a": "b" } });
    let by_type = "resources?$filter=resourceType%20eq%20'Microsoft.KeyVault/vaults'";
    let mut asked = refused_before(vec![
        put(ALL, &group("new"), at("westeurope"), 201),
        put(ALL, &group("new"), at("westeurope"), 200),
        put(ALL, &group("new"), at("norwayeast"), 409),
        put(ALL, &group("new"), json!({}), 400),
        patch(ALL, &group("new"), json!({ "tags": { "c": "d" } }), 200),
        patch(ALL, &group("gone"), json!({ "tags": {} }), 404),
        get(ALL, &group("new"), 200),
        get(ALL, &group("gone"), 404),
    ]);
    for scope in [SUBSCRIPTION, GROUP] {
        asked.extend([
            get(ALL, &list(scope, "resources"), 200),
            get(ALL, &list(scope, by_type), 200),
            get(NOBODY, &list(scope, "resources"), 200), // nothing, but no refusal
            get(ALL, &list(scope, "resources?$filter=plan%20eq%20'x'"), 400),
            get(None, &list(scope, "resources"), 401),
        ]);
    }
    asked.extend([
        get(ALL, &list(SUBSCRIPTION, "resourcegroups"), 200),
        get(NOBODY, &list(SUBSCRIPTION, "resourcegroups"), 200),
        get(None, &list(SUBSCRIPTION, "resourcegroups"), 401),
        get(ALL, &list(&GROUP.replace("ttd-prod-rg", "gone"), "resources"), 404),
        head("new", 204),
        head("gone", 404),
        delete(ALL, &group("ttd-prod-rg"), 409),
        delete(NOBODY, &group("new"), 403),
        delete(None, &group("new"), 401),
        delete(ALL, &group("new"), 202),
        delete(ALL, &group("new"), 404),
    ]);
    asked
}
