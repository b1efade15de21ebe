//! Names of receivers, looked up as the system does. Whose name server is slow waits for it alone.

use std::collections::HashMap;
use std::net::{IpAddr, ToSocketAddrs};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use moka::future::Cache;
use tokio::sync::Semaphore;
use uuid::Uuid;

/// Lookups of one account at once, and of all, each with a thread; and how long one takes at most, the turn included. The
/// system may take longer to give up.
const OF_AN_ACCOUNT: usize = 2;
const TURNS: usize = 256;
const TIME_LIMIT: Duration = Duration::from_secs(5);
const STACK: usize = 512 * 1024;
/// For how long an answer is good, also that there is none. Whether an address may be reached is asked at each connection.
const BELIEVED: Duration = Duration::from_secs(10);
const CAPACITY: u64 = 10_000;

#[derive(Debug, Clone, Copy, thiserror::Error)]
#[error("the name is not known within 5 seconds")]
pub struct NoSuchName;

type Found = Result<Arc<[IpAddr]>, NoSuchName>;

pub struct Names {
    known: Cache<String, Found>,
    turns: Arc<Semaphore>,
    of_accounts: Mutex<HashMap<Uuid, Weak<Semaphore>>>,
}

impl Names {
    pub fn new() -> Names {
        Names {
            known: Cache::builder().max_capacity(CAPACITY).time_to_live(BELIEVED).build(),
            turns: Arc::new(Semaphore::new(TURNS)),
            of_accounts: Mutex::default(),
        }
    }

    /// Has a name looked up on an account's behalf, so that the addresses are there when a connection is made.
    pub async fn look_up_for(&self, account_id: Uuid, name: &str) -> Result<(), String> {
        if self.known.contains_key(name) {
            return Ok(());
        }
        let turns = self.turns_of(account_id);
        let look_up = async {
            let _turn = turns.acquire().await;
            self.look_up(name).await
        };
        let found = tokio::time::timeout(TIME_LIMIT, look_up).await.unwrap_or(Err(NoSuchName));
        found.map(|_| ()).map_err(|none| none.to_string())
    }

    /// The addresses of a name, as they are or were some seconds ago. Who asks for the same one waits for the same answer.
    pub async fn look_up(&self, name: &str) -> Found {
        let turns = self.turns.clone();
        let owned = name.to_owned();
        self.known.get_with_by_ref(name, async move { ask_the_system(&turns, owned).await }).await
    }

    fn turns_of(&self, account_id: Uuid) -> Arc<Semaphore> {
        let mut of_accounts = self.of_accounts.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(turns) = of_accounts.get(&account_id).and_then(Weak::upgrade) {
            return turns;
        }
        of_accounts.retain(|_, turns| turns.strong_count() > 0);
        let turns = Arc::new(Semaphore::new(OF_AN_ACCOUNT));
        of_accounts.insert(account_id, Arc::downgrade(&turns));
        turns
    }
}

async fn ask_the_system(turns: &Semaphore, name: String) -> Found {
    let asked = async {
        let _turn = turns.acquire().await.ok()?;
        let (to_us, found) = tokio::sync::oneshot::channel();
        // A thread of its own, for as long as the system takes: those that wait for Postgres must not wait for names.
        let looking = move || {
            let found = (name.as_str(), 0).to_socket_addrs();
            _ = to_us.send(found.map(|found| found.map(|address| address.ip()).collect::<Arc<[IpAddr]>>()));
        };
        std::thread::Builder::new().name("names".to_owned()).stack_size(STACK).spawn(looking).ok()?;
        found.await.ok()?.ok()
    };
    tokio::time::timeout(TIME_LIMIT, asked).await.ok().flatten().ok_or(NoSuchName)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_name_is_looked_up_once_and_one_that_is_none_says_so() {
        let names = Names::new();
        names.look_up_for(Uuid::nil(), "localhost").await.unwrap();
        assert!(names.known.contains_key("localhost"));
        assert!(names.look_up("localhost").await.unwrap().iter().all(IpAddr::is_loopback));
        assert!(names.look_up_for(Uuid::nil(), "no such name").await.unwrap_err().contains("not known"));
    }

    #[tokio::test]
    async fn whose_lookups_all_hang_holds_up_nobody_else() {
        let names = Names::new();
        let (slow, quick) = (Uuid::from_u128(1), Uuid::from_u128(2));
        let turns = names.turns_of(slow);
        let _held = turns.acquire_many(OF_AN_ACCOUNT as u32).await.unwrap();
        let waits = tokio::time::timeout(Duration::from_millis(200), names.look_up_for(slow, "localhost"));
        assert!(waits.await.is_err());
        tokio::time::timeout(Duration::from_secs(2), names.look_up_for(quick, "localhost")).await.unwrap().unwrap();
    }
}
