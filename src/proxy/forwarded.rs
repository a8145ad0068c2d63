//! The client's address: `Forwarded` (RFC 7239) and `X-Forwarded-*`, rebuilt for each call.
//!
//! A client's own claims are believed only as far as trusted proxies vouch for them: reading
//! from the nearest hop outwards, up to and including the first address that is not a trusted proxy.
//! Host and protocol come from the configured public origin, never from a request.

use std::{
    fmt::Write as _,
    net::{IpAddr, SocketAddr},
};

use bytes::{BufMut, Bytes, BytesMut};
use http::{HeaderMap, HeaderName, HeaderValue, header};
use url::Url;

use super::fields::Fields;
use crate::config::proxy::{ClientAddressHeader, Network};

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const X_FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
const X_FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");

/// The most hops that are believed; more is no proxy chain but an attempt to be one.
const MAX_HOPS: usize = 16;

/// The proxies whose word on the client's address is taken.
#[derive(Clone, Debug, Default)]
pub struct TrustedProxies {
    networks: Vec<Network>,
    header: ClientAddressHeader,
}

impl TrustedProxies {
    /// Trusts these networks to write the client's address into `header`. The other header is not read: a proxy that
    /// does not write it may pass on what a client made up.
    pub fn new(networks: &[Network], header: ClientAddressHeader) -> Self {
        Self { networks: networks.to_vec(), header }
    }

    /// The address of the client that sent a request with these headers over a connection from
    /// `peer`: the nearest one that is no trusted proxy.
    pub fn client(&self, headers: &HeaderMap, peer: IpAddr) -> IpAddr {
        if !self.trusts(peer) {
            return peer.to_canonical();
        }
        self.hops(headers, peer).first().copied().unwrap_or(peer)
    }

    /// The believed addresses, the client first, the connection's peer last.
    fn hops(&self, headers: &HeaderMap, peer: IpAddr) -> Vec<IpAddr> {
        let mut hops = vec![peer.to_canonical()];
        if self.trusts(peer) {
            for address in self.claimed(headers).into_iter().rev().take(MAX_HOPS) {
                let Some(address) = address else { break };
                hops.push(address);
                if !self.trusts(address) {
                    break;
                }
            }
        }
        hops.reverse();
        hops
    }

    fn trusts(&self, address: IpAddr) -> bool {
        self.networks.iter().any(|network| network.contains(address))
    }

    /// The addresses that a request claims to have come by; `None` for what is no address.
    fn claimed(&self, headers: &HeaderMap) -> Vec<Option<IpAddr>> {
        match self.header {
            ClientAddressHeader::XForwardedFor => members(headers, &X_FORWARDED_FOR).map(address).collect(),
            ClientAddressHeader::Forwarded => {
                members(headers, &header::FORWARDED).map(|element| address(forwarded_for(element)?)).collect()
            }
        }
    }
}

fn members<'a>(headers: &'a HeaderMap, name: &HeaderName) -> impl Iterator<Item = &'a str> + use<'a> {
    headers.get_all(name).iter().flat_map(|value| value.to_str().unwrap_or_default().split(','))
}

/// The `for` parameter of one element of `Forwarded` (RFC 7239 §4).
fn forwarded_for(element: &str) -> Option<&str> {
    element.split(';').find_map(|pair| {
        let (name, value) = pair.split_once('=')?;
        name.trim().eq_ignore_ascii_case("for").then(|| value.trim().trim_matches('"'))
    })
}

/// An address, with or without a port, with or without the brackets of RFC 7239 §6.
fn address(text: &str) -> Option<IpAddr> {
    let text = text.trim();
    let bare = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(text);
    let parsed = bare.parse().or_else(|_| text.parse().map(|socket: SocketAddr| socket.ip()));
    parsed.ok().map(|address: IpAddr| address.to_canonical())
}

/// Writes the fields that tell an upstream about the client.
#[derive(Clone, Debug)]
pub(super) struct Forwarding {
    trusted: TrustedProxies,
    host: HeaderValue,
    proto: HeaderValue,
    /// The text after each element's address in `Forwarded`.
    suffix: String,
}

