//! Connections that occupy the server: silent, slow, numerous, or with endless bodies.

#[path = "connection/body.rs"]
mod body;
#[path = "connection/connection_limit.rs"]
mod connection_limit;
#[path = "connection/header.rs"]
mod header;
#[path = "connection/silent.rs"]
mod silent;
#[path = "connection/slow_reader.rs"]
mod slow_reader;
#[path = "connection/socket.rs"]
mod socket;
#[path = "connection/upload.rs"]
mod upload;
