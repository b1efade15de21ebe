//! A proxy in front of Postgres, Redis or our own server that can hold everything back, or cut it, while a test runs.

use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UnixListener, UnixStream};
use tokio::sync::watch;

use super::client::PATIENCE;

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Traffic {
    /// All goes through.
    Flows,
    /// Nothing goes through, in neither direction, and nobody is told: a stopped process, a pulled cable.
    Stalls,
    /// All goes through, a while later.
    Slow,
    /// Requests go through, their answers don't.
    SwallowsAnswers,
    /// Open connections are cut and new ones refused.
    Cut,
}

/// What `Slow` adds to each direction.
const LATENCY: Duration = Duration::from_millis(300);

pub struct Proxy {
    front: Front,
    lines: Arc<Lines>,
    task: tokio::task::JoinHandle<()>,
}

/// Where it is reached.
enum Front {
    Unix { folder: PathBuf, socket: PathBuf },
    Tcp(SocketAddr),
}

/// What all its connections share.
struct Lines {
    /// Of those to come.
    target: watch::Sender<Target>,
    traffic: watch::Sender<Traffic>,
    /// How many have got through so far.
    count: watch::Sender<u32>,
}

#[derive(Clone)]
enum Target {
    Unix(PathBuf),
    Tcp(String),
}

impl Proxy {
    /// In front of the Postgres of this URL.
    pub fn of_postgres(url: &str) -> Proxy {
        let host = parameter(url, "host").unwrap_or_else(|| authority(url).0);
        let port = parameter(url, "port").or_else(|| authority(url).1).unwrap_or_else(|| "5432".to_owned());
        let target = match host.starts_with('/') {
            true => Target::Unix(Path::new(&host).join(format!(".s.PGSQL.{port}"))),
            false => Target::Tcp(format!("{host}:{port}")),
        };
        Proxy::start(target, ".s.PGSQL.5432")
    }

    /// In front of the Redis of this URL.
    pub fn of_redis(url: &str) -> Proxy {
        let target = match url.split_once("unix://") {
            Some((_, path)) => Target::Unix(PathBuf::from(decode(path.split('?').next().unwrap_or_default()))),
            None => {
                let (host, port) = authority(url);
                Target::Tcp(format!("{host}:{}", port.unwrap_or_else(|| "6379".to_owned())))
            }
        };
        Proxy::start(target, "redis.sock")
    }

    /// In front of the server at this address, `http://127.0.0.1:port`, over TCP.
    pub async fn of_server(base: &str) -> Proxy {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let front = Front::Tcp(listener.local_addr().expect("an address"));
        let lines = Arc::new(Lines::to(Target::Tcp(authority_of(base))));
        let accepting = lines.clone();
        let task = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(serve(client, accepting.clone()));
            }
        });
        Proxy { front, lines, task }
    }

    fn start(target: Target, name: &str) -> Proxy {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let folder = std::env::temp_dir().join(format!("ot-proxy-{}-{number}", std::process::id()));
        std::fs::create_dir_all(&folder).expect("a folder");
        std::fs::set_permissions(&folder, std::fs::Permissions::from_mode(0o700)).expect("a folder of our own");
        let socket = folder.join(name);
        let listener = UnixListener::bind(&socket).expect("a socket");
        let lines = Arc::new(Lines::to(target));
        let accepting = lines.clone();
        let task = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(serve(client, accepting.clone()));
            }
        });
        Proxy { front: Front::Unix { folder, socket }, lines, task }
    }

    pub fn set(&self, traffic: Traffic) {
        self.lines.traffic.send_replace(traffic);
    }

    /// Who connects from now on comes to another server.
    pub fn lead_to(&self, base: &str) {
        self.lines.target.send_replace(Target::Tcp(authority_of(base)));
    }

    /// Waits until this many connections have got through since the proxy is there.
    pub async fn has_led(&self, connections: u32) {
        let mut count = self.lines.count.subscribe();
        let waiting = count.wait_for(|now| *now >= connections);
        tokio::time::timeout(PATIENCE, waiting).await.expect("somebody connects in time").expect("the proxy lives");
    }

    /// The URL with this proxy in place of the server.
    pub fn postgres_url(&self, url: &str) -> String {
        let (folder, _) = self.on_unix();
        let (head, _) = url.split_once('?').unwrap_or((url, ""));
        let (scheme, rest) = head.split_once("://").expect("a URL");
        let (authority, database) = rest.split_once('/').expect("a database");
        let user = authority.split_once('@').map(|(user, _)| format!("{user}@")).unwrap_or_default();
        format!("{scheme}://{user}/{database}?host={}&port=5432", folder.display())
    }

    pub fn redis_url(&self) -> String {
        let (_, socket) = self.on_unix();
        format!("redis+unix://{}", socket.display())
    }

    /// The address of this proxy of a server: `http://127.0.0.1:port`.
    pub fn base(&self) -> String {
        match &self.front {
            Front::Tcp(address) => format!("http://{address}"),
            Front::Unix { .. } => panic!("this is no proxy of a server"),
        }
    }

    fn on_unix(&self) -> (&Path, &Path) {
        match &self.front {
            Front::Unix { folder, socket } => (folder, socket),
            Front::Tcp(_) => panic!("this is a proxy of a server"),
        }
    }
}

