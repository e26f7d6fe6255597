//! Channels of `notify:`, opened: secrets are fetched from where they are kept.

use std::{collections::BTreeMap, fs};

use super::{Exit, Global, environment, output};
use crate::{
    deliver::{Courier, Secret},
    model::{
        desired::Desired,
        notify::{Notify, SecretAt},
    },
    notify::{Routes, Setting},
};

/// A secret is a line; a file beyond this is something else.
const SECRET_BYTES_MAX: u64 = 16 * 1024;

/// Whom to tell.
pub(super) fn routes(notify: &Notify, desired: &Desired) -> Routes {
    let contacts = desired.owners.iter().filter_map(|(code, owner)| Some((*code, owner.contact.clone()?)));
    Routes { notify: notify.clone(), contacts: contacts.collect() }
}

/// Where notices come from. `page`: where people reach the web page.
pub(super) fn setting(notify: &Notify, desired: &Desired, page: Option<&str>) -> Setting {
    let titles = desired.owners.iter().filter_map(|(code, owner)| Some((code.to_string(), owner.title.clone()?)));
    Setting {
        instance: desired.instance.to_string(),
        titles: titles.collect::<BTreeMap<_, _>>(),
        page: page.map(|page| page.trim_end_matches('/').to_owned()),
        zone: notify.zone(),
    }
}

/// Opens every channel; what is wrong with one is its own trouble.
pub(super) fn open(notify: &Notify, setting: Setting, ca_pem: Option<&str>) -> Result<Courier, String> {
    Courier::open(notify, setting, &secret, ca_pem, None)
}

fn secret(at: &SecretAt) -> Result<Secret, String> {
    let text = match at {
        SecretAt::Variable(name) => environment::variable(name).ok_or_else(|| format!("{at} is not set"))?,
        SecretAt::File(path) => {
            let why = |error: std::io::Error| format!("{at} cannot be read: {error}");
            if fs::metadata(path).map_err(why)?.len() > SECRET_BYTES_MAX {
                return Err(format!("{at} is too large for a secret"));
            }
            fs::read_to_string(path).map_err(why)?
        }
    };
    let secret = text.trim();
    if secret.is_empty() { Err(format!("{at} is empty")) } else { Ok(Secret::new(secret)) }
}

impl Global {
    /// The CA of `--ca`, if there is one.
    pub(super) fn ca_pem(&self) -> Result<Option<String>, Exit> {
        let Some(file) = &self.ca else { return Ok(None) };
        let pem = fs::read_to_string(file);
        pem.map(Some).map_err(|error| output::fail(self, format_args!("{}: {error}", file.display())))
    }
}
