//! The program itself, as a process.

use std::collections::HashMap;
use std::io::{BufRead, BufReader};
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// Where no `.env` is.
pub fn program(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_order-tracker"));
    command.args(arguments).env_clear().current_dir(std::env::temp_dir()).stdin(Stdio::null());
    command
}

/// `order-tracker serve`, until dropped.
pub struct Process {
    pub base: String,
    child: Child,
    log: Arc<Mutex<String>>,
    /// Reads what is logged, which would fill the pipe and stop the server otherwise.
    reader: Option<std::thread::JoinHandle<()>>,
}

impl Process {
    pub async fn serves(settings: &HashMap<&'static str, String>) -> Process {
        let mut child =
            program(&["serve"]).envs(settings).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().expect("it starts");
        let mut lines = BufReader::new(child.stderr.take().expect("stderr"));
        // Not on this thread, which a proxy may need.
        let reading = tokio::task::spawn_blocking(move || {
            let mut log = String::new();
            loop {
                let begin = log.len();
                assert_ne!(lines.read_line(&mut log).expect("a line"), 0, "it ended before it served: {log}");
                if let Some((_, address)) = log[begin..].split_once("serving on ") {
                    return (address.trim().to_owned(), log, lines);
                }
            }
        });
        let (base, log, lines) = reading.await.expect("it serves");
        let log = Arc::new(Mutex::new(log));
        let written = log.clone();
        let reader = std::thread::spawn(move || {
            for line in lines.lines().map_while(Result::ok) {
                if std::env::var_os("TEST_LOG").is_some() {
                    eprintln!("{line}");
                }
                *written.lock().expect("nobody panics") += &format!("{line}\n");
            }
        });
        Process { base, child, log, reader: Some(reader) }
    }

    /// What it has logged until now.
    pub fn log(&self) -> String {
        self.log.lock().expect("nobody panics").clone()
    }

    pub fn id(&self) -> u32 {
        self.child.id()
    }

    pub fn signal(&self, name: &str) {
        let sent = Command::new("kill").args(["-s", name, &self.id().to_string()]).status().expect("kill");
        assert!(sent.success());
    }

    /// Resident memory in bytes.
    pub fn memory(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.id())).expect("it runs");
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("VmRSS");
        line.trim().trim_end_matches(" kB").parse::<u64>().expect("a number") * 1024
    }

    /// Ends it at once: SIGKILL.
    pub fn kill(&mut self) {
        self.child.kill().expect("killed");
        self.child.wait().expect("it has ended");
    }

    /// Its exit code, once it has ended.
    pub async fn ends_within(&mut self, patience: Duration) -> Option<i32> {
        let start = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().expect("a child") {
                if let Some(signal) = status.signal() {
                    eprintln!("it was ended by signal {signal}; it said:\n{}", self.log());
                }
                return status.code();
            }
            assert!(start.elapsed() < patience, "still there after {patience:?}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Everything that it has logged until its end.
    pub async fn log_until_its_end(mut self, patience: Duration) -> String {
        self.ends_within(patience).await;
        self.reader.take().expect("once").join().expect("the log is text");
        self.log()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}
