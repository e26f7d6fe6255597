//! At Azure's pace: an Azure that throttles as published, or less kindly, and how near to the least possible time a run comes,
//! with how many requests that were refused.
//!
//! `cargo bench --bench pace`: real time, some four minutes; the rows are measured side by side. The far ends run in this
//! process, each program in one of its own, as people run it. A row beyond its bounds fails.
#![allow(clippy::unwrap_used, clippy::print_stdout, clippy::indexing_slicing, clippy::disallowed_methods, missing_docs)]

use std::{
    fmt::Write,
    fs,
    path::Path,
    process::Command,
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::{Duration, Instant},
};

use tilgang::simulator::{
    Running, ServeOptions, SharedWorld, Tls, file, serve,
    throttle::{Kind, Limit, WRITES},
    world::Settings,
};

const OWNERS: usize = 5;
const ROLES: [&str; 4] = ["test-developer", "test-operations", "prod-developer", "prod-operations"];
/// Refused requests of one run: as many or more are too many.
const THROTTLED_MAX: u64 = 20;
/// Seconds below which this machine, not the bucket, is what a run waits for.
const BOUND_BY_BUCKET: f64 = 60.0;
/// Times the least that the bucket allows.
const TIMES_THE_LEAST_MAX: f64 = 1.15;

/// One row.
#[derive(Clone, Copy)]
struct Story {
    name: &'static str,
    changes: usize,
    subscriptions: Subscriptions,
    what: What,
    bucket: Limit,
    /// Somebody else with our identity takes so many of the same kind a second.
    eaten: u32,
    latency_ms: u64,
}

#[derive(Clone, Copy, PartialEq)]
enum Subscriptions {
    One,
    Ten,
}

#[derive(Clone, Copy, PartialEq)]
enum What {
    Grants,
    Deletes,
}

const GRANTS: Story = Story {
    name: "2,000 grants in one subscription",
    changes: 2_000,
    subscriptions: Subscriptions::One,
    what: What::Grants,
    bucket: WRITES,
    eaten: 0,
    latency_ms: 20,
};

const HALF: Limit = Limit { most: WRITES.most / 2.0, per_second: WRITES.per_second / 2.0 };

const STORIES: [Story; 7] = [
    GRANTS,
    Story { name: "the same, each write takes 2.5 s", latency_ms: 2_500, ..GRANTS },
    Story { name: "2,000 grants in ten subscriptions", subscriptions: Subscriptions::Ten, ..GRANTS },
    Story { name: "4,000 grants in ten subscriptions", changes: 4_000, subscriptions: Subscriptions::Ten, ..GRANTS },
    Story { name: "2,000 deletes in one subscription", what: What::Deletes, ..GRANTS },
    Story { name: "1,000 grants, half the bucket", changes: 1_000, bucket: HALF, latency_ms: 500, ..GRANTS },
    Story { name: "1,000 grants, another client eats half", changes: 1_000, eaten: 5, latency_ms: 500, ..GRANTS },
];

fn main() {
    let rows: Vec<_> = STORIES.iter().map(|story| (story, thread::spawn(|| measure(story)))).collect();
    println!("{:<40} {:>8} {:>8} {:>7} {:>10} {:>6}", "", "least s", "took s", "times", "requests", "429s");
    let mut is_good = true;
    for (story, row) in rows {
        let Row { took, requests, throttled } = row.join().unwrap();
        let least = story.least();
        let times = if least > 0.0 { took / least } else { 1.0 };
        println!("{:<40} {least:>8.1} {took:>8.1} {times:>7.2} {requests:>10} {throttled:>6}", story.name);
        is_good &= throttled < THROTTLED_MAX && (least < BOUND_BY_BUCKET || times <= TIMES_THE_LEAST_MAX);
    }
    assert!(is_good, "a row is beyond its bounds: {THROTTLED_MAX} refused, {TIMES_THE_LEAST_MAX} times the least");
}

struct Row {
    took: f64,
    requests: u64,
    throttled: u64,
}

impl Story {
    /// The least that the bucket allows.
    #[allow(clippy::cast_precision_loss)]
    fn least(&self) -> f64 {
        let each = self.changes / if self.subscriptions == Subscriptions::One { 1 } else { 10 };
        ((each as f64 - self.bucket.most) / (self.bucket.per_second - f64::from(self.eaten))).max(0.0)
    }

    fn people(&self) -> usize {
        self.changes / OWNERS / ROLES.len()
    }

    fn subscription(&self, owner: &str, env: &str) -> String {
        match self.subscriptions {
            Subscriptions::One => "Altinn-All".to_owned(),
            Subscriptions::Ten => format!("Altinn-{owner}-{env}"),
        }
    }
}

