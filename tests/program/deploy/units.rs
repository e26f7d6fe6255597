//! The systemd units: what keeps the daemon in its place. `systemd-analyze` reads them too, in the gate.

use super::read;

fn settings(unit: &str) -> Vec<(String, String)> {
    let text = read(&format!("deploy/systemd/{unit}"));
    let pairs = text.lines().filter(|line| !line.starts_with(['#', '['])).filter_map(|line| line.split_once('='));
    pairs.map(|(key, value)| (key.to_owned(), value.to_owned())).collect()
}

#[test]
fn units_keep_the_program_in_its_place() {
    for unit in ["tilgang.service", "tilgang-drift.service"] {
        let settings = settings(unit);
        for (key, value) in [
            ("DynamicUser", "yes"),
            ("ProtectSystem", "strict"),
            ("ProtectHome", "yes"),
            ("NoNewPrivileges", "yes"),
            ("PrivateTmp", "yes"),
            ("CapabilityBoundingSet", ""),
            ("RestrictAddressFamilies", "AF_INET AF_INET6 AF_UNIX"),
            ("SystemCallFilter", "@system-service"),
            ("MemoryMax", "1G"),
        ] {
            assert!(settings.contains(&(key.to_owned(), value.to_owned())), "{unit}: {key}={value}");
        }
        let state = ("StateDirectory".to_owned(), unit.trim_end_matches(".service").to_owned());
        assert!(settings.contains(&state), "{unit}: two of them never share a folder");
        assert!(settings.iter().any(|(key, value)| key == "LoadCredential" && value.starts_with("azure.pem:")));
        assert!(settings.iter().all(|(key, value)| key != "User" && !value.contains("SECRET")), "{unit}");
    }
}

#[test]
fn the_timer_starts_a_unit_that_is_there() {
    let timer = settings("tilgang-drift.timer");
    assert!(timer.iter().any(|(key, value)| key == "Persistent" && value == "true"));
    assert!(timer.iter().any(|(key, _)| key == "RandomizedDelaySec"));
    assert!(settings("tilgang-drift.service").contains(&("Type".to_owned(), "oneshot".to_owned())));
}
