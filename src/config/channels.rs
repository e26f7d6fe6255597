//! Tree → a channel of `notify:`: where it leads, and what it is told. Secrets are not read here: a channel names the variable
//! or the file that holds one, and the mistake of writing one down is told without repeating it.

use std::{collections::BTreeSet, path::PathBuf};

use super::{
    cursor::Cursor,
    error::{Mistake, Mistakes},
    node::Node,
    notify::{Context, classes},
    rules::{BAD_VALUE, DOUBLED_KEY, EMPTY, MISSING_KEY},
    settings,
    suggest::did_you_mean,
};
use crate::model::{
    notify::{Addressee, Channel, Door, Mail, MailSecurity, SecretAt, Target, is_address},
    owner::OwnerCode,
};

const KINDS: [&str; 5] = ["slack", "teams", "email", "webhook", "ping"];

/// Reads one channel; `None` if it leads nowhere.
pub(super) fn read(at: Cursor<'_>, context: &Context<'_>, mistakes: &mut Mistakes) -> Option<Channel> {
    let keys = ["slack", "teams", "email", "webhook", "ping", "only"];
    let [slack, teams, email, webhook, ping, only] = at.fields(keys, &[], mistakes)?;
    let kinds = [slack, teams, email, webhook, ping];
    let stated = kinds.iter().flatten().count();
    if stated != 1 && (stated > 1 || only.is_some() || matches!(at.node, Node::Entries(entries) if entries.is_empty()))
    {
        let list = KINDS.map(|kind| format!("`{kind}`")).join(", ");
        let help = format!("a channel leads to one place: write one of {list}");
        mistakes.add(at.wrong(BAD_VALUE, format!("`{}` leads to {stated} places", at.key)).help(help));
    }
    let before = mistakes.len();
    let only = only.map(|at| read_only(at, context, mistakes));
    let target = match kinds {
        [Some(at), ..] => door(at, mistakes).map(Target::Slack),
        [_, Some(at), ..] => door(at, mistakes).map(Target::Teams),
        [_, _, Some(at), ..] => mail(at, mistakes).map(|mail| Target::Email(Box::new(mail))),
        [_, _, _, Some(at), _] => webhook_of(at, mistakes),
        [_, _, _, _, Some(at)] => door(at, mistakes).map(Target::Ping),
        _ => None,
    };
    // What is written but wrong must not widen what is told.
    if mistakes.len() > before {
        return None;
    }
    let Only { classes, owners, environments } = only.unwrap_or_default();
    Some(Channel { name: at.key.to_owned(), target: target?, classes, owners, environments })
}

#[derive(Default)]
struct Only {
    classes: Option<BTreeSet<crate::model::notify::Topic>>,
    owners: Option<BTreeSet<OwnerCode>>,
    environments: Option<BTreeSet<crate::model::owner::EnvironmentName>>,
}

fn read_only(at: Cursor<'_>, context: &Context<'_>, mistakes: &mut Mistakes) -> Only {
    let Some([of_class, of_owner, of_environment]) = at.fields(["classes", "owners", "environments"], &[], mistakes)
    else {
        return Only::default();
    };
    for list in [of_class, of_owner].into_iter().flatten() {
        if matches!(list.node, Node::List(items) if items.is_empty()) {
            let wrong = list.wrong(EMPTY, format!("`{}` is an empty list", list.key));
            mistakes.add(wrong.help("leave it out if the channel is for all of them"));
        }
    }
    Only {
        classes: of_class.map(|at| classes(at, mistakes)),
        owners: of_owner.map(|at| owners(at, context.owners, mistakes)),
        environments: of_environment.map(|at| settings::read_environments(at, context.words, mistakes)),
    }
}

