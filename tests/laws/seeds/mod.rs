//! The seeds of `fuzz/`, so that they do not rot; those for Azure's answers are tested in `src/azure/fuzzing.rs`.

mod targets;

use std::{fs, path::Path};

#[test]
fn every_target_takes_its_seeds() {
    for (folder, target) in [
        ("yaml", targets::yaml as fn(&[u8])),
        ("world", targets::world),
        ("faults", targets::fault_file),
        ("kql", targets::query),
        ("odata", targets::filter),
        ("saved", targets::saved_plan),
        ("ledger", targets::ledger_file),
    ] {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/seeds").join(folder);
        let seeds: Vec<_> = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
        assert!(!seeds.is_empty(), "{}", folder.display());
        for seed in seeds {
            target(&fs::read(seed).unwrap());
        }
    }
}
