//! Rate limits: buckets in this process, so that nobody waits for them, and each second what was taken is told to the other
//! replicas by way of Redis, and theirs heard. Without Redis each replica has its own.

pub mod address;
mod policy;

use std::collections::HashMap;
use std::future::{Ready, ready};
use std::hash::{BuildHasher, RandomState};
use std::marker::PhantomData;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use actix_web::dev::Payload;
use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue};
use actix_web::{FromRequest, HttpMessage, HttpRequest, web};
use deadpool_redis::redis;
use uuid::Uuid;

use self::address::{client_address, household};
use self::policy::{Bucket, Taken};
pub use self::policy::{Policy, Verdict};
use crate::error::{Error, Result};
use crate::redis_link::RedisLink;
use crate::server::App;

const SETTLED_EVERY: Duration = Duration::from_secs(1);
const SHARDS: usize = 16;
/// Buckets in a shard. Who would need one more is not counted: a flood from so many addresses is not for this to stop.
const BUCKETS_MAX: usize = 16 * 1024;
/// Shared buckets taken from in one go.
const AT_ONCE: usize = 500;

/// Whose requests are counted together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Whose {
    Account(Uuid),
    ApiKey(Uuid),
    Address(IpAddr),
}

pub struct Limits {
    is_on: bool,
    hasher: RandomState,
    shards: [Mutex<HashMap<(Policy, Whose), Bucket>>; SHARDS],
}

impl Limits {
    /// Starts to settle with the others each second, until the last `Arc` is dropped. Must run within a tokio runtime.
    pub fn start(is_on: bool, redis: RedisLink, prefix: &str) -> Arc<Limits> {
        let limits = Arc::new(Limits { is_on, hasher: RandomState::new(), shards: Default::default() });
        let (weak, prefix) = (Arc::downgrade(&limits), format!("{prefix}limit:"));
        if is_on {
            tokio::spawn(async move {
                loop {
                    tokio::time::sleep(SETTLED_EVERY).await;
                    let Some(limits) = weak.upgrade() else { return };
                    limits.settle(&redis, &prefix).await;
                }
            });
        }
        limits
    }

    /// Takes one from somebody's bucket. None: nothing is limited. [`Error::RateLimited`] when there is none left.
    pub fn take(&self, policy: Policy, whose: Whose) -> Result<Option<Verdict>> {
        if !self.is_on {
            return Ok(None);
        }
        let (key, now) = ((policy, whose.counted()), Instant::now());
        let mut shard = self.shard(&key);
        if shard.len() >= BUCKETS_MAX && !shard.contains_key(&key) {
            return Ok(None);
        }
        let verdict = shard.entry(key).or_insert_with(|| Bucket::full(policy, now)).take(now);
        if verdict.allowed { Ok(Some(verdict)) } else { Err(Error::RateLimited(verdict)) }
    }

    /// Takes nothing. [`Error::RateLimited`] when there is none left.
    pub fn look(&self, policy: Policy, whose: Whose) -> Result<()> {
        let key = (policy, whose.counted());
        match self.shard(&key).get(&key).map(|bucket| bucket.verdict(Instant::now())) {
            Some(verdict) if !verdict.allowed => Err(Error::RateLimited(verdict)),
            // Who has taken nothing has no bucket.
            _ => Ok(()),
        }
    }

    fn shard(&self, key: &(Policy, Whose)) -> MutexGuard<'_, HashMap<(Policy, Whose), Bucket>> {
        lock(&self.shards[self.hasher.hash_one(key) as usize % SHARDS])
    }

    /// Tells what was taken here, hears what was taken elsewhere, and forgets buckets that are full.
    async fn settle(&self, redis: &RedisLink, prefix: &str) {
        let now = Instant::now();
        let mut told: Vec<((Policy, Whose), Taken)> = Vec::new();
        for shard in &self.shards {
            lock(shard).retain(|key, bucket| match bucket.tell(now) {
                Some(taken) => {
                    told.push((*key, taken));
                    true
                }
                None => !bucket.is_full(now),
            });
        }
        for some in told.chunks(AT_ONCE) {
            let mut taking = redis::pipe();
            for ((policy, whose), taken) in some {
                taking.cmd("EVAL").arg(TAKE_FROM_SHARED).arg(1).arg(format!("{prefix}{policy}:{}", whose.name()));
                for time in [taken.comes_back, taken.age.min(KNOWN_FULL_FOR), policy.longest(), KNOWN_FULL_FOR] {
                    taking.arg(millis(time));
                }
            }
            // What can't be told now is not told later: it may have come back since.
            let full_in: Vec<i64> = redis.run(&taking).await.unwrap_or_default();
            let now = Instant::now();
            for ((key, _), until_full) in some.iter().zip(full_in) {
                if let Some(bucket) = self.shard(key).get_mut(key) {
                    bucket.hear(Duration::from_millis(u64::try_from(until_full).unwrap_or(0)), now);
                }
            }
        }
    }
}

