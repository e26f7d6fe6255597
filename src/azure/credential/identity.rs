//! Who we are, as our token says.
//!
//! A token comes in, the claims that name us go out. It is not checked: Azure does that; this is for people and for the
//! ledger. The token itself is not kept.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::Deserialize;

use crate::model::ids::{PrincipalId, TenantId};

/// Our own identity.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Identity {
    /// Its object id: the principal that our own rights are assigned to.
    pub object: Option<PrincipalId>,
    /// The tenant that the token is for.
    pub tenant: Option<TenantId>,
    /// What people know it by: a sign-in name, or an application's client id.
    pub name: Option<String>,
    /// The application that signed in, by its client id: our own, or that of the tool that signed us in.
    pub client: Option<String>,
    /// What it may do where the token is for: an application's permissions (`roles`), or a person's consents (`scp`).
    pub permissions: Vec<String>,
}

#[derive(Deserialize)]
struct Claims {
    oid: Option<String>,
    tid: Option<String>,
    upn: Option<String>,
    unique_name: Option<String>,
    app_displayname: Option<String>,
    appid: Option<String>,
    #[serde(default)]
    roles: Vec<String>,
    scp: Option<String>,
}

impl Identity {
    /// Reads the middle part of a token; one that cannot be read names nobody.
    pub(crate) fn read(token: &str) -> Self {
        let middle = token.split('.').nth(1).and_then(|text| URL_SAFE_NO_PAD.decode(text.trim_end_matches('=')).ok());
        let Some(claims) = middle.and_then(|bytes| serde_json::from_slice::<Claims>(&bytes).ok()) else {
            return Self::default();
        };
        let Claims { oid, tid, upn, unique_name, app_displayname, appid, mut roles, scp } = claims;
        roles.extend(scp.unwrap_or_default().split_whitespace().map(str::to_owned));
        Self {
            permissions: roles,
            object: oid.and_then(|id| id.parse().ok()),
            tenant: tid.and_then(|id| id.parse().ok()).map(TenantId),
            name: upn.or(unique_name).or(app_displayname).or(appid.clone()),
            client: appid,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_names_us_or_nobody() {
        let claims = r#"{"oid":"11111111-2222-4333-8444-555555555555","tid":"00000000-0000-0000-0000-0000000000aa","appid":"app","aud":"x","roles":["User.Read.All"],"scp":"openid User.Read"}"#;
        let identity = Identity::read(&format!("h.{}.s", URL_SAFE_NO_PAD.encode(claims)));
        assert_eq!(identity.object.unwrap().to_string(), "11111111-2222-4333-8444-555555555555");
        assert_eq!(identity.tenant.unwrap().to_string(), "00000000-0000-0000-0000-0000000000aa");
        assert_eq!(identity.name.as_deref(), Some("app"));
        assert_eq!(identity.permissions, ["User.Read.All", "openid", "User.Read"]);
        for odd in ["", "a.b.c", "opaque", "h.e30.s"] {
            assert_eq!(Identity::read(odd), Identity::default(), "{odd}");
        }
    }
}
