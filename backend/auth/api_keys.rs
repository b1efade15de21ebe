//! API keys: what an integrator's program sends in place of an access token. A key is looked up in Postgres, and
//! believed for a second: when it is ended, or its account deactivated, it is good for nothing two seconds later, on
//! every replica.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use actix_web::http::Uri;
use chrono::{DateTime, Utc};
use moka::future::Cache;
use percent_encoding::percent_decode_str;
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::extractors::{Credential, Identity};
use crate::domain::scope::Scope;
use crate::error::{Error, Result};
use crate::storage::api_keys::{self as table, Hash};
use crate::storage::db::Db;

const PREFIX: &str = "otk_";
/// Of 62 letters: 256 bits.
const LENGTH: usize = 43;
#[rustfmt::skip]
const ALPHABET: [char; 62] = [
    '0', '1', '2', '3', '4', '5', '6', '7', '8', '9',
    'A', 'B', 'C', 'D', 'E', 'F', 'G', 'H', 'I', 'J', 'K', 'L', 'M', 'N', 'O', 'P', 'Q', 'R', 'S', 'T', 'U', 'V', 'W', 'X', 'Y', 'Z',
    'a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i', 'j', 'k', 'l', 'm', 'n', 'o', 'p', 'q', 'r', 's', 't', 'u', 'v', 'w', 'x', 'y', 'z',
];

/// For how long what was read of a key is believed.
const BELIEVED: Duration = Duration::from_secs(1);
/// Keys remembered, those that are none among them.
const CAPACITY: u64 = 10_000;
/// For how long a key that was good is looked up first of all.
const REMEMBERED: Duration = Duration::from_secs(60 * 60);
/// How exactly the list of keys says when one was used last.
const USE_NOTED_EVERY: chrono::Duration = chrono::Duration::minutes(1);

/// A new key, from a cryptographically secure generator.
pub fn generate() -> String {
    format!("{PREFIX}{}", nanoid::nanoid!(LENGTH, &ALPHABET))
}

/// What is kept of a key. It has 256 bits of chance in it: nothing slower than SHA-256 is needed.
pub fn hash(key: &str) -> Hash {
    Sha256::digest(key).into()
}

/// Does this look like a key at all? What does not is taken for an access token.
pub fn is_one(token: &str) -> bool {
    token.starts_with(PREFIX)
}

/// Is there a key in a URL? It stands in logs then, of every proxy on the way.
pub fn is_in_url(url: &Uri) -> bool {
    let Some(text) = url.path_and_query().map(|text| text.as_str()) else { return false };
    // The underscore may be written as %5F.
    text.contains("otk") && is_in(&percent_decode_str(text).decode_utf8_lossy())
}

fn is_in(url: &str) -> bool {
    url.match_indices(PREFIX).any(|(at, _)| {
        let behind = url.as_bytes()[at + PREFIX.len()..].iter();
        behind.take_while(|byte| byte.is_ascii_alphanumeric()).count() >= LENGTH
    })
}

/// Whom a key stands for, and what it may be used for.
#[derive(Debug, Clone)]
pub struct Grant {
    pub identity: Identity,
    pub scopes: Vec<Scope>,
    pub expires_at: Option<DateTime<Utc>>,
}

impl Grant {
    /// [`Error::InsufficientScope`] when the key was not made for this.
    pub fn allows(&self, scope: Scope) -> Result<()> {
        if self.scopes.contains(&scope) { Ok(()) } else { Err(Error::InsufficientScope(scope)) }
    }
}

/// The keys that were looked up within the last second.
pub struct ApiKeys {
    db: Db,
    known: Cache<Hash, Known>,
    /// Keys that were good within the last hour; whether they still are is another question.
    good: Cache<Hash, ()>,
}

#[derive(Clone)]
enum Known {
    Good(Arc<Grant>),
    OfADeactivatedAccount,
    NoKey,
}

impl ApiKeys {
    pub fn new(db: Db) -> ApiKeys {
        let known = Cache::builder().max_capacity(CAPACITY).time_to_live(BELIEVED).build();
        let good = Cache::builder().max_capacity(CAPACITY).time_to_live(REMEMBERED).build();
        ApiKeys { db, known, good }
    }

