//! What a stop and a start leave as it was.

use std::fs;

use reqwest::{Method, StatusCode};

use crate::{
    client::{send, text},
    harness::TestApi,
};

#[tokio::test]
async fn a_restart_keeps_data_sessions_and_the_signing_key() {
    let api = TestApi::start().await;
    let ada = api.ada().await;
    let note = ada.write_note("Kept", "").await;
    let path = format!("/notes/{}/attachments", text(&note["id"]));
    let upload = ada.request(Method::POST, &format!("{path}?name=a")).body("bytes");
    let file = format!("{path}/{}", text(&send(upload).await.json()["id"]));
    let key = fs::read(api.data_dir().join("demo-api.key")).unwrap();

    let api = api.restart().await;
    assert_eq!(fs::read(api.data_dir().join("demo-api.key")).unwrap(), key);
    let ada = ada.at(api.address);
    ada.get("/auth/me").await.expect(StatusCode::OK);
    assert_eq!(ada.get("/notes").await.json()["data"][0], note);
    assert_eq!(ada.get(&file).await.expect(StatusCode::OK).body, "bytes");
    ada.refresh().await.expect(StatusCode::OK);
    ada.log_in("ada@example.com").await;
}

#[tokio::test]
async fn a_start_sweeps_away_what_a_crash_has_left() {
    let api = TestApi::start().await;
    for name in ["unfinished.part", "orphan"] {
        fs::write(api.data_dir().join("attachments").join(name), "x").unwrap();
    }
    let api = api.restart().await;
    assert!(api.attachment_files().is_empty());
}

#[tokio::test]
#[cfg(unix)]
async fn no_other_account_can_read_what_is_kept() {
    use std::os::unix::fs::PermissionsExt as _;

    let api = TestApi::start().await;
    api.ada().await;
    let mode = |name: &str| {
        let metadata = fs::metadata(api.data_dir().join(name)).unwrap();
        metadata.permissions().mode() & 0o777
    };
    for file in ["demo-api.key", "demo-api.sqlite", "demo-api.sqlite-wal"] {
        assert_eq!(mode(file), 0o600, "{file}");
    }
    for folder in ["", "attachments"] {
        assert_eq!(mode(folder), 0o700, "{folder}");
    }
}

#[tokio::test]
async fn a_broken_key_stops_the_start_with_a_way_out() {
    let api = TestApi::start().await;
    let folder = api.stop().await;
    fs::write(folder.0.join("demo-api.key"), "short").unwrap();
    let error = demo_api::open(demo_api::Settings::new(&folder.0)).await.unwrap_err();
    assert!(error.to_string().contains("delete it to have a new one made"), "{error}");
}
