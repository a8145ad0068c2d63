//! The manifests: whether Kubernetes' schema knows all of their fields, and whether they are secure and consistent.

use k8s_openapi::api::{
    apps::v1::Deployment, autoscaling::v2::HorizontalPodAutoscaler, core::v1::Service, policy::v1::PodDisruptionBudget,
};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Value, json};

use crate::{container::assert_valid_settings, example::yaml, program::run};

/// A manifest whose fields are all known to the type `T`.
fn manifest<T: DeserializeOwned + Serialize>(name: &str) -> Value {
    let value = yaml(&format!("kubernetes/{name}"));
    let known: T = serde_json::from_value(value.clone()).unwrap_or_else(|error| panic!("{name}: {error}"));
    // A field that the schema does not know would be lost.
    assert_eq!(serde_json::to_value(&known).unwrap(), value, "{name}");
    value
}

fn deployment() -> Value {
    manifest::<Deployment>("deployment.yaml")
}

#[test]
fn the_schema_knows_every_field() {
    let label = &json!({"app.kubernetes.io/name": "vestibule"});
    let deployment = deployment();
    let service = manifest::<Service>("service.yaml");
    let budget = manifest::<PodDisruptionBudget>("disruption-budget.yaml");
    let scaler = manifest::<HorizontalPodAutoscaler>("autoscaler.yaml");
    for selector in [
        &deployment["spec"]["selector"]["matchLabels"],
        &deployment["spec"]["template"]["metadata"]["labels"],
        &service["spec"]["selector"],
        &budget["spec"]["selector"]["matchLabels"],
    ] {
        assert_eq!(selector, label, "all select the same pods");
    }
    let target = &scaler["spec"]["scaleTargetRef"];
    for field in ["kind", "apiVersion"] {
        assert_eq!(target[field], deployment[field]);
    }
    assert_eq!(target["name"], deployment["metadata"]["name"]);
    assert!(deployment["spec"]["replicas"].is_null(), "the autoscaler sets the number");
}

#[test]
fn the_kustomization_names_every_file() {
    let mut named = yaml("kubernetes/kustomization.yaml")["resources"].as_array().unwrap().clone();
    named.push("kustomization.yaml".into());
    let folder = crate::example::folder().join("kubernetes");
    for entry in std::fs::read_dir(folder).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        assert!(named.contains(&Value::from(name.as_str())), "{name}");
    }
}

#[test]
fn a_pod_has_no_privileges_and_is_probed() {
    let deployment = deployment();
    let pod = &deployment["spec"]["template"]["spec"];
    let container = &pod["containers"][0];
    assert_eq!(pod["securityContext"]["runAsNonRoot"], true);
    assert_eq!(pod["securityContext"]["seccompProfile"]["type"], "RuntimeDefault");
    assert_eq!(pod["automountServiceAccountToken"], false);
    let security = &container["securityContext"];
    assert_eq!(security["readOnlyRootFilesystem"], true);
    assert_eq!(security["allowPrivilegeEscalation"], false);
    assert_eq!(security["capabilities"]["drop"], json!(["ALL"]));
    for probe in ["startupProbe", "readinessProbe", "livenessProbe"] {
        assert_eq!(container[probe]["httpGet"]["path"], "/healthz", "{probe}");
    }
    let seconds = |value: &Value| value.as_u64().unwrap();
    let stopping = seconds(&container["lifecycle"]["preStop"]["sleep"]["seconds"]) + 10;
    assert!(seconds(&pod["terminationGracePeriodSeconds"]) > stopping, "requests in flight get their 10 s");
}

#[tokio::test]
async fn the_settings_are_valid() {
    let kustomization = yaml("kubernetes/kustomization.yaml");
    let literals = kustomization["configMapGenerator"][0]["literals"].as_array().unwrap();
    let pairs = literals.iter().map(|literal| literal.as_str().unwrap().split_once('=').unwrap());
    assert_valid_settings(pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()).await;
    let deployment = deployment();
    let sources = &deployment["spec"]["template"]["spec"]["containers"][0]["envFrom"];
    assert_eq!(sources[0]["configMapRef"]["name"], kustomization["configMapGenerator"][0]["name"]);
    assert_eq!(sources[1]["secretRef"]["name"], "vestibule");
}

/// Kubernetes sets variables for each Service in a pod, and those for a Service of this name look like settings.
#[test]
fn service_links_are_off_because_they_would_prevent_the_start() {
    assert_eq!(deployment()["spec"]["template"]["spec"]["enableServiceLinks"], false);
    let output = run(&["check"], &[("VESTIBULE_PORT", "tcp://10.96.0.7:80")]);
    assert!(!output.status.success() && String::from_utf8(output.stderr).unwrap().contains("`port`"));
}
