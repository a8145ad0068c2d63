//! What is measured.

/// One kind of load.
#[derive(Debug)]
pub struct Case {
    pub name: &'static str,
    /// What it is, for the table.
    pub title: &'static str,
    pub load: Load,
    /// Connections, or streams.
    pub connections: usize,
    /// What one unit of work is called.
    pub unit: &'static str,
}

/// Who makes the load, and how.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Load {
    /// wrk gets a path of the API.
    Get(&'static str),
    /// wrk posts so many bytes.
    Post(usize),
    /// h2load gets a path over HTTP/2 with prior knowledge, several streams per connection.
    Http2 { path: &'static str, streams: usize },
    /// Event streams, all of which get 20 events a second.
    Sse,
    /// Messages of 128 bytes, each sent when the last one came back.
    WebSocket,
}

pub const CASES: &[Case] = &[
    Case {
        name: "get",
        title: "GET 200 B, 64 connections",
        load: Load::Get("/note"),
        connections: 64,
        unit: "request",
    },
    Case {
        name: "get-1024",
        title: "GET 200 B, 1,024 connections",
        load: Load::Get("/note"),
        connections: 1024,
        unit: "request",
    },
    Case {
        name: "get-h2",
        title: "GET 200 B, HTTP/2, 16 connections × 4",
        load: Load::Http2 { path: "/note", streams: 4 },
        connections: 16,
        unit: "request",
    },
    Case {
        name: "get-100k",
        title: "GET 100 KiB, 64 connections",
        load: Load::Get("/large"),
        connections: 64,
        unit: "request",
    },
    Case {
        name: "post-1m",
        title: "POST 1 MiB, 16 connections",
        load: Load::Post(1 << 20),
        connections: 16,
        unit: "request",
    },
    Case { name: "sse", title: "SSE to 256 streams", load: Load::Sse, connections: 256, unit: "event" },
    Case { name: "ws", title: "WebSocket echo, 64 sockets", load: Load::WebSocket, connections: 64, unit: "message" },
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_each_used_once() {
        let mut names: Vec<_> = CASES.iter().map(|case| case.name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), CASES.len());
    }
}
