//! Wall time and requests over HTTPS with 20 ms a request: a plan without changes of 1,000 assignments in one subscription,
//! and the creation of 100. Terraform's azurerm 5.2.0 beside it, measured against a like server: 11–14 s and 2,003 requests
//! to plan, 204 s and 905 requests to create.
//!
//! `cargo bench --bench latency`. The far end runs in this process, the program in one of its own, as people run it.
#![allow(clippy::unwrap_used, clippy::print_stdout, clippy::indexing_slicing, clippy::disallowed_methods, missing_docs)]

use std::{fmt::Write, fs, path::Path, process::Command, time::Instant};

use tilgang::simulator::{Running, ServeOptions, SharedWorld, Tls, file, serve};

const OWNERS: usize = 5;
const PEOPLE: usize = 50;
const ROLES: [&str; 4] = ["test-developer", "test-operations", "prod-developer", "prod-operations"];
const LATENCY_MS: u64 = 20;

fn main() {
    let dir = tempfile::tempdir().unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let world = file::read(&azure()).unwrap();
    let tls = Tls::throw_away().unwrap();
    let options = ServeOptions { tls: Some(tls), latency_ms: LATENCY_MS, ..ServeOptions::default() };
    let far = runtime.block_on(serve(SharedWorld::new(world, jiff::Timestamp::now), options)).unwrap();
    fs::write(dir.path().join("ca.pem"), far.ca_pem.as_ref().unwrap()).unwrap();

    println!("{:<44} {:>8} {:>10} {:>12}", "", "wall s", "requests", "connections");
    write(dir.path(), 45);
    run(dir.path(), &far, "apply", "create 900 in one subscription");
    write(dir.path(), PEOPLE);
    run(dir.path(), &far, "apply", "create 100 more (azurerm: 204 s, 905)");
    for _ in 0..3 {
        run(dir.path(), &far, "plan", "plan 1,000, no change (azurerm: 11–14 s, 2,003)");
    }
}

fn run(dir: &Path, far: &Running, command: &str, what: &str) {
    far.world.stats.reset();
    let start = Instant::now();
    let mut program = Command::new(env!("CARGO_BIN_EXE_tilgang"));
    program.arg(command).arg("--dir").arg(dir).args(["--simulate", &far.url, "--ca"]).arg(dir.join("ca.pem"));
    if command == "apply" {
        program.arg("--yes");
    }
    let out = program.output().unwrap();
    let wall = start.elapsed().as_secs_f64();
    let text = String::from_utf8_lossy(&out.stdout);
    assert!(out.status.success(), "{text}{}", String::from_utf8_lossy(&out.stderr));
    let counts = serde_json::to_value(far.world.stats.counts()).unwrap();
    println!(
        "{what:<44} {wall:>8.2} {:>10} {:>12}   {}",
        counts["requests"],
        counts["connections"],
        text.lines().last().unwrap()
    );
}

fn write(dir: &Path, people: usize) {
    let settings = "version: 1\ntenant: 00000000-0000-0000-0000-0000000000aa\ninstance: bench\nenvironments:\n  \
        test: { title: Test, azure_name: tt02, subscription: Altinn-All }\n  \
        prod: { title: Prod, azure_name: prod, subscription: Altinn-All }\n";
    fs::write(dir.join("tilgang.yaml"), settings).unwrap();
    fs::create_dir_all(dir.join("owners")).unwrap();
    for owner in 0..OWNERS {
        let mut text = format!("owner: o{owner}\nname: Owner {owner}\nusers:\n");
        for person in 0..people {
            writeln!(text, "  - user: person{person}.of{owner}@ai-dev.no\n    roles: [{}]", ROLES.join(", ")).unwrap();
        }
        fs::write(dir.join(format!("owners/o{owner}.yaml")), text).unwrap();
    }
}

fn azure() -> String {
    // The peer was measured without throttling; Azure would give both 200 writes at once, and then 10 a second.
    let mut text = "tenant: 00000000-0000-0000-0000-0000000000aa\nsettings: { throttling: false }\nusers:\n".to_owned();
    for owner in 0..OWNERS {
        for person in 0..PEOPLE {
            writeln!(text, "  - person{person}.of{owner}@ai-dev.no").unwrap();
        }
    }
    text += "subscriptions:\n  - name: Altinn-All\n    resources:\n      - workspace shared-law\n";
    for owner in 0..OWNERS {
        for env in ["tt02", "prod"] {
            let tags = format!("tags: {{ finops_serviceownercode: o{owner} }}");
            writeln!(text, "      - {{ component: o{owner}-{env}-ai, {tags} }}").unwrap();
            writeln!(text, "      - {{ vault: o{owner}-{env}-keyvault, {tags} }}").unwrap();
        }
    }
    text
}
