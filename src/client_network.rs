//! Which clients count as one where something is limited by address.

use std::net::IpAddr;

/// An IPv4 address, or with IPv6 the /64 network: that is the least that one customer has, and each of its
/// addresses costs nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum ClientNetwork {
    /// One address.
    V4(u32),
    /// The first 64 bits.
    V6(u64),
}

impl ClientNetwork {
    /// A number by which networks are spread over parts of a table.
    pub(crate) fn spread(self) -> usize {
        let bits = match self {
            Self::V4(address) => u64::from(address),
            Self::V6(prefix) => prefix,
        };
        bits.to_ne_bytes().into_iter().map(usize::from).sum()
    }
}

impl From<IpAddr> for ClientNetwork {
    fn from(client: IpAddr) -> Self {
        match client.to_canonical() {
            IpAddr::V4(address) => Self::V4(address.to_bits()),
            IpAddr::V6(address) => Self::V6((address.to_bits() >> 64) as u64),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn network(text: &str) -> ClientNetwork {
        text.parse::<IpAddr>().unwrap().into()
    }

    #[test]
    fn takes_the_addresses_of_one_customer_for_one() {
        assert_eq!(network("2001:db8::1"), network("2001:db8::ffff:2"));
        assert_ne!(network("2001:db8::1"), network("2001:db8:0:1::1"));
        assert_eq!(network("192.0.2.7"), network("::ffff:192.0.2.7"));
        assert_ne!(network("192.0.2.7"), network("192.0.2.8"));
    }
}
