//! Configuration: one struct from the environment. Wrong values are refused at start, all at once.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use deadpool_redis::redis::IntoConnectionInfo;
use ipnet::IpNet;
use secrecy::{ExposeSecret, SecretString};

#[derive(Debug, Clone)]
pub struct Config {
    pub bind_addr: SocketAddr,
    /// Without a slash at the end.
    pub public_url: String,
    pub allowed_origins: Vec<String>,
    pub trusted_proxies: Vec<IpAddr>,
    /// Where webhooks may lead beside the public internet, and unencrypted.
    pub webhook_allow: Vec<IpNet>,
    pub database_url: SecretString,
    pub redis_url: SecretString,
    /// Every key and channel begins with it.
    pub redis_prefix: String,
    pub jwt_secret: SecretString,
    pub bcrypt_cost: u32,
    pub rate_limits: bool,
    /// After SIGTERM: how long `/readyz` says 503 while all else goes on.
    pub drain_notice: Duration,
    /// From the end of the notice until the process ends, whatever is still open.
    pub drain_timeout: Duration,
    /// The built apps; absent: API only.
    pub frontend_dir: PathBuf,
    /// HTTP worker threads.
    pub workers: usize,
}

/// Everything that is wrong with the environment, a line each.
#[derive(Debug, thiserror::Error)]
#[error("wrong configuration:\n{}", .0.join("\n"))]
pub struct ConfigError(pub Vec<String>);

impl Config {
    pub fn from_env() -> Result<Config, ConfigError> {
        Config::from_lookup(|name| std::env::var(name).ok())
    }

    /// Reads each variable through `lookup`; an empty value counts as absent.
    pub fn from_lookup(lookup: impl Fn(&str) -> Option<String>) -> Result<Config, ConfigError> {
        let mut reader = Reader { lookup, errors: Vec::new() };
        let config = Config {
            bind_addr: reader.parsed("BIND_ADDR", "127.0.0.1:8080", "an address and port such as 127.0.0.1:8080"),
            public_url: reader.public_url(),
            allowed_origins: reader.origins("ALLOWED_ORIGINS"),
            trusted_proxies: reader.addresses("TRUSTED_PROXIES"),
            webhook_allow: reader.networks("WEBHOOK_ALLOW"),
            database_url: reader.secret("DATABASE_URL", "such as postgres://user@host/database"),
            redis_url: reader.redis_url(),
            redis_prefix: reader.text("REDIS_PREFIX").unwrap_or_else(|| "ot:".to_owned()),
            jwt_secret: reader.jwt_secret(),
            bcrypt_cost: reader.parsed("BCRYPT_COST", "12", "a number from 4 to 15"),
            rate_limits: reader.switch("RATE_LIMITS"),
            drain_notice: reader.duration("DRAIN_NOTICE", 3.0),
            drain_timeout: reader.duration("DRAIN_TIMEOUT", 30.0),
            frontend_dir: PathBuf::from(reader.text("FRONTEND_DIR").unwrap_or_else(|| "frontend/dist".to_owned())),
            workers: std::thread::available_parallelism().map_or(2, |cores| cores.get()),
        };
        // Each step doubles the time: 15 takes 2.5 s, and nobody waits for longer than five.
        if !(4..=15).contains(&config.bcrypt_cost) {
            reader.errors.push("BCRYPT_COST: must be a number from 4 to 15".to_owned());
        }
        if config.drain_timeout <= config.drain_notice {
            reader.errors.push("DRAIN_TIMEOUT: must be longer than DRAIN_NOTICE, which is a part of it".to_owned());
        }
        if reader.errors.is_empty() { Ok(config) } else { Err(ConfigError(reader.errors)) }
    }

    /// Cookies are Secure when the app is reached by https.
    pub fn is_https(&self) -> bool {
        self.public_url.starts_with("https://")
    }
}

struct Reader<L> {
    lookup: L,
    errors: Vec<String>,
}

impl<L: Fn(&str) -> Option<String>> Reader<L> {
    fn text(&self, name: &str) -> Option<String> {
        (self.lookup)(name).map(|value| value.trim().to_owned()).filter(|value| !value.is_empty())
    }

    fn parsed<T: std::str::FromStr>(&mut self, name: &str, default: &str, expected: &str) -> T
    where
        T::Err: std::fmt::Debug,
    {
        let given = self.text(name);
        given.as_deref().unwrap_or(default).parse().unwrap_or_else(|_| {
            self.errors.push(format!("{name}: must be {expected}, not {:?}", given.unwrap_or_default()));
            default.parse().expect("defaults are well-formed")
        })
    }

    fn secret(&mut self, name: &str, example: &str) -> SecretString {
        self.text(name).map(SecretString::from).unwrap_or_else(|| {
            self.errors.push(format!("{name}: is missing ({example})"));
            SecretString::from("")
        })
    }

    fn redis_url(&mut self) -> SecretString {
        let url = self.secret("REDIS_URL", "such as redis://host or redis+unix:///path/redis.sock");
        // Not with its own words: they may quote a password.
        if !url.expose_secret().is_empty() && url.expose_secret().into_connection_info().is_err() {
            self.errors.push("REDIS_URL: must be such as redis://host or redis+unix:///path/redis.sock".to_owned());
        }
        url
    }

