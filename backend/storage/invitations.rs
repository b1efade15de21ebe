//! Invitations of movers. The token stands in the link and nowhere else: here is its SHA-256.

use chrono::{DateTime, Duration, Utc};
use diesel::dsl::{now, sql};
use diesel::prelude::*;
use diesel::sql_types::Timestamptz;
use serde::Serialize;
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::accounts::{self, Account, NewAccount};
use super::schema::{accounts as accounts_table, invitations};
use super::sessions::transaction_time;
use crate::domain::account::{Email, Person, Role};
use crate::domain::time::to_millis;
use crate::error::{Error, Result};

/// How long an invitation may be used.
pub const LIFETIME: Duration = Duration::hours(72);

/// An invitation as admins see it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Invitation {
    pub id: Uuid,
    pub role: Role,
    /// For whom it is.
    pub note: Option<String>,
    #[serde(serialize_with = "to_millis")]
    pub created_at: DateTime<Utc>,
    #[serde(serialize_with = "to_millis")]
    pub expires_at: DateTime<Utc>,
    #[serde(serialize_with = "to_millis")]
    pub used_at: Option<DateTime<Utc>>,
    #[serde(serialize_with = "to_millis")]
    pub withdrawn_at: Option<DateTime<Utc>>,
    /// None: made on the command line.
    pub invited_by: Option<Person>,
    pub used_by: Option<Person>,
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = invitations)]
struct InvitationRow {
    id: Uuid,
    role: String,
    note: Option<String>,
    created_at: DateTime<Utc>,
    expires_at: DateTime<Utc>,
    used_at: Option<DateTime<Utc>>,
    withdrawn_at: Option<DateTime<Utc>>,
}

/// Who joins with an invitation; the role is the invitation's to say.
pub struct Joining {
    pub email: Email,
    pub name: String,
    pub password_hash: String,
}

/// Makes an invitation for `token`, which nobody can read out of it again.
pub fn create(
    connection: &mut PgConnection,
    token: &str,
    role: Role,
    note: Option<&str>,
    invited_by: Option<Uuid>,
) -> Result<Invitation> {
    let id = Uuid::now_v7();
    let created_at = transaction_time(connection)?;
    diesel::insert_into(invitations::table)
        .values((
            invitations::id.eq(id),
            invitations::token_hash.eq(hash(token)),
            invitations::role.eq(role.name()),
            invitations::note.eq(note),
            invitations::invited_by.eq(invited_by),
            invitations::created_at.eq(created_at),
            invitations::expires_at.eq(created_at + LIFETIME),
        ))
        .execute(connection)?;
    select(connection, Only(id))?.pop().ok_or_else(|| Error::Internal("a new invitation is gone".to_owned()))
}

/// Can the invitation of this token be used? [`Error::NotFound`] for a token that is none, and the three that say
/// why not.
pub fn check(connection: &mut PgConnection, token: &str) -> Result<()> {
    let state: Option<(bool, bool, bool)> = invitations::table
        .filter(invitations::token_hash.eq(hash(token)))
        .select((
            invitations::used_at.is_not_null(),
            invitations::withdrawn_at.is_not_null(),
            invitations::expires_at.le(now),
        ))
        .first(connection)
        .optional()?;
    match state {
        None => Err(Error::NotFound),
        Some((true, _, _)) => Err(Error::InvitationUsed),
        Some((_, true, _)) => Err(Error::InvitationWithdrawn),
        Some((_, _, true)) => Err(Error::InvitationExpired),
        Some((false, false, false)) => Ok(()),
    }
}

/// Makes an account with the invitation's role and uses the invitation up; both or neither. The errors of [`check`],
/// and [`Error::EmailTaken`].
pub fn join(connection: &mut PgConnection, token: &str, joining: Joining) -> Result<Account> {
    // The second of two who come at once waits here, and finds it used.
    let found: Option<(Uuid, String)> = invitations::table
        .filter(invitations::token_hash.eq(hash(token)))
        .filter(invitations::used_at.is_null())
        .filter(invitations::withdrawn_at.is_null())
        .filter(invitations::expires_at.gt(now))
        .select((invitations::id, invitations::role))
        .for_update()
        .first(connection)
        .optional()?;
    let Some((id, role)) = found else {
        check(connection, token)?;
        return Err(Error::Internal("an invitation can and can't be used".to_owned()));
    };
    let account = accounts::create(
        connection,
        NewAccount {
            role: parse_role(&role)?,
            email: joining.email,
            name: joining.name,
            password_hash: joining.password_hash,
        },
    )?;
    let used_at = transaction_time(connection)?;
    diesel::update(invitations::table.find(id))
        .set((invitations::used_at.eq(used_at), invitations::used_by.eq(account.id)))
        .execute(connection)?;
    Ok(account)
}

