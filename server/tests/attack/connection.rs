//! Connections that hold the server: silent, slow, many, or with bodies that never end.

#[path = "connection/body.rs"]
mod body;
#[path = "connection/crowd.rs"]
mod crowd;
#[path = "connection/header.rs"]
mod header;
#[path = "connection/reader.rs"]
mod reader;
#[path = "connection/silent.rs"]
mod silent;
#[path = "connection/upload.rs"]
mod upload;
#[path = "connection/wire.rs"]
mod wire;
