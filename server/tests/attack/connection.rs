//! Connections that hold the server: silent, slow, many, or with bodies that never end.
