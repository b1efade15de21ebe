//! Accounts of both realms.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::result::{DatabaseErrorKind, Error::DatabaseError};
use serde::Serialize;
use uuid::Uuid;

use super::invitations;
use super::schema::{accounts, lower};
use super::sessions::{self, OpenSession};
use crate::domain::account::{Email, Realm, Role};
use crate::domain::time::to_millis;
use crate::error::{Error, Result};

/// An account as its owner sees it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Account {
    pub id: Uuid,
    pub realm: Realm,
    pub role: Role,
    pub email: String,
    pub name: String,
    /// Deactivated accounts keep their history and cannot sign in.
    #[serde(skip)]
    pub active: bool,
    #[serde(serialize_with = "to_millis")]
    pub created_at: DateTime<Utc>,
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = accounts)]
struct AccountRow {
    id: Uuid,
    role: String,
    email: String,
    name: String,
    active: bool,
    created_at: DateTime<Utc>,
}

impl TryFrom<AccountRow> for Account {
    type Error = Error;
    fn try_from(row: AccountRow) -> Result<Account> {
        let role =
            Role::parse(&row.role).ok_or_else(|| Error::Internal(format!("an account has the role {:?}", row.role)))?;
        Ok(Account {
            id: row.id,
            realm: role.realm(),
            role,
            email: row.email,
            name: row.name,
            active: row.active,
            created_at: row.created_at,
        })
    }
}

/// What a login compares with. No `Debug`: hashes stay out of logs.
pub struct Credentials {
    pub account_id: Uuid,
    pub password_hash: String,
}

/// A new account's data, its password hashed.
pub struct NewAccount {
    pub role: Role,
    pub email: Email,
    pub name: String,
    pub password_hash: String,
}

/// Makes an account. [`Error::EmailTaken`] when the realm has the email, in whatever case.
pub fn create(connection: &mut PgConnection, new: NewAccount) -> Result<Account> {
    diesel::insert_into(accounts::table)
        .values((
            accounts::id.eq(Uuid::now_v7()),
            accounts::realm.eq(new.role.realm().name()),
            accounts::role.eq(new.role.name()),
            accounts::email.eq(new.email.as_str()),
            accounts::name.eq(&new.name),
            accounts::password_hash.eq(&new.password_hash),
        ))
        .returning(AccountRow::as_returning())
        .get_result(connection)
        .map_err(|error| match error {
            DatabaseError(DatabaseErrorKind::UniqueViolation, information)
                if information.constraint_name() == Some("accounts_email_key") =>
            {
                Error::EmailTaken
            }
            other => other.into(),
        })?
        .try_into()
}

pub fn find(connection: &mut PgConnection, id: Uuid) -> Result<Option<Account>> {
    let row = accounts::table.find(id).select(AccountRow::as_select()).first(connection).optional()?;
    row.map(Account::try_from).transpose()
}

/// What to compare a login with; none when the realm doesn't know the email, in whatever case.
pub fn credentials(connection: &mut PgConnection, realm: Realm, email: &str) -> Result<Option<Credentials>> {
    let found: Option<(Uuid, String)> = accounts::table
        .filter(accounts::realm.eq(realm.name()))
        .filter(lower(accounts::email).eq(lower(email)))
        .select((accounts::id, accounts::password_hash))
        .first(connection)
        .optional()?;
    Ok(found.map(|(account_id, password_hash)| Credentials { account_id, password_hash }))
}

/// The same of an account that is signed in.
pub fn own_credentials(connection: &mut PgConnection, account_id: Uuid) -> Result<Option<Credentials>> {
    let hash = accounts::table.find(account_id).select(accounts::password_hash).first(connection).optional()?;
    Ok(hash.map(|password_hash| Credentials { account_id, password_hash }))
}

/// Begins a session for whoever knew the password. What changed while the password was checked counts:
/// [`Error::InvalidCredentials`] when it is another one now, [`Error::AccountDeactivated`].
pub fn log_in(connection: &mut PgConnection, checked: &Credentials, user_agent: Option<&str>) -> Result<OpenSession> {
    // Whoever deactivates the account or changes its role or password waits for this session, and then ends it.
    let row: Option<(AccountRow, String)> = accounts::table
        .find(checked.account_id)
        .select((AccountRow::as_select(), accounts::password_hash))
        .for_share()
        .first(connection)
        .optional()?;
    match row {
        Some((row, hash)) if hash == checked.password_hash => {
            let account = Account::try_from(row)?;
            if !account.active {
                return Err(Error::AccountDeactivated);
            }
            sessions::begin(connection, account, user_agent)
        }
        _ => Err(Error::InvalidCredentials),
    }
}

pub fn rename(connection: &mut PgConnection, id: Uuid, name: &str) -> Result<Option<Account>> {
    let row = diesel::update(accounts::table.find(id))
        .set(accounts::name.eq(name))
        .returning(AccountRow::as_returning())
        .get_result(connection)
        .optional()?;
    row.map(Account::try_from).transpose()
}

/// Replaces a password hash, if it still is the one that was checked, and ends all sessions but `but`; names those.
pub fn change_password(
    connection: &mut PgConnection,
    checked: &Credentials,
    new_hash: &str,
    but: Uuid,
) -> Result<Option<Vec<Uuid>>> {
    let account = accounts::table.find(checked.account_id).filter(accounts::password_hash.eq(&checked.password_hash));
    match diesel::update(account).set(accounts::password_hash.eq(new_hash)).execute(connection)? {
        0 => Ok(None),
        _ => sessions::end_all(connection, checked.account_id, Some(but)).map(Some),
    }
}

