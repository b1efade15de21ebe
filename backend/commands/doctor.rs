//! `doctor`: what a server needs, a line each, with what to do about it.

use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use deadpool_redis::redis;
use order_tracker::config::Config;
use order_tracker::storage::{db, migrations};
use secrecy::ExposeSecret;

use crate::Failure;

const REDIS_TIMEOUT: Duration = Duration::from_secs(2);

/// The pages that the server answers with.
const PAGES: [&str; 4] = ["users/index.html", "movers/index.html", "track/index.html", "docs/index.html"];

/// Prints a line for each check; the exit code is 1 when one fails.
pub fn run() -> Result<ExitCode, Failure> {
    let config = Config::from_env();
    let mut all_well =
        tell("configuration", config.as_ref().map(|_| "complete".to_owned()).map_err(|error| error.0.join("; ")));
    if let Ok(config) = &config {
        for (name, outcome) in [
            ("postgres", check_postgres(config)),
            ("redis", check_redis(config)),
            ("apps", check_apps(&config.frontend_dir)),
        ] {
            all_well &= tell(name, outcome);
        }
    }
    Ok(if all_well { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn tell(name: &str, outcome: Result<String, String>) -> bool {
    let (mark, words) = match &outcome {
        Ok(words) => ("ok", words),
        Err(words) => ("WRONG", words),
    };
    println!("{mark:<6}{name:<15}{}", words.trim().replace('\n', " "));
    outcome.is_ok()
}

fn check_postgres(config: &Config) -> Result<String, String> {
    let mut connection = db::connect(&config.database_url).map_err(|error| format!("DATABASE_URL: {error}"))?;
    if !db::speaks_english(&mut connection).unwrap_or(true) {
        return Err(db::LANGUAGE_ADVICE.to_owned());
    }
    match migrations::is_current(&mut connection) {
        Ok(true) => Ok("reachable and up to date".to_owned()),
        Ok(false) => Err("reachable, but not up to date: run `order-tracker migrate`".to_owned()),
        Err(error) => Err(format!("reachable, but its migrations can't be read: {error}")),
    }
}

fn check_redis(config: &Config) -> Result<String, String> {
    let ping = || -> redis::RedisResult<()> {
        let client = redis::Client::open(config.redis_url.expose_secret())?;
        let mut connection = client.get_connection_with_timeout(REDIS_TIMEOUT)?;
        connection.set_read_timeout(Some(REDIS_TIMEOUT))?;
        connection.set_write_timeout(Some(REDIS_TIMEOUT))?;
        redis::cmd("PING").exec(&mut connection)
    };
    ping()
        .map(|()| "reachable".to_owned())
        .map_err(|error| format!("REDIS_URL: {error} (the server works without it, and slower)"))
}

fn check_apps(folder: &Path) -> Result<String, String> {
    let missing: Vec<_> = PAGES.into_iter().filter(|page| !folder.join(page).is_file()).collect();
    if missing.is_empty() {
        Ok(format!("built in {}", folder.display()))
    } else {
        Err(format!("FRONTEND_DIR: {} has no {} (`make run` builds them)", folder.display(), missing.join(", ")))
    }
}
