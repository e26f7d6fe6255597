//! What holds for every pod, and between the parts.

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::{
    api::{
        coordination::v1::LeaseSpec,
        core::v1::{Container, PodSpec},
        networking::v1::NetworkPolicyPort,
    },
    apimachinery::pkg::{apis::meta::v1::LabelSelector, util::intstr::IntOrString},
};

use super::manifests::{OVERLAYS, Object, built, pods};

fn containers(pod: &PodSpec) -> impl Iterator<Item = &Container> {
    pod.init_containers.iter().flatten().chain(&pod.containers)
}

/// Pod Security Standards, "restricted", and more: the namespace enforces the former.
#[test]
fn no_pod_can_do_more_than_it_must() {
    for (name, template) in OVERLAYS.into_iter().flat_map(pods) {
        let pod = template.spec.unwrap();
        let security = pod.security_context.as_ref().unwrap();
        assert_eq!(security.run_as_non_root, Some(true), "{name}");
        assert_eq!((security.run_as_user, security.run_as_group), (Some(65532), Some(65532)), "{name}");
        assert_eq!(security.seccomp_profile.as_ref().unwrap().type_, "RuntimeDefault", "{name}");
        assert!([pod.host_network, pod.host_pid, pod.host_ipc].iter().all(|it| *it != Some(true)), "{name}");
        assert_eq!(pod.enable_service_links, Some(false), "{name}");
        assert!(pod.automount_service_account_token.is_some(), "{name} says whether it talks to the API server");
        for volume in pod.volumes.iter().flatten() {
            assert!(volume.host_path.is_none(), "{name} mounts the node");
            assert!(volume.empty_dir.as_ref().is_none_or(|it| it.size_limit.is_some()), "{name}: {}", volume.name);
        }
        for container in containers(&pod) {
            let name = format!("{name} {}", container.name);
            let security = container.security_context.as_ref().unwrap();
            assert_eq!(security.allow_privilege_escalation, Some(false), "{name}");
            assert_eq!(security.read_only_root_filesystem, Some(true), "{name}");
            assert_ne!(security.privileged, Some(true), "{name}");
            let capabilities = security.capabilities.as_ref().unwrap();
            assert_eq!(
                (capabilities.drop.as_deref(), &capabilities.add),
                (Some(&["ALL".to_owned()][..]), &None),
                "{name}"
            );
            let resources = container.resources.as_ref().unwrap();
            for of in [resources.requests.as_ref(), resources.limits.as_ref()] {
                let keys: BTreeSet<_> = of.unwrap().keys().map(String::as_str).collect();
                assert_eq!(keys, BTreeSet::from(["cpu", "memory"]), "{name}");
            }
            for volume in container.volume_mounts.iter().flatten().filter(|it| it.mount_path.starts_with("/etc")) {
                assert_eq!(volume.read_only, Some(true), "{name}: {}", volume.mount_path);
            }
            for variable in container.env.iter().flatten() {
                assert!(
                    !variable.name.contains("SECRET") && !variable.name.contains("TOKEN"),
                    "{name}: {}",
                    variable.name
                );
            }
        }
    }
}

#[test]
fn every_image_is_this_version_of_tilgang() {
    let image = format!("registry.example.no/tilgang:{}", env!("CARGO_PKG_VERSION"));
    for (name, template) in OVERLAYS.into_iter().flat_map(pods) {
        for container in containers(&template.spec.unwrap()) {
            assert_eq!(container.image.as_ref(), Some(&image), "{name} {}", container.name);
        }
    }
}

/// Azure Workload Identity, "Service Account Labels and Annotations": the label is the pod's, the client id the account's.
#[test]
fn who_asks_azure_has_an_identity_and_nobody_else() {
    for overlay in OVERLAYS {
        let accounts: BTreeMap<_, _> = built(overlay)
            .into_iter()
            .filter_map(|(_, object)| match object {
                Object::ServiceAccount(it) => Some((it.metadata.name.clone().unwrap(), it)),
                _ => None,
            })
            .collect();
        let mut identities = BTreeSet::new();
        for account in accounts.values() {
            assert_eq!(account.automount_service_account_token, Some(false));
            let annotations = account.metadata.annotations.as_ref().unwrap();
            for key in ["client-id", "tenant-id"] {
                let id = &annotations[&format!("azure.workload.identity/{key}")];
                assert!(uuid::Uuid::parse_str(id).is_ok_and(|id| !id.is_nil()), "{overlay}: {key} is not said");
            }
            identities.insert(annotations["azure.workload.identity/client-id"].clone());
        }
        assert_eq!(identities.len(), 2, "{overlay}: whoever reads is not whoever writes");
        for (name, template) in pods(overlay) {
            let pod = template.spec.unwrap();
            let labels = template.metadata.unwrap().labels.unwrap();
            let wants = labels.get("azure.workload.identity/use").is_some_and(|it| it == "true");
            assert_eq!(wants, name != "Job/tilgang-drift-merge", "{name}");
            let account = pod.service_account_name.unwrap();
            assert!(accounts.contains_key(&account), "{name}: {account}");
            let is_serve = name == "Deployment/tilgang";
            assert_eq!(account, if is_serve { "tilgang" } else { "tilgang-reading" }, "{name}");
            assert_eq!(pod.automount_service_account_token, Some(is_serve), "{name}");
        }
    }
}

