//! `tilgang` keeps Azure RBAC equal to what git says. This page is the map of the house.
//!
//! Facts come in at one edge, a pure function compares them, and an approved plan goes out at the other:
//!
//! ```text
//! YAML in git ── config ──▶ Desired ──┐
//!                                     ├─▶ plan ─▶ Plan ─▶ approve ─▶ ApprovedPlan ─▶ execute ─▶ Outcomes ─▶ report
//! Azure ─ ports ─ observe ─▶ Observed ┘   pure            policy                     writes
//! ```
//!
//! | room | what comes in → what goes out | never |
//! |---|---|---|
//! | [`model`] | the field's words | IO, async, serde, a clock |
//! | [`host`] | the machine: variables, the one real clock, signals, stderr, traces | a plan, an owner, Azure |
//! | [`config`] | YAML and the built-in catalogue → `Desired`, or every error at once | the network |
//! | [`edit`] | YAML + what is asked for, or stands in Azure → YAML, with nothing else changed; JSON Schema | the network, a clock |
//! | [`plan`] | `Desired` + `Observed` → `Plan`; `Plan` + policy → `ApprovedPlan` | IO, async, a clock |
//! | [`access`] | `Desired` + `Observed` + `Plan` → who can effectively do what where, and by which ways | IO, async, a clock |
//! | [`rights`] | what an identity needs and holds → what it lacks, and what is too much | IO, async, a clock |
//! | [`ports`] | what is needed of Azure, as traits; reading and writing apart | an implementation |
//! | [`observe`] | `Desired` + reading ports → `Observed` | a write |
//! | [`saved`] | a plan's JSON → the file; a file → `Saved`, of which a plan made now lets through what is still so | belief in the file |
//! | [`watch`] | a plan, seen again and again → each difference with its life: since when, by whom, until when; what a run came to | IO, async, a clock |
//! | [`reconcile`] | what happens around the daemon, and the time → what to do next | IO, async, a clock |
//! | [`web`] | what the daemon knows, and the time → pages for a browser | IO, async, a clock, a write |
//! | [`app`] | a workspace, ports, records, the time → a run that is planned, narrowed, carried out, recorded: the order of steps | a printed word, a question, an implementation of a port |
//! | [`execute`] | `ApprovedPlan` + the writing port → `Outcomes`, each told to a journal before and after | a decision |
//! | [`ledger`] | what is done and seen → lines in a folder that CI keeps; and back | a line changed or taken out |
//! | [`lease`] | what a Lease says and when → who of several replicas leads | IO, async, a clock |
//! | [`kubernetes`] | a Lease at an API server, over HTTP; what `lease` decides, done | a decision |
//! | [`notify`] | what was said + what a run found + whom to tell when → notices that are due | IO, async, a clock |
//! | [`deliver`] | notices → Slack, Teams, mail, webhooks; what they answered | a decision, a redirect, a secret in a log |
//! | [`signals`] | what the daemon does → metrics for Prometheus, spans for OpenTelemetry | a person, an id, a token |
//! | [`report`] | plan and outcomes → text, Markdown, a page, annotations, JSON, SARIF | a change of either |
//! | [`azure`] | the ports over HTTP, through Microsoft's SDK | a token in a log |
//! | [`simulator`] | Azure, small enough to own: the same ports in process, and over HTTP for anybody | an answer Azure would not give |
//! | [`cli`] | arguments, environment → all of the above → exit code | a rule of its own |
//!
//! Who may name whom is a test: `tests/laws/architecture.rs`.
//!
//! # The way of `tilgang apply`, from the command to the PUT
//!
//! `plan` takes it as far as step 10. `serve` takes it from step 5 on, `adopt --mark` from step 9; the model
//! checker and the simulated week from step 5 to 16, with a simulated Azure in its place.
//!
//! | | function | file | what it does |
//! |--:|---|---|---|
//! | 1 | `Apply::run` | `cli/apply.rs` | opens the report files; shows the plan, and asks |
//! | 2 | `plan` | `cli/planning.rs` | of a workspace that was read: connects, shows progress |
//! | 3 | `open` | `cli/connect.rs` | signs in to Azure, or to a simulated one |
//! | 4 | `open` | `app/record.rs` | opens the ledger: the newest commit that was applied |
//! | 5 | [`app::PlanRequest::plan`] | `app/plan.rs` | makes the order of all that follows |
//! | 6 | [`observe::observe_where`] | `observe/mod.rs` | reads Azure, for what git wants |
//! | 7 | [`plan::plan()`] | `plan/mod.rs` | compares: what to grant, to remove, what is blocked and why |
//! | 8 | `ask` | `app/own_permissions.rs` | what our own identity may do, where something is to be changed |
//! | 9 | [`plan::Plan::settle`] | `plan/settle.rs` | what policy makes of it |
//! | 10 | [`plan::Plan::approve`] | `plan/approve.rs` | limits, freezes, protected people: the one maker of an `ApprovedPlan` |
//! | 11 | `select` | `plan/selection.rs` | with `--only` and `--heal`: what is left for another run, and why; then 9 and 10 again |
//! | 12 | `carry_out` | `cli/applying.rs` | after the question, if the plan is not too old: who runs it; a signal asks for the end |
//! | 13 | [`app::PlannedRun::apply`] | `app/apply.rs` | records the beginning; at the end what became of each change |
//! | 14 | [`observe::again`] | `observe/again.rs` | the last check: targets, and people who are gone, once more |
//! | 15 | `withhold` | `plan/again.rs` | takes out what no longer holds |
//! | 16 | [`execute::execute`] | `execute.rs` | grants, then removals; each recorded before and after |
//! | 17 | `put`, `delete` | `azure/assignments.rs` | the request, through `azure_mgmt_authorization`; `azure/policies` paces and repeats it |

pub mod model;

pub mod host;

pub mod config;

pub mod edit;

pub mod plan;

pub mod access;

pub mod ports;

pub mod rights;

pub mod observe;

pub mod saved;

pub mod watch;

pub mod reconcile;

pub mod web;

pub mod app;

pub mod execute;

pub mod ledger;

pub mod lease;

pub mod kubernetes;
pub mod notify;

pub mod deliver;

pub mod signals;

pub mod report;

pub mod azure;

pub mod simulator;

pub mod cli;
