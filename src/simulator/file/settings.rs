//! `settings:` of `azure.yaml`, and of `/_simulator/settings`, where a key that is left out stays as it is.

use jiff::SignedDuration;

use super::entries::SettingsEntry;
use crate::simulator::{
    clock::duration,
    world::{Consistency, Settings},
};

/// The settings that an entry describes; what it leaves out is as it was.
pub(super) fn read(entry: &SettingsEntry, was: &Settings) -> Result<Settings, String> {
    let Consistency { lists_stale, people_unknown, resource_graph_lag, activity_log_lag } = was.consistency;
    Ok(Settings {
        assignments_max: entry.assignments_max.unwrap_or(was.assignments_max),
        page_size: entry.page_size.unwrap_or(was.page_size),
        throttling: entry.throttling.unwrap_or(was.throttling),
        consistency: Consistency {
            lists_stale: length("lists_stale", entry.lists_stale.as_deref(), lists_stale)?,
            people_unknown: length("people_unknown", entry.people_unknown.as_deref(), people_unknown)?,
            resource_graph_lag: length("resource_graph_lag", entry.resource_graph_lag.as_deref(), resource_graph_lag)?,
            activity_log_lag: length("activity_log_lag", entry.activity_log_lag.as_deref(), activity_log_lag)?,
        },
        licence: entry.licence.unwrap_or(was.licence),
        uncovered: entry.uncovered.unwrap_or(was.uncovered),
    })
}

/// Changes settings by a text of such an entry, YAML or JSON.
pub fn change(text: &str, was: &Settings) -> Result<Settings, String> {
    let entry: SettingsEntry = serde_yaml::from_str(text).map_err(|error| error.to_string())?;
    read(&entry, was)
}

fn length(key: &str, written: Option<&str>, was: SignedDuration) -> Result<SignedDuration, String> {
    let Some(text) = written else { return Ok(was) };
    let length = duration(text).ok().filter(|length| !length.is_negative());
    length.ok_or_else(|| format!("`{key}: {text}` is no length of time such as 90s or 10m"))
}
