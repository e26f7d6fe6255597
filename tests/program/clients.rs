//! Microsoft's own clients against `tilgang simulate`. The Python SDK is run where it is installed (`.ci/run` does that); the
//! `az` CLI is too large for a gate: `tests/clients/README.md`.

use std::process::Command;

use crate::{simulator::Simulator, workspace::project};

#[test]
fn the_python_sdk_takes_it_for_azure() {
    let Some(python) = std::env::var_os("TILGANG_SDK_PYTHON") else {
        println!("skipped: TILGANG_SDK_PYTHON names no Python with azure-mgmt-authorization; `.ci/run` makes one");
        return;
    };
    let folder = project().join("tests/clients");
    let simulator = Simulator::start(&folder.join("azure.yaml"));
    let [_, url, _, ca] = simulator.flags();
    let mut command = Command::new(python);
    command.arg(folder.join("sdk.py")).env("TILGANG_SIM", url.trim_start_matches("https://"));
    command.env("REQUESTS_CA_BUNDLE", ca).env("NO_PROXY", "127.0.0.1").env("PYTHONDONTWRITEBYTECODE", "1");
    let out = command.output().unwrap();
    let printed = String::from_utf8_lossy(&out.stdout);
    println!("{printed}");
    assert!(out.status.success(), "{printed}{}", String::from_utf8_lossy(&out.stderr));
    let counted = printed.lines().filter(|line| line.starts_with(|c: char| c.is_ascii_digit() || c == ' ')).count();
    assert!(printed.trim_end().ends_with(" steps") && counted >= 30, "{printed}");
}
