//! Movers: joining with an invitation, who there is, and what admins change of them.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use chrono::{DateTime, Utc};
use serde::Serialize;
use uuid::Uuid;

use super::cursor::Cursors;
use super::forms::Body;
use super::queries::{Page, Query, id_in_path};
use super::sessions::{Registration, incomplete, signed_in, user_agent};
use crate::auth::extractors::{Admin, Mover, OrdersRead};
use crate::domain::account::Role;
use crate::domain::text::line;
use crate::domain::time::to_millis;
use crate::error::{Error, Result};
use crate::limits::{Registrations, Within};
use crate::server::App;
use crate::storage::accounts::{self, Account, MoverChange};
use crate::storage::invitations::{self, Joining};
use crate::storage::sessions;

/// Longer than any token that stands in a link.
const INVITATION_MAX: usize = 100;

pub async fn join(
    app: web::Data<App>,
    _: Within<Registrations>,
    request: HttpRequest,
    body: Body,
) -> Result<HttpResponse> {
    let mut form = body.form()?;
    let token = form.required("invitation", |typed| line(typed, INVITATION_MAX));
    let registration = Registration::read(form)?;
    let token = token.ok_or_else(incomplete)?;

    let asked = token.clone();
    app.db.read(move |connection| invitations::check(connection, &asked)).await?;
    let joining = Joining {
        password_hash: app.passwords.hash(&registration.password).await?,
        email: registration.email,
        name: registration.name,
    };
    let user_agent = user_agent(&request);
    let session = app
        .db
        .write(move |connection| {
            let account = invitations::join(connection, &token, joining)?;
            sessions::begin(connection, account, user_agent.as_deref())
        })
        .await?;
    Ok(signed_in(&app, StatusCode::CREATED, session))
}

pub async fn list(
    app: web::Data<App>,
    Mover(caller, ..): Mover<OrdersRead>,
    mut query: Query,
) -> Result<web::Json<Page<MoverView>>> {
    let (limit, cursor) = (query.limit(), query.cursor());
    query.finish()?;
    let cursors = Cursors::new(&app.config.jwt_secret, "movers", &());
    let after: Option<Uuid> = cursor.map(|cursor| cursors.open(&cursor)).transpose()?;
    let rows = app.db.read(move |connection| accounts::list_movers(connection, after, limit as i64 + 1)).await?;
    let page = Page::new(rows, limit, &cursors, |mover| mover.id);
    Ok(web::Json(page.map(|mover| MoverView::new(mover, caller.role))))
}

pub async fn update(
    app: web::Data<App>,
    Admin(caller, ..): Admin,
    path: web::Path<String>,
    body: Body,
) -> Result<web::Json<MoverView>> {
    let id = id_in_path(&path)?;
    app.db.read(move |connection| accounts::find_mover(connection, id)).await?.ok_or(Error::NotFound)?;
    let mut form = body.form()?;
    let change = MoverChange {
        active: form.boolean("active"),
        role: form.one_of("role", &[Role::Mover, Role::Admin], Role::name),
    };
    form.finish()?;
    let (mover, ended) =
        app.db.write(move |connection| accounts::update_mover(connection, caller.account_id, id, change)).await?;
    app.revocations.note(ended);
    Ok(web::Json(MoverView::new(mover, caller.role)))
}

/// A mover as others see them; what is for admins is absent for the rest.
#[derive(Debug, Serialize)]
pub struct MoverView {
    id: Uuid,
    name: String,
    active: bool,
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    for_admins: Option<ForAdmins>,
}

#[derive(Debug, Serialize)]
struct ForAdmins {
    email: String,
    role: Role,
    #[serde(serialize_with = "to_millis")]
    created_at: DateTime<Utc>,
}

impl MoverView {
    fn new(mover: Account, viewer: Role) -> MoverView {
        MoverView {
            id: mover.id,
            name: mover.name,
            active: mover.active,
            for_admins: (viewer == Role::Admin).then_some(ForAdmins {
                email: mover.email,
                role: mover.role,
                created_at: mover.created_at,
            }),
        }
    }
}
