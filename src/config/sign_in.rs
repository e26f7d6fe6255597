//! Sign-in names: what one looks like, and what is written in its place.

use super::{
    cursor::Cursor,
    error::Mistake,
    rules::{DOMAIN, SIGN_IN_NAME},
    suggest::nearest,
};

/// Whether the text can be a user principal name: ASCII without spaces, one `@` with something on both sides.
/// Characters as Entra allows them ("Prepare for directory synchronization"), and `#` for guests.
pub(super) fn is_sign_in_name(text: &str) -> bool {
    let Some((name, domain)) = text.split_once('@') else { return false };
    let allowed = |b: u8| b.is_ascii_alphanumeric() || b"'.-_!#^~+".contains(&b);
    let in_domain = |b: u8| b.is_ascii_alphanumeric() || b == b'.' || b == b'-';
    !name.is_empty() && name.bytes().all(allowed) && domain.contains('.') && domain.bytes().all(in_domain)
}

/// Whether an owner's file may list this name: it can be a sign-in name, and ends in one of `domains`.
#[must_use]
pub fn may_be_listed(text: &str, domains: &[String]) -> bool {
    let domain = text.split_once('@').map(|(_, domain)| domain).unwrap_or_default();
    is_sign_in_name(text) && (domains.is_empty() || domains.iter().any(|known| known.eq_ignore_ascii_case(domain)))
}

/// What is wrong with a name in an owner's file, if anything. People sign in with a name in one of `domains`.
pub(super) fn problem(at: Cursor<'_>, text: &str, domains: &[String]) -> Option<Mistake> {
    let first = domains.first().map_or("ai-dev.no", String::as_str);
    let whole = |local: &str| format!("`{local}@{first}`");
    let Some((local, domain)) = text.split_once('@') else {
        let local = if text.is_ascii() && !text.contains(' ') { text } else { "kari.fiktiv" };
        let help = format!("write the whole sign-in name, such as {}", whole(local));
        return Some(at.wrong(SIGN_IN_NAME, format!("`{text}` is not a sign-in name")).help(help));
    };
    if !is_sign_in_name(text) {
        let mistake = at.wrong(SIGN_IN_NAME, format!("`{text}` is not a sign-in name"));
        let odd = text.chars().find(|c| !c.is_ascii() || *c == ' ');
        return Some(match odd {
            Some(' ') => {
                mistake.help("it holds a space; each person has an entry of their own, starting with `- user:`")
            }
            Some(c) => {
                mistake.help(format!("`{c}` (U+{:04X}) cannot stand in one; look up how Entra spells it", u32::from(c)))
            }
            None => mistake.help(format!("write it as Entra shows it, such as {}", whole("kari.fiktiv"))),
        });
    }
    if domains.is_empty() || domains.iter().any(|known| known.eq_ignore_ascii_case(domain)) {
        return None;
    }
    if let Some(meant) = nearest(domain, domains.iter().map(String::as_str)) {
        let help = format!("did you mean `{local}@{meant}`?");
        return Some(at.wrong(DOMAIN, format!("nobody signs in with `@{domain}`")).label("unknown domain").help(help));
    }
    let all = domains.iter().map(|domain| format!("`…@{domain}`")).collect::<Vec<_>>().join(" or ");
    let help = format!(
        "this looks like an e-mail address, as on the order form; people sign in as {all}: is it {}?",
        whole(local)
    );
    Some(at.wrong(DOMAIN, format!("`{text}` is not a sign-in name here")).label("unknown domain").help(help))
}