impl Lines {
    fn to(target: Target) -> Lines {
        Lines {
            target: watch::Sender::new(target),
            traffic: watch::Sender::new(Traffic::Flows),
            count: watch::Sender::new(0),
        }
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.task.abort();
        if let Front::Unix { folder, .. } = &self.front {
            std::fs::remove_dir_all(folder).ok();
        }
    }
}

async fn serve(client: impl AsyncRead + AsyncWrite, lines: Arc<Lines>) {
    let mut traffic = lines.traffic.subscribe();
    if *traffic.borrow() == Traffic::Cut {
        return;
    }
    let mut until_cut = traffic.clone();
    let carry = async {
        // Somebody who connects while all stalls waits as well.
        traffic.wait_for(|now| *now != Traffic::Stalls).await.ok();
        let (up, down) = tokio::io::split(client);
        let target = lines.target.borrow().clone();
        match target {
            Target::Unix(path) => {
                let (from, to) = UnixStream::connect(path).await?.into_split();
                lines.count.send_modify(|count| *count += 1);
                both(up, to, from, down, &traffic).await
            }
            Target::Tcp(address) => {
                let (from, to) = TcpStream::connect(address).await?.into_split();
                lines.count.send_modify(|count| *count += 1);
                both(up, to, from, down, &traffic).await
            }
        }
    };
    // Leaving drops both ends.
    tokio::select! {
        _ = carry => {}
        _ = until_cut.wait_for(|now| *now == Traffic::Cut) => {}
    }
}

async fn both<A, B, C, D>(up: A, to: B, from: C, down: D, traffic: &watch::Receiver<Traffic>) -> std::io::Result<()>
where
    A: AsyncReadExt + Unpin,
    B: AsyncWriteExt + Unpin,
    C: AsyncReadExt + Unpin,
    D: AsyncWriteExt + Unpin,
{
    let requests =
        copy(up, to, traffic.clone(), |now| matches!(now, Traffic::Flows | Traffic::Slow | Traffic::SwallowsAnswers));
    let answers = copy(from, down, traffic.clone(), |now| matches!(now, Traffic::Flows | Traffic::Slow));
    tokio::select! { ended = requests => ended, ended = answers => ended }
}

async fn copy(
    mut from: impl AsyncReadExt + Unpin,
    mut to: impl AsyncWriteExt + Unpin,
    mut traffic: watch::Receiver<Traffic>,
    passes: impl Fn(Traffic) -> bool,
) -> std::io::Result<()> {
    let mut buffer = vec![0; 64 * 1024];
    loop {
        let length = from.read(&mut buffer).await?;
        if length == 0 {
            return Ok(());
        }
        if traffic.wait_for(|now| passes(*now)).await.is_err() {
            return Ok(());
        }
        if *traffic.borrow() == Traffic::Slow {
            tokio::time::sleep(LATENCY).await;
        }
        to.write_all(&buffer[..length]).await?;
    }
}

fn parameter(url: &str, name: &str) -> Option<String> {
    let (_, query) = url.split_once('?')?;
    query.split('&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('=')).map(decode)
}

fn authority(url: &str) -> (String, Option<String>) {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let authority = rest.split(['/', '?']).next().unwrap_or_default();
    let host = authority.rsplit('@').next().unwrap_or_default();
    match host.split_once(':') {
        Some((host, port)) => (host.to_owned(), Some(port.to_owned())),
        None => (host.to_owned(), None),
    }
}

/// Host and port of `http://host:port`.
fn authority_of(base: &str) -> String {
    base.strip_prefix("http://").expect("a base").to_owned()
}

/// Undoes percent-encoding.
fn decode(text: &str) -> String {
    let mut decoded = Vec::new();
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        let code = (byte == b'%')
            .then(|| [bytes.next(), bytes.next()].into_iter().flatten().map(char::from).collect::<String>());
        decoded.push(code.and_then(|hex| u8::from_str_radix(&hex, 16).ok()).unwrap_or(byte));
    }
    String::from_utf8(decoded).expect("UTF-8")
}
