//! Each manifest into its type, with nothing left over; and the stored ones are what Kustomize builds.

use std::{env, fs, process::Command};

use k8s_openapi::{
    api::{
        apps::v1::Deployment,
        batch::v1::{CronJob, Job},
        coordination::v1::Lease,
        core::v1::{ConfigMap, Namespace, PersistentVolumeClaim, PodTemplateSpec, Service, ServiceAccount},
        networking::v1::NetworkPolicy,
        policy::v1::PodDisruptionBudget,
        rbac::v1::{Role, RoleBinding},
    },
    serde::de::DeserializeOwned,
};
use serde::Deserialize as _;
use serde_yaml::Value;

use super::{read, root};

pub(crate) const OVERLAYS: [&str; 2] = ["test", "prod"];

/// One object, in its type.
#[derive(Clone, Debug)]
#[allow(clippy::large_enum_variant, reason = "there are a dozen of them")]
pub(crate) enum Object {
    ServiceAccount(ServiceAccount),
    Lease(Lease),
    Role(Role),
    RoleBinding(RoleBinding),
    Plain,
    Deployment(Box<Deployment>),
    Service(Service),
    PodDisruptionBudget(PodDisruptionBudget),
    CronJob(Box<CronJob>),
    Job(Box<Job>),
    NetworkPolicy(NetworkPolicy),
}

/// What Kustomize builds of an overlay: stored, so that a review sees what a change does, and checked by the gate.
pub(crate) fn built(overlay: &str) -> Vec<(String, Object)> {
    let text = read(&format!("tests/program/deploy/{overlay}.yaml"));
    let documents = serde_yaml::Deserializer::from_str(&text).map(|it| Value::deserialize(it).unwrap());
    documents.map(|document| parse(&document).unwrap_or_else(|error| panic!("{overlay}: {error}"))).collect()
}

/// The templates of all pods, by the name of what makes them.
pub(crate) fn pods(overlay: &str) -> Vec<(String, PodTemplateSpec)> {
    let of = |(name, object): (String, Object)| {
        let template = match object {
            Object::Deployment(it) => it.spec?.template,
            Object::CronJob(it) => it.spec?.job_template.spec?.template,
            Object::Job(it) => it.spec?.template,
            _ => return None,
        };
        Some((name, template))
    };
    built(overlay).into_iter().filter_map(of).collect()
}

fn parse(document: &Value) -> Result<(String, Object), String> {
    let word = |key: &str| document[key].as_str().unwrap_or_default().to_owned();
    let (api, kind) = (word("apiVersion"), word("kind"));
    let name = format!("{kind}/{}", document["metadata"]["name"].as_str().unwrap_or_default());
    let object = match (api.as_str(), kind.as_str()) {
        ("v1", "Namespace") => {
            strict::<Namespace>(document)?;
            Object::Plain
        }
        ("v1", "ServiceAccount") => Object::ServiceAccount(strict(document)?),
        ("v1", "ConfigMap") => strict::<ConfigMap>(document).map(|_| Object::Plain)?,
        ("v1", "PersistentVolumeClaim") => strict::<PersistentVolumeClaim>(document).map(|_| Object::Plain)?,
        ("v1", "Service") => Object::Service(strict(document)?),
        ("coordination.k8s.io/v1", "Lease") => Object::Lease(strict(document)?),
        ("rbac.authorization.k8s.io/v1", "Role") => Object::Role(strict(document)?),
        ("rbac.authorization.k8s.io/v1", "RoleBinding") => Object::RoleBinding(strict(document)?),
        ("apps/v1", "Deployment") => Object::Deployment(Box::new(strict(document)?)),
        ("batch/v1", "CronJob") => Object::CronJob(Box::new(strict(document)?)),
        ("batch/v1", "Job") => Object::Job(Box::new(strict(document)?)),
        ("policy/v1", "PodDisruptionBudget") => Object::PodDisruptionBudget(strict(document)?),
        ("networking.k8s.io/v1", "NetworkPolicy") => Object::NetworkPolicy(strict(document)?),
        _ => return Err(format!("{api} {kind} is not among what is shipped")),
    };
    Ok((name, object))
}

/// Into its type; a key that Kubernetes does not know is an error, as it is to `kubectl apply --validate=strict`.
fn strict<T: DeserializeOwned>(document: &Value) -> Result<T, String> {
    let mut unknown = Vec::new();
    let object = serde_ignored::deserialize(document.clone(), |path| unknown.push(path.to_string().replace("?.", "")));
    let object = object.map_err(|error| error.to_string())?;
    if unknown.is_empty() { Ok(object) } else { Err(format!("Kubernetes does not know {}", unknown.join(", "))) }
}

#[test]
fn every_manifest_is_one_that_kubernetes_knows() {
    let count = |overlay| built(overlay).len();
    assert_eq!((count("test"), count("prod")), (14, 17));
}

#[test]
fn a_key_that_kubernetes_does_not_know_is_found() {
    let wrong = "apiVersion: v1\nkind: Service\nmetadata: { name: x }\nspec: { port: [] }";
    let error = parse(&serde_yaml::from_str(wrong).unwrap()).unwrap_err();
    assert_eq!(error, "Kubernetes does not know spec.port");
}

#[test]
fn everything_lives_in_its_own_namespace() {
    for (overlay, namespace) in [("test", "tilgang-test"), ("prod", "tilgang")] {
        let text = read(&format!("tests/program/deploy/{overlay}.yaml"));
        for document in serde_yaml::Deserializer::from_str(&text).map(|it| Value::deserialize(it).unwrap()) {
            let metadata = &document["metadata"];
            let of = if document["kind"] == "Namespace" { &metadata["name"] } else { &metadata["namespace"] };
            assert_eq!(of, namespace, "{overlay}: {:?}", metadata["name"]);
        }
    }
}

/// Where the gate brings `kubectl`. `BLESS=1` stores what it builds.
#[test]
fn the_stored_manifests_are_what_kustomize_builds() {
    let Ok(kubectl) = env::var("TILGANG_KUBECTL") else { return };
    for overlay in OVERLAYS {
        let folder = root().join("deploy/kubernetes/overlays").join(overlay);
        let output = Command::new(&kubectl).arg("kustomize").arg(folder).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let (built, stored) =
            (String::from_utf8(output.stdout).unwrap(), format!("tests/program/deploy/{overlay}.yaml"));
        if env::var("BLESS").is_ok() {
            fs::write(root().join(&stored), &built).unwrap();
        }
        assert!(read(&stored) == built, "{stored} is not what Kustomize builds; BLESS=1 stores that");
    }
}
