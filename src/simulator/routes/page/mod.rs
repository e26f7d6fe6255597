//! The page at `/_simulator`: the world at a glance, and what was asked of it. For people: one file of HTML without a script.
//!
//! In: the world and its counts. Out: HTML in which every text of the world is escaped. Never: a secret.

mod html;
mod people;

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::{self, Write},
};

use self::html::{Text, more, tag};
use super::{Answer, Ask};
use crate::{
    model::ids::{PrincipalId, ScopeId},
    simulator::{
        SharedWorld,
        recent::Seen,
        stats::Counts,
        world::{Assignment, Resource, SubscriptionEntry, World},
    },
};

/// How many of a kind are shown one by one. Ours: what a browser draws at once, and a person still scrolls.
const SHOWN: usize = 200;
/// How many who hold something at one place are shown one by one.
const HOLDERS: usize = 12;

pub(super) fn answer(shared: &SharedWorld, ask: &Ask) -> Answer {
    let (counts, seen) = (shared.stats.counts(), shared.recent.newest());
    let every = ask.parameter("every").and_then(|seconds| seconds.parse::<u16>().ok()).filter(|seconds| *seconds > 0);
    let faults = shared.faults.left().len();
    let mut html = String::new();
    // Writing to a text does not fail.
    let _ = shared.with(|world| page(&mut html, world, &counts, &seen, faults, every));
    Answer::text(200, "text/html; charset=utf-8", &html)
        .with(
            "content-security-policy",
            "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'",
        )
        .with("x-content-type-options", "nosniff")
        .with("cache-control", "no-store")
}

/// `1 person`, `2 people`.
fn counted(number: usize, one: &str, many: &str) -> String {
    format!("{number} {}", if number == 1 { one } else { many })
}

fn page(
    out: &mut String,
    world: &World,
    counts: &Counts,
    seen: &[Seen],
    faults: usize,
    every: Option<u16>,
) -> fmt::Result {
    out.push_str(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<title>Simulated Azure</title>\n",
    );
    out.push_str("<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n");
    if let Some(every) = every {
        writeln!(out, "<meta http-equiv=\"refresh\" content=\"{every}\">")?;
    }
    writeln!(out, "<style>\n{}</style>\n</head>\n<body>\n<header>", include_str!("page.css"))?;
    let now = world.now().strftime("%Y-%m-%d %H:%M:%S UTC").to_string();
    writeln!(out, "<h1>Simulated Azure</h1>")?;
    writeln!(out, "<p class=\"dim\">Tenant <code>{}</code>, where it is {}</p>", world.tenant(), Text(now))?;
    out.push_str("<nav><a href=\"/_simulator\">Reload</a><a href=\"/_simulator?every=2\">Reload every 2 seconds</a>");
    out.push_str("<a href=\"#requests\">Last requests</a><a href=\"/_simulator/stats\">Stats</a>");
    out.push_str("<a href=\"/_simulator/world\">World as YAML</a>");
    writeln!(out, "<a href=\"/_simulator/faults\">{}</a></nav>", counted(faults, "fault", "faults"))?;
    out.push_str("<div class=\"facts\">");
    for (number, what) in [
        (world.subscriptions().count() as u64, "subscriptions"),
        (world.resources().count() as u64, "resources"),
        (world.users().count() as u64, "people"),
        (world.assignments_len() as u64, "role assignments"),
        (counts.requests, "requests"),
        (counts.writes, "of them writes"),
        (counts.connections, "connections"),
    ] {
        write!(out, "<div class=\"fact\"><b>{number}</b><span>{what}</span></div>")?;
    }
    out.push_str("</div>\n</header>\n<main>\n");
    let holders = Holders::of(world);
    subscriptions(out, world, &holders)?;
    people::people(out, world, &holders)?;
    people::applications(out, world, &holders)?;
    requests(out, counts, seen)?;
    out.push_str(
        "</main>\n<footer>Everything here is made up by <code>tilgang simulate</code>; nothing of it is in Azure. ",
    );
    out.push_str("Requests to <code>/_simulator</code> are not counted.</footer>\n</body>\n</html>\n");
    Ok(())
}