/// A mover or admin; users are not there for this.
pub fn find_mover(connection: &mut PgConnection, id: Uuid) -> Result<Option<Account>> {
    Ok(find(connection, id)?.filter(|account| account.realm == Realm::Movers))
}

/// Movers and admins in the order in which they joined, from behind the one named `after`.
pub fn list_movers(connection: &mut PgConnection, after: Option<Uuid>, limit: i64) -> Result<Vec<Account>> {
    accounts::table
        .filter(accounts::realm.eq(Realm::Movers.name()))
        .filter(accounts::id.gt(after.unwrap_or(Uuid::nil())))
        .order(accounts::id)
        .limit(limit)
        .select(AccountRow::as_select())
        .load(connection)?
        .into_iter()
        .map(Account::try_from)
        .collect()
}

/// Is there an admin who can sign in?
pub fn has_active_admin(connection: &mut PgConnection) -> Result<bool> {
    let admins = accounts::table.filter(accounts::role.eq(Role::Admin.name())).filter(accounts::active);
    Ok(diesel::select(diesel::dsl::exists(admins)).get_result(connection)?)
}

/// What an admin changes of a mover.
#[derive(Debug, Clone, Copy, Default)]
pub struct MoverChange {
    pub active: Option<bool>,
    pub role: Option<Role>,
}

/// Is this account still active? Who deactivates it waits for this transaction. [`Error::SessionEnded`],
/// [`Error::AccountDeactivated`].
pub fn require_active(connection: &mut PgConnection, id: Uuid) -> Result<()> {
    let active = accounts::table.find(id).select(accounts::active).for_share().first(connection).optional()?;
    if active.ok_or(Error::SessionEnded)? { Ok(()) } else { Err(Error::AccountDeactivated) }
}

/// Until the transaction ends, nobody else counts what this account has, to make one more.
pub fn lock(connection: &mut PgConnection, id: Uuid) -> Result<()> {
    let locked = accounts::table.find(id).select(accounts::id).for_no_key_update().first::<Uuid>(connection);
    locked.optional()?.map(|_| ()).ok_or(Error::SessionEnded)
}

/// Is this still an active admin? The token may be older than what somebody else has just decided. Who deactivates or
/// demotes them waits for this transaction, and sees what it has done. [`Error::SessionEnded`], [`Error::AdminOnly`].
pub fn require_admin(connection: &mut PgConnection, id: Uuid) -> Result<()> {
    let row = accounts::table.find(id).select(AccountRow::as_select()).for_share().first(connection).optional()?;
    row.map(Account::try_from).transpose()?.ok_or(Error::SessionEnded)?.require_admin()
}

impl Account {
    fn require_admin(&self) -> Result<()> {
        match (self.active, self.role) {
            (true, Role::Admin) => Ok(()),
            (true, _) => Err(Error::AdminOnly),
            (false, _) => Err(Error::SessionEnded),
        }
    }
}

/// Changes a mover, for an admin who still is one; gives the mover as it is then, and the sessions that ended because of it. [`Error::LastAdmin`] when
/// no active admin would be left, [`Error::NotFound`] when it is no mover.
pub fn update_mover(
    connection: &mut PgConnection,
    admin: Uuid,
    id: Uuid,
    change: MoverChange,
) -> Result<(Account, Vec<Uuid>)> {
    // Two admins who demote each other meet here: the locks are taken in the same order, and what the other one did
    // is seen behind them. Nobody who only refers to these accounts has to wait.
    let is_active_admin = accounts::role.eq(Role::Admin.name()).and(accounts::active);
    let locked: Vec<Account> = accounts::table
        .filter(accounts::realm.eq(Realm::Movers.name()))
        .filter(is_active_admin.or(accounts::id.eq_any([id, admin])))
        .order(accounts::id)
        .select(AccountRow::as_select())
        .for_no_key_update()
        .load(connection)?
        .into_iter()
        .map(Account::try_from)
        .collect::<Result<_>>()?;
    locked.iter().find(|account| account.id == admin).ok_or(Error::SessionEnded)?.require_admin()?;
    let before = locked.iter().find(|account| account.id == id).ok_or(Error::NotFound)?;

    let active = change.active.unwrap_or(before.active);
    let role = change.role.unwrap_or(before.role);
    if active == before.active && role == before.role {
        return Ok((before.clone(), Vec::new()));
    }
    let remains_admin = active && role == Role::Admin;
    let another_admin = locked.iter().any(|account| account.id != id && account.active && account.role == Role::Admin);
    if before.active && before.role == Role::Admin && !remains_admin && !another_admin {
        return Err(Error::LastAdmin);
    }
    let after: AccountRow = diesel::update(accounts::table.find(id))
        .set((accounts::active.eq(active), accounts::role.eq(role.name())))
        .returning(AccountRow::as_returning())
        .get_result(connection)?;
    if before.active && before.role == Role::Admin && !remains_admin {
        // Or they would come back by a link of their own.
        invitations::withdraw_all_of(connection, id)?;
    }
    let ended = sessions::end_all(connection, id, None)?;
    Ok((after.try_into()?, ended))
}
