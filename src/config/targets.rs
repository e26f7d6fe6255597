//! Where an owner's targets are: `environments:` and `resources:`, in the catalogue and in `tilgang.yaml`.

use std::collections::BTreeMap;

use super::{
    arm_types,
    catalog::{Words, capitalised},
    cursor::Cursor,
    error::Mistakes,
    rules::{BAD_VALUE, TARGETS_APART},
};
use crate::model::{
    catalog::{Environment, Pattern, ResourceKind},
    owner::{EnvironmentName, KindName, OwnerCode},
};

impl Words {
    pub(super) fn environment(&mut self, entry: Cursor<'_>, mistakes: &mut Mistakes) {
        let known = self.environments.get(entry.key).cloned();
        let required: &[_] = if known.is_some() { &[] } else { &["subscription"] };
        let keys = ["title", "azure_name", "subscription", "production"];
        let Some([title, azure_name, subscription, production]) = entry.fields(keys, required, mistakes) else {
            return;
        };
        if !entry.key_is_word(mistakes) {
            return;
        }
        // What nobody says of a new environment: that it matters.
        let production = production.map_or(Some(known.is_none()), |at| at.flag(mistakes));
        let name = EnvironmentName::new(entry.key);
        match production {
            Some(true) => drop(self.production.insert(name.clone())),
            Some(false) if entry.has("production") => drop(self.production.remove(&name)),
            _ => {}
        }
        let title = title.and_then(|at| at.line(mistakes)).map(str::to_owned);
        let named = azure_name.and_then(|at| at.word(mistakes)).map(str::to_owned);
        let pattern = subscription.and_then(|at| read_pattern(at, mistakes));
        let Some(subscription) = pattern.or_else(|| known.as_ref().map(|known| known.subscription.clone())) else {
            return;
        };
        let (was_title, was_named) = known.map_or((None, None), |known| (Some(known.title), Some(known.azure_name)));
        let environment = Environment {
            title: title.or(was_title).unwrap_or_else(|| capitalised(entry.key)),
            azure_name: named.or(was_named).unwrap_or_else(|| entry.key.to_owned()),
            subscription,
        };
        self.environments.insert(name, environment);
    }

    pub(super) fn kind(&mut self, entry: Cursor<'_>, mistakes: &mut Mistakes) {
        let known = self.kinds.get(entry.key).cloned();
        let required: &[_] = if known.is_some() { &[] } else { &["type", "name"] };
        let keys = ["title", "type", "name", "tags"];
        let Some([title, arm_type, name, tags]) = entry.fields(keys, required, mistakes) else { return };
        if !entry.key_is_word(mistakes) {
            return;
        }
        let title = title.and_then(|at| at.line(mistakes)).map(str::to_owned);
        let arm_type = arm_type.and_then(|at| arm_types::read(at, mistakes));
        let name = name.and_then(|at| read_pattern(at, mistakes));
        let tags = tags.map(|tags| read_tags(tags, mistakes));
        let kind = match known {
            Some(known) => ResourceKind {
                title: title.unwrap_or(known.title),
                arm_type: arm_type.unwrap_or(known.arm_type),
                name: name.unwrap_or(known.name),
                tags: tags.unwrap_or(known.tags),
            },
            None => match (arm_type, name) {
                (Some(arm_type), Some(name)) => ResourceKind {
                    title: title.unwrap_or_else(|| capitalised(entry.key)),
                    arm_type,
                    name,
                    tags: tags.unwrap_or_default(),
                },
                _ => return,
            },
        };
        self.kinds.insert(KindName::new(entry.key), kind);
    }

    /// Two owners, or two environments of one, must not lead to the same target.
    pub(super) fn targets_apart(&self, at: Cursor<'_>, mistakes: &mut Mistakes) {
        let two = ["aa", "bb"].map(OwnerCode::new).into_iter().flatten();
        for (key, kind) in &self.kinds {
            let mut seen = BTreeMap::new();
            for ((name, environment), owner) in self.environments.iter().flat_map(|e| two.clone().map(move |o| (e, o)))
            {
                let fill = |pattern: &Pattern| pattern.fill(owner, &environment.azure_name).to_ascii_lowercase();
                let tags: Vec<_> =
                    kind.tags.iter().map(|(tag, value)| (tag.to_ascii_lowercase(), fill(value))).collect();
                let target = (fill(&kind.name), fill(&environment.subscription), tags);
                let Some((other, whose)) = seen.insert(target, (name, owner)) else { continue };
                let who = if whose == owner { format!("`{other}` and `{name}`") } else { "all owners".to_owned() };
                mistakes.add(
                    at.wrong_key(TARGETS_APART, format!("{who} would share one `{key}`"))
                        .help("let its `name`, or the environment's `subscription`, hold `{owner}` and `{env}`"),
                );
                break;
            }
        }
    }
}

fn read_pattern(at: Cursor<'_>, mistakes: &mut Mistakes) -> Option<Pattern> {
    let text = at.line(mistakes)?;
    Pattern::new(text)
        .map_err(|hole| {
            mistakes.add(at.wrong(BAD_VALUE, format!("`{hole}` is no hole that can be filled")).help(
                "`{owner}` and `{OWNER}` stand for the owner's code, `{env}` for the environment's name in Azure",
            ));
        })
        .ok()
}

fn read_tags(tags: Cursor<'_>, mistakes: &mut Mistakes) -> BTreeMap<String, Pattern> {
    let tags = tags.entries(mistakes);
    tags.into_iter().filter_map(|tag| Some((tag.key.to_owned(), read_pattern(tag, mistakes)?))).collect()
}