/// Who holds what where.
struct Holders<'a> {
    at: BTreeMap<&'a ScopeId, Vec<&'a Assignment>>,
    of: BTreeMap<PrincipalId, usize>,
}

impl<'a> Holders<'a> {
    fn of(world: &'a World) -> Self {
        let (mut at, mut of) = (BTreeMap::<_, Vec<_>>::new(), BTreeMap::new());
        for held in world.all_assignments() {
            at.entry(&held.triple.scope).or_default().push(held);
            *of.entry(held.triple.principal).or_default() += 1;
        }
        Self { at, of }
    }

    fn count(&self, principal: PrincipalId) -> usize {
        self.of.get(&principal).copied().unwrap_or_default()
    }

    fn list(&self, out: &mut String, world: &World, scope: &ScopeId) -> fmt::Result {
        let Some(held) = self.at.get(scope) else { return Ok(()) };
        out.push_str("<ul>");
        for held in held.iter().take(HOLDERS) {
            let role = world.definition(held.triple.definition).map(|role| role.name.clone());
            let role = role.unwrap_or_else(|_| held.triple.definition.to_string());
            write!(out, "<li><span>{}</span><span class=\"dim\">{}", Text(who(world, held)), Text(role))?;
            if held.condition.is_some() {
                out.push_str(" <span class=\"tag\">condition</span>");
            }
            if let Some(ends) = held.term.ends {
                write!(out, " <span class=\"tag warn\">until {}</span>", ends.strftime("%Y-%m-%d"))?;
            }
            out.push_str("</span></li>");
        }
        if let Some(more) = held.len().checked_sub(HOLDERS).filter(|more| *more > 0) {
            write!(out, "<li class=\"dim\">and {more} more</li>")?;
        }
        out.push_str("</ul>");
        Ok(())
    }
}

/// The name of whoever holds it; the id where nobody has a name for it any more.
fn who(world: &World, held: &Assignment) -> String {
    let id = held.triple.principal;
    let user = world.user(id).map(|user| user.name.to_string());
    let group = || world.group(id).map(|group| format!("{} (group)", group.name));
    let application = || world.application(id).map(|found| format!("{} (application)", found.name));
    let deleted = || world.deleted_user(id).map(|user| format!("{} (deleted)", user.name));
    user.or_else(group).or_else(application).or_else(deleted).unwrap_or_else(|| format!("{id} (unknown)"))
}