    fn jwt_secret(&mut self) -> SecretString {
        let secret = self.secret("JWT_SECRET", "32 bytes or more, random; `openssl rand -hex 32` makes one");
        if (1..32).contains(&secret.expose_secret().len()) {
            self.errors.push("JWT_SECRET: must have 32 bytes or more".to_owned());
        }
        secret
    }

    fn public_url(&mut self) -> String {
        let url = self.text("PUBLIC_URL").unwrap_or_else(|| "http://localhost:8080".to_owned());
        if !is_origin(&url) {
            self.errors
                .push(format!("PUBLIC_URL: must be a URL without a path such as https://track.example, not {url:?}"));
        }
        url.trim_end_matches('/').to_owned()
    }

    fn list(&self, name: &str) -> Vec<String> {
        let value = self.text(name).unwrap_or_default();
        value
            .split(',')
            .map(|part| part.trim().trim_end_matches('/').to_owned())
            .filter(|part| !part.is_empty())
            .collect()
    }

    fn origins(&mut self, name: &str) -> Vec<String> {
        let origins = self.list(name);
        for origin in origins.iter().filter(|origin| !is_origin(origin)) {
            self.errors.push(format!("{name}: {origin:?} is no origin such as https://app.example"));
        }
        origins
    }

    fn addresses(&mut self, name: &str) -> Vec<IpAddr> {
        let mut addresses = Vec::new();
        for part in self.list(name) {
            match part.parse() {
                Ok(address) => addresses.push(address),
                Err(_) => self.errors.push(format!("{name}: {part:?} is no IP address")),
            }
        }
        addresses
    }

    fn networks(&mut self, name: &str) -> Vec<IpNet> {
        let mut networks = Vec::new();
        for part in self.list(name) {
            // An address alone is a network of one.
            match part.parse().or_else(|_| part.parse::<IpAddr>().map(IpNet::from)) {
                Ok(network) => networks.push(network),
                Err(_) => self.errors.push(format!("{name}: {part:?} is no network such as 10.0.0.0/8")),
            }
        }
        networks
    }

    fn switch(&mut self, name: &str) -> bool {
        match self.text(name).as_deref() {
            None | Some("on") => true,
            Some("off") => false,
            Some(other) => {
                self.errors.push(format!("{name}: must be on or off, not {other:?}"));
                true
            }
        }
    }

    /// Seconds, with or without an `s`: `3`, `0.5`, `30s`.
    fn duration(&mut self, name: &str, default: f64) -> Duration {
        let given = self.text(name);
        let seconds = given.as_deref().map_or(Some(default), |value| value.trim_end_matches('s').trim().parse().ok());
        match seconds.map(Duration::try_from_secs_f64) {
            Some(Ok(duration)) => duration,
            _ => {
                self.errors
                    .push(format!("{name}: must be seconds such as 3 or 0.5s, not {:?}", given.unwrap_or_default()));
                Duration::from_secs_f64(default)
            }
        }
    }
}

/// Scheme and authority, and nothing after them but perhaps a slash.
fn is_origin(text: &str) -> bool {
    text.parse::<actix_web::http::Uri>().is_ok_and(|uri| {
        matches!(uri.scheme_str(), Some("http" | "https")) && uri.path() == "/" && uri.query().is_none()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(values: &[(&str, &str)]) -> Result<Config, ConfigError> {
        let values: std::collections::HashMap<_, _> = values.iter().copied().collect();
        Config::from_lookup(|name| values.get(name).map(|value| (*value).to_owned()))
    }

    const MINIMUM: [(&str, &str); 3] = [
        ("DATABASE_URL", "postgres://localhost/x"),
        ("REDIS_URL", "redis://localhost"),
        ("JWT_SECRET", "0123456789abcdef0123456789abcdef"),
    ];

    #[test]
    fn defaults_are_the_documented_ones() {
        let config = read(&MINIMUM).unwrap();
        assert_eq!(config.bind_addr.to_string(), "127.0.0.1:8080");
        assert_eq!(config.public_url, "http://localhost:8080");
        assert_eq!((config.redis_prefix.as_str(), config.bcrypt_cost, config.rate_limits), ("ot:", 12, true));
        assert_eq!((config.drain_notice.as_secs(), config.drain_timeout.as_secs()), (3, 30));
    }

    #[test]
    fn everything_wrong_is_told_at_once_and_no_secret_with_it() {
        let wrong = [
            ("BIND_ADDR", "here"),
            ("PUBLIC_URL", "track.example"),
            ("JWT_SECRET", "short-and-secret"),
            ("BCRYPT_COST", "99"),
            ("RATE_LIMITS", "maybe"),
            ("DRAIN_NOTICE", "-1"),
            ("DRAIN_TIMEOUT", "2.5"),
            ("TRUSTED_PROXIES", "10.0.0.1, proxy"),
            ("WEBHOOK_ALLOW", "10.0.0.0/8, 10.0.0.0/33"),
            ("REDIS_URL", "postgres://user:secret-too@host"),
        ];
        let error = read(&wrong).unwrap_err().to_string();
        for name in wrong.iter().map(|(name, _)| *name).chain(["DATABASE_URL"]) {
            assert!(error.contains(name), "{name} is missing in {error}");
        }
        assert!(!error.contains("short-and-secret") && !error.contains("secret-too"));
    }
}
