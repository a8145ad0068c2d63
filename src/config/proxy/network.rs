//! Networks and addresses of trusted proxies.

use std::{
    fmt,
    net::{IpAddr, Ipv6Addr},
    str::FromStr,
};

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

/// A network like `10.0.0.0/8`, or one address like `192.0.2.7` or `::1`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(try_from = "String", into = "String")]
pub struct Network(IpNet);

/// A text that names no network.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no network like `10.0.0.0/8` and no address like `192.0.2.7`")]
pub struct InvalidNetwork(String);

impl Network {
    /// Whether `address` lies in it. An IPv4 address in IPv6 clothes (`::ffff:192.0.2.7`) counts as
    /// the IPv4 address that it is.
    pub fn contains(&self, address: IpAddr) -> bool {
        self.0.contains(&address.to_canonical())
    }
}

impl FromStr for Network {
    type Err = InvalidNetwork;

    fn from_str(text: &str) -> Result<Self, InvalidNetwork> {
        let network = match text.parse::<IpAddr>() {
            Ok(address) => Some(IpNet::from(address.to_canonical())),
            Err(_) => text.parse::<IpNet>().ok().map(|network| network.trunc()),
        };
        network.filter(|network| !is_mapped(network)).map(Self).ok_or_else(|| InvalidNetwork(text.to_owned()))
    }
}

/// `::ffff:0:0/96` and narrower could never match, as addresses are compared in IPv4 form.
fn is_mapped(network: &IpNet) -> bool {
    let IpNet::V6(network) = network else { return false };
    network.prefix_len() >= 96 && Ipv6Addr::to_ipv4_mapped(&network.network()).is_some()
}

impl TryFrom<String> for Network {
    type Error = InvalidNetwork;

    fn try_from(text: String) -> Result<Self, InvalidNetwork> {
        text.parse()
    }
}

impl From<Network> for String {
    fn from(network: Network) -> Self {
        network.to_string()
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.prefix_len() == self.0.max_prefix_len() { self.0.addr().fmt(f) } else { self.0.fmt(f) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_networks_and_addresses() {
        for (text, shown, inside, outside) in [
            ("10.0.0.0/8", "10.0.0.0/8", "10.1.2.3", "11.0.0.1"),
            ("10.1.2.3/8", "10.0.0.0/8", "10.9.9.9", "::1"),
            ("192.0.2.7", "192.0.2.7", "::ffff:192.0.2.7", "192.0.2.8"),
            ("::ffff:192.0.2.7", "192.0.2.7", "192.0.2.7", "192.0.2.8"),
            ("::1", "::1", "::1", "::2"),
            ("fd00::/8", "fd00::/8", "fd12::1", "2001:db8::1"),
        ] {
            let network: Network = text.parse().unwrap();
            assert_eq!(network.to_string(), shown);
            assert!(network.contains(inside.parse().unwrap()), "{text} has {inside}");
            assert!(!network.contains(outside.parse().unwrap()), "{text} has no {outside}");
        }
    }

    #[test]
    fn refuses_other_texts() {
        for text in ["", "10.0.0.0/33", "10.0.0", "localhost", "10.0.0.0/8 ", "::ffff:10.0.0.0/104"] {
            assert!(text.parse::<Network>().is_err(), "{text}");
        }
    }
}
