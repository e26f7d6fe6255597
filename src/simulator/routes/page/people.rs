//! Who there is: people, groups, and the applications that can sign in.

use std::fmt::{self, Write};

use super::{
    HOLDERS, Holders, SHOWN,
    html::{Text, more, tag},
};
use crate::{
    model::ids::PrincipalId,
    simulator::world::{Application, World},
};

pub(super) fn people(out: &mut String, world: &World, holders: &Holders<'_>) -> fmt::Result {
    out.push_str("<h2>People</h2>\n<div class=\"wide\"><table><tr><th>Name</th><th>Signs in as</th><th>State</th>");
    out.push_str("<th class=\"num\">Holds</th></tr>\n");
    let mut users: Vec<_> = world.all_users().collect();
    users.sort_by(|a, b| a.name.cmp(&b.name));
    for user in users.iter().take(SHOWN) {
        let name = user.display_name.as_deref().unwrap_or_default();
        write!(out, "<tr><td>{}</td><td class=\"mono\">{}</td><td>", Text(name), Text(&user.name))?;
        if user.deleted.is_some() {
            tag(out, "bad", "deleted")?;
        }
        if !user.enabled {
            tag(out, "warn", "disabled")?;
        }
        if user.guest {
            tag(out, "", "guest")?;
        }
        writeln!(out, "</td><td class=\"num\">{}</td></tr>", holders.count(user.id))?;
    }
    out.push_str("</table></div>\n");
    more(out, users.len(), "people")?;
    if world.groups().next().is_some() {
        out.push_str("<h2>Groups</h2>\n<div class=\"wide\"><table><tr><th>Name</th><th>Members</th><th class=\"num\">Holds</th></tr>\n");
        for group in world.groups().take(SHOWN) {
            let name = |id: &PrincipalId| world.user(*id).map_or_else(|| id.to_string(), |user| user.name.to_string());
            let members: Vec<String> = group.members.iter().take(HOLDERS).map(name).collect();
            write!(out, "<tr><td>{}</td><td class=\"mono\">{}", Text(&group.name), Text(members.join(", ")))?;
            if group.members.len() > HOLDERS {
                write!(out, " and {} more", group.members.len() - HOLDERS)?;
            }
            writeln!(out, "</td><td class=\"num\">{}</td></tr>", holders.count(group.id))?;
        }
        out.push_str("</table></div>\n");
    }
    Ok(())
}

pub(super) fn applications(out: &mut String, world: &World, holders: &Holders<'_>) -> fmt::Result {
    out.push_str(
        "<h2>Applications that can sign in</h2>\n<div class=\"wide\"><table><tr><th>Name</th><th>Client id</th>",
    );
    out.push_str("<th>Signs in with</th><th>Graph</th><th class=\"num\">Holds</th></tr>\n");
    for Application { id, client_id, name, secret, federated, graph } in world.applications().take(SHOWN) {
        let with = match (secret.is_some(), federated) {
            (true, true) => "secret, assertion",
            (true, false) => "secret",
            (false, true) => "assertion",
            (false, false) => "nothing",
        };
        write!(out, "<tr><td>{}</td><td class=\"mono\">{client_id}</td><td>{with}</td><td>", Text(name))?;
        for permission in graph {
            tag(out, "", permission)?;
        }
        writeln!(out, "</td><td class=\"num\">{}</td></tr>", holders.count(*id))?;
    }
    out.push_str("</table></div>\n");
    Ok(())
}
