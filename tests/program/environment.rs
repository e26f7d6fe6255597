//! What the environment says that is not so: another tenant than `tilgang.yaml` has, another application than the one that signed
//! in, two names that contradict each other. Each is named, and where sign-in fails it is named with the failure.

use std::{fs, os::unix::fs::PermissionsExt as _};

use crate::{
    simulator::Simulator,
    workspace::{Workspace, program, project},
};

const TENANT: &str = "00000000-0000-0000-0000-0000000000aa";
const ANOTHER: &str = "00000000-0000-0000-0000-0000000000bb";
const CLIENT: &str = "00000000-0000-0000-0000-0000000000c1";
const SOMEBODY: &str = "00000000-0000-0000-0000-0000000000dd";

/// What is printed, stdout before stderr, and the exit code, with these variables.
fn run(workspace: &Workspace, simulator: &Simulator, command: &[&str], variables: &[(&str, &str)]) -> (String, i32) {
    let mut program = program();
    for name in ["AZURE_AUTHORITY_HOST", "TILGANG_ARM_ENDPOINT", "TILGANG_GRAPH_ENDPOINT"] {
        program.env(name, &simulator.url);
    }
    program.args(command).arg("--ca").arg(simulator.ca().join("ca.pem")).current_dir(workspace.path());
    let out = program.envs(variables.iter().copied()).output().unwrap();
    let text = String::from_utf8_lossy(&out.stdout).into_owned() + &String::from_utf8_lossy(&out.stderr);
    (text.split_whitespace().collect::<Vec<_>>().join(" "), out.status.code().unwrap())
}

#[test]
fn what_the_environment_says_and_is_not_so_is_named() {
    let workspace = Workspace::copy_of(&project().join("tests/cases/groups-permission"));
    let world = workspace.path().join("azure.yaml");
    let text = fs::read_to_string(&world).unwrap().replace("not-a-real-secret", "secret");
    fs::write(&world, text.replace("[User.Read.All]", "[Directory.Read.All]")).unwrap();
    let simulator = Simulator::start(&world);
    let doctor = ["doctor", "--for", "reading"];
    let own = [("AZURE_CLIENT_ID", CLIENT), ("AZURE_CLIENT_SECRET", "secret")];
    let with = |more: &[(&'static str, &'static str)]| [own.as_slice(), more].concat();

    let (text, code) = run(&workspace, &simulator, &doctor, &with(&[("AZURE_TENANT_ID", TENANT)]));
    assert!(code == 0 && !text.contains("tilgang.yaml says"), "{text}");
    // A domain may be this tenant's own.
    let (text, code) = run(&workspace, &simulator, &doctor, &with(&[("AZURE_TENANT_ID", "example.onmicrosoft.com")]));
    assert!(code == 0 && !text.contains("tilgang.yaml says"), "{text}");

    let other = format!("AZURE_TENANT_ID is {ANOTHER}, and tilgang.yaml says {TENANT}");
    let (text, code) = run(&workspace, &simulator, &doctor, &with(&[("AZURE_TENANT_ID", ANOTHER)]));
    assert!(code == 0 && text.contains(&format!("note {other}")) && !text.contains("gave the tenant"), "{text}");
    let (text, _) = run(&workspace, &simulator, &["plan"], &with(&[("ARM_TENANT_ID", ANOTHER)]));
    assert!(text.contains(&format!("note: ARM_TENANT_ID is {ANOTHER}")), "{text}");
    let wrong = [("AZURE_CLIENT_ID", CLIENT), ("AZURE_CLIENT_SECRET", "wrong"), ("AZURE_TENANT_ID", ANOTHER)];
    let (text, code) = run(&workspace, &simulator, &["plan"], &wrong);
    assert!(code == 1 && text.contains("error:") && text.contains(&other), "{text}");

    let (text, _) = run(&workspace, &simulator, &doctor, &with(&[("ARM_CLIENT_ID", SOMEBODY)]));
    let says = "AZURE_CLIENT_ID and ARM_CLIENT_ID give a different application (client) id: AZURE_CLIENT_ID is used";
    assert!(text.contains(says), "{text}");

    // Signed in by `az` as somebody else than a variable names.
    let token = simulator.token(TENANT, CLIENT);
    let az = workspace.path().join("az");
    let answer = format!(
        r#"{{"accessToken":"{token}","expiresOn":"2099-01-01 00:00:00.000000","expires_on":4070908800,"tokenType":"Bearer"}}"#
    );
    fs::write(&az, format!("#!/bin/sh\ncat <<'T'\n{answer}\nT\n")).unwrap();
    fs::set_permissions(&az, fs::Permissions::from_mode(0o755)).unwrap();
    let path = format!("{}:{}", workspace.path().display(), std::env::var("PATH").unwrap());
    let variables = [("AZURE_CLIENT_ID", SOMEBODY), ("TILGANG_CREDENTIAL", "az"), ("PATH", &*path)];
    let (text, code) = run(&workspace, &simulator, &doctor, &variables);
    let says = format!("AZURE_CLIENT_ID is `{SOMEBODY}`, and tilgang is signed in as `{CLIENT}`");
    assert!(code == 0 && text.contains(&says), "{text}");
}
