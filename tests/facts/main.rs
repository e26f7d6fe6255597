#![cfg(test)]
#![allow(clippy::disallowed_methods, reason = "a test may look at its environment")]
#![allow(clippy::print_stdout, reason = "counts are there to be read")]
//! Microsoft's own descriptions and recordings of Azure against our simulator and our client.
//!
//! Both lie beside the project, never in it: `TILGANG_FACTS` names their folder. Where it is not set, every test here says so
//! and counts as passed.
//!
//! | file | what it does |
//! |---|---|
//! | `described` | the OpenAPI files → operations, and whether a request or an answer fits one |
//! | `schema` | Swagger's dialect → JSON Schema |
//! | `asked` | a request for each route of the simulator and each of its refusals |
//! | `surface` | the same for what is made, changed and taken away |
//! | `carried` | proof: each option that they name is carried out by the simulator, or refused by its name |
//! | `schemas` | proof: everything the simulator answers, and everything our client sends, fits |
//! | `cassette` | the recordings, as exchanges |
//! | `parsed` | proof: our client reads each recorded answer |
//! | `state` | a world as a recording found it |
//! | `members` | who was in which group then |
//! | `replayed` | proof: the simulator answers each recorded request as Azure did |
//! | `differences` | what differs on purpose, and what is not replayed, each with its reason |
//! | `contract` | what each implementor of the ports owes, and what no public source settles; needs no facts |
//! | `loopback` | an HTTPS server that answers what a test says, or passes on and listens |

mod asked;
mod carried;
mod cassette;
mod contract;
mod described;
mod differences;
mod loopback;
mod members;
mod parsed;
mod privileges;
mod replayed;
mod schema;
mod schemas;
mod state;
mod surface;

use std::path::PathBuf;

/// Where the facts are.
fn facts() -> Option<PathBuf> {
    let folder = std::env::var_os("TILGANG_FACTS").map(PathBuf::from);
    if folder.is_none() {
        println!("skipped: TILGANG_FACTS is not set");
    }
    folder
}
