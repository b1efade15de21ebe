//! Sessions: begun by a login, kept alive by refreshing, ended by logging out and by what ends an account's rights.
//! Times are Postgres': replicas' clocks differ.

use chrono::{DateTime, Utc};
use diesel::dsl::{now, sql};
use diesel::prelude::*;
use diesel::sql_types::Timestamptz;
use serde::Serialize;
use uuid::Uuid;

use super::accounts::{self, Account};
use super::schema::sessions;
use crate::domain::account::Realm;
use crate::domain::session::{LIFETIME, Presented, Rotation, rotation};
use crate::domain::time::to_millis;
use crate::error::{Error, Result};

/// A session as its account's owner sees it.
#[derive(Debug, Clone, PartialEq, Queryable, Selectable, Serialize)]
#[diesel(table_name = sessions)]
pub struct Session {
    pub id: Uuid,
    #[serde(serialize_with = "to_millis")]
    pub created_at: DateTime<Utc>,
    #[serde(serialize_with = "to_millis")]
    pub last_used_at: DateTime<Utc>,
    #[serde(serialize_with = "to_millis")]
    pub expires_at: DateTime<Utc>,
    /// What the browser called itself at login.
    pub user_agent: Option<String>,
}

/// A session that may go on: whose it is, and the refresh token to hand out.
#[derive(Debug)]
pub struct OpenSession {
    pub account: Account,
    pub session_id: Uuid,
    pub generation: i32,
}

/// How presenting a refresh token went.
#[derive(Debug)]
pub enum Refreshed {
    GoesOn(OpenSession),
    /// It has ended: just now because an old token came back, or before.
    Ended,
}

/// Begins a session of an account that was just read within the same transaction.
pub fn begin(connection: &mut PgConnection, account: Account, user_agent: Option<&str>) -> Result<OpenSession> {
    let session_id = Uuid::now_v7();
    let at = transaction_time(connection)?;
    diesel::insert_into(sessions::table)
        .values((
            sessions::id.eq(session_id),
            sessions::account_id.eq(account.id),
            sessions::generation.eq(1),
            sessions::advanced_at.eq(at),
            sessions::user_agent.eq(user_agent),
            sessions::created_at.eq(at),
            sessions::last_used_at.eq(at),
            sessions::expires_at.eq(at + LIFETIME),
        ))
        .execute(connection)?;
    Ok(OpenSession { account, session_id, generation: 1 })
}

/// Takes a valid refresh token in and says which one to hand out. An old one ends the session.
pub fn refresh(connection: &mut PgConnection, realm: Realm, presented: Presented) -> Result<Refreshed> {
    let found: Option<(Uuid, i32, DateTime<Utc>)> = sessions::table
        .find(presented.session_id)
        .filter(sessions::ended_at.is_null())
        .filter(sessions::expires_at.gt(now))
        .select((sessions::account_id, sessions::generation, sessions::advanced_at))
        .for_update()
        .first(connection)
        .optional()?;
    let Some((account_id, newest, advanced_at)) = found else { return Ok(Refreshed::Ended) };
    let account = accounts::find(connection, account_id)?;
    let Some(account) = account.filter(|account| account.active && account.realm == realm) else {
        return Ok(Refreshed::Ended);
    };

    let at = transaction_time(connection)?;
    let session = sessions::table.find(presented.session_id);
    let used = (sessions::last_used_at.eq(at), sessions::expires_at.eq(at + LIFETIME));
    let generation = match rotation(presented.generation, newest, advanced_at, at) {
        Rotation::Advance(generation) => {
            let advanced = (sessions::generation.eq(generation), sessions::advanced_at.eq(at));
            diesel::update(session).set((used, advanced)).execute(connection)?;
            generation
        }
        Rotation::Repeat(generation) => {
            diesel::update(session).set(used).execute(connection)?;
            generation
        }
        Rotation::End => {
            diesel::update(session).set(sessions::ended_at.eq(now)).execute(connection)?;
            return Ok(Refreshed::Ended);
        }
    };
    Ok(Refreshed::GoesOn(OpenSession { account, session_id: presented.session_id, generation }))
}