/// Invitations, newest first, from behind the one named `after`.
pub fn list(connection: &mut PgConnection, after: Option<Uuid>, limit: i64) -> Result<Vec<Invitation>> {
    select(connection, Before(after.unwrap_or(Uuid::max()), limit))
}

/// Withdraws an invitation; one that was withdrawn stays so. [`Error::InvitationInUse`] when it was used,
/// [`Error::NotFound`].
pub fn withdraw(connection: &mut PgConnection, id: Uuid) -> Result<()> {
    let used: Option<bool> = invitations::table
        .find(id)
        .select(invitations::used_at.is_not_null())
        .for_update()
        .first(connection)
        .optional()?;
    match used {
        None => Err(Error::NotFound),
        Some(true) => Err(Error::InvitationInUse),
        Some(false) => {
            let withdrawn_at = transaction_time(connection)?;
            let open = invitations::table.find(id).filter(invitations::withdrawn_at.is_null());
            diesel::update(open).set(invitations::withdrawn_at.eq(withdrawn_at)).execute(connection)?;
            Ok(())
        }
    }
}

/// Withdraws all that somebody has made and nobody has used.
pub fn withdraw_all_of(connection: &mut PgConnection, inviter: Uuid) -> Result<()> {
    let withdrawn_at = transaction_time(connection)?;
    let open = invitations::table
        .filter(invitations::invited_by.eq(inviter))
        .filter(invitations::used_at.is_null())
        .filter(invitations::withdrawn_at.is_null());
    diesel::update(open).set(invitations::withdrawn_at.eq(withdrawn_at)).execute(connection)?;
    Ok(())
}

/// Deletes unused invitations that have been over for 30 days, at most `limit`; says how many. Used ones stay: they tell
/// who let whom in.
pub fn sweep(connection: &mut PgConnection, limit: i64) -> Result<usize> {
    let over: Vec<Uuid> = invitations::table
        .filter(invitations::used_at.is_null())
        .filter(invitations::expires_at.lt(sql::<Timestamptz>("now() - interval '30 days'")))
        .select(invitations::id)
        .limit(limit)
        .load(connection)?;
    Ok(diesel::delete(invitations::table.filter(invitations::id.eq_any(over))).execute(connection)?)
}

enum Which {
    Only(Uuid),
    Before(Uuid, i64),
}
use Which::{Before, Only};

fn select(connection: &mut PgConnection, which: Which) -> Result<Vec<Invitation>> {
    let (inviters, joiners) = diesel::alias!(accounts_table as inviters, accounts_table as joiners);
    let mut query = invitations::table
        .left_join(inviters.on(inviters.field(accounts_table::id).nullable().eq(invitations::invited_by)))
        .left_join(joiners.on(joiners.field(accounts_table::id).nullable().eq(invitations::used_by)))
        .select((
            InvitationRow::as_select(),
            inviters.fields((accounts_table::id, accounts_table::name)).nullable(),
            joiners.fields((accounts_table::id, accounts_table::name)).nullable(),
        ))
        .order(invitations::id.desc())
        .into_boxed();
    query = match which {
        Only(id) => query.filter(invitations::id.eq(id)),
        Before(id, limit) => query.filter(invitations::id.lt(id)).limit(limit),
    };
    type FoundPerson = Option<(Uuid, String)>;
    let rows: Vec<(InvitationRow, FoundPerson, FoundPerson)> = query.load(connection)?;
    let person = |(id, name)| Person { id, name };
    rows.into_iter()
        .map(|(row, invited_by, used_by)| {
            Ok(Invitation {
                id: row.id,
                role: parse_role(&row.role)?,
                note: row.note,
                created_at: row.created_at,
                expires_at: row.expires_at,
                used_at: row.used_at,
                withdrawn_at: row.withdrawn_at,
                invited_by: invited_by.map(person),
                used_by: used_by.map(person),
            })
        })
        .collect()
}

fn parse_role(name: &str) -> Result<Role> {
    Role::parse(name).ok_or_else(|| Error::Internal(format!("an invitation has the role {name:?}")))
}

fn hash(token: &str) -> Vec<u8> {
    Sha256::digest(token).to_vec()
}