/// All that tilgang may do in Kubernetes is read and write one Lease, the one that is there, and that it is told of.
#[test]
fn the_lease_is_one_everywhere() {
    for overlay in OVERLAYS {
        let mut leases = BTreeSet::new();
        for (name, object) in built(overlay) {
            match object {
                Object::Lease(lease) => {
                    leases.insert(lease.metadata.name.unwrap());
                    assert_eq!(lease.spec, Some(LeaseSpec::default()), "to apply it again takes it from nobody");
                }
                Object::Role(it) => {
                    let [rule] = it.rules.as_deref().unwrap() else { panic!("{name} has one rule") };
                    assert_eq!(rule.api_groups.as_deref(), Some(&["coordination.k8s.io".to_owned()][..]));
                    assert_eq!(rule.resources.as_deref(), Some(&["leases".to_owned()][..]));
                    assert_eq!(rule.resource_names.as_deref(), Some(&["tilgang".to_owned()][..]));
                    assert_eq!(rule.verbs, ["get", "update"]);
                }
                Object::RoleBinding(binding) => {
                    let subjects: Vec<_> = binding.subjects.into_iter().flatten().map(|it| it.name).collect();
                    assert_eq!(subjects, ["tilgang"], "whoever only reads has no rights here");
                }
                Object::Deployment(deployment) => {
                    let spec = deployment.spec.unwrap();
                    assert_eq!(spec.replicas, Some(2));
                    let args = spec.template.spec.unwrap().containers.remove(0).args.unwrap();
                    let lease = args.iter().find_map(|arg| arg.strip_prefix("--lease=")).unwrap();
                    leases.insert(lease.to_owned());
                }
                _ => {}
            }
        }
        assert_eq!(leases, BTreeSet::from(["tilgang".to_owned()]));
    }
}

fn port(port: &NetworkPolicyPort) -> String {
    let Some(IntOrString::Int(number)) = port.port else { panic!("a port without a number opens more than one") };
    format!("{} {number}", port.protocol.as_deref().unwrap())
}

#[test]
fn only_names_and_https_go_out_and_only_monitoring_comes_in() {
    for overlay in OVERLAYS {
        let (mut out, mut into) = (BTreeSet::new(), BTreeSet::new());
        let mut covers_all = false;
        for (_, object) in built(overlay) {
            let Object::NetworkPolicy(policy) = object else { continue };
            let spec = policy.spec.unwrap();
            let types = spec.policy_types.clone().unwrap();
            let selector = spec.pod_selector.unwrap_or_default();
            covers_all |= selector == LabelSelector::default() && types == ["Ingress", "Egress"];
            for rule in spec.egress.iter().flatten() {
                assert!(rule.to.as_ref().is_some_and(|to| !to.is_empty()));
                out.extend(rule.ports.iter().flatten().map(port));
            }
            for rule in spec.ingress.iter().flatten() {
                let from = rule.from.as_ref().unwrap();
                assert!(from.iter().all(|from| from.namespace_selector.is_some()) && !from.is_empty());
                into.extend(rule.ports.iter().flatten().map(port));
            }
        }
        assert!(covers_all, "{overlay}: a pod that no policy names may talk to anybody");
        assert_eq!(out, ["TCP 443", "TCP 53", "UDP 53"].map(str::to_owned).into());
        assert_eq!(into, ["TCP 8080"].map(str::to_owned).into());
    }
}

/// A selector that names nothing protects nothing.
#[test]
fn selectors_name_pods_that_are_there() {
    for overlay in OVERLAYS {
        let labels: Vec<_> = pods(overlay).into_iter().map(|(_, it)| it.metadata.unwrap().labels.unwrap()).collect();
        for (name, object) in built(overlay) {
            let selector = match object {
                Object::Service(it) => it.spec.unwrap().selector.unwrap(),
                Object::PodDisruptionBudget(it) => it.spec.unwrap().selector.unwrap().match_labels.unwrap(),
                Object::Deployment(it) => it.spec.unwrap().selector.match_labels.unwrap(),
                Object::NetworkPolicy(it) => {
                    it.spec.unwrap().pod_selector.unwrap_or_default().match_labels.unwrap_or_default()
                }
                _ => continue,
            };
            assert!(
                labels.iter().any(|labels| selector.iter().all(|(key, value)| labels.get(key) == Some(value))),
                "{overlay}: {name} selects nothing: {selector:?}",
            );
        }
    }
}

#[test]
fn as_many_shards_run_as_are_merged() {
    let jobs: BTreeMap<_, _> = built("prod")
        .into_iter()
        .filter_map(|(name, object)| match object {
            Object::Job(job) => Some((name, job.spec.unwrap())),
            _ => None,
        })
        .collect();
    let shards = &jobs["Job/tilgang-drift-shards"];
    let of = shards.completions.unwrap();
    assert_eq!(shards.completion_mode.as_deref(), Some("Indexed"));
    let args = |name: &str| jobs[name].template.spec.as_ref().unwrap().containers[0].args.clone().unwrap();
    let drift = args("Job/tilgang-drift-shards");
    assert!(drift.contains(&format!("--shard=$(JOB_COMPLETION_INDEX)/{of}")), "{drift:?}");
    assert!(drift.contains(&"--out=/reports/$(JOB_COMPLETION_INDEX).json".to_owned()), "{drift:?}");
    let files: Vec<String> = (0..of).map(|shard| format!("/reports/{shard}.json")).collect();
    let merge = args("Job/tilgang-drift-merge");
    assert_eq!((merge[1].as_str(), &merge[2..]), (format!("--of={of}").as_str(), &files[..]));
}
