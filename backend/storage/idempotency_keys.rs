//! What was answered to writes that came with an Idempotency-Key.

use std::collections::{BTreeMap, HashMap};

use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Bool, Text, Uuid as SqlUuid};
use serde_json::{Value, json};
use uuid::Uuid;

use super::schema::idempotency_keys;
use crate::error::Result;

/// An answer as it is kept and given again.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    pub status: u16,
    pub headers: BTreeMap<String, String>,
    pub body: String,
}

/// An answer, and what was asked.
#[derive(Debug)]
pub struct Kept {
    /// SHA-256.
    pub fingerprint: [u8; 32],
    pub answer: Answer,
}

#[derive(QueryableByName, Insertable)]
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
    let statement = "SELECT kept.* FROM unnest($1, $2) AS n (account_id, key) JOIN idempotency_keys AS kept USING (account_id, key)";
    let query = diesel::sql_query(statement).bind::<Array<SqlUuid>, _>(accounts).bind::<Array<Text>, _>(keys);
    let rows: Vec<Row> = query.load(connection)?;
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
    let statement = "DELETE FROM idempotency_keys WHERE ctid IN (
             SELECT ctid FROM idempotency_keys WHERE created_at < now() - interval '7 days' LIMIT $1)";
    Ok(diesel::sql_query(statement).bind::<BigInt, _>(limit).execute(connection)?)
}

fn unreadable(what: &'static str) -> diesel::result::Error {
    diesel::result::Error::DeserializationError(what.into())
}
