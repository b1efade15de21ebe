//! Where a webhook may lead: to the public internet, and to nothing inside. The address is looked at when a connection is
//! made, after its name was resolved: what a name says before that is no promise.

use std::error::Error as StdError;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;

use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use reqwest::Url;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use url::Host;

use super::names::Names;

/// IPv4 addresses that are nobody's on the internet (IANA's special-purpose registry), those of multicast and what is
/// reserved.
const NOT_PUBLIC_V4: [Ipv4Net; 16] = [
    v4([0, 0, 0, 0], 8),
    v4([10, 0, 0, 0], 8),
    v4([100, 64, 0, 0], 10),
    v4([127, 0, 0, 0], 8),
    v4([169, 254, 0, 0], 16),
    v4([172, 16, 0, 0], 12),
    v4([192, 0, 0, 0], 24),
    v4([192, 0, 2, 0], 24),
    v4([192, 31, 196, 0], 24),
    v4([192, 88, 99, 0], 24),
    v4([192, 168, 0, 0], 16),
    v4([198, 18, 0, 0], 15),
    v4([198, 51, 100, 0], 24),
    v4([203, 0, 113, 0], 24),
    v4([224, 0, 0, 0], 4),
    v4([240, 0, 0, 0], 4),
];
/// All of IPv6 that was given out; in it are forms that carry an IPv4 address (Teredo, 6to4), and examples. NAT64 and
/// IPv4-mapped addresses lie outside.
const PUBLIC_V6: Ipv6Net = v6(0x2000, 0, 3);
const NOT_PUBLIC_V6: [Ipv6Net; 4] = [v6(0x2001, 0, 23), v6(0x2001, 0xdb8, 32), v6(0x2002, 0, 16), v6(0x3fff, 0, 20)];

const fn v4([a, b, c, d]: [u8; 4], prefix: u8) -> Ipv4Net {
    Ipv4Net::new_assert(Ipv4Addr::new(a, b, c, d), prefix)
}

const fn v6(first: u16, second: u16, prefix: u8) -> Ipv6Net {
    Ipv6Net::new_assert(Ipv6Addr::new(first, second, 0, 0, 0, 0, 0, 0), prefix)
}

/// Which addresses may be reached: public ones, and those that whoever runs the server allows.
#[derive(Debug, Clone)]
pub struct Guard {
    allowed: Arc<[IpNet]>,
}

/// Why a URL is none for a webhook.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    #[error("must be a URL such as https://shop.example/webhooks")]
    NoUrl,
    #[error("must begin with https://")]
    NotHttps,
    #[error("must not hold a name or password")]
    HoldsCredentials,
    #[error("must lead to a public address")]
    NotPublic,
}

impl Guard {
    pub fn new(allowed: &[IpNet]) -> Guard {
        Guard { allowed: allowed.into() }
    }

    /// A URL, as far as can be said without resolving its name.
    pub fn check(&self, given: &str) -> Result<Url, Refused> {
        let url = Url::parse(given).map_err(|_| Refused::NoUrl)?;
        // What reads URLs takes `https:a`, too.
        if !given.get(url.scheme().len()..).is_some_and(|rest| rest.starts_with("://")) {
            return Err(Refused::NoUrl);
        }
        match url.scheme() {
            "https" => {}
            // Where an address is allowed, so is what goes there unencrypted; which one it is, is seen when connecting.
            "http" if !self.allowed.is_empty() => {}
            "http" => return Err(Refused::NotHttps),
            _ => return Err(Refused::NoUrl),
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(Refused::HoldsCredentials);
        }
        match url.host().ok_or(Refused::NoUrl)? {
            Host::Domain(name) if self.allowed.is_empty() && is_local(name) => Err(Refused::NotPublic),
            Host::Domain(_) => Ok(url),
            // In whatever form it was written: decimal, octal, hexadecimal, without some of its parts.
            Host::Ipv4(address) => self.may_reach(&url, IpAddr::V4(address)).map(|()| url),
            Host::Ipv6(address) => self.may_reach(&url, IpAddr::V6(address)).map(|()| url),
        }
    }

    fn may_reach(&self, url: &Url, address: IpAddr) -> Result<(), Refused> {
        match (self.is_allowed(address), url.scheme()) {
            (true, _) => Ok(()),
            (false, "https") if is_public(address) => Ok(()),
            (false, "https") => Err(Refused::NotPublic),
            (false, _) => Err(Refused::NotHttps),
        }
    }

    fn is_allowed(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.allowed.iter().any(|net| net.contains(&address))
    }

    /// For connections by this scheme.
    pub fn resolver(&self, names: Arc<Names>, is_https: bool) -> Arc<Resolver> {
        Arc::new(Resolver { guard: self.clone(), names, is_https })
    }
}

/// Resolves names as the system does, and leaves out every address that must not be reached.
pub struct Resolver {
    guard: Guard,
    names: Arc<Names>,
    is_https: bool,
}