fn measure(story: &Story) -> Row {
    let dir = tempfile::tempdir().unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let world = SharedWorld::new(file::read(&azure(story)).unwrap(), jiff::Timestamp::now);
    let kind = if story.what == What::Deletes { Kind::Deletes } else { Kind::Writes };
    world.buckets.limit(kind, story.bucket);
    let options =
        ServeOptions { tls: Some(Tls::throw_away().unwrap()), latency_ms: story.latency_ms, ..ServeOptions::default() };
    let far = runtime.block_on(serve(world.clone(), options)).unwrap();
    fs::write(dir.path().join("ca.pem"), far.ca_pem.as_ref().unwrap()).unwrap();
    write(dir.path(), story, story.people());
    if story.what == What::Deletes {
        apply(dir.path(), &far);
        write(dir.path(), story, 0);
    }
    world.with(|world| {
        let settings = Settings { throttling: true, ..*world.settings() };
        world.set(settings);
    });
    far.world.stats.reset();
    let is_done = AtomicBool::new(false);
    let took = thread::scope(|scope| {
        scope.spawn(|| eat(story, &world, kind, &is_done));
        let start = Instant::now();
        apply(dir.path(), &far);
        is_done.store(true, Ordering::Relaxed);
        start.elapsed().as_secs_f64()
    });
    let counts = far.world.stats.counts();
    Row { took, requests: counts.requests, throttled: counts.by_status.get(&429).copied().unwrap_or_default() }
}

/// Another client, which takes no regard of anybody.
fn eat(story: &Story, world: &SharedWorld, kind: Kind, is_done: &AtomicBool) {
    if story.eaten == 0 {
        return;
    }
    let (caller, of) = world.with(|world| {
        let caller = world.applications().next().unwrap().id;
        (caller, world.visible_subscriptions(caller).next().unwrap().id.to_string())
    });
    while !is_done.load(Ordering::Relaxed) {
        let _ = world.buckets.take(&of, caller, kind, jiff::Timestamp::now());
        thread::sleep(Duration::from_secs(1) / story.eaten);
    }
}

fn apply(dir: &Path, far: &Running) {
    let mut program = Command::new(env!("CARGO_BIN_EXE_tilgang"));
    program.args(["apply", "--yes", "--dir"]).arg(dir).args(["--simulate", &far.url, "--ca"]).arg(dir.join("ca.pem"));
    let out = program.output().unwrap();
    let text = String::from_utf8_lossy(&out.stdout);
    assert!(out.status.success(), "{text}{}", String::from_utf8_lossy(&out.stderr));
}

fn write(dir: &Path, story: &Story, people: usize) {
    let settings = format!(
        "version: 1\ntenant: 00000000-0000-0000-0000-0000000000aa\ninstance: bench\nenvironments:\n  \
        test: {{ title: Test, azure_name: tt02, subscription: \"{}\" }}\n  \
        prod: {{ title: Prod, azure_name: prod, subscription: \"{}\" }}\n\
        policy: {{ revokes: {{ max: 9999, per_owner: 9999, prod_per_owner: 9999, share: 100% }} }}\n",
        story.subscription("{OWNER}", "Test"),
        story.subscription("{OWNER}", "Prod"),
    );
    fs::write(dir.join("tilgang.yaml"), settings).unwrap();
    fs::create_dir_all(dir.join("owners")).unwrap();
    for owner in 0..OWNERS {
        let nobody = if people == 0 { " []" } else { "" };
        let mut text = format!("owner: o{owner}\nname: Owner {owner}\nusers:{nobody}\n");
        for person in 0..people {
            writeln!(text, "  - user: person{person}.of{owner}@ai-dev.no\n    roles: [{}]", ROLES.join(", ")).unwrap();
        }
        fs::write(dir.join(format!("owners/o{owner}.yaml")), text).unwrap();
    }
}

fn azure(story: &Story) -> String {
    let mut text = "tenant: 00000000-0000-0000-0000-0000000000aa\nsettings: { throttling: false }\nusers:\n".to_owned();
    for owner in 0..OWNERS {
        for person in 0..story.people() {
            writeln!(text, "  - person{person}.of{owner}@ai-dev.no").unwrap();
        }
    }
    text += "subscriptions:\n";
    let mut before = String::new();
    for owner in 0..OWNERS {
        for (env, title) in [("tt02", "Test"), ("prod", "Prod")] {
            let name = story.subscription(&format!("O{owner}"), title);
            if name != before {
                writeln!(text, "  - name: {name}\n    resources:\n      - workspace shared-law").unwrap();
                before = name;
            }
            let tags = format!("tags: {{ finops_serviceownercode: o{owner} }}");
            writeln!(text, "      - {{ component: o{owner}-{env}-ai, {tags} }}").unwrap();
            writeln!(text, "      - {{ vault: o{owner}-{env}-keyvault, {tags} }}").unwrap();
        }
    }
    text
}
