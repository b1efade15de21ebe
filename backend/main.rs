//! The command line: serve, migrate, invite, demo, doctor. Results go to stdout, all else to stderr.

mod commands;

use std::io::{self, IsTerminal};
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use order_tracker::config::Config;
use order_tracker::server::Server;
use order_tracker::storage::{db, migrations};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

/// A fifth of what a request costs is glibc's malloc, where one thread allocates and another frees.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// A self-hosted order status tracker: create, move, watch. Settings come from the environment and from `.env`.
#[derive(Parser)]
#[command(name = "order-tracker")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Bring the database up to date and serve until SIGTERM or SIGINT
    Serve,
    /// Bring the database up to date
    Migrate,
    /// Print a one-time link for a new mover
    Invite {
        /// The new mover may invite and deactivate movers
        #[arg(long)]
        admin: bool,
        /// Only while there is no active admin; otherwise print nothing
        #[arg(long)]
        if_none: bool,
    },
    /// Fill in a demo user with some orders, and print how to sign in
    Demo,
    /// Check settings, Postgres, Redis and the built apps
    Doctor,
}

/// What ends a command is for people to read.
type Failure = Box<dyn std::error::Error + Send + Sync>;

fn main() -> ExitCode {
    let command = Arguments::parse().command;
    let outcome = read_env_file().and_then(|()| match command {
        Command::Serve => serve(),
        Command::Migrate => migrate(),
        Command::Invite { admin, if_none } => commands::invite::run(admin, if_none),
        Command::Demo => commands::demo::run(),
        Command::Doctor => commands::doctor::run(),
    });
    match outcome {
        Ok(code) => code,
        Err(failure) => {
            eprintln!("order-tracker: {}", failure.to_string().trim_end());
            ExitCode::FAILURE
        }
    }
}

/// The environment goes before `.env`, which may be absent.
fn read_env_file() -> Result<(), Failure> {
    match dotenvy::from_path(".env") {
        Ok(()) => Ok(()),
        Err(dotenvy::Error::Io(error)) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        // Its message would quote the line, and with it a secret.
        Err(dotenvy::Error::LineParse(_, at)) => {
            Err(format!(".env: a line is not understood, near character {at}").into())
        }
        Err(error) => Err(format!(".env: {error}").into()),
    }
}

/// Settings for commands that need nothing but Postgres: what they don't use may be missing.
fn config_without_secrets() -> Result<Config, Failure> {
    let unused = |name: &str| match name {
        "REDIS_URL" => Some("redis://unused".to_owned()),
        "JWT_SECRET" => Some("unused ".repeat(5)),
        _ => None,
    };
    let set = |name: &str| std::env::var(name).ok().filter(|value| !value.trim().is_empty());
    Ok(Config::from_lookup(|name| set(name).or_else(|| unused(name)))?)
}

fn migrate() -> Result<ExitCode, Failure> {
    let config = config_without_secrets()?;
    migrations::run(&mut db::connect(&config.database_url)?)?;
    eprintln!("The database is up to date.");
    Ok(ExitCode::SUCCESS)
}

fn serve() -> Result<ExitCode, Failure> {
    log_to_stderr();
    let config = Config::from_env()?;
    allow_many_sockets();
    actix_web::rt::System::new().block_on(async {
        let mut signals = Signals::listen()?;
        let mut server = tokio::select! {
            started = Server::start(config) => started?,
            // A migration may still run; it is in a transaction, and nobody waits for it.
            name = signals.next() => {
                tracing::info!("{name} before the start was over");
                leave(0);
            }
        };
        tracing::info!("serving on http://{}", server.address());

        let name = tokio::select! {
            name = signals.next() => name,
            error = server.ended() => {
                tracing::error!(%error, "the server has ended by itself");
                leave(1);
            }
        };
        tracing::info!("{name}: stopping");
        tokio::select! {
            stopped = server.stop() => stopped?,
            name = signals.next() => {
                tracing::warn!("{name} again: leaving at once");
                leave(1);
            }
        }
        tracing::info!("stopped");
        leave(0)
    })
}

/// Not by the way of destructors, Rust's or C's: they would wait for threads that Postgres holds up; and while they ran, actix's
/// threads, which were just ending, panicked and aborted all (in 4 of 100 ends after many sockets).
fn leave(code: i32) -> ! {
    signal_hook::low_level::exit(code)
}

/// Each socket is an open file, and the usual limit of 1024 is a soft one: as many as we may.
fn allow_many_sockets() {
    match rlimit::increase_nofile_limit(u64::MAX) {
        Ok(limit) if limit < 10_000 => tracing::warn!(limit, "few files may be open: so few clients can watch at once"),
        Ok(_) => {}
        Err(error) => tracing::warn!(%error, "the limit of open files can't be raised"),
    }
}

fn log_to_stderr() {
    // How many workers actix starts and stops is of no interest.
    let targets = Targets::new()
        .with_default(LevelFilter::INFO)
        .with_target("actix_server", LevelFilter::WARN)
        // An error for each malformed request: anybody could fill the log.
        .with_target("actix_http", LevelFilter::OFF);
    let lines = tracing_subscriber::fmt().with_writer(io::stderr).with_ansi(io::stderr().is_terminal());
    lines.finish().with(targets).init();
}

struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    fn listen() -> io::Result<Signals> {
        Ok(Signals { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
    }

    /// The name of the next signal.
    async fn next(&mut self) -> &'static str {
        tokio::select! {
            _ = self.terminate.recv() => "SIGTERM",
            _ = self.interrupt.recv() => "SIGINT",
        }
    }
}