fn subscriptions(out: &mut String, world: &World, holders: &Holders<'_>) -> fmt::Result {
    let above: Vec<&ScopeId> = holders.at.keys().copied().filter(|scope| scope.subscription().is_none()).collect();
    if !above.is_empty() {
        out.push_str("<h2>Above the subscriptions</h2>\n<div class=\"cards\">");
        for scope in above.iter().take(SHOWN) {
            let name = if scope.as_str() == "/" { "The whole tenant" } else { scope.last_segment() };
            write!(out, "<section class=\"card\"><h3>{}</h3><p class=\"mono dim\">{}</p>", Text(name), Text(scope))?;
            holders.list(out, world, scope)?;
            out.push_str("</section>");
        }
        out.push_str("</div>\n");
    }
    let resources: BTreeMap<_, Vec<&Resource>> = world.resources().fold(BTreeMap::new(), |mut all, found| {
        all.entry(found.id.subscription()).or_insert_with(Vec::new).push(found);
        all
    });
    out.push_str("<h2>Subscriptions</h2>\n<div class=\"cards\">");
    let mut named: Vec<&SubscriptionEntry> = world.subscriptions().collect();
    named.sort_by(|a, b| a.name.cmp(&b.name));
    for entry in named.iter().take(SHOWN) {
        let scope = ScopeId::subscription_scope(entry.id);
        write!(out, "<section class=\"card\"><h3>{}</h3><p class=\"mono dim\">{}</p><p>", Text(&entry.name), entry.id)?;
        if entry.state != "Enabled" {
            tag(out, "warn", &entry.state)?;
        }
        for (key, value) in &entry.tags {
            tag(out, "", format!("{key} = {value}"))?;
        }
        out.push_str("</p>");
        holders.list(out, world, &scope)?;
        let inside = resources.get(&Some(entry.id)).map(Vec::as_slice).unwrap_or_default();
        let known: BTreeSet<&ScopeId> = inside.iter().map(|found| &found.id).collect();
        // Resource groups, children, and what stands on a resource that is gone.
        let others = holders.at.keys().filter(|at| scope.holds(at) && ***at != scope && !known.contains(*at));
        for found in inside.iter().take(SHOWN) {
            resource(out, world, found)?;
            holders.list(out, world, &found.id)?;
            out.push_str("</div>");
        }
        for at in others.take(SHOWN) {
            write!(
                out,
                "<div class=\"res\"><div><code>{}</code></div>",
                Text(at.as_str().trim_start_matches(scope.as_str()))
            )?;
            holders.list(out, world, at)?;
            out.push_str("</div>");
        }
        out.push_str("</section>");
    }
    out.push_str("</div>\n");
    more(out, named.len(), "subscriptions")
}

fn resource(out: &mut String, world: &World, found: &Resource) -> fmt::Result {
    let kind = match found.arm_type.to_ascii_lowercase().as_str() {
        "microsoft.keyvault/vaults" => "Key Vault".to_owned(),
        "microsoft.insights/components" => "Application Insights".to_owned(),
        "microsoft.operationalinsights/workspaces" => "Log Analytics workspace".to_owned(),
        _ => found.arm_type.clone(),
    };
    write!(out, "<div class=\"res\"><div><b>{}</b><span class=\"dim\">{}</span>", Text(&found.name), Text(kind))?;
    let says = |key: &str| found.properties.get(key);
    if says("enableRbacAuthorization").is_some_and(|on| on == false) {
        tag(out, "warn", "access policies")?;
    }
    if says("publicNetworkAccess").is_some_and(|network| network == "Disabled") {
        tag(out, "warn", "closed network")?;
    }
    for lock in world.lock_over(&found.id) {
        tag(out, "warn", format!("lock: {}", lock.level))?;
    }
    out.push_str("</div>");
    Ok(())
}

fn requests(out: &mut String, counts: &Counts, seen: &[Seen]) -> fmt::Result {
    out.push_str("<h2 id=\"requests\">Last requests</h2>\n");
    if seen.is_empty() {
        out.push_str("<p class=\"dim\">Nothing was asked yet.</p>\n");
        return Ok(());
    }
    out.push_str("<div class=\"wide\"><table><tr><th>Method</th><th>Path</th><th class=\"num\">Status</th><th class=\"num\">Time</th></tr>\n");
    for Seen { method, target, status, micros } in seen {
        let class = status / 100;
        let status = if *status == 0 { "none".to_owned() } else { status.to_string() };
        let (whole, part) = (micros / 1000, micros % 1000 / 100);
        write!(out, "<tr><td>{}</td><td class=\"mono\">{}</td>", Text(method), Text(super::decoded(target)))?;
        writeln!(out, "<td class=\"num s{class}\">{status}</td><td class=\"num\">{whole}.{part} ms</td></tr>")?;
    }
    out.push_str("</table></div>\n<h2>Requests by route</h2>\n<div class=\"wide\"><table><tr><th>Route</th><th class=\"num\">Requests</th></tr>\n");
    for (route, number) in &counts.by_route {
        writeln!(out, "<tr><td class=\"mono\">{}</td><td class=\"num\">{number}</td></tr>", Text(route))?;
    }
    out.push_str("</table></div>\n");
    Ok(())
}
