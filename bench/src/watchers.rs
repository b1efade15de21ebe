//! The load generators as the one who starts them sees them: several processes, because each may open only so many
//! files, each with a source address of its own.

use std::net::{Ipv4Addr, SocketAddr};
use std::process::Stdio;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout};

use crate::watch::{Command, Plan, Report, Said, Watch};
use crate::{Result, process};

const SOCKETS_A_PROCESS: usize = 5000;
const OPEN_LIMIT: Duration = Duration::from_secs(120);
/// How long all of them may take to get one event, or to say what they have.
const ANSWER_LIMIT: Duration = Duration::from_secs(20);

pub struct Watchers(Vec<Generator>);

struct Generator {
    sockets: usize,
    #[expect(dead_code, reason = "ends it when dropped")]
    child: Child,
    stdin: ChildStdin,
    stdout: Lines<BufReader<ChildStdout>>,
}

impl Watchers {
    /// Opens a socket for each of these, and returns when all are subscribed.
    pub async fn open(server: SocketAddr, path: &str, watches: &[Watch], tells_completion: bool) -> Result<Watchers> {
        let mut generators = Vec::new();
        for some in watches.chunks(SOCKETS_A_PROCESS) {
            let plan =
                Plan { server, path: path.to_owned(), source: next_source(), watches: some.to_vec(), tells_completion };
            generators.push(Generator::start(&plan).await?);
        }
        for generator in &mut generators {
            match generator.hear(OPEN_LIMIT).await? {
                Said::Ready { subscribed, failed } if subscribed == generator.sockets && failed.is_empty() => {}
                Said::Ready { subscribed, failed } => {
                    return Err(format!("{subscribed} of {} are subscribed: {failed:?}", generator.sockets).into());
                }
                _ => return Err("a load generator speaks before it is ready".into()),
            }
        }
        Ok(Watchers(generators))
    }

    /// Waits until each socket has a version; when the last of them got it, in nanoseconds since 1970.
    pub async fn completed(&mut self, version: i32) -> Result<u64> {
        let mut last_of_all = 0;
        for generator in &mut self.0 {
            match generator.hear(ANSWER_LIMIT).await {
                Ok(Said::Complete { version: complete, last }) if complete == version => {
                    last_of_all = last_of_all.max(last);
                }
                Ok(_) => return Err("a load generator says something else than was asked".into()),
                Err(error) => {
                    let report = generator.report(vec![version; generator.sockets]).await?;
                    return Err(format!("version {version} is not complete ({error}): {}", report.summary()).into());
                }
            }
        }
        Ok(last_of_all)
    }

    /// What has been read, if the sockets should have everything up to these versions.
    pub async fn report(&mut self, through: &[i32]) -> Result<Report> {
        let mut sum = Report::default();
        let mut through = through.iter().copied();
        for generator in &mut self.0 {
            let part = through.by_ref().take(generator.sockets).collect();
            sum.add(generator.report(part).await?);
        }
        Ok(sum)
    }
}

impl Generator {
    async fn start(plan: &Plan) -> Result<Generator> {
        let mut child = process::own(&["watch"])?.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let stdin = child.stdin.take().ok_or("no stdin")?;
        let stdout = BufReader::new(child.stdout.take().ok_or("no stdout")?).lines();
        let mut generator = Generator { sockets: plan.watches.len(), child, stdin, stdout };
        generator.write(&serde_json::to_string(plan)?).await?;
        Ok(generator)
    }

    async fn report(&mut self, through: Vec<i32>) -> Result<Report> {
        self.write(&serde_json::to_string(&Command::Report { through })?).await?;
        loop {
            match self.hear(ANSWER_LIMIT).await? {
                Said::Report(report) => return Ok(report),
                Said::Complete { .. } => {}
                Said::Ready { .. } => return Err("a load generator is ready twice".into()),
            }
        }
    }

    async fn write(&mut self, line: &str) -> Result<()> {
        self.stdin.write_all(format!("{line}\n").as_bytes()).await?;
        self.stdin.flush().await?;
        Ok(())
    }

    async fn hear(&mut self, limit: Duration) -> Result<Said> {
        let line = tokio::time::timeout(limit, self.stdout.next_line()).await;
        let line = line.map_err(|_| format!("nothing for {limit:?}"))??.ok_or("a load generator has ended")?;
        Ok(serde_json::from_str(&line)?)
    }
}

/// 127.0.0.2 and so on, round and round.
fn next_source() -> Ipv4Addr {
    static STARTED: AtomicU8 = AtomicU8::new(0);
    Ipv4Addr::new(127, 0, 0, 2 + STARTED.fetch_add(1, Ordering::Relaxed) % 250)
}
