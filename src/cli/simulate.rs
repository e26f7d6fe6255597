//! `tilgang simulate`: a simulated Azure for anybody, over HTTP or HTTPS on loopback; and workspaces of any size.

use std::{
    io::ErrorKind,
    net::{IpAddr, SocketAddr},
    path::{Path, PathBuf},
    time::Duration,
};

use clap::{Args, Subcommand};
use miette::{LabeledSpan, MietteDiagnostic, SourceOffset};

use crate::{
    config::DrawnFile,
    model::visible,
    simulator::{ServeOptions, SharedWorld, Tls, faults, file, generate, serve},
};

use super::{Exit, Global, environment, output, signals::End, workspace::draw};

const EXAMPLES: &str = "Examples:
  Plain HTTP, for a browser and curl; the page is http://127.0.0.1:8080/_simulator
    tilgang simulate --world examples/altinn/azure.yaml
  HTTPS, for Azure's own clients, which are told to trust /tmp/ca/ca.pem
    tilgang simulate --world examples/altinn/azure.yaml --tls /tmp/ca --listen 127.0.0.1:8443
  On any free port, printed on stdout; the world as it is at the end is written down
    tilgang simulate --world azure.yaml --listen 127.0.0.1:0 --save after.yaml
  For a client that cannot be told another address, led here by a hosts file
    tilgang simulate --world azure.yaml --tls /tmp/ca --tls-name management.azure.com --listen 127.0.0.1:443
  A schema for editors, and a workspace to play with
    tilgang simulate schema > azure.schema.json
    tilgang simulate generate --owners 110 --people 600 --seed 1 /tmp/large";
/// How long what is in flight has, once the end is asked for. Ours: longer than any answer takes by itself.
const PATIENCE: Duration = Duration::from_secs(10);

/// Serve a simulated Azure on this machine, or make a workspace of any size
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
#[command(args_conflicts_with_subcommands = true)]
pub(super) struct Simulate {
    #[command(subcommand)]
    command: Option<Make>,
    /// The world it begins with, in the form of azure.yaml
    #[arg(long, value_name = "FILE", required = true)]
    world: Option<PathBuf>,
    /// Where to listen: loopback only; port 0 for any free one
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:8080")]
    listen: SocketAddr,
    /// Serve HTTPS, with a local CA whose ca.pem is written into DIR; else plain HTTP, for curl and friends
    #[arg(long, value_name = "DIR")]
    tls: Option<PathBuf>,
    /// A further name or address in the certificate; repeat for more
    #[arg(long, value_name = "HOST", requires = "tls")]
    tls_name: Vec<String>,
    /// Write the world as it is at the end into FILE
    #[arg(long, value_name = "FILE")]
    save: Option<PathBuf>,
    /// Hold each answer back for N milliseconds
    #[arg(long, value_name = "N", default_value_t = 0)]
    latency_ms: u64,
    /// What shall go wrong: which request, how, how often
    #[arg(long, value_name = "FILE")]
    faults: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
enum Make {
    Generate(Generate),
    /// Print the JSON Schema of azure.yaml, for editors and validators
    #[command(after_help = "Example: tilgang simulate schema > azure.schema.json")]
    Schema,
}

/// Make a workspace and its azure.yaml, the same for the same seed
#[derive(Debug, Args)]
#[command(after_help = "Example: tilgang simulate generate --owners 110 --people 600 --seed 1 /tmp/large")]
struct Generate {
    /// How many service owners
    #[arg(long, value_name = "N")]
    owners: usize,
    /// How many people
    #[arg(long, value_name = "N")]
    people: usize,
    /// Which of the many such workspaces
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// How many grants in all [default: one to four for each person]
    #[arg(long, value_name = "N")]
    grants: Option<usize>,
    /// Azure has everything already; else everything is still to be granted
    #[arg(long)]
    standing: bool,
    /// Where to write it: a folder that does not exist yet, or is empty
    dir: PathBuf,
}

impl Simulate {
    pub(super) async fn run(&self, global: &Global) -> Exit {
        let ended = match &self.command {
            Some(Make::Generate(generate)) => generate.run(),
            Some(Make::Schema) => {
                output::result(file::SCHEMA);
                Ok(())
            }
            None => self.serve(global).await,
        };
        match ended {
            Ok(()) => Exit::Converged,
            Err(error) => output::fail(global, error),
        }
    }

