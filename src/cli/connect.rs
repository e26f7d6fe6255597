//! A connection to Azure, or to a simulated one, signed in. From here to the other end's socket all is the same for both. The one place
//! that picks one of them.

use std::{
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use jiff::Timestamp;

use crate::{
    app::{AskPermissions, Error, Recording, Workspace, record::Of},
    azure::{Reader, Session, Settings, Writer, settings::Used},
    ledger::Clock,
    model::{
        desired::Desired,
        ids::{PrincipalId, TenantId},
    },
    simulator::{
        Running, ServeOptions, SharedWorld, State, Tls, World,
        file::{Mistake, explain},
        serve,
        state::{Opened, StateError},
    },
};

use super::{Exit, Global, environment, output};

/// Where a simulated Azure keeps what was done to it, below the workspace.
const STATE: &str = ".tilgang";

/// A connection to Azure, or to a simulated one that lives as long as this does.
pub(super) struct Connection {
    pub session: Session,
    pub reader: Reader,
    /// The variables that were used, and for what.
    pub used: Vec<Used>,
    /// What the environment says and is not so here: another tenant, another identity, two clouds.
    pub doubts: Vec<String>,
    /// Our object id there, as the token says.
    pub identity: Option<PrincipalId>,
    /// Whose Azure it is.
    pub azure: Kind,
    /// Who we are there, for people.
    pub who: String,
    /// Resource Manager's address.
    pub address: String,
    /// The simulated Azure in this process; dropped with this.
    _simulated: Option<Running>,
    /// Where a simulated Azure's time is asked for.
    clock_at: Option<ClockAt>,
    /// What time it is in a simulated Azure, as it was asked last; it may stand still.
    simulated_now: Arc<Mutex<Option<Timestamp>>>,
}

/// Where a simulated Azure's time is asked for.
enum ClockAt {
    Here(SharedWorld),
    There(reqwest::Client, String),
}

/// Whose Azure it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Microsoft's.
    Real,
    /// A simulated one that somebody runs.
    Simulated,
    /// One in this process, for a rehearsal.
    Embedded,
}

/// Which Azure is meant.
enum Which<'a> {
    Real,
    Embedded(PathBuf),
    Running(&'a str),
}

impl Connection {
    /// Connects and signs in; says what is wrong.
    pub(super) async fn open(global: &Global, workspace: &Workspace, tenant: TenantId) -> Result<Self, Exit> {
        let connected = Self::open_quietly(global, &workspace.dir, tenant).await;
        let connected = connected.map_err(|error| output::error(global, &error))?;
        for doubt in &connected.doubts {
            output::say(format_args!("note: {doubt}"));
        }
        Ok(connected)
    }

