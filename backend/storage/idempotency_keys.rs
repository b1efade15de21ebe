//! What was answered to writes that came with an Idempotency-Key.

use std::collections::{BTreeMap, HashMap};

use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Bool, Timestamptz};
use serde_json::{Value, json};
use uuid::Uuid;

use super::schema::idempotency_keys;
use crate::error::Result;
use crate::journal::Answer;

/// An answer, and what was asked.
#[derive(Debug)]
pub struct Kept {
    /// SHA-256.
    pub fingerprint: [u8; 32],
    pub answer: Answer,
}

#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = idempotency_keys)]
struct Row {
    account_id: Uuid,
    key: String,
    fingerprint: Vec<u8>,
    status: i16,
    headers: Value,
    body: String,
}

#[derive(QueryableByName)]
struct Taken {
    #[diesel(sql_type = Bool)]
    taken: bool,
}

/// Takes advisory locks until the transaction ends, without waiting; says of each whether it was free.
pub fn try_locks(connection: &mut PgConnection, locks: &[i64]) -> QueryResult<Vec<bool>> {
    let statement = "SELECT pg_try_advisory_xact_lock(number) AS taken FROM unnest($1) AS number";
    let taken: Vec<Taken> = diesel::sql_query(statement).bind::<Array<BigInt>, _>(locks).load(connection)?;
    Ok(taken.into_iter().map(|one| one.taken).collect())
}

/// What is kept under these keys of these accounts.
pub fn find<'a>(
    connection: &mut PgConnection,
    wanted: impl Iterator<Item = (Uuid, &'a str)>,
) -> QueryResult<HashMap<(Uuid, String), Kept>> {
    let (accounts, keys): (Vec<Uuid>, Vec<&str>) = wanted.unzip();
    let rows: Vec<Row> = idempotency_keys::table
        .filter(idempotency_keys::account_id.eq_any(accounts))
        .filter(idempotency_keys::key.eq_any(keys))
        .select(Row::as_select())
        .load(connection)?;
    rows.into_iter()
        .map(|row| {
            let fingerprint = row.fingerprint.try_into().map_err(|_| unreadable("a fingerprint has not 32 bytes"))?;
            let headers: BTreeMap<String, String> =
                serde_json::from_value(row.headers).map_err(|_| unreadable("headers are no texts"))?;
            let status = u16::try_from(row.status).map_err(|_| unreadable("a status is below zero"))?;
            Ok(((row.account_id, row.key), Kept { fingerprint, answer: Answer { status, headers, body: row.body } }))
        })
        .collect()
}

/// Keeps answers.
pub fn insert(connection: &mut PgConnection, answers: Vec<(Uuid, &str, Kept)>) -> QueryResult<()> {
    if answers.is_empty() {
        return Ok(());
    }
    let rows: Vec<Row> = answers
        .into_iter()
        .map(|(account_id, key, kept)| Row {
            account_id,
            key: key.to_owned(),
            fingerprint: kept.fingerprint.to_vec(),
            // It is one of success.
            status: kept.answer.status as i16,
            headers: json!(kept.answer.headers),
            body: kept.answer.body,
        })
        .collect();
    diesel::insert_into(idempotency_keys::table).values(rows).execute(connection).map(|_| ())
}

/// Deletes what has been kept for 7 days, at most `limit` of it; says how many.
pub fn sweep(connection: &mut PgConnection, limit: i64) -> Result<usize> {
    let old: Vec<(Uuid, String)> = idempotency_keys::table
        .filter(idempotency_keys::created_at.lt(sql::<Timestamptz>("now() - interval '7 days'")))
        .select((idempotency_keys::account_id, idempotency_keys::key))
        .limit(limit)
        .load(connection)?;
    let (accounts, keys): (Vec<Uuid>, Vec<String>) = old.into_iter().unzip();
    let old = idempotency_keys::table
        .filter(idempotency_keys::account_id.eq_any(accounts))
        .filter(idempotency_keys::key.eq_any(keys))
        // Another account's of the same name may be new.
        .filter(idempotency_keys::created_at.lt(sql::<Timestamptz>("now() - interval '7 days'")));
    Ok(diesel::delete(old).execute(connection)?)
}

fn unreadable(what: &'static str) -> diesel::result::Error {
    diesel::result::Error::DeserializationError(what.into())
}