    /// Whom a key stands for. [`Error::InvalidApiKey`] for what is none or was ended, [`Error::ApiKeyExpired`],
    /// [`Error::AccountDeactivated`].
    pub async fn verify(&self, key: &str) -> Result<Arc<Grant>> {
        if !is_well_formed(key) {
            return Err(Error::InvalidApiKey);
        }
        let hash = hash(key);
        let known = self.known.try_get_with(hash, self.look_up(hash)).await;
        let grant = match known.map_err(|error: Arc<Error>| error.for_another())? {
            Known::Good(grant) => grant,
            Known::OfADeactivatedAccount => return Err(Error::AccountDeactivated),
            Known::NoKey => return Err(Error::InvalidApiKey),
        };
        // At each use, by this process' clock.
        if grant.expires_at.is_some_and(|at| at <= Utc::now()) {
            return Err(Error::ApiKeyExpired);
        }
        Ok(grant)
    }

    /// Was it good within the last hour?
    pub fn was_good(&self, key: &str) -> bool {
        self.good.contains_key(&hash(key))
    }

    /// Forgets a key that this process has just ended.
    pub async fn forget(&self, hash: &Hash) {
        self.known.invalidate(hash).await;
    }

    /// Which of these keys, by their IDs, are still good.
    pub async fn still_good(&self, ids: Vec<Uuid>) -> Result<HashSet<Uuid>> {
        self.db.read(move |connection| table::still_good(connection, &ids)).await
    }

    async fn look_up(&self, hash: Hash) -> Result<Known> {
        let Some(found) = self.db.read(move |connection| table::find(connection, &hash)).await? else {
            return Ok(Known::NoKey);
        };
        if !found.account_is_active {
            return Ok(Known::OfADeactivatedAccount);
        }
        self.good.insert(hash, ()).await;
        if found.last_used_at.is_none_or(|at| Utc::now() - at >= USE_NOTED_EVERY) {
            self.note_use(found.id);
        }
        let identity =
            Identity { account_id: found.account_id, role: found.role, credential: Credential::ApiKey(found.id) };
        Ok(Known::Good(Arc::new(Grant { identity, scopes: found.scopes, expires_at: found.expires_at })))
    }

    /// Nobody waits for this.
    fn note_use(&self, id: Uuid) {
        let db = self.db.clone();
        tokio::spawn(async move {
            if let Err(error) = db.write(move |connection| table::note_use(connection, id)).await {
                tracing::debug!(%error, "the use of an API key is not noted");
            }
        });
    }
}

fn is_well_formed(key: &str) -> bool {
    key.strip_prefix(PREFIX)
        .is_some_and(|rest| rest.len() == LENGTH && rest.bytes().all(|byte| byte.is_ascii_alphanumeric()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_otk_and_43_letters_and_never_the_same() {
        let (one, other) = (generate(), generate());
        assert_ne!(one, other);
        assert_eq!(one.len(), 47);
        assert!(is_one(&one) && one[4..].bytes().all(|byte| byte.is_ascii_alphanumeric()));
        assert!(!is_one("eyJhbGciOiJIUzI1NiJ9.e30.x"));
    }

    #[test]
    fn keys_in_urls_are_seen() {
        let key = generate();
        assert!(is_in(&format!("/api/v1/orders?api_key={key}")));
        assert!(is_in(&format!("/api/v1/orders/{key}/events")));
        assert!(is_in(&format!("/api/v1/orders?q=otk_otk_{key}&limit=1")));
        assert!(!is_in("/api/v1/orders?q=otk_42"));
        assert!(!is_in("/api/v1/orders?q="));
        let is_in_url = |url: &str| super::is_in_url(&url.parse().unwrap());
        assert!(is_in_url(&format!("/api/v1/orders?key={}", key.replace('_', "%5F"))));
        assert!(!is_in_url("/api/v1/orders?q=otk_%zz"));
    }
}