impl Forwarding {
    /// For a server that users see at `public_url`.
    pub(super) fn new(public_url: &Url, trusted: TrustedProxies) -> Self {
        let authority = &public_url[url::Position::BeforeHost..url::Position::AfterPort];
        let proto = if public_url.scheme() == "https" { "https" } else { "http" };
        // A URL's authority is visible ASCII, which every header may have.
        let host = HeaderValue::from_str(authority).unwrap_or(HeaderValue::from_static("invalid"));
        let suffix = format!(";host=\"{authority}\";proto={proto}");
        Self { trusted, host, proto: HeaderValue::from_static(proto), suffix }
    }

    /// The headers about the client, from those of the client and its proxies, written into `text`.
    /// To be called before their own fields are removed.
    pub(super) fn describe(
        &self,
        headers: &HeaderMap,
        peer: Option<SocketAddr>,
        text: &mut BytesMut,
    ) -> Option<Client> {
        let peer = peer?.ip();
        if self.trusted.networks.is_empty() {
            return Some(self.client(&[peer.to_canonical()], text));
        }
        Some(self.client(&self.trusted.hops(headers, peer), text))
    }

    /// The address of the client that sent a request with these headers over a connection from `peer`.
    pub(super) fn client_address(&self, headers: &HeaderMap, peer: SocketAddr) -> IpAddr {
        self.trusted.client(headers, peer.ip())
    }

    /// Writes the headers; without a client only those about this server.
    pub(super) fn write(&self, client: Option<&Client>, to: &mut impl Fields) {
        to.add(&X_FORWARDED_HOST, &self.host);
        to.add(&X_FORWARDED_PROTO, &self.proto);
        if let Some(client) = client {
            to.add(&X_FORWARDED_FOR, &client.x_forwarded_for);
            to.add(&header::FORWARDED, &client.forwarded);
        }
    }

    fn client(&self, hops: &[IpAddr], text: &mut BytesMut) -> Client {
        text.reserve(hops.len() * (40 + 46) + self.suffix.len());
        for (index, hop) in hops.iter().enumerate() {
            put(text, &[if index == 0 { "" } else { ", " }]);
            put_address(text, *hop);
        }
        let plain = text.split();
        for (index, hop) in hops.iter().enumerate() {
            put(text, &[if index == 0 { "for=" } else { ", for=" }]);
            let (open, close) = if hop.is_ipv6() { ("\"[", "]\"") } else { ("", "") };
            put(text, &[open]);
            put_address(text, *hop);
            // Only the nearest hop asked this server for this host.
            let suffix = if index + 1 == hops.len() { self.suffix.as_str() } else { "" };
            put(text, &[close, suffix]);
        }
        Client { x_forwarded_for: value(plain.freeze()), forwarded: value(text.split().freeze()) }
    }
}

/// The fields about one client.
#[derive(Debug)]
pub(super) struct Client {
    x_forwarded_for: HeaderValue,
    forwarded: HeaderValue,
}

fn put(text: &mut BytesMut, parts: &[&str]) {
    for part in parts {
        text.put_slice(part.as_bytes());
    }
}

/// Writes an address as it is printed. For IPv4, which is on each call twice, without the formatting
/// machinery: that takes a thousand instructions.
fn put_address(text: &mut BytesMut, address: IpAddr) {
    let IpAddr::V4(address) = address else {
        let _ = write!(text, "{address}");
        return;
    };
    for (index, octet) in address.octets().into_iter().enumerate() {
        if index > 0 {
            text.put_u8(b'.');
        }
        if octet >= 100 {
            text.put_u8(b'0' + octet / 100);
        }
        if octet >= 10 {
            text.put_u8(b'0' + octet / 10 % 10);
        }
        text.put_u8(b'0' + octet % 10);
    }
}

/// Addresses are visible ASCII, which every header may have.
fn value(bytes: Bytes) -> HeaderValue {
    HeaderValue::from_maybe_shared(bytes).unwrap_or(HeaderValue::from_static("unknown"))
}

#[cfg(test)]
mod tests {
    use super::*;

    use ClientAddressHeader::{Forwarded, XForwardedFor};

