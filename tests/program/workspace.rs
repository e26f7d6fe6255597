//! Runs the program as people do, in a folder of its own.

use std::{
    fmt::Write,
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use tilgang::simulator::generate::{Options, generate};

/// A copy of a workspace, gone when dropped. The simulated Azure keeps its state inside.
pub(crate) struct Workspace {
    dir: tempfile::TempDir,
}

impl Workspace {
    /// Copies a folder.
    pub(crate) fn copy_of(folder: &Path) -> Self {
        let dir = tempfile::tempdir().unwrap();
        copy(folder, dir.path());
        Self { dir }
    }

    /// A folder with nothing in it.
    pub(crate) fn empty() -> Self {
        Self { dir: tempfile::tempdir().unwrap() }
    }

    /// A generated workspace, with its `azure.yaml`.
    pub(crate) fn generated(options: &Options) -> Self {
        let made = generate(options);
        let workspace = Self::empty();
        for (path, text) in made.files.iter().chain([&("azure.yaml".to_owned(), made.azure_yaml())]) {
            let path = workspace.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        workspace
    }

    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        self.dir.path()
    }

    /// Runs `tilgang` in it.
    pub(crate) fn tilgang(&self, arguments: &[&str]) -> Output {
        program().args(arguments).current_dir(self.path()).output().unwrap()
    }

    /// Runs a line of shell in it, with `tilgang` on the path. What it prints on stderr comes after what is on stdout.
    pub(crate) fn shell(&self, line: &str) -> (String, i32) {
        let bin = Path::new(env!("CARGO_BIN_EXE_tilgang")).parent().unwrap().display().to_string();
        let path = format!("{bin}:{}", std::env::var("PATH").unwrap_or_default());
        let mut shell = Command::new("sh");
        quiet(&mut shell);
        let out = shell.args(["-c", line]).env("PATH", path).current_dir(self.path()).output().unwrap();
        let text = String::from_utf8(out.stdout).unwrap() + &String::from_utf8(out.stderr).unwrap();
        let text = text.replace(&self.path().display().to_string(), "DIR");
        let text = without(&text, "https://127.0.0.1:", "PORT", |c| c.is_ascii_digit());
        let text = without(&text, "head ", "HASH", |c| c.is_ascii_hexdigit());
        let text = without(&text, "request ", "ID", |c| c.is_ascii_hexdigit() || c == '-');
        (text, out.status.code().unwrap_or(-1))
    }
}

/// Puts one word for what differs from run to run: the characters after each `start` that `are` so.
fn without(text: &str, start: &str, word: &str, are: impl Fn(char) -> bool) -> String {
    let mut parts = text.split(start);
    let mut told = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let rest = part.trim_start_matches(&are);
        told = told + start + if rest.len() == part.len() { "" } else { word } + rest;
    }
    told
}

/// The program, away from this machine's settings.
pub(crate) fn program() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tilgang"));
    quiet(&mut command);
    command
}

/// No variable of this machine reaches the program, nor git a configuration of its user.
fn quiet(command: &mut Command) {
    for (name, _) in std::env::vars() {
        if [
            "AZURE_",
            "ARM_",
            "TILGANG_",
            "ACTIONS_",
            "SYSTEM_",
            "IDENTITY_",
            "GIT_",
            "GITHUB_",
            "TF_",
            "BUILD_",
            "OTEL_",
        ]
        .iter()
        .any(|p| name.starts_with(p))
        {
            command.env_remove(name);
        }
    }
    let nowhere = if cfg!(windows) { "NUL" } else { "/dev/null" };
    command
        .env("USER", "kari")
        .env("NO_COLOR", "1")
        .env("GIT_CONFIG_GLOBAL", nowhere)
        .env("GIT_CONFIG_SYSTEM", nowhere);
    for role in ["AUTHOR", "COMMITTER"] {
        command
            .env(format!("GIT_{role}_NAME"), "Kari Fiktiv")
            .env(format!("GIT_{role}_EMAIL"), "kari.fiktiv@ai-dev.no");
    }
}

/// The project's own folder.
pub(crate) fn project() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// Everything in a folder but what a simulated Azure keeps and what a story says of it.
pub(crate) fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let name = entry.file_name();
        if [".tilgang", "story.txt"].contains(&name.to_str().unwrap()) {
            continue;
        }
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &to.join(name));
        } else {
            fs::copy(entry.path(), to.join(name)).unwrap();
        }
    }
}

/// Runs a story: each line that begins with `$ ` is run in a copy of the folder, and what it prints and its exit code must
/// be what follows. `BLESS=1` writes down what was printed.
#[track_caller]
pub(crate) fn check_story(folder: &Path, story: &Path) {
    let told = fs::read_to_string(story).unwrap_or_else(|error| panic!("{}: {error}", story.display()));
    let workspace = Workspace::copy_of(folder);
    let mut seen = String::new();
    for line in told.lines().filter(|line| line.starts_with("$ ") || line.starts_with("# ")) {
        seen += line;
        seen.push('\n');
        if let Some(command) = line.strip_prefix("$ ") {
            let (printed, code) = workspace.shell(command);
            let _ = write!(seen, "{printed}(exit {code})\n\n");
        }
    }
    if std::env::var_os("BLESS").is_some() {
        fs::write(story, &seen).unwrap();
    }
    let told = fs::read_to_string(story).unwrap();
    assert!(told == seen, "{}: BLESS=1 shows the difference by git\n{seen}", story.display());
}