/// The bucket that all replicas share is a key that ends a while after it is full, so that it is known since when it is: what
/// has come back since goes to one of those who take from it, not to each. Takes in milliseconds: in how much time what is
/// taken comes back, how long ago it was taken first (a bucket of which nothing is known was full then), how long it takes to
/// be full at most, and the while. Gives the milliseconds until it is full, or less than none when it has been so.
const TAKE_FROM_SHARED: &str = "local left = math.max(redis.call('PTTL', KEYS[1]) - ARGV[4], -ARGV[2]) \
     left = math.min(left + ARGV[1], tonumber(ARGV[3])) \
     redis.call('SET', KEYS[1], '', 'PX', left + ARGV[4]) \
     return left";
/// Replicas that settle each second come at least once within it.
const KNOWN_FULL_FOR: Duration = Duration::from_secs(2);

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

/// Takes one for a request from the bucket of its account or key, and notes how it stands, for the answer's headers.
pub fn take_for(app: &App, request: &HttpRequest, policy: Policy, whose: Whose) -> Result<()> {
    noted(request, app.limits.take(policy, whose))
}

/// The same for who has shown nothing: from the bucket of their address.
pub fn take_for_address(app: &App, request: &HttpRequest, policy: Policy) -> Result<()> {
    take_for(app, request, policy, of_address(app, request))
}

/// Takes nothing: refuses whoever has nothing left, and notes that for the answer's headers.
pub fn look_at_address(app: &App, request: &HttpRequest, policy: Policy) -> Result<()> {
    noted(request, app.limits.look(policy, of_address(app, request)).map(|()| None))
}

fn noted(request: &HttpRequest, asked: Result<Option<Verdict>>) -> Result<()> {
    if let Ok(Some(verdict)) | Err(Error::RateLimited(verdict)) = &asked {
        request.extensions_mut().insert(*verdict);
    }
    asked.map(|_| ())
}

pub fn of_address(app: &App, request: &HttpRequest) -> Whose {
    Whose::Address(client_address(request, &app.config.trusted_proxies))
}

/// As an argument of a handler: takes one for the address that asks, under a policy.
pub struct Within<P>(PhantomData<P>);

pub trait Named: 'static {
    const POLICY: Policy;
}

macro_rules! within {
    ($($name:ident),+) => { $(pub struct $name; impl Named for $name { const POLICY: Policy = Policy::$name; })+ };
}
within!(Anonymous, Logins, Registrations);

impl<P: Named> FromRequest for Within<P> {
    type Error = Error;
    type Future = Ready<Result<Within<P>>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let taken = match request.app_data::<web::Data<App>>() {
            Some(app) => take_for_address(app, request, P::POLICY),
            None => Err(Error::Internal("the application's state is missing".to_owned())),
        };
        ready(taken.map(|()| Within(PhantomData)))
    }
}

impl Verdict {
    /// Says in an answer how it stands, as the IETF's draft "RateLimit header fields for HTTP" has it.
    pub fn tell(&self, headers: &mut HeaderMap) {
        let (quota, window) = self.policy.quota();
        let policy = format!("\"{}\";q={quota};w={}", self.policy, window.as_secs());
        let standing = format!("\"{}\";r={};t={}", self.policy, self.remaining, self.reset);
        for (name, value) in [("ratelimit-policy", policy), ("ratelimit", standing)] {
            if let Ok(value) = HeaderValue::from_str(&value) {
                headers.insert(HeaderName::from_static(name), value);
            }
        }
    }
}

impl Whose {
    fn counted(self) -> Whose {
        match self {
            Whose::Address(address) => Whose::Address(household(address)),
            other => other,
        }
    }

    fn name(self) -> String {
        match self {
            Whose::Account(id) => format!("account:{id}"),
            Whose::ApiKey(id) => format!("key:{id}"),
            Whose::Address(address) => format!("address:{address}"),
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
