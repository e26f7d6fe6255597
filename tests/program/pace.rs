//! At Azure's pace: an Azure with small buckets is hardly ever asked in vain. `benches/pace.rs` measures the published ones.

use std::fmt::Write;

use serde_json::Value;
use tilgang::simulator::{
    Running, ServeOptions, SharedWorld, Tls, file, serve,
    throttle::{Kind, Limit},
};
use tokio::runtime::Runtime;

use crate::workspace::Workspace;

const PEOPLE: usize = 75;
const SETTINGS: &str = "version: 1
tenant: 00000000-0000-0000-0000-0000000000aa
instance: pace
environments:
  test: { title: Test, azure_name: tt02, subscription: Altinn-TTD }
  prod: { title: Prod, azure_name: prod, subscription: Altinn-TTD }
policy: { revokes: { max: 999, per_owner: 999, prod_per_owner: 999, share: 100% } }
";
const RESOURCES: &str = "subscriptions:
  - name: Altinn-TTD
    resources:
      - workspace shared-law
      - { component: ttd-tt02-ai, tags: { finops_serviceownercode: ttd } }
      - { component: ttd-prod-ai, tags: { finops_serviceownercode: ttd } }
      - { vault: ttd-tt02-keyvault, tags: { finops_serviceownercode: ttd } }
      - { vault: ttd-prod-keyvault, tags: { finops_serviceownercode: ttd } }
";

/// 300 grants to come, in one subscription of an Azure in this process.
struct Story {
    workspace: Workspace,
    far: Running,
    _runtime: Runtime,
}

impl Story {
    fn begin() -> Self {
        let workspace = Workspace::empty();
        let (mut owner, mut azure) = ("owner: ttd\nusers:\n".to_owned(), "users:\n".to_owned());
        for n in 0..PEOPLE {
            let roles = "[test-developer, test-operations, prod-developer, prod-operations]";
            writeln!(owner, "  - user: person{n}@ai-dev.no\n    roles: {roles}").unwrap();
            writeln!(azure, "  - person{n}@ai-dev.no").unwrap();
        }
        let azure = format!("tenant: 00000000-0000-0000-0000-0000000000aa\n{azure}{RESOURCES}");
        let world = SharedWorld::new(file::read(&azure).unwrap(), jiff::Timestamp::now);
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let options = ServeOptions { tls: Some(Tls::throw_away().unwrap()), ..ServeOptions::default() };
        let far = runtime.block_on(serve(world, options)).unwrap();
        let write = |name: &str, text: &str| std::fs::write(workspace.path().join(name), text).unwrap();
        std::fs::create_dir(workspace.path().join("owners")).unwrap();
        write("tilgang.yaml", SETTINGS);
        write("owners/ttd.yaml", &owner);
        write("ca.pem", far.ca_pem.as_ref().unwrap());
        Self { workspace, far, _runtime: runtime }
    }

    /// Its text, how many requests were refused, and how many assignments stand.
    fn run(&self, arguments: &[&str]) -> (String, u64) {
        self.far.world.stats.reset();
        let far = ["--simulate", &self.far.url, "--ca", "ca.pem"];
        let out = self.workspace.tilgang(&[arguments, &far].concat());
        let text = String::from_utf8_lossy(&out.stdout).into_owned() + &String::from_utf8_lossy(&out.stderr);
        assert!(out.status.success(), "{text}");
        let counts = self.far.world.stats.counts();
        println!("{arguments:?}: {:?} {:?}", counts.by_route, counts.by_status);
        (text, counts.by_status.get(&429).copied().unwrap_or_default())
    }

    fn standing(&self) -> usize {
        self.far.world.with(|world| world.all_assignments().filter(|it| &*it.principal_type == "User").count())
    }
}

#[test]
fn small_buckets_are_hardly_ever_asked_in_vain() {
    let story = Story::begin();
    let small = Limit { most: 60.0, per_second: 400.0 };
    story.far.world.buckets.limit(Kind::Writes, small);
    story.far.world.buckets.limit(Kind::Deletes, small);
    let (text, throttled) = story.run(&["apply", "--yes"]);
    assert!(throttled < 20, "{throttled} refused: {text}");
    assert_eq!(story.standing(), 4 * PEOPLE);
    std::fs::write(story.workspace.path().join("owners/ttd.yaml"), "owner: ttd\nusers: []\n").unwrap();
    let (text, throttled) = story.run(&["apply", "--yes"]);
    assert!(throttled < 20, "{throttled} refused: {text}");
    assert_eq!(story.standing(), 0, "{text}");
}

/// The forecast, in words and for machines; and `-v` says what is waited for.
#[test]
fn what_takes_long_is_foretold_and_waiting_is_said() {
    let story = Story::begin();
    let (text, _) = story.run(&["plan"]);
    assert!(text.contains("This takes about 10 seconds: "), "{text}");
    let (json, _) = story.run(&["plan", "--format", "json"]);
    let json: Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["forecast"]["seconds"], 10);
    // Told to wait a second, and to go on at twenty a second then.
    story.far.world.buckets.limit(Kind::Writes, Limit { most: 280.0, per_second: 20.0 });
    let (text, throttled) = story.run(&["apply", "--yes", "-v"]);
    assert!(text.contains("a second: writes in subscription") || text.contains("Azure asks to wait"), "{text}");
    assert!(throttled < 20, "{throttled}");
}