impl Resolve for Resolver {
    fn resolve(&self, name: Name) -> Resolving {
        let (guard, names, is_https) = (self.guard.clone(), self.names.clone(), self.is_https);
        Box::pin(async move {
            let found = names.look_up(name.as_str()).await?;
            let may_reach = |address: &IpAddr| guard.is_allowed(*address) || is_https && is_public(*address);
            let addresses: Vec<SocketAddr> =
                found.iter().copied().filter(may_reach).map(|address| SocketAddr::new(address, 0)).collect();
            if addresses.is_empty() {
                return Err(Box::new(Refused::NotPublic) as Box<dyn StdError + Send + Sync>);
            }
            Ok(Box::new(addresses.into_iter()) as Addrs)
        })
    }
}

fn is_local(name: &str) -> bool {
    let name = name.trim_end_matches('.');
    ["localhost", "local", "internal"]
        .iter()
        .any(|suffix| name == *suffix || name.strip_suffix(suffix).is_some_and(|rest| rest.ends_with('.')))
}

fn is_public(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(address) => !NOT_PUBLIC_V4.iter().any(|net| net.contains(&address)),
        IpAddr::V6(address) => PUBLIC_V6.contains(&address) && !NOT_PUBLIC_V6.iter().any(|net| net.contains(&address)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(url: &str) -> Result<(), Refused> {
        Guard::new(&[]).check(url).map(|_| ())
    }

    #[test]
    fn public_addresses_and_names_may_be_reached() {
        for url in [
            "https://shop.example/webhooks?x=1",
            "https://shop.example:8443",
            "https://8.8.8.8/",
            "https://[2606:4700::1]/",
            "https://[::ffff:8.8.8.8]/",
            "HTTPS://Shop.Example",
        ] {
            assert_eq!(check(url), Ok(()), "{url}");
        }
    }

    #[test]
    fn nothing_inside_may_be_reached_in_whatever_form_it_is_written() {
        for host in [
            "127.0.0.1",
            "127.1",
            "2130706433",
            "0x7f000001",
            "0177.0.0.1",
            "0",
            "0.0.0.0",
            "10.0.0.1",
            "172.16.0.1",
            "172.31.255.255",
            "192.168.1.1",
            "169.254.169.254",
            "100.64.0.1",
            "100.127.255.255",
            "192.0.0.1",
            "192.0.2.1",
            "198.18.0.1",
            "198.51.100.1",
            "203.0.113.1",
            "224.0.0.1",
            "239.255.255.255",
            "240.0.0.1",
            "255.255.255.255",
            "[::1]",
            "[::]",
            "[::ffff:127.0.0.1]",
            "[::ffff:7f00:1]",
            "[::127.0.0.1]",
            "[64:ff9b::7f00:1]",
            "[64:ff9b:1::1]",
            "[fe80::1]",
            "[fc00::1]",
            "[fd12:3456::1]",
            "[ff02::1]",
            "[2001::1]",
            "[2001:db8::1]",
            "[2002:7f00:1::]",
            "[3fff::1]",
            "[5f00::1]",
            "[100::1]",
            "[fec0::1]",
            "localhost",
            "LOCALHOST",
            "localhost.",
            "db.localhost",
            "metadata.google.internal",
            "printer.local",
            "１２７.０.０.１",
        ] {
            assert_eq!(check(&format!("https://{host}/")), Err(Refused::NotPublic), "{host}");
        }
    }

    #[test]
    fn what_is_no_url_for_a_webhook_says_why() {
        for (url, why) in [
            ("", Refused::NoUrl),
            ("shop.example", Refused::NoUrl),
            ("ftp://shop.example", Refused::NoUrl),
            ("file:///etc/passwd", Refused::NoUrl),
            ("https://", Refused::NoUrl),
            ("https:a", Refused::NoUrl),
            ("https:/a", Refused::NoUrl),
            ("https:a?x=://b", Refused::NoUrl),
            ("https:\\\\a", Refused::NoUrl),
            ("http://shop.example", Refused::NotHttps),
            ("https://uma:secret@shop.example", Refused::HoldsCredentials),
        ] {
            assert_eq!(check(url), Err(why), "{url}");
        }
    }

    #[test]
    fn what_is_allowed_may_be_reached_unencrypted_and_nothing_else() {
        let guard = Guard::new(&["127.0.0.0/8".parse().unwrap(), "10.1.0.0/16".parse().unwrap()]);
        for url in
            ["http://127.0.0.1:9000/", "https://10.1.2.3/", "http://localhost:9000", "http://[::ffff:127.0.0.1]/"]
        {
            assert!(guard.check(url).is_ok(), "{url}");
        }
        assert_eq!(guard.check("https://10.2.0.1/").unwrap_err(), Refused::NotPublic);
        assert_eq!(guard.check("http://8.8.8.8/").unwrap_err(), Refused::NotHttps);
    }

    #[tokio::test]
    async fn a_name_that_leads_inside_resolves_to_nothing() {
        let resolve = async |guard: &Guard, is_https| {
            let name: Name = "localhost".parse().unwrap();
            guard
                .resolver(Arc::new(Names::new()), is_https)
                .resolve(name)
                .await
                .map(|addresses| addresses.count())
                .map_err(|error| error.to_string())
        };
        assert!(resolve(&Guard::new(&[]), true).await.unwrap_err().contains("public"));
        let guard = Guard::new(&["127.0.0.0/8".parse().unwrap(), "::1/128".parse().unwrap()]);
        assert!(resolve(&guard, false).await.unwrap() > 0);
    }
}