fn owners(at: Cursor<'_>, known: &BTreeSet<OwnerCode>, mistakes: &mut Mistakes) -> BTreeSet<OwnerCode> {
    let mut found = BTreeSet::new();
    for item in at.items(mistakes) {
        if let Some(code) = item.known_owner(known, mistakes)
            && !found.insert(code)
        {
            mistakes.add(item.wrong(DOUBLED_KEY, format!("`{code}` stands here twice")));
        }
    }
    found
}

/// `{ url: { env: … }, loopback: true }`.
fn door(at: Cursor<'_>, mistakes: &mut Mistakes) -> Option<Door> {
    let [url, loopback] = at.fields(["url", "loopback"], &["url"], mistakes)?;
    door_of(url, loopback, mistakes)
}

fn door_of(url: Option<Cursor<'_>>, loopback: Option<Cursor<'_>>, mistakes: &mut Mistakes) -> Option<Door> {
    let loopback = loopback.map_or(Some(false), |at| at.flag(mistakes));
    let url = url.and_then(|at| secret(at, "who has the URL can post to it", mistakes));
    Some(Door { url: url?, loopback: loopback? })
}

fn webhook_of(at: Cursor<'_>, mistakes: &mut Mistakes) -> Option<Target> {
    let [url, key, loopback] = at.fields(["url", "key", "loopback"], &["url", "key"], mistakes)?;
    let door = door_of(url, loopback, mistakes);
    let key = key.and_then(|at| secret(at, "who has the key can forge a notice", mistakes));
    Some(Target::Webhook(door?, key?))
}

/// `{ env: TILGANG_SLACK_URL }` or `{ file: /run/secrets/slack }`.
fn secret(at: Cursor<'_>, because: &str, mistakes: &mut Mistakes) -> Option<SecretAt> {
    if matches!(at.node, Node::Text(text) if !text.is_empty()) {
        let wrong = at.wrong(BAD_VALUE, format!("`{}` is a secret, and stands in git", at.key));
        let help = format!(
            "{because}: make a new one, and write where it is kept: `{{ env: … }}` or `{{ file: … }}`; this one is known now"
        );
        mistakes.add(wrong.label("not in git").help(help));
        return None;
    }
    let [variable, file] = at.fields(["env", "file"], &[], mistakes)?;
    match (variable, file) {
        (Some(at), None) => {
            let name = at.text(mistakes)?;
            let fits = name.starts_with(|c: char| c.is_ascii_uppercase() || c == '_')
                && name.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_');
            if !fits {
                // Not repeated: it may be the secret itself.
                let wrong = at.wrong(BAD_VALUE, "`env` is not the name of a variable");
                mistakes.add(wrong.help("capitals, digits and `_`, such as `TILGANG_SLACK_URL`"));
            }
            fits.then(|| SecretAt::Variable(name.to_owned()))
        }
        (None, Some(at)) => {
            let path = at.line(mistakes)?;
            let is_url = path.contains("://");
            if is_url {
                let wrong = at.wrong(BAD_VALUE, "`file` is not the name of a file");
                mistakes
                    .add(wrong.help("write the path of the file that holds the secret, such as `/run/secrets/slack`"));
            }
            (!is_url).then(|| SecretAt::File(PathBuf::from(path)))
        }
        (stated, _) => {
            let many = if stated.is_none() { "no place" } else { "two places" };
            let wrong = at.wrong(BAD_VALUE, format!("`{}` names {many} where the secret is kept", at.key));
            mistakes.add(wrong.help("write `{ env: <variable> }` or `{ file: <path> }`"));
            None
        }
    }
}

