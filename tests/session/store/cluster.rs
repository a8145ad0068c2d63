//! A real cluster of three primaries.

use redis::{Cmd, FromRedisValue, RedisResult};

use crate::{
    sentinel::{ask, command, until},
    support::redis_server::{Redis, free_port},
};

/// The password of the servers.
const PASSWORD: &str = "behind-the-door";
/// The slots of each server.
const SLOTS: [&str; 3] = ["0 5460", "5461 10922", "10923 16383"];

/// Three servers, each with a third of the slots. They end with the test.
pub struct Cluster {
    pub servers: Vec<Redis>,
}

impl Cluster {
    pub async fn start() -> Self {
        let mut servers = Vec::new();
        for _ in SLOTS {
            // The default is the other port and 10,000, which may be no port at all.
            let bus = free_port().to_string();
            let options = ["--cluster-enabled", "yes", "--cluster-port", &bus, "--cluster-node-timeout", "5000"];
            let safe = ["--requirepass", PASSWORD, "--cluster-require-full-coverage", "no"];
            let server = Redis::with(&[&options[..], &safe].concat()).await;
            servers.push((server, bus));
        }
        for (number, (server, _)) in servers.iter().enumerate() {
            for words in
                [format!("CLUSTER SET-CONFIG-EPOCH {}", number + 1), format!("CLUSTER ADDSLOTSRANGE {}", SLOTS[number])]
            {
                ask::<()>(server.port(), PASSWORD, &command(&words)).await.unwrap();
            }
        }
        let first = servers[0].0.port();
        for (server, bus) in &servers[1..] {
            let meet = format!("CLUSTER MEET 127.0.0.1 {} {bus}", server.port());
            ask::<()>(first, PASSWORD, &command(&meet)).await.unwrap();
        }
        let cluster = Self { servers: servers.into_iter().map(|(server, _)| server).collect() };
        cluster.complete().await;
        cluster
    }

    /// Waits until all servers are up and know each other.
    pub async fn complete(&self) {
        until("the cluster is complete", async || {
            for number in 0..self.servers.len() {
                let info: RedisResult<String> = self.ask(number, &command("CLUSTER INFO")).await;
                let signs = ["cluster_state:ok", "cluster_slots_ok:16384", "cluster_known_nodes:3", "cluster_size:3"];
                if !info.is_ok_and(|info| signs.iter().all(|sign| info.contains(sign))) {
                    return false;
                }
            }
            true
        })
        .await;
    }

    /// The URL with two of the servers, by which the third is found.
    pub fn url(&self) -> String {
        let [one, two] = [0, 1].map(|number: usize| self.servers[number].port());
        format!("redis-cluster://:{PASSWORD}@127.0.0.1:{one},127.0.0.1:{two}")
    }

    /// Sends a command to one of the servers.
    pub async fn ask<T: FromRedisValue>(&self, number: usize, command: &Cmd) -> RedisResult<T> {
        ask(self.servers[number].port(), PASSWORD, command).await
    }

    /// The keys of the sessions on one of the servers.
    pub async fn sessions(&self, number: usize) -> Vec<String> {
        self.ask(number, &command("KEYS vestibule:session:*")).await.unwrap()
    }

    /// Moves a key from one server to another; `look` is called at every step.
    pub async fn migrate(&self, name: &str, from: usize, to: usize, mut look: impl AsyncFnMut(&str)) {
        let words = async |number: usize, words: String| self.ask::<()>(number, &command(&words)).await.unwrap();
        let slot: u16 = self.ask(from, &command(&format!("CLUSTER KEYSLOT {name}"))).await.unwrap();
        let ids: [String; 2] = [
            self.ask(from, &command("CLUSTER MYID")).await.unwrap(),
            self.ask(to, &command("CLUSTER MYID")).await.unwrap(),
        ];
        words(to, format!("CLUSTER SETSLOT {slot} IMPORTING {}", ids[0])).await;
        words(from, format!("CLUSTER SETSLOT {slot} MIGRATING {}", ids[1])).await;
        look("announced").await;
        let port = self.servers[to].port();
        words(from, format!("MIGRATE 127.0.0.1 {port} {name} 0 5000 AUTH {PASSWORD}")).await;
        look("on the way").await;
        for number in [to, from] {
            words(number, format!("CLUSTER SETSLOT {slot} NODE {}", ids[1])).await;
        }
        look("moved").await;
    }
}