    /// Connects and signs in. `dir`: the workspace.
    pub(super) async fn open_quietly(global: &Global, dir: &Path, tenant: TenantId) -> Result<Self, Error> {
        let fail = |error: &dyn std::fmt::Display| Error::SignIn(error.to_string());
        let which = match global.simulate.as_deref() {
            None => Which::Real,
            Some("") => Which::Embedded(dir.join("azure.yaml")),
            Some(url) if url.starts_with("https://") => Which::Running(url),
            Some(file) => Which::Embedded(PathBuf::from(file)),
        };
        let (mut settings, simulated) = match &which {
            Which::Real => (Settings::from_environment(&environment::variable).map_err(|error| fail(&error))?, None),
            Which::Running(url) => {
                // The application that a world has when its file names none; another one by its AZURE_* names.
                let client = environment::variable("AZURE_CLIENT_ID")
                    .unwrap_or_else(|| World::derived_id(tenant, "application", "tilgang").to_string());
                let secret = environment::variable("AZURE_CLIENT_SECRET").unwrap_or_else(|| "secret".to_owned());
                (
                    Settings::simulated(url, &tenant.to_string(), (&client, &secret), None)
                        .map_err(|error| fail(&error))?,
                    None,
                )
            }
            Which::Embedded(file) => {
                let (world, client, secret) = embedded(file, &dir.join(STATE), tenant).map_err(|error| fail(&error))?;
                let tls = Tls::throw_away().map_err(|error| fail(&error))?;
                let options = ServeOptions { tls: Some(tls), ..ServeOptions::default() };
                let running = serve(world, options).await.map_err(|error| fail(&error))?;
                let settings =
                    Settings::simulated(&running.url, &tenant.to_string(), (&client, &secret), running.ca_pem.clone())
                        .map_err(|error| fail(&error))?;
                (settings, Some(running))
            }
        };
        let mut doubts = doubts(&settings, tenant);
        settings.used.retain(|used| used.became != TENANT); // the workspace says whose people these are
        settings.tenant = Some(tenant.to_string());
        if let Some(file) = &global.ca {
            let pem =
                std::fs::read_to_string(file).map_err(|error| fail(&format_args!("{}: {error}", file.display())))?;
            settings.ca_pem = Some(settings.ca_pem.unwrap_or_default() + &pem);
        }
        let told = |error: &dyn std::fmt::Display| {
            // What the environment says otherwise may well be why.
            let first: Vec<String> = doubts.iter().map(|doubt| format!("{doubt}; ")).collect();
            fail(&format_args!("{}{error}", first.concat()))
        };
        let session = Session::connect(&settings).await.map_err(|error| told(&error))?;
        tracing::info!("signed in by {}", session.signed_in_by());
        let identity = session.identity().await.map_err(|error| told(&error))?;
        if let Some(other) = identity.tenant.filter(|signed_in| *signed_in != tenant) {
            // Somebody else's tenant knows none of our people: everybody would look gone.
            return Err(told(&format_args!(
                "signed in to tenant {other}, and tilgang.yaml says {tenant}: sign in to that one, or correct `tenant`"
            )));
        }
        let azure = match which {
            Which::Real => Kind::Real,
            Which::Running(_) => Kind::Simulated,
            Which::Embedded(_) => Kind::Embedded,
        };
        doubts.extend(another_client(&settings, identity.client.as_deref(), &session.signed_in_by()));
        let object = identity.object;
        let who = match (identity.name, identity.object) {
            (Some(name), Some(id)) => format!("{name} (object id {id})"),
            (Some(name), None) => name,
            (None, Some(id)) => format!("object id {id}"),
            (None, None) => "an identity that its token does not name".to_owned(),
        };
        let reader = session.reader();
        let clock_at = match (&simulated, which) {
            (Some(running), _) => Some(ClockAt::Here(running.world.clone())),
            (None, Which::Running(url)) => {
                let client = client(url, settings.ca_pem.as_deref()).map_err(|error| fail(&error))?;
                Some(ClockAt::There(client, url.to_owned()))
            }
            (None, _) => None,
        };
        let connection = Self {
            session,
            identity: object,
            azure,
            who,
            reader,
            used: settings.used,
            doubts,
            address: settings.cloud.arm.to_string(),
            _simulated: simulated,
            clock_at,
            simulated_now: Arc::default(),
        };
        connection.read_clock().await?;
        Ok(connection)
    }

    /// Asks a simulated Azure for its time: that is its time until it is asked again.
    pub(super) async fn read_clock(&self) -> Result<(), Error> {
        let now = match &self.clock_at {
            None => return Ok(()),
            Some(ClockAt::Here(world)) => world.with(|world| world.now()),
            Some(ClockAt::There(client, url)) => clock(client, url).await.map_err(Error::SignIn)?,
        };
        *self.simulated_now.lock().unwrap_or_else(PoisonError::into_inner) = Some(now);
        Ok(())
    }

    /// Whether a plan asks what our identity may do.
    pub(super) fn permissions(&self) -> AskPermissions {
        AskPermissions::Of(self.identity)
    }

    /// Where runs on this workspace are recorded.
    pub(super) fn recording(&self, workspace: &Workspace, desired: &Desired) -> Recording {
        let of = if self.azure == Kind::Real { Of::Azure } else { Of::Simulation };
        Recording::open(workspace, desired, of, self.clock())
    }

    /// What writes. Only `applying` asks for it.
    pub(super) fn writer(&self) -> Writer {
        self.session.writer()
    }

    /// What time it is there.
    pub(super) fn now(&self) -> Timestamp {
        let simulated = *self.simulated_now.lock().unwrap_or_else(PoisonError::into_inner);
        simulated.unwrap_or_else(environment::now)
    }

    /// What time it is there, for as long as this runs.
    pub(super) fn clock(&self) -> Clock {
        let simulated = self.simulated_now.clone();
        Arc::new(move || {
            let simulated = *simulated.lock().unwrap_or_else(PoisonError::into_inner);
            simulated.unwrap_or_else(environment::now)
        })
    }
}

const TENANT: &str = "tenant";

