//! Where a request comes from. A proxy is believed only when the configuration trusts it.

use crate::config::Config;
use axum::extract::{ConnectInfo, Request};
use std::net::{IpAddr, SocketAddr};

/// The address of the client, as text; IPv6 is cut to the network of one household (/64).
#[must_use]
pub fn of(config: &Config, request: &Request) -> String {
    let peer = request.extensions().get::<ConnectInfo<SocketAddr>>().map(|c| c.0.ip());
    let forwarded = request.headers().get_all("x-forwarded-for");
    let chain: Vec<&str> = forwarded
        .iter()
        .filter_map(|v| v.to_str().ok())
        .flat_map(|v| v.split(','))
        .collect();
    peer.map(|peer| shorten(client(config, peer, &chain)))
        .unwrap_or_default()
}

/// The address of the connection itself.
#[must_use]
pub fn peer(request: &Request) -> Option<IpAddr> {
    request.extensions().get::<ConnectInfo<SocketAddr>>().map(|c| c.0.ip())
}

/// The last address of the chain that no trusted proxy has.
fn client(config: &Config, peer: IpAddr, chain: &[&str]) -> IpAddr {
    let trusted = |ip: IpAddr| config.trusted_proxies.iter().any(|n| n.contains(ip));
    let mut at = plain(peer);
    for hop in chain.iter().rev() {
        if !trusted(at) {
            break;
        }
        match hop.trim().parse::<IpAddr>() {
            Ok(ip) => at = plain(ip),
            Err(_) => break,
        }
    }
    at
}

/// IPv4 written as IPv6 is IPv4.
fn plain(ip: IpAddr) -> IpAddr {
    match ip {
        IpAddr::V6(v6) => v6.to_ipv4_mapped().map_or(ip, IpAddr::V4),
        IpAddr::V4(_) => ip,
    }
}

fn shorten(ip: IpAddr) -> String {
    match ip {
        IpAddr::V4(v4) => v4.to_string(),
        IpAddr::V6(v6) if v6.is_loopback() => v6.to_string(),
        IpAddr::V6(v6) => {
            let s = v6.segments();
            format!("{:x}:{:x}:{:x}:{:x}::/64", s[0], s[1], s[2], s[3])
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_trusted_proxies_are_believed() {
        let config = Config::load(None, |_| None, &[("trusted_proxies", "10.0.0.0/8".into())]).unwrap();
        let seen = |peer: &str, chain: &[&str]| shorten(client(&config, peer.parse().unwrap(), chain));
        assert_eq!(seen("203.0.113.9", &["198.51.100.1"]), "203.0.113.9");
        assert_eq!(seen("10.0.0.1", &["198.51.100.1"]), "198.51.100.1");
        assert_eq!(
            seen("10.0.0.1", &["1.1.1.1", "198.51.100.1", " 10.0.0.2"]),
            "198.51.100.1"
        );
        assert_eq!(seen("10.0.0.1", &["nonsense"]), "10.0.0.1");
        assert_eq!(seen("2001:db8:1:2:3:4:5:6", &[]), "2001:db8:1:2::/64");
        assert_eq!(seen("::ffff:192.0.2.7", &[]), "192.0.2.7");
    }
}