/// Ends a session, whosever it is; one that has ended stays as it is.
pub fn end(connection: &mut PgConnection, session_id: Uuid) -> Result<()> {
    let session = sessions::table.find(session_id).filter(sessions::ended_at.is_null());
    diesel::update(session).set(sessions::ended_at.eq(now)).execute(connection)?;
    Ok(())
}

/// Ends one of an account's own sessions; [`Error::NotFound`] when it is not theirs or is over.
pub fn end_own(connection: &mut PgConnection, account_id: Uuid, session_id: Uuid) -> Result<()> {
    let session = sessions::table
        .find(session_id)
        .filter(sessions::account_id.eq(account_id))
        .filter(sessions::ended_at.is_null())
        .filter(sessions::expires_at.gt(now));
    match diesel::update(session).set(sessions::ended_at.eq(now)).execute(connection)? {
        0 => Err(Error::NotFound),
        _ => Ok(()),
    }
}

/// Ends all sessions of an account but one, and names those that it ended.
pub fn end_all(connection: &mut PgConnection, account_id: Uuid, but: Option<Uuid>) -> Result<Vec<Uuid>> {
    let open = sessions::table
        .filter(sessions::account_id.eq(account_id))
        .filter(sessions::ended_at.is_null())
        .filter(sessions::id.ne(but.unwrap_or(Uuid::nil())));
    Ok(diesel::update(open).set(sessions::ended_at.eq(now)).returning(sessions::id).get_results(connection)?)
}

/// An account's sessions that are not over, newest first, from behind the one named `after`.
pub fn list(connection: &mut PgConnection, account_id: Uuid, after: Option<Uuid>, limit: i64) -> Result<Vec<Session>> {
    let rows = sessions::table
        .filter(sessions::account_id.eq(account_id))
        .filter(sessions::ended_at.is_null())
        .filter(sessions::expires_at.gt(now))
        .filter(sessions::id.lt(after.unwrap_or(Uuid::max())))
        .order(sessions::id.desc())
        .limit(limit)
        .select(Session::as_select())
        .load(connection)?;
    Ok(rows)
}

/// Sessions that ended after `since`, and within the last eleven minutes: those whose access tokens may be alive.
pub fn ended_since(connection: &mut PgConnection, since: Option<DateTime<Utc>>) -> Result<Vec<(Uuid, DateTime<Utc>)>> {
    let rows = sessions::table
        .filter(sessions::ended_at.gt(sql::<Timestamptz>("now() - interval '11 minutes'").nullable()))
        .filter(sessions::ended_at.gt(since.unwrap_or(DateTime::UNIX_EPOCH)))
        .select((sessions::id, sessions::ended_at.assume_not_null()))
        .load(connection)?;
    Ok(rows)
}

/// Is this session there, and has not ended?
pub fn goes_on(connection: &mut PgConnection, id: Uuid) -> Result<bool> {
    let open = sessions::table.find(id).filter(sessions::ended_at.is_null());
    Ok(diesel::select(diesel::dsl::exists(open)).get_result(connection)?)
}

/// Deletes what has been over for 30 days, at most twice `limit` of it; says how many.
pub fn sweep(connection: &mut PgConnection, limit: i64) -> Result<usize> {
    let cutoff = || sql::<Timestamptz>("now() - interval '30 days'");
    // Two questions, an index for each: together they would walk the table.
    let ended = sessions::table.filter(sessions::ended_at.lt(cutoff().nullable()));
    let expired = sessions::table.filter(sessions::ended_at.is_null()).filter(sessions::expires_at.lt(cutoff()));
    let mut over: Vec<Uuid> = ended.select(sessions::id).limit(limit).load(connection)?;
    over.extend(expired.select(sessions::id).limit(limit).load::<Uuid>(connection)?);
    Ok(diesel::delete(sessions::table.filter(sessions::id.eq_any(over))).execute(connection)?)
}

/// When this transaction began, in milliseconds as the API tells them.
pub(super) fn transaction_time(connection: &mut PgConnection) -> Result<DateTime<Utc>> {
    Ok(diesel::select(sql::<Timestamptz>("date_trunc('milliseconds', now())")).get_result(connection)?)
}