/// What the environment says that is not so here, as far as that is known before anybody signs in.
fn doubts(settings: &Settings, tenant: TenantId) -> Vec<String> {
    let variable = settings.used.iter().find(|used| used.became == TENANT);
    // A domain may be this tenant's: only an id can be another's.
    let named = settings.tenant.as_ref().and_then(|text| text.trim().parse::<uuid::Uuid>().ok()).map(TenantId);
    let other = variable.zip(named.filter(|named| *named != tenant)).map(|(used, named)| {
        format!("{} is {named}, and tilgang.yaml says {tenant}: tilgang signs in to the latter", used.variable)
    });
    let mixed = settings.cloud.mixed().map(|(one, other)| {
        format!("the environment names endpoints of two clouds, `{one}` and `{other}`: set AZURE_CLOUD alone")
    });
    settings.conflicts.iter().map(ToString::to_string).chain(other).chain(mixed).collect()
}

/// That a variable names another application than the one that signed in.
fn another_client(settings: &Settings, signed_in: Option<&str>, by: &str) -> Option<String> {
    let used = settings.used.iter().find(|used| used.became.starts_with("application"))?;
    let (named, signed_in) = settings.client.as_deref().zip(signed_in)?;
    (!named.trim().eq_ignore_ascii_case(signed_in))
        .then(|| format!("{} is `{}`, and tilgang is signed in as `{signed_in}` by {by}", used.variable, named.trim()))
}

fn no_simulator(url: &str, error: &dyn std::fmt::Display) -> String {
    format!("{url}: this is no simulator of tilgang's: {error}")
}

/// What asks a running simulator for its time.
fn client(url: &str, ca_pem: Option<&str>) -> Result<reqwest::Client, String> {
    let said = |error: &dyn std::fmt::Display| no_simulator(url, error);
    let authorities =
        ca_pem.map_or_else(|| Ok(Vec::new()), |pem| reqwest::Certificate::from_pem_bundle(pem.as_bytes()));
    let authorities = authorities.map_err(|error| said(&error))?;
    reqwest::Client::builder().no_proxy().tls_certs_only(authorities).build().map_err(|error| said(&error))
}

/// Asks a running simulator for its time.
async fn clock(client: &reqwest::Client, url: &str) -> Result<Timestamp, String> {
    let said = |error: &dyn std::fmt::Display| no_simulator(url, error);
    let answer = client.get(format!("{}/_simulator/clock", url.trim_end_matches('/'))).send().await;
    let body = answer.map_err(|error| said(&error))?.text().await.map_err(|error| said(&error))?;
    let body: serde_json::Value = serde_json::from_str(&body).map_err(|error| said(&error))?;
    let now = body.get("now").and_then(serde_json::Value::as_str).unwrap_or_default();
    now.parse().map_err(|error| said(&error))
}

/// Why an embedded Azure could not be started.
#[derive(Debug, thiserror::Error)]
enum Unusable {
    #[error("{file} cannot be read: {error}; `--simulate` starts from it, or from the world that you name")]
    File { file: PathBuf, error: std::io::Error },
    #[error("{file}: {mistake}")]
    World { file: PathBuf, mistake: Mistake },
    #[error("{0}")]
    State(StateError),
    #[error("the simulated Azure is tenant {world}, and tilgang.yaml says {workspace}: write the same in both")]
    Tenant { world: TenantId, workspace: TenantId },
    #[error(
        "the simulated Azure has no application with a secret, so nobody can sign in: give one a `secret` in azure.yaml"
    )]
    NoApplication,
}

/// The world as the last run left it, kept at each change; and who signs in to it.
fn embedded(file: &Path, folder: &Path, tenant: TenantId) -> Result<(SharedWorld, String, String), Unusable> {
    let text = std::fs::read_to_string(file).map_err(|error| Unusable::File { file: file.to_owned(), error })?;
    let (state, world, opened) = State::open(folder, &text).map_err(|error| match error {
        StateError::World(error) => Unusable::World { file: file.to_owned(), mistake: explain(&text, &error) },
        error => Unusable::State(error),
    })?;
    if opened == Opened::Changed {
        output::say(format_args!("note: {} has changed: the simulated Azure starts anew from it", file.display()));
    }
    if world.tenant() != tenant {
        return Err(Unusable::Tenant { world: world.tenant(), workspace: tenant });
    }
    let mut applications = world.applications();
    let application =
        applications.find_map(|application| Some((application.client_id.to_string(), application.secret.clone()?)));
    let (client, secret) = application.ok_or(Unusable::NoApplication)?;
    drop(applications);
    let shared = SharedWorld::new(world, environment::now).kept_by(move |world, touched| {
        if let Err(error) = state.keep(world, touched) {
            tracing::error!("the simulated Azure could not be kept: {error}");
        }
    });
    Ok((shared, client, secret))
}
