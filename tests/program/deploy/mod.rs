//! `deploy/`: what Kustomize builds is what Kubernetes takes, is safe, and is about this program. No cluster, no engine, no root.

mod image;
mod manifests;
mod pods;
mod program;
mod units;

use std::{
    fs,
    path::{Path, PathBuf},
};

/// The project's folder.
fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).to_owned()
}

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}
