//! Orders as CSV (RFC 4180): the list, with its filters, page by page, in as much memory for a million orders as for one.

use std::time::Duration;

use actix_web::http::Method;
use actix_web::http::header::{CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_TYPE};
use actix_web::web::Bytes;
use actix_web::{HttpRequest, HttpResponse, web};
use chrono::{DateTime, SecondsFormat, Utc};
use diesel::PgConnection;
use futures_util::stream::{self, StreamExt};

use super::orders::read_filter;
use super::queries::Query;
use crate::auth::extractors::{Credential, Identity, OrdersRead, UserOrAdmin};
use crate::domain::order::Order;
use crate::error::{Error, Result};
use crate::server::App;
use crate::storage::orders::{self as table, Filter, Place, Position};
use crate::storage::{accounts, api_keys, sessions};

/// The columns; those that a new order has are named as in the API, and are read by the import of the users' app.
const COLUMNS: [&str; 20] = [
    "id",
    "status",
    "version",
    "title",
    "description",
    "reference",
    "recipient_name",
    "recipient_phone",
    "pickup_address",
    "delivery_address",
    "metadata",
    "public_tracking",
    "due_at",
    "estimated_at",
    "created_at",
    "updated_at",
    "completed_at",
    "owner_id",
    "owner_name",
    "assignee_name",
];

/// Orders in one piece of the answer.
const PAGE: i64 = 500;
/// How often a page that can't be read now is asked for again, and after which time.
const TRIES: usize = 5;
const TRY_AGAIN_AFTER: Duration = Duration::from_millis(500);

pub async fn orders(
    app: web::Data<App>,
    UserOrAdmin(caller, ..): UserOrAdmin<OrdersRead>,
    request: HttpRequest,
    mut query: Query,
) -> Result<HttpResponse> {
    let filter = read_filter(&mut query, &caller);
    query.finish()?;
    let mut response = HttpResponse::Ok();
    response
        .insert_header((CONTENT_TYPE, "text/csv; charset=utf-8"))
        .insert_header((CONTENT_DISPOSITION, "attachment; filename=\"orders.csv\""))
        .insert_header((CACHE_CONTROL, "no-store"));
    if request.method() == Method::HEAD {
        // A stream would be read to its end, for nobody.
        return Ok(response.finish());
    }
    let export = Export { caller, filter };
    // What is wrong from the beginning is said with a status; later only the connection can break.
    let first = export.page(&app, None).await?;
    let head = csv([COLUMNS.map(str::to_owned)].into_iter())?;
    // Who does not read on asks for no page, and takes nobody's place.
    let rest = stream::try_unfold(Next::Page(first), move |next| {
        let (app, export) = (app.clone(), export.clone());
        async move {
            let read = match next {
                Next::Page(read) => read,
                Next::After(place) => export.patiently(&app, place).await?,
                Next::Nothing => return Ok(None),
            };
            let last = read.last().map(|order| (order.created_at, order.id));
            let next = last.filter(|_| read.len() as i64 == PAGE).map_or(Next::Nothing, Next::After);
            Ok::<_, Error>(Some((csv(read.iter().map(row))?, next)))
        }
    });
    Ok(response.streaming(stream::once(async move { Ok(head) }).chain(rest)))
}

/// How an export goes on.
enum Next {
    Page(Vec<Order>),
    After(Place),
    Nothing,
}

/// What is exported, and for whom.
#[derive(Clone)]
struct Export {
    caller: Identity,
    filter: Filter,
}

impl Export {
    async fn page(&self, app: &App, after: Option<Place>) -> Result<Vec<Order>> {
        let Export { caller, filter } = self.clone();
        let read = move |connection: &mut _, deadline| {
            require_still(connection, &caller)?;
            table::list(connection, &filter, Position::Created(after), PAGE, deadline)
        };
        // In line with searches and counts: an export must not take the place of those who wait for one order.
        app.db.list(true, read).await
    }