    fn written(
        header: ClientAddressHeader,
        trusted: &[&str],
        peer: &str,
        fields: &[(&'static str, &'static str)],
    ) -> (String, String) {
        let trusted: Vec<Network> = trusted.iter().map(|text| text.parse().unwrap()).collect();
        let url = "https://app.example:8443".parse().unwrap();
        let forwarding = Forwarding::new(&url, TrustedProxies::new(&trusted, header));
        let mut headers: HeaderMap = fields
            .iter()
            .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)))
            .collect();
        let client =
            forwarding.describe(&headers, Some(SocketAddr::new(peer.parse().unwrap(), 1)), &mut BytesMut::new());
        headers.clear();
        forwarding.write(client.as_ref(), &mut headers);
        assert_eq!(headers[&X_FORWARDED_HOST], "app.example:8443");
        assert_eq!(headers[&X_FORWARDED_PROTO], "https");
        let text = |name: &HeaderName| headers[name].to_str().unwrap().to_owned();
        (text(&X_FORWARDED_FOR), text(&header::FORWARDED))
    }

    const HERE: &str = ";host=\"app.example:8443\";proto=https";

    #[test]
    fn writes_addresses_as_they_are_printed() {
        for text in ["0.0.0.0", "10.0.200.9", "127.0.0.1", "99.100.101.255", "::1", "2001:db8::7"] {
            let mut written = BytesMut::new();
            put_address(&mut written, text.parse().unwrap());
            assert_eq!(written, text);
        }
    }

    #[test]
    fn believes_no_client_about_itself() {
        let claims = [("x-forwarded-for", "10.0.0.9"), ("forwarded", "for=10.0.0.9")];
        for trusted in [&[][..], &["10.0.0.0/8"]] {
            for header in [XForwardedFor, Forwarded] {
                let (plain, forwarded) = written(header, trusted, "203.0.113.5", &claims);
                assert_eq!(plain, "203.0.113.5");
                assert_eq!(forwarded, format!("for=203.0.113.5{HERE}"));
            }
        }
    }

    #[test]
    fn believes_trusted_proxies_up_to_the_first_stranger() {
        let claims = [("x-forwarded-for", "1.1.1.1, 198.51.100.7"), ("x-forwarded-for", "10.0.0.2")];
        let (plain, forwarded) = written(XForwardedFor, &["10.0.0.0/8"], "10.0.0.1", &claims);
        assert_eq!(plain, "198.51.100.7, 10.0.0.2, 10.0.0.1");
        assert_eq!(forwarded, format!("for=198.51.100.7, for=10.0.0.2, for=10.0.0.1{HERE}"));
    }

    #[test]
    fn reads_forwarded_with_ports_quotes_and_ipv6() {
        let claims = [("forwarded", "For=\"[2001:db8::1]:4711\";proto=https, for=\"10.0.0.2:80\"")];
        let (plain, forwarded) = written(Forwarded, &["10.0.0.0/8", "::1"], "::1", &claims);
        assert_eq!(plain, "2001:db8::1, 10.0.0.2, ::1");
        assert_eq!(forwarded, format!("for=\"[2001:db8::1]\", for=10.0.0.2, for=\"[::1]\"{HERE}"));
    }

    #[test]
    fn stops_at_what_is_no_address() {
        let claims = [("x-forwarded-for", "198.51.100.7, unknown, 10.0.0.2")];
        assert_eq!(written(XForwardedFor, &["10.0.0.0/8"], "::ffff:10.0.0.1", &claims).0, "10.0.0.2, 10.0.0.1");
    }

    /// The proxy writes one of them, and passes the other on as the client made it up.
    #[test]
    fn reads_no_header_but_the_one_that_the_proxy_writes() {
        let claims = [("x-forwarded-for", "192.0.2.1"), ("forwarded", "for=198.51.100.7")];
        for (header, client) in [(XForwardedFor, "192.0.2.1"), (Forwarded, "198.51.100.7")] {
            assert_eq!(written(header, &["10.0.0.0/8"], "10.0.0.1", &claims).0, format!("{client}, 10.0.0.1"));
        }
        for (header, claim) in [(XForwardedFor, claims[1]), (Forwarded, claims[0])] {
            assert_eq!(written(header, &["10.0.0.0/8"], "10.0.0.1", &[claim]).0, "10.0.0.1");
        }
    }

    #[test]
    fn names_the_client_for_rate_limits() {
        let trusted = TrustedProxies::new(&["10.0.0.0/8".parse().unwrap()], XForwardedFor);
        let mut headers = HeaderMap::new();
        headers.insert(X_FORWARDED_FOR, HeaderValue::from_static("spoofed, 198.51.100.7"));
        assert_eq!(trusted.client(&headers, "10.0.0.1".parse().unwrap()).to_string(), "198.51.100.7");
        assert_eq!(trusted.client(&headers, "203.0.113.5".parse().unwrap()).to_string(), "203.0.113.5");
    }
}
