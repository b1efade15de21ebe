//! API keys. A key is shown once and stands nowhere; here is its SHA-256.

use std::collections::HashSet;

use chrono::{DateTime, Utc};
use diesel::dsl::now;
use diesel::prelude::*;
use diesel::sql_types::Timestamptz;
use serde::Serialize;
use uuid::Uuid;

use super::accounts;
use super::schema::{accounts as accounts_table, api_keys};
use super::sessions::transaction_time;
use crate::domain::account::Role;
use crate::domain::scope::Scope;
use crate::domain::time::to_millis;
use crate::error::{Error, Result};

/// More keys than this nobody keeps apart.
const MOST_OF_AN_ACCOUNT: i64 = 100;

/// A key as its owner sees it, once it was shown.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ApiKey {
    pub id: Uuid,
    pub name: String,
    pub last_four: String,
    pub scopes: Vec<Scope>,
    #[serde(serialize_with = "to_millis")]
    pub created_at: DateTime<Utc>,
    #[serde(serialize_with = "to_millis")]
    pub last_used_at: Option<DateTime<Utc>>,
    #[serde(serialize_with = "to_millis")]
    pub expires_at: Option<DateTime<Utc>>,
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = api_keys)]
struct ApiKeyRow {
    id: Uuid,
    name: String,
    last_four: String,
    scopes: Vec<String>,
    created_at: DateTime<Utc>,
    last_used_at: Option<DateTime<Utc>>,
    expires_at: Option<DateTime<Utc>>,
}

impl TryFrom<ApiKeyRow> for ApiKey {
    type Error = Error;
    fn try_from(row: ApiKeyRow) -> Result<ApiKey> {
        Ok(ApiKey {
            id: row.id,
            name: row.name,
            last_four: row.last_four,
            scopes: parse_scopes(row.scopes)?,
            created_at: row.created_at,
            last_used_at: row.last_used_at,
            expires_at: row.expires_at,
        })
    }
}

/// SHA-256 of a key.
pub type Hash = [u8; 32];

/// What is noted of a new key.
pub struct NewApiKey {
    pub name: String,
    pub hash: Hash,
    pub last_four: String,
    pub scopes: Vec<Scope>,
    pub expires_at: Option<DateTime<Utc>>,
}

/// A key that there is.
#[derive(Debug)]
pub struct Found {
    pub id: Uuid,
    pub account_id: Uuid,
    pub role: Role,
    pub account_is_active: bool,
    pub scopes: Vec<Scope>,
    pub expires_at: Option<DateTime<Utc>>,
    pub last_used_at: Option<DateTime<Utc>>,
}

/// Notes a key for an account. [`Error::AccountDeactivated`], and [`Error::TooManyApiKeys`].
pub fn create(connection: &mut PgConnection, account_id: Uuid, new: NewApiKey) -> Result<ApiKey> {
    accounts::lock(connection, account_id)?;
    accounts::require_active(connection, account_id)?;
    let there_are: i64 = api_keys::table.filter(api_keys::account_id.eq(account_id)).count().get_result(connection)?;
    if there_are >= MOST_OF_AN_ACCOUNT {
        return Err(Error::TooManyApiKeys(MOST_OF_AN_ACCOUNT));
    }
    let created_at = transaction_time(connection)?;
    let scopes: Vec<&str> = new.scopes.iter().map(|scope| scope.name()).collect();
    diesel::insert_into(api_keys::table)
        .values((
            api_keys::id.eq(Uuid::now_v7()),
            api_keys::account_id.eq(account_id),
            api_keys::name.eq(new.name),
            api_keys::hash.eq(new.hash.as_slice()),
            api_keys::last_four.eq(new.last_four),
            api_keys::scopes.eq(scopes),
            api_keys::created_at.eq(created_at),
            api_keys::expires_at.eq(new.expires_at),
        ))
        .returning(ApiKeyRow::as_returning())
        .get_result(connection)?
        .try_into()
}

/// An account's keys, newest first, from behind the one named `after`.
pub fn list(connection: &mut PgConnection, account_id: Uuid, after: Option<Uuid>, limit: i64) -> Result<Vec<ApiKey>> {
    api_keys::table
        .filter(api_keys::account_id.eq(account_id))
        .filter(api_keys::id.lt(after.unwrap_or(Uuid::max())))
        .order(api_keys::id.desc())
        .limit(limit)
        .select(ApiKeyRow::as_select())
        .load(connection)?
        .into_iter()
        .map(ApiKey::try_from)
        .collect()
}

/// Ends a key of this account, and gives its hash; [`Error::NotFound`] when it is not theirs.
pub fn end(connection: &mut PgConnection, account_id: Uuid, id: Uuid) -> Result<Hash> {
    let own = api_keys::table.find(id).filter(api_keys::account_id.eq(account_id));
    let hash: Option<Vec<u8>> = diesel::delete(own).returning(api_keys::hash).get_result(connection).optional()?;
    hash.ok_or(Error::NotFound)?.try_into().map_err(|_| Error::Internal("a key's hash has not 32 bytes".to_owned()))
}

/// The key with this hash, whatever has become of its account.
pub fn find(connection: &mut PgConnection, hash: &Hash) -> Result<Option<Found>> {
    type Row = (Uuid, Uuid, Vec<String>, Option<DateTime<Utc>>, Option<DateTime<Utc>>, String, bool);
    let row: Option<Row> = api_keys::table
        .inner_join(accounts_table::table)
        .filter(api_keys::hash.eq(hash.as_slice()))
        .select((
            api_keys::id,
            api_keys::account_id,
            api_keys::scopes,
            api_keys::expires_at,
            api_keys::last_used_at,
            accounts_table::role,
            accounts_table::active,
        ))
        .first(connection)
        .optional()?;
    row.map(|(id, account_id, scopes, expires_at, last_used_at, role, account_is_active)| {
        let role = Role::parse(&role).ok_or_else(|| Error::Internal(format!("an account has the role {role:?}")))?;
        Ok(Found { id, account_id, role, account_is_active, scopes: parse_scopes(scopes)?, expires_at, last_used_at })
    })
    .transpose()
}

/// Which of these keys are still there, have not expired, and have an account that is active.
pub fn still_good(connection: &mut PgConnection, ids: &[Uuid]) -> Result<HashSet<Uuid>> {
    let good: Vec<Uuid> = api_keys::table
        .inner_join(accounts_table::table)
        .filter(api_keys::id.eq_any(ids))
        .filter(api_keys::expires_at.is_null().or(api_keys::expires_at.gt(now.into_sql::<Timestamptz>().nullable())))
        .filter(accounts_table::active)
        .select(api_keys::id)
        .load(connection)?;
    Ok(good.into_iter().collect())
}

/// Notes that a key is in use.
pub fn note_use(connection: &mut PgConnection, id: Uuid) -> Result<()> {
    let at = transaction_time(connection)?;
    diesel::update(api_keys::table.find(id)).set(api_keys::last_used_at.eq(at)).execute(connection)?;
    Ok(())
}

fn parse_scopes(names: Vec<String>) -> Result<Vec<Scope>> {
    let scope = |name: String| Scope::try_from(name).map_err(|unknown| Error::Internal(unknown.to_string()));
    names.into_iter().map(scope).collect()
}