    /// An export that has begun is worth waiting for.
    async fn patiently(&self, app: &App, after: Place) -> Result<Vec<Order>> {
        for _ in 1..TRIES {
            match self.page(app, Some(after)).await {
                Err(Error::DatabaseUnavailable | Error::Overloaded) => tokio::time::sleep(TRY_AGAIN_AFTER).await,
                answer => return answer,
            }
        }
        self.page(app, Some(after)).await
    }
}

/// Is what the caller has shown still good, and the account what it was? An export may go on for hours.
fn require_still(connection: &mut PgConnection, caller: &Identity) -> Result<()> {
    let is_good = match caller.credential {
        Credential::Session(id) => sessions::goes_on(connection, id)?,
        Credential::ApiKey(id) => api_keys::still_good(connection, &[id])?.contains(&id),
    };
    let account = accounts::find(connection, caller.account_id)?;
    let is_same = account.is_some_and(|account| account.active && account.role == caller.role);
    if is_good && is_same { Ok(()) } else { Err(Error::SessionEnded) }
}

fn row(order: &Order) -> [String; COLUMNS.len()] {
    let details = &order.details;
    let text = |text: &Option<String>| text.as_deref().map(harmless).unwrap_or_default();
    let metadata = serde_json::to_string(&details.metadata).unwrap_or_default();
    [
        order.id.to_string(),
        order.status.name().to_owned(),
        order.version.to_string(),
        harmless(&details.title),
        text(&details.description),
        text(&details.reference),
        text(&details.recipient_name),
        text(&details.recipient_phone),
        text(&details.pickup_address),
        text(&details.delivery_address),
        if details.metadata.is_empty() { String::new() } else { metadata },
        details.public_tracking.to_string(),
        time(details.due_at),
        time(order.estimated_at),
        time(Some(order.created_at)),
        time(Some(order.updated_at)),
        time(order.completed_at),
        order.owner.id.to_string(),
        harmless(&order.owner.name),
        order.assignee.as_ref().map(|assignee| harmless(&assignee.name)).unwrap_or_default(),
    ]
}

fn time(time: Option<DateTime<Utc>>) -> String {
    time.map(|time| time.to_rfc3339_opts(SecondsFormat::Millis, true)).unwrap_or_default()
}

/// What a spreadsheet would take for a formula has an apostrophe before it, as OWASP advises ("CSV Injection"); and so has
/// what begins with an apostrophe and such a letter, so that the import can take one away again.
fn harmless(text: &str) -> String {
    let is_formula = |text: &str| text.starts_with(['=', '+', '-', '@', '\t', '\r', '\n', '＝', '＋', '－', '＠']);
    if is_formula(text.trim_start_matches('\'')) { format!("'{text}") } else { text.to_owned() }
}

fn csv(rows: impl Iterator<Item = [String; COLUMNS.len()]>) -> Result<Bytes> {
    let mut writer = csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).from_writer(Vec::new());
    for row in rows {
        writer.write_record(&row).map_err(|error| Error::Internal(error.to_string()))?;
    }
    writer.into_inner().map(Bytes::from).map_err(|error| Error::Internal(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formulas_are_texts() {
        for formula in ["=1+1", "+351 210", "-1", "@SUM(A1)", "\t=1", "'=1", "''=1", "＝1"] {
            assert_eq!(harmless(formula), format!("'{formula}"));
        }
        for text in ["", "Sofa", "O'Neil", "'quoted'", "1-2", "a=b"] {
            assert_eq!(harmless(text), text);
        }
    }

    #[test]
    fn what_needs_quotes_has_them() {
        let mut row = [const { String::new() }; COLUMNS.len()];
        row[3] = "Sofa, \"large\"\nred".to_owned();
        let line = csv([row].into_iter()).unwrap();
        assert_eq!(std::str::from_utf8(&line).unwrap(), ",,,\"Sofa, \"\"large\"\"\nred\",,,,,,,,,,,,,,,,\r\n");
    }
}