    async fn serve(&self, global: &Global) -> Result<(), String> {
        if !self.listen.ip().is_loopback() || self.listen.ip() != IpAddr::from([127, 0, 0, 1]) {
            return Err(format!("{}: the simulator listens on 127.0.0.1 only", self.listen));
        }
        let Some(path) = &self.world else { return Err("name a world with `--world FILE`".to_owned()) };
        let folder = self.save.as_deref().and_then(Path::parent).filter(|it| *it != Path::new(""));
        if let Some(folder) = folder.filter(|folder| !folder.is_dir()) {
            return Err(format!("--save: there is no folder {}", folder.display())); // not when all is done
        }
        let text = read(path)?;
        let world = file::read(&text).map_err(|error| mistake(global, path, &text, &error))?;
        let shared = SharedWorld::new(world, environment::now);
        if let Some(path) = &self.faults {
            let list = faults::read(&read(path)?).map_err(|error| format!("{}: {error}", path.display()))?;
            if let Some(failed) = shared.begin(list).iter().find_map(|it| it.failed.as_deref()) {
                return Err(format!("{}: {failed}", path.display()));
            }
        }
        let tls = match &self.tls {
            Some(dir) => {
                Some(Tls::in_folder_for(dir, &self.tls_name).map_err(|error| format!("{}: {error}", dir.display()))?)
            }
            None => None,
        };
        let options = ServeOptions { port: self.listen.port(), tls, latency_ms: self.latency_ms };
        let mut end = End::listen().map_err(|error| error.to_string())?; // before anybody knows that we are here
        let running = serve(shared, options).await.map_err(|error| self.unheard(&error))?;
        output::result(&format!("{}\n", running.url));
        if let Some(dir) = &self.tls {
            output::say(format_args!(
                "try: tilgang plan --simulate {} --ca {}",
                running.url,
                dir.join("ca.pem").display()
            ));
        }
        output::say(format_args!("the world, and what was asked: {}/_simulator; Ctrl-C ends it", running.url));
        end.asked().await;
        let world = running.world.clone();
        if !running.stop(PATIENCE).await {
            output::say("some requests were not answered to the end");
        }
        if let Some(path) = &self.save {
            let world = world.with(|world| file::write(world));
            let text = serde_yaml::to_string(&world).map_err(|error| error.to_string())?;
            std::fs::write(path, text).map_err(|error| format!("{}: {error}", path.display()))?;
            output::say(format_args!("the world as it is now: {}", path.display()));
        }
        Ok(())
    }

    /// Why nobody can listen there, and what to do.
    fn unheard(&self, error: &std::io::Error) -> String {
        let address = self.listen;
        match error.kind() {
            ErrorKind::AddrInUse => {
                format!(
                    "{address} is taken by another program: end that, or listen on another port, such as `--listen 127.0.0.1:0` for any free one"
                )
            }
            ErrorKind::PermissionDenied => {
                format!("{address}: ports below 1024 are not for everybody: take a higher one")
            }
            _ => format!("{address}: {error}"),
        }
    }
}

impl Generate {
    fn run(&self) -> Result<(), String> {
        let Self { owners, people, seed, grants, standing, dir } = self;
        let io = |path: &Path, error: std::io::Error| format!("{}: {error}", path.display());
        if dir.read_dir().is_ok_and(|mut entries| entries.next().is_some()) {
            return Err(format!("{}: this folder is not empty", dir.display()));
        }
        let options = generate::Options {
            grants: *grants,
            standing: if *standing { generate::Standing::All } else { generate::Standing::None },
            ..generate::Options::new(*owners, *people, *seed)
        };
        let made = generate::generate(&options);
        let azure = ("azure.yaml".to_owned(), made.azure_yaml());
        for (path, text) in made.files.iter().chain([&azure]) {
            let path = dir.join(path);
            let folder = path.parent().unwrap_or(dir);
            std::fs::create_dir_all(folder).map_err(|error| io(folder, error))?;
            std::fs::write(&path, text).map_err(|error| io(&path, error))?;
        }
        output::result(&format!("try: tilgang plan --simulate --dir {}\n", dir.display()));
        Ok(())
    }
}

/// What is wrong with a world file, drawn at its place; then the short of it.
fn mistake(global: &Global, path: &Path, text: &str, error: &file::Unreadable) -> String {
    let found = file::explain(text, error);
    let name = path.display().to_string();
    let Some(place) = found.place else { return format!("{name}: {found}") };
    let start = SourceOffset::from_location(text, place.line, place.column).offset();
    let rest = text.get(start..).unwrap_or_default();
    let length =
        rest.chars().take(place.length).take_while(|letter| *letter != '\n').map(char::len_utf8).sum::<usize>();
    let mut drawn = MietteDiagnostic::new(visible::lines(&found.message))
        .with_label(LabeledSpan::at(start..start + length, "here"));
    drawn.help = found.help.as_deref().map(visible::lines);
    let report = miette::Report::new(drawn)
        .with_source_code(DrawnFile { name: visible::inline(&name).into(), text: visible::as_long(text).into() });
    output::say_drawn(draw(report.as_ref(), global.color.stderr()));
    format!("{name}:{}:{}: no world can be made of this", place.line, place.column)
}

fn read(path: &PathBuf) -> Result<String, String> {
    std::fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))
}
