//! `demo`: a user with some orders, and a mover who moved them, written through the journal as any other change is.

use std::collections::BTreeMap;
use std::process::ExitCode;

use chrono::{Duration, Utc};
use diesel::{Connection, PgConnection};
use order_tracker::auth::invitations::new_token;
use order_tracker::auth::passwords::Passwords;
use order_tracker::domain::account::{Email, Password, Realm, Role};
use order_tracker::domain::ids::OrderId;
use order_tracker::domain::order::{Details, EventRequest, Step};
use order_tracker::domain::status::{Reason, Status};
use order_tracker::error::Error;
use order_tracker::journal::{Assignee, Entry, Journal, Recorded};
use order_tracker::storage::accounts::{self, Account, NewAccount};
use order_tracker::storage::{db, migrations};

use super::invite::explain;
use crate::{Failure, config_without_secrets};

const USER: (&str, &str) = ("uma@demo.example", "Uma Rao");
const MOVER: (&str, &str) = ("max@demo.example", "Max Stone");

/// Writes the demo data once, and prints how to sign in; the passwords are new and shown only now.
pub fn run() -> Result<ExitCode, Failure> {
    let config = config_without_secrets()?;
    let mut connection = db::connect(&config.database_url)?;
    migrations::run(&mut connection)?;
    if accounts::credentials(&mut connection, Realm::Users, USER.0).map_err(explain)?.is_some() {
        return Err(format!("{} is there already; nothing was written", USER.0).into());
    }
    let (user_password, mover_password) = (new_password(), new_password());
    let passwords = Passwords::new(config.bcrypt_cost);
    actix_web::rt::System::new().block_on(async {
        let user = new_account(&passwords, Role::User, USER, &user_password).await?;
        let mover = new_account(&passwords, Role::Mover, MOVER, &mover_password).await?;
        let (user, mover) = create(&mut connection, user, mover).map_err(explain)?;
        // Servers that run hear of it when they next read the feed.
        let journal = Journal::start(&config.database_url, |_| {})?;
        let written = write_orders(&Writing { journal: &journal, user: &user, mover: &mover }).await;
        journal.close();
        written
    })?;
    println!("user   {}/          {}  {user_password}", config.public_url, USER.0);
    println!("mover  {}/movers/   {}  {mover_password}", config.public_url, MOVER.0);
    Ok(ExitCode::SUCCESS)
}

fn new_password() -> String {
    new_token().chars().take(16).collect()
}

async fn new_account(
    passwords: &Passwords,
    role: Role,
    (email, name): (&str, &str),
    password: &str,
) -> Result<NewAccount, Failure> {
    let malformed = |flaw| format!("{email}: {flaw:?}");
    let password = Password::parse(password).map_err(malformed)?;
    Ok(NewAccount {
        role,
        email: Email::parse(email).map_err(malformed)?,
        name: name.to_owned(),
        password_hash: passwords.hash(&password).await.map_err(explain)?,
    })
}

fn create(connection: &mut PgConnection, user: NewAccount, mover: NewAccount) -> Result<(Account, Account), Error> {
    connection.transaction(|connection| Ok((accounts::create(connection, user)?, accounts::create(connection, mover)?)))
}

async fn write_orders(writing: &Writing<'_>) -> Result<(), Failure> {
    let now = Utc::now();

    let mut sofa = details("Sofa, three seats", "PO-1881", "Ana Lima", "1 Dock Rd", "2 Hill St");
    sofa.description = Some("Grey, with its feet taken off. The lift is too small: it goes up the stairs.".to_owned());
    sofa.metadata = BTreeMap::from([("floor".to_owned(), "3".to_owned())]);
    sofa.due_at = Some(now + Duration::days(2));
    writing.order(sofa).await?;

    let piano = details("Upright piano", "PO-1882", "Tom Berg", "Music House, 14 Quay", "9 Garden Lane");
    let piano = writing.order(piano).await?;
    writing.take(piano).await?;
    writing.step(piano, EventRequest { location: text("Music House"), ..to(Status::Started, None) }).await?;

    let boxes = details("12 boxes of books", "PO-1883", "Ivy Chen", "The Old Library", "City Archive, gate 4");
    let boxes = writing.order(boxes).await?;
    writing.take(boxes).await?;
    writing.step(boxes, to(Status::Started, None)).await?;
    let on_the_way = EventRequest {
        message: text("On the way"),
        location: text("Ring road, exit 7"),
        estimated_at: Some(Some(now + Duration::hours(2))),
        ..to(Status::InProgress, None)
    };
    writing.step(boxes, on_the_way).await?;
    writing
        .step(boxes, EventRequest { note: text("The gate's code is at the porter's"), ..EventRequest::new(Step::Note) })
        .await?;

    let lamp = details("Floor lamp", "PO-1884", "Sam Okafor", "Lights & Co, 3 Market St", "27 Elm Rd");
    let lamp = writing.order(lamp).await?;
    writing.step(lamp, to(Status::Started, None)).await?;
    let absent = to(Status::OnHold, Some(Reason::RecipientAbsent));
    writing.step(lamp, EventRequest { message: text("Nobody was in; we come again tomorrow"), ..absent }).await?;

    let table = details("Oak table and six chairs", "PO-1885", "Lena Fox", "Carpenter's Yard", "5 Mill Row");
    let table = writing.order(table).await?;
    for status in [Status::Started, Status::InProgress, Status::Completed] {
        writing.step(table, to(status, None)).await?;
    }

    let fridge = details("Fridge", "PO-1886", "Joe Hart", "Cold Store, unit 12", "88 High St");
    let fridge = writing.order(fridge).await?;
    let cancelled = to(Status::Cancelled, Some(Reason::ByRequest));
    writing.append(writing.user, Entry::Record { order_id: fridge, request: cancelled }).await?;
    Ok(())
}

/// Who writes where.
struct Writing<'a> {
    journal: &'a Journal,
    user: &'a Account,
    mover: &'a Account,
}

impl Writing<'_> {
    async fn order(&self, details: Details) -> Result<OrderId, Failure> {
        Ok(self.append(self.user, Entry::Create { details }).await?.order.id)
    }

    async fn step(&self, order_id: OrderId, request: EventRequest) -> Result<(), Failure> {
        self.append(self.mover, Entry::Record { order_id, request }).await.map(|_| ())
    }

    async fn take(&self, order_id: OrderId) -> Result<(), Failure> {
        self.append(self.mover, Entry::Assign { order_id, to: Assignee::Caller }).await.map(|_| ())
    }

    async fn append(&self, who: &Account, entry: Entry) -> Result<Recorded, Failure> {
        self.journal.append(who.id, entry).await.map_err(|rejection| format!("not written: {rejection:?}").into())
    }
}

fn details(title: &str, reference: &str, recipient: &str, from: &str, to: &str) -> Details {
    Details {
        reference: text(reference),
        recipient_name: text(recipient),
        pickup_address: text(from),
        delivery_address: text(to),
        ..Details::new(title)
    }
}

fn to(status: Status, reason: Option<Reason>) -> EventRequest {
    EventRequest::new(Step::Move { to: status, reason })
}

fn text(text: &str) -> Option<String> {
    Some(text.to_owned())
}
