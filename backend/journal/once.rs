//! Idempotency keys: the answer to a write is kept in the write's own transaction, and whoever asks the same again gets
//! that. (The IETF's draft "The Idempotency-Key HTTP Header Field".)

use std::collections::HashSet;
use std::sync::Arc;

use diesel::prelude::*;
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::{Outcome, Rejection};
use crate::error::Result;
use crate::storage::idempotency_keys::{self as table, Answer};

/// What makes a request one that is done once.
#[derive(Clone)]
pub struct Once {
    pub key: String,
    /// SHA-256 of what is asked: method, path, query and body.
    pub fingerprint: [u8; 32],
    pub render: Render,
}

/// What is answered to these outcomes, the same each time. Only answers of success are kept.
pub type Render = Arc<dyn Fn(&[Outcome]) -> Result<Answer> + Send + Sync>;

impl Once {
    /// What holds a key while it is worked on: one of 2^64 advisory locks. Two keys that share one are as improbable as
    /// harmless: one of them is told to try again.
    fn lock(&self, account_id: Uuid) -> i64 {
        let digest = Sha256::new().chain_update(account_id).chain_update(&self.key).finalize();
        i64::from_be_bytes(std::array::from_fn(|index| digest[index]))
    }

    fn settled(&self, kept: &table::Kept) -> Rejection {
        if kept.fingerprint == self.fingerprint {
            Rejection::AnsweredBefore(Box::new(kept.answer.clone()))
        } else {
            Rejection::KeyReused
        }
    }
}

/// Takes keys until the transaction ends, without waiting for anybody. For each of them, why nothing is to be done.
pub fn claim(connection: &mut PgConnection, wanted: &[(Uuid, &Once)]) -> QueryResult<Vec<Option<Rejection>>> {
    if wanted.is_empty() {
        return Ok(Vec::new());
    }
    // One session gets a lock as often as it likes.
    let mut seen = HashSet::new();
    let repeated: Vec<bool> =
        wanted.iter().map(|(account, once)| !seen.insert((*account, once.key.as_str()))).collect();
    let locks: Vec<i64> = wanted.iter().map(|(account, once)| once.lock(*account)).collect();
    let taken = table::try_locks(connection, &locks)?;
    // Only now: who had a key until a moment ago has committed.
    let kept = table::find(connection, wanted.iter().map(|(account, once)| (*account, once.key.as_str())))?;
    let settled = wanted.iter().zip(taken.iter().zip(repeated)).map(|((account, once), (&taken, repeated))| match kept
        .get(&(*account, once.key.clone()))
    {
        Some(kept) => Some(once.settled(kept)),
        None if taken && !repeated => None,
        None => Some(Rejection::KeyInProgress),
    });
    Ok(settled.collect())
}

/// Keeps what will be answered once this transaction has committed, if it is a success.
pub fn keep<'a>(
    connection: &mut PgConnection,
    done: impl Iterator<Item = (Uuid, &'a Once, &'a [Outcome])>,
) -> QueryResult<()> {
    let answers = done.filter_map(|(account, once, outcomes)| {
        let answer = (once.render)(outcomes).ok().filter(|answer| (200..300).contains(&answer.status))?;
        Some((account, once.key.as_str(), table::Kept { fingerprint: once.fingerprint, answer }))
    });
    table::insert(connection, answers.collect())
}
