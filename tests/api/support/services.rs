//! A Postgres and a Redis that a test may kill: the instance `faults` of scripts/services.sh.

use std::fs::File;
use std::path::Path;
use std::process::{Command, Output};

#[derive(Clone, Copy, Debug)]
pub enum Service {
    Postgres,
    Redis,
}

/// Both, until dropped. Whoever else wants them waits.
pub struct Services {
    /// A superuser's, who may create databases.
    pub postgres_url: String,
    pub redis_url: String,
    _mine: File,
}

impl Services {
    pub async fn start() -> Services {
        tokio::task::spawn_blocking(|| {
            let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(".local");
            std::fs::create_dir_all(&folder).expect(".local");
            let mine = File::create(folder.join("faults.tests")).expect("a file to lock");
            mine.lock().expect("locked");
            script(&["start", "faults"]);
            // Words that a shell reads; ours hold nothing that it would change but a backslash before ? and &.
            let environment = String::from_utf8(script(&["env", "faults"]).stdout).expect("UTF-8");
            let value = |name: &str| {
                let line = environment.lines().find_map(|line| line.strip_prefix(&format!("export {name}=")));
                line.expect("all of them are printed").replace('\\', "")
            };
            Services { postgres_url: value("SUPERUSER_URL"), redis_url: value("REDIS_URL"), _mine: mine }
        })
        .await
        .expect("they start")
    }

    /// Sends a signal to all processes of a service.
    pub async fn signal(&self, service: Service, signal: &'static str) {
        run(vec!["signal", "faults", service.name(), signal]).await;
    }

    pub async fn start_again(&self, service: Service) {
        run(vec!["start", "faults", service.name()]).await;
    }
}

impl Drop for Services {
    fn drop(&mut self) {
        // One that a test has stopped would hear nothing else.
        attempt(&["signal", "faults", "postgres", "CONT"]);
        let stopped = attempt(&["stop", "faults"]);
        if !std::thread::panicking() {
            assert!(stopped.status.success(), "{}", String::from_utf8_lossy(&stopped.stderr));
        }
    }
}

impl Service {
    fn name(self) -> &'static str {
        match self {
            Service::Postgres => "postgres",
            Service::Redis => "redis",
        }
    }
}

async fn run(arguments: Vec<&'static str>) {
    tokio::task::spawn_blocking(move || script(&arguments)).await.expect("scripts/services.sh does it");
}

fn script(arguments: &[&str]) -> Output {
    let output = attempt(arguments);
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    output
}

fn attempt(arguments: &[&str]) -> Output {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/scripts/services.sh");
    Command::new(script).args(arguments).output().expect("scripts/services.sh runs")
}