fn mail(at: Cursor<'_>, mistakes: &mut Mistakes) -> Option<Mail> {
    let keys = ["server", "port", "security", "user", "password", "from", "to"];
    let [server, port, security, user, password, from, to] = at.fields(keys, &["server", "from", "to"], mistakes)?;
    let host = server.and_then(|at| at.line(mistakes).map(|host| (at, host)));
    let security = security.map_or(Some(MailSecurity::StartTls), |at| match at.text(mistakes)? {
        "starttls" => Some(MailSecurity::StartTls),
        "tls" => Some(MailSecurity::Tls),
        "none" => Some(MailSecurity::Loopback),
        other => {
            let wrong = at.wrong(BAD_VALUE, format!("`security` cannot be `{other}`"));
            mistakes.add(wrong.maybe_help(did_you_mean(other, ["starttls", "tls", "none"])));
            None
        }
    });
    if let Some((at, host)) = host {
        mistakes.0.extend(host_mistake(at, host, security));
    }
    let port = port.map_or(Some(None), |at| {
        let port = at.count(mistakes)?;
        let port = u16::try_from(port).ok().filter(|port| *port > 0);
        if port.is_none() {
            mistakes.add(at.wrong(BAD_VALUE, "`port` is not from 1 to 65535"));
        }
        port.map(Some)
    });
    let sign_in =
        match (user, password) {
            (Some(user), Some(password)) => {
                let password = secret(password, "who has the password can write in our name", mistakes);
                user.line(mistakes).map(str::to_owned).zip(password)
            }
            (None, None) => None,
            (user, _) => {
                let missing = if user.is_none() { "user" } else { "password" };
                mistakes.add(at.wrong(MISSING_KEY, format!("`{missing}` is missing")).label("in this entry").help(
                    "who signs in has both: `user: …` and `password: { env: … }`; leave both out if nobody has to",
                ));
                None
            }
        };
    let from = from.and_then(|at| address(at, "from", mistakes));
    let to = to.map(|at| addressees(at, mistakes)).unwrap_or_default();
    let security = security?;
    let usual = match security {
        MailSecurity::StartTls => 587,
        MailSecurity::Tls => 465,
        MailSecurity::Loopback => 25,
    };
    Some(Mail { server: host?.1.to_owned(), port: port?.unwrap_or(usual), security, sign_in, from: from?, to })
}

/// A host's name or address, and no URL; without TLS only this machine.
fn host_mistake(at: Cursor<'_>, host: &str, security: Option<MailSecurity>) -> Option<Mistake> {
    if !host.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'.' || b == b'-') {
        let wrong = at.wrong(BAD_VALUE, format!("`{host}` is not a host's name"));
        return Some(wrong.help("write the name alone, such as `smtp.example.no`; `port` stands beside it"));
    }
    let is_loopback = host == "localhost" || host.starts_with("127.");
    (security == Some(MailSecurity::Loopback) && !is_loopback).then(|| {
        at.wrong(BAD_VALUE, format!("`security: none` would send everything to `{host}` for all to read"))
            .help("use `starttls` or `tls`; without either only this machine (`localhost`) is spoken to")
    })
}

fn address(at: Cursor<'_>, key: &str, mistakes: &mut Mistakes) -> Option<String> {
    let text = at.line(mistakes)?;
    let fits = is_address(text);
    if !fits {
        let wrong = at.wrong(BAD_VALUE, format!("`{text}` is not an e-mail address"));
        let help =
            if key == "to" { "write an address, or `contact` for the owner's" } else { "write the address alone" };
        mistakes.add(wrong.help(help));
    }
    fits.then(|| text.to_owned())
}

fn addressees(at: Cursor<'_>, mistakes: &mut Mistakes) -> Vec<Addressee> {
    let mut all = Vec::new();
    let items = at.items(mistakes);
    if items.len() == 0 && matches!(at.node, Node::List(_)) {
        mistakes.add(at.wrong(EMPTY, "`to` is an empty list").help("write an address, or `contact` for the owner's"));
    }
    for item in items {
        let one = match item.text(mistakes) {
            Some("contact") => Some(Addressee::Contact),
            Some(_) => address(item, "to", mistakes).map(Addressee::Address),
            None => None,
        };
        match one {
            Some(one) if all.contains(&one) => mistakes.add(item.wrong(DOUBLED_KEY, "this one stands here twice")),
            one => all.extend(one),
        }
    }
    all
}
