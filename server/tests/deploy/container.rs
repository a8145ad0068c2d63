//! The image, compose and Fly, as far as they can be tested without building an image.

use std::path::Path;

use crate::{
    example::{folder, read, yaml},
    program::{Program, run},
    support::stub::Stub,
};

/// A key for the tests.
pub fn key() -> String {
    String::from_utf8(run(&["keygen"], &[]).stdout).unwrap().trim().to_owned()
}

/// Asserts that the program accepts these settings, with the URL of a running API.
pub async fn assert_valid_settings(mut variables: Vec<(String, String)>) {
    let stub = Stub::start().await;
    let api = variables.iter_mut().find(|(name, _)| name == "VESTIBULE_API__URL").unwrap();
    api.1 = stub.url();
    variables.push(("VESTIBULE_SESSION__KEYS".into(), key()));
    let check = move || {
        let pairs: Vec<(&str, &str)> = variables.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        run(&["check"], &pairs)
    };
    let output = tokio::task::spawn_blocking(check).await.unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// The variables of an `.env` file.
fn variables(text: &str) -> Vec<(String, String)> {
    let pairs = text.lines().filter(|line| !line.starts_with('#')).filter_map(|line| line.split_once('='));
    pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

fn pairs(table: &serde_json::Value) -> Vec<(String, String)> {
    let pairs = table.as_object().unwrap().iter();
    pairs.map(|(name, value)| (name.clone(), value.as_str().unwrap().to_owned())).collect()
}

#[test]
fn the_image_is_built_with_the_projects_rust_and_runs_unprivileged() {
    let (file, toolchain) = (read("Containerfile"), read("../rust-toolchain.toml"));
    let toolchain: toml::Table = toolchain.parse().unwrap();
    let version = toolchain["toolchain"]["channel"].as_str().unwrap();
    let (minor, _) = version.rsplit_once('.').unwrap();
    assert!(file.contains(&format!("FROM docker.io/library/rust:{minor}-bookworm AS build\n")), "{version}");
    let (_, last) = file.rsplit_once("\nFROM ").unwrap();
    for line in ["USER 65532:65532", "ENTRYPOINT [\"/app/vestibule\"]", "ENV VESTIBULE_LISTEN=0.0.0.0:3000"] {
        assert!(last.lines().any(|other| other == line), "{line}");
    }
    assert!(last.contains("HEALTHCHECK") && last.contains("http://127.0.0.1:3000/healthz"));
    assert!(!last.contains("RUN "), "there is no shell");
}

#[tokio::test]
async fn compose_starts_it_with_redis_and_no_privileges() {
    let compose = yaml("compose.yaml");
    let (vestibule, redis) = (&compose["services"]["vestibule"], &compose["services"]["redis"]);
    assert_eq!(vestibule["read_only"], true);
    assert_eq!(vestibule["cap_drop"], serde_json::json!(["ALL"]));
    assert_eq!(vestibule["ports"][0], "127.0.0.1:3000:3000");
    assert_eq!(vestibule["depends_on"]["redis"]["condition"], "service_healthy");
    assert!(redis["healthcheck"].is_object() && redis["volumes"][0] == "redis:/data");
    assert!(compose["volumes"].as_object().unwrap().contains_key("redis"));
    let built = &vestibule["build"];
    let context = folder().join(built["context"].as_str().unwrap());
    assert!(context.join(built["dockerfile"].as_str().unwrap()).is_file());
    let secrets = variables(&read("vestibule.example.env"));
    assert!(secrets.iter().any(|(name, _)| name == "VESTIBULE_SESSION__KEYS"));
    assert_valid_settings([pairs(&vestibule["environment"]), secrets].concat()).await;
}

#[tokio::test]
async fn fly_checks_its_health() {
    let fly: toml::Table = read("fly.toml").parse().unwrap();
    let service = &fly["http_service"];
    assert_eq!(service["internal_port"].as_integer(), Some(3000));
    assert_eq!(service["force_https"].as_bool(), Some(true));
    assert_eq!(service["checks"][0]["path"].as_str(), Some("/healthz"));
    let settings = serde_json::to_value(&fly["env"]).unwrap();
    let mut settings = pairs(&settings);
    let url = settings.iter_mut().find(|(name, _)| name == "VESTIBULE_PUBLIC_URL").unwrap();
    url.1 = url.1.replace("YOUR-APP", "app");
    assert_valid_settings(settings).await;
}

/// As on a read-only file system.
#[tokio::test]
async fn with_a_configured_key_it_writes_nothing() {
    let (stub, key) = (Stub::start().await, key());
    let server = Program::with(&[("VESTIBULE_API__URL", &stub.url()), ("VESTIBULE_SESSION__KEYS", &key)]).await;
    let mut ada = server.logged_in("ada@example.com").await;
    assert_eq!(ada.get("/api/proxy/notes").await.status, 200);
    let names = |folder: &Path| -> Vec<_> {
        std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name()).collect()
    };
    // The test's settings file.
    assert_eq!(names(&server.data_dir), ["vestibule.toml"]);
}
