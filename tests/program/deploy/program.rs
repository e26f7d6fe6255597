//! Manifests and units speak of the program that is: its commands, its flags.

use std::{collections::BTreeSet, process::Command};

use super::{
    manifests::{OVERLAYS, pods},
    read,
};

/// Each command line of tilgang in `deploy/`.
fn lines() -> BTreeSet<Vec<String>> {
    let mut lines = BTreeSet::new();
    for (_, template) in OVERLAYS.into_iter().flat_map(pods) {
        let pod = template.spec.unwrap();
        for container in pod.init_containers.into_iter().flatten().chain(pod.containers) {
            if container.command.is_none() {
                lines.insert(container.args.unwrap());
            }
        }
    }
    for unit in ["tilgang.service", "tilgang-drift.service"] {
        let unit = read(&format!("deploy/systemd/{unit}"));
        let start = unit.lines().find_map(|line| line.strip_prefix("ExecStart=/usr/bin/tilgang ")).unwrap();
        lines.insert(start.split(' ').map(str::to_owned).collect());
    }
    lines
}

#[test]
fn every_flag_in_deploy_is_one_of_the_programs() {
    let lines = lines();
    assert!(lines.len() > 4);
    for line in lines {
        let help = Command::new(env!("CARGO_BIN_EXE_tilgang")).args([&line[0], "--help"]).output().unwrap();
        assert!(help.status.success(), "there is no `tilgang {}`", line[0]);
        let help = String::from_utf8(help.stdout).unwrap();
        for flag in line[1..].iter().filter(|word| word.starts_with('-')) {
            let name = flag.split('=').next().unwrap();
            let is_there = help.split([' ', ',', '\n']).any(|word| word == name);
            assert!(is_there, "`tilgang {}` has no {name}", line[0]);
        }
    }
}
