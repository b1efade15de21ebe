//! From where a request comes: the other end of the connection, or what a proxy that we trust says of it.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use actix_web::HttpRequest;

const FORWARDED_FOR: &str = "x-forwarded-for";

/// The address of whoever asks. `X-Forwarded-For` counts only from a trusted proxy: then the last address in it is the
/// one that the proxy has seen, and so on from trusted proxy to trusted proxy. Everything before anybody may have written.
pub fn client_address(request: &HttpRequest, trusted: &[IpAddr]) -> IpAddr {
    let peer = request.peer_addr().map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |peer| peer.ip().to_canonical());
    let headers = request.headers().get_all(FORWARDED_FOR).filter_map(|value| value.to_str().ok());
    let forwarded: Vec<&str> = headers.flat_map(|value| value.split(',')).collect();
    believed(peer, &forwarded, trusted)
}

fn believed(peer: IpAddr, forwarded: &[&str], trusted: &[IpAddr]) -> IpAddr {
    let mut address = peer;
    for told in forwarded.iter().rev() {
        if !trusted.contains(&address) {
            break;
        }
        match read(told.trim()) {
            Some(told) => address = told,
            None => break,
        }
    }
    address
}

/// An address, with or without a port.
fn read(text: &str) -> Option<IpAddr> {
    let bare = text.strip_prefix('[').and_then(|rest| rest.split_once(']')).map_or(text, |(address, _)| address);
    let address: Option<IpAddr> = bare.parse().ok();
    address.or_else(|| text.parse().map(|address: std::net::SocketAddr| address.ip()).ok()).map(|ip| ip.to_canonical())
}

/// Who is behind an address: with IPv6 somebody usually has a whole /64.
pub fn household(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            IpAddr::V6(Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn only_trusted_proxies_are_believed() {
        let trusted = [ip("10.0.0.1"), ip("10.0.0.2")];
        let of = |peer: &str, forwarded: &[&str]| believed(ip(peer), forwarded, &trusted).to_string();
        assert_eq!(of("203.0.113.9", &["1.2.3.4"]), "203.0.113.9");
        assert_eq!(of("10.0.0.1", &["1.2.3.4"]), "1.2.3.4");
        assert_eq!(of("10.0.0.1", &["6.6.6.6", " 1.2.3.4 ", "10.0.0.2"]), "1.2.3.4");
        assert_eq!(of("10.0.0.1", &[]), "10.0.0.1");
        assert_eq!(of("10.0.0.1", &["1.2.3.4", "unknown"]), "10.0.0.1");
        assert_eq!(of("10.0.0.1", &["1.2.3.4:567"]), "1.2.3.4");
        assert_eq!(of("10.0.0.1", &["[2001:db8::1]:567"]), "2001:db8::1");
        assert_eq!(of("10.0.0.1", &["::ffff:1.2.3.4"]), "1.2.3.4");
    }

    #[test]
    fn with_ipv6_a_household_has_a_64() {
        assert_eq!(household(ip("2001:db8:1:2:3:4:5:6")), ip("2001:db8:1:2::"));
        assert_eq!(household(ip("1.2.3.4")), ip("1.2.3.4"));
    }
}
