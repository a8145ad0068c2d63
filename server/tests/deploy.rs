//! Tests of the examples in `deploy/`, with the real tools where possible: a server behind nginx, `HAProxy` and Caddy, the
//! unit under systemd's own checks, the manifests against Kubernetes' schema.

#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

#[path = "attack/api.rs"]
mod api;
#[path = "deploy/certificate_authority.rs"]
mod certificate_authority;
#[path = "deploy/container.rs"]
mod container;
#[path = "deploy/example.rs"]
mod example;
#[path = "deploy/kubernetes.rs"]
mod kubernetes;
#[path = "deploy/large_session.rs"]
mod large_session;
#[path = "wire/program.rs"]
#[expect(dead_code, reason = "the wire tests use all of it")]
mod program;
#[path = "deploy/proxy.rs"]
mod proxy;
#[path = "deploy/reverse_proxy.rs"]
mod reverse_proxy;
#[path = "../../tests/support/mod.rs"]
#[expect(dead_code, reason = "the wire tests use all of it")]
mod support;
#[path = "deploy/systemd_unit.rs"]
mod systemd_unit;
#[path = "deploy/user.rs"]
mod user;
