//! A server on a database full of orders, with what it takes to load it.

use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use crate::Result;
use crate::database::{Database, Tokens};
use crate::http::Client;
use crate::load::{Load, Writes};
use crate::measure::Measured;
use crate::process::{Served, Server};
use crate::tracker::Settings;
use crate::wrk::{self, Reads};

pub struct Site {
    pub server: Server,
    pub database: Rc<Database>,
    pub tokens: Rc<Tokens>,
    pub served: Served,
    lasting: Duration,
}

/// Connections that read: enough to keep two cores busy, few enough that waiting for each other is not all they do.
pub const READERS: usize = 32;
pub const WRITERS: usize = 64;
pub const BATCH: usize = 200;

impl Site {
    /// Ours.
    pub async fn start(
        settings: &Settings,
        database: &Rc<Database>,
        further: &[(&str, &str)],
        lasting: Duration,
    ) -> Result<Site> {
        let server = settings.start_server_on(&database.url, further).await?;
        Site::of(settings, server, database, lasting).await
    }

    /// Any server that speaks our API.
    pub async fn of(settings: &Settings, server: Server, database: &Rc<Database>, lasting: Duration) -> Result<Site> {
        let tokens = Rc::new(Tokens::sign_in(&mut Client::connect(server.address).await?).await?);
        let served = Served::by(settings, Some(&server));
        Ok(Site { server, database: database.clone(), tokens, served, lasting })
    }

    pub fn address(&self) -> SocketAddr {
        self.server.address
    }

    pub async fn read(&self, reads: &Reads<'_>, connections: usize) -> Result<Measured> {
        wrk::run(self.address(), reads, connections, self.lasting, &self.served).await
    }

    /// All of it must be written.
    pub async fn write(&self, writes: Writes, clients: usize) -> Result<Measured> {
        let measured = self.write_or_be_refused(writes, clients).await?;
        match measured.refused {
            0 => Ok(measured),
            refused => Err(format!("{refused} of {writes:?} were refused").into()),
        }
    }

    pub async fn write_or_be_refused(&self, writes: Writes, clients: usize) -> Result<Measured> {
        let load = Load {
            server: self.address(),
            database: &self.database,
            tokens: &self.tokens,
            served: &self.served,
            clients,
            lasting: self.lasting,
        };
        load.run(writes).await
    }

    // ---- The operations of the table ----

    /// One order's public view, which stays in the server's cache.
    pub async fn hot(&self) -> Result<Measured> {
        self.read(&Reads::One { path: &hot_path(), headers: &[] }, WRITERS).await
    }

    pub async fn unchanged(&self, etag: &str) -> Result<Measured> {
        self.read(&Reads::One { path: &hot_path(), headers: &[("If-None-Match", etag.to_owned())] }, WRITERS).await
    }

    /// Public views by chance, of so many orders that hardly one is cached.
    pub async fn cold(&self) -> Result<Measured> {
        self.read(&Reads::Tracks { orders: self.database.orders }, READERS).await
    }

    /// Orders by chance, each by its owner.
    pub async fn owned(&self, paths: &[(String, String)]) -> Result<Measured> {
        self.read(&Reads::Any(paths), READERS).await
    }

    /// What [`Site::owned`] asks for.
    pub async fn sign_owners_in(&self, settings: &Settings) -> Result<Vec<(String, String)>> {
        self.database.sign_owners_in(settings, &mut Client::connect(self.address()).await?).await
    }

    /// Tokens are good for ten minutes.
    pub async fn sign_in_again(&mut self) -> Result<()> {
        self.tokens = Rc::new(Tokens::sign_in(&mut Client::connect(self.address()).await?).await?);
        Ok(())
    }

    /// A list's page, again and again.
    pub async fn page(&self, path: &str, token: &str) -> Result<Measured> {
        self.read(&Reads::One { path, headers: &[bearer(token)] }, 8).await
    }

    /// The path of a list's page, by going there page by page. The last is 1 at the first page.
    pub async fn path_of_page(&self, list: &str, token: &str, number: usize) -> Result<String> {
        let mut client = Client::connect(self.address()).await?;
        let mut path = list.to_owned();
        for _ in 1..number {
            let page = client.get(&path, token, &[]).await?.json(200)?;
            let cursor = page["next_cursor"].as_str().ok_or("the list has fewer pages")?;
            let separator = if list.contains('?') { '&' } else { '?' };
            path = format!("{list}{separator}cursor={cursor}");
        }
        Ok(path)
    }
}

pub fn bearer(token: &str) -> (&'static str, String) {
    ("Authorization", format!("Bearer {token}"))
}

/// Of an order that nobody moves: one of ten is cancelled.
pub fn hot_path() -> String {
    format!("/api/v1/track/{}", Database::id(9))
}
