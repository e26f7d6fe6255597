//! The Containerfile, line by line. hadolint reads it too, in the gate; nobody here has built it (no engine).

use super::{read, root};

fn lines() -> Vec<String> {
    let text = read("deploy/Containerfile").replace("\\\n", " ");
    text.lines().filter(|line| !line.starts_with('#') && !line.trim().is_empty()).map(str::to_owned).collect()
}

#[test]
fn the_image_is_small_and_not_root() {
    let lines = lines();
    let last = lines.iter().rposition(|line| line.starts_with("FROM ")).unwrap();
    assert_eq!(lines[last], "FROM scratch");
    let stage = &lines[last..];
    assert!(stage.iter().any(|line| line == "USER 65532:65532"));
    assert!(stage.iter().any(|line| line == "ENTRYPOINT [\"/usr/bin/tilgang\"]"), "no shell in between");
    assert!(stage.iter().all(|line| !line.starts_with("RUN ")), "nothing that could run it");
    assert!(stage.iter().any(|line| line.contains("org.opencontainers.image.revision")));
    assert!(lines.iter().all(|line| !line.starts_with("ADD ") && !line.contains(":latest")));
    let version = format!("ARG VERSION={}", env!("CARGO_PKG_VERSION"));
    assert!(stage.contains(&version));
}

/// What is copied is there, and let through to the build.
#[test]
fn the_image_is_built_from_what_is_there() {
    let ignored = read(".dockerignore");
    let mut copied = 0;
    for line in lines().iter().filter(|line| line.starts_with("COPY ") && !line.contains("--from")) {
        let words: Vec<_> = line.split_whitespace().skip(1).collect();
        for path in &words[..words.len() - 1] {
            assert!(root().join(path).exists(), "{path}");
            let listed = |line: &str| {
                line.strip_prefix('!')
                    .is_some_and(|it| it == *path || it == "LICENSE-*" && path.starts_with("LICENSE-"))
            };
            assert!(ignored.lines().any(listed), "{path} is kept from the build by .dockerignore");
            copied += 1;
        }
    }
    assert!(copied > 5);
    let manifest = read("Cargo.toml");
    let rust = manifest.lines().find_map(|line| line.strip_prefix("rust-version = \"")).unwrap();
    let rust = rust.split('"').next().unwrap();
    assert!(lines()[0].starts_with(&format!("FROM docker.io/library/rust:{rust}.")), "{}", lines()[0]);
}
