//! Connections that hold the server: silent, slow, many, or with bodies that never end.

#[path = "connection/body.rs"]
mod body;
#[path = "connection/connection_limit.rs"]
mod connection_limit;
#[path = "connection/header.rs"]
mod header;
#[path = "connection/slow_reader.rs"]
mod slow_reader;
#[path = "connection/silent.rs"]
mod silent;
#[path = "connection/upload.rs"]
mod upload;
#[path = "connection/socket.rs"]
mod socket;
