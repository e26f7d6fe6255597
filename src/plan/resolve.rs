//! A name in git → a person in Entra, or why not.

use crate::model::{
    desired::UserEntry,
    people::{ById, ByName, Hint, People, Person},
};

use super::blocked::Block;

/// Who an entry means. Where `id` stands it decides, and the name is checked against it.
pub(super) fn resolve<'a>(entry: &UserEntry, people: &'a People) -> Result<&'a Person, Block> {
    let Some(by_name) = people.by_name.get(&entry.name) else {
        return Err(Block::UnknownPerson(Hint::Nothing)); // observe asks for every name; this is a run that did not
    };
    let Some(id) = entry.id else {
        return match by_name {
            ByName::Person(person) => Ok(person),
            ByName::Nobody(hint) => Err(Block::UnknownPerson(hint.clone())),
            ByName::Unanswered(trouble) => Err(Block::PersonUnanswered(trouble.clone())),
        };
    };
    if let ByName::Person(person) = by_name
        && person.id == id
    {
        return Ok(person);
    }
    match (by_name, people.by_id.get(&id)) {
        (_, Some(ById::NotAPerson(name))) => Err(Block::NotAPerson(name.clone())),
        (ByName::Unanswered(_), Some(ById::Person(person))) if person.name == entry.name => Ok(person),
        // Whose id it is may be known, but not whether the name has moved on to somebody else.
        (_, Some(ById::Unanswered(trouble))) | (ByName::Unanswered(trouble), _) => {
            Err(Block::PersonUnanswered(trouble.clone()))
        }
        (ByName::Person(_), Some(ById::Person(holder))) => Err(Block::OtherPerson { id_is: Some(holder.name.clone()) }),
        (ByName::Person(_), Some(ById::Deleted { name, .. })) => Err(Block::OtherPerson { id_is: Some(name.clone()) }),
        (ByName::Person(_), Some(ById::Gone | ById::NoUser) | None) => Err(Block::OtherPerson { id_is: None }),
        (ByName::Nobody(_), Some(ById::Person(renamed))) => {
            // Reviewers saw a name of this domain; an id does not lead out of it.
            let elsewhere = renamed.guest || renamed.name.domain() != entry.name.domain();
            if elsewhere { Err(Block::NameElsewhere(renamed.name.clone())) } else { Ok(renamed) }
        }
        (ByName::Nobody(_), Some(ById::Deleted { on, .. })) => Err(Block::UnknownPerson(Hint::Deleted { id, on: *on })),
        (ByName::Nobody(_), Some(ById::Gone | ById::NoUser) | None) => Err(Block::GonePerson),
    }
}
