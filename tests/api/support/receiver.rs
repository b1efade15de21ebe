//! Somebody's server that receives webhooks, and answers as it is told.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use actix_web::{App, HttpRequest, HttpResponse, HttpServer, web};
use serde_json::Value;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio_native_tls::native_tls;

/// One request that came.
#[derive(Debug, Clone)]
pub struct Received {
    pub at: Instant,
    pub headers: HashMap<String, String>,
    pub body: String,
    pub json: Value,
    /// When it was answered; none: not yet.
    pub answered: Option<Instant>,
}

impl Received {
    pub fn id(&self) -> &str {
        &self.headers["webhook-id"]
    }

    /// Order and version of the event; of a test, nothing.
    pub fn event(&self) -> Option<(&str, i64)> {
        let event = &self.json["data"]["event"];
        Some((event["order_id"].as_str()?, event["version"].as_i64()?))
    }
}

/// How a request is answered.
#[derive(Debug, Clone)]
pub struct Answer {
    pub status: u16,
    pub after: Duration,
    pub headers: Vec<(&'static str, String)>,
    pub body: String,
}

impl Answer {
    pub fn of(status: u16) -> Answer {
        Answer { status, after: Duration::ZERO, headers: Vec::new(), body: String::new() }
    }

    pub fn after(self, after: Duration) -> Answer {
        Answer { after, ..self }
    }
}

type Behaviour = dyn Fn(&Received) -> Answer + Send + Sync;

/// A server in a thread of its own, until dropped.
pub struct Receiver {
    pub address: SocketAddr,
    state: Arc<State>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<std::thread::JoinHandle<()>>,
}

struct State {
    received: Mutex<Vec<Received>>,
    behaviour: Mutex<Arc<Behaviour>>,
}

impl Receiver {
    /// Answers 204 to everything.
    pub fn start() -> Receiver {
        Receiver::answering(|_| Answer::of(204))
    }

    pub fn answering(behaviour: impl Fn(&Received) -> Answer + Send + Sync + 'static) -> Receiver {
        let behaviour: Arc<Behaviour> = Arc::new(behaviour);
        let state = Arc::new(State { received: Mutex::default(), behaviour: Mutex::new(behaviour) });
        let (stop, stopped) = oneshot::channel();
        let (to_us, address) = std::sync::mpsc::channel();
        let shared = state.clone();
        let thread = std::thread::spawn(move || {
            actix_web::rt::System::new().block_on(async move {
                let shared = web::Data::from(shared);
                let server =
                    HttpServer::new(move || App::new().app_data(shared.clone()).default_service(web::to(receive)));
                let server =
                    server.workers(1).disable_signals().shutdown_timeout(0).bind("127.0.0.1:0").expect("a port");
                to_us.send(server.addrs()[0]).expect("somebody waits");
                let server = server.run();
                let handle = server.handle();
                let running = actix_web::rt::spawn(server);
                let _ = stopped.await;
                handle.stop(false).await;
                let _ = running.await;
            });
        });
        let address = address.recv().expect("it starts");
        Receiver { address, state, stop: Some(stop), thread: Some(thread) }
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// Answers like this from now on.
    pub fn behaves(&self, behaviour: impl Fn(&Received) -> Answer + Send + Sync + 'static) {
        *self.state.behaviour.lock().unwrap() = Arc::new(behaviour);
    }

    pub fn received(&self) -> Vec<Received> {
        self.state.received.lock().unwrap().clone()
    }

    pub fn count(&self) -> usize {
        self.state.received.lock().unwrap().len()
    }

    /// Waits until so many have come, and gives them.
    pub async fn receives(&self, count: usize) -> Vec<Received> {
        super::eventually("the webhooks come", async || self.count() >= count).await;
        self.received()
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        let _ = self.stop.take().map(|stop| stop.send(()));
        let _ = self.thread.take().map(std::thread::JoinHandle::join);
    }
}

/// TLS in front of a receiver, by a certificate of its own for 127.0.0.1, until dropped.
pub struct TlsFront {
    address: SocketAddr,
    folder: PathBuf,
    serving: tokio::task::JoinHandle<()>,
}

impl TlsFront {
    pub async fn of(receiver: &Receiver) -> TlsFront {
        let folder = std::env::temp_dir().join(format!("ot-tls-{}", uuid::Uuid::now_v7()));
        std::fs::create_dir(&folder).expect("a folder");
        let made = Command::new("openssl")
            .args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"])
            .args(["-subj", "/CN=receiver", "-addext", "subjectAltName=IP:127.0.0.1"])
            .args(["-keyout", "key.pem", "-out", "certificate.pem"])
            .current_dir(&folder)
            .output()
            .expect("openssl");
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        let read = |name| std::fs::read(folder.join(name)).expect("a file");
        let identity =
            native_tls::Identity::from_pkcs8(&read("certificate.pem"), &read("key.pem")).expect("a certificate");
        let acceptor = tokio_native_tls::TlsAcceptor::from(native_tls::TlsAcceptor::new(identity).expect("TLS"));
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let (address, behind) = (listener.local_addr().expect("it listens"), receiver.address);
        let serving = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let acceptor = acceptor.clone();
                tokio::spawn(async move {
                    // Whoever does not trust the certificate goes.
                    let Ok(mut outside) = acceptor.accept(stream).await else { return };
                    let mut inside = TcpStream::connect(behind).await.expect("the receiver");
                    tokio::io::copy_bidirectional(&mut outside, &mut inside).await.ok();
                });
            }
        });
        TlsFront { address, folder, serving }
    }

    pub fn url(&self, host: &str) -> String {
        format!("https://{host}:{}/", self.address.port())
    }

    /// For those who shall trust it.
    pub fn certificate(&self) -> PathBuf {
        self.folder.join("certificate.pem")
    }
}

impl Drop for TlsFront {
    fn drop(&mut self) {
        self.serving.abort();
        std::fs::remove_dir_all(&self.folder).ok();
    }
}

async fn receive(state: web::Data<State>, request: HttpRequest, body: web::Bytes) -> HttpResponse {
    let headers = request.headers().iter();
    let headers =
        headers.map(|(name, value)| (name.to_string(), value.to_str().unwrap_or_default().to_owned())).collect();
    let received = Received {
        at: Instant::now(),
        headers,
        body: String::from_utf8_lossy(&body).into_owned(),
        json: serde_json::from_slice(&body).unwrap_or_default(),
        answered: None,
    };
    let behaviour = state.behaviour.lock().unwrap().clone();
    let answer = behaviour(&received);
    let at = {
        let mut all = state.received.lock().unwrap();
        all.push(received);
        all.len() - 1
    };
    tokio::time::sleep(answer.after).await;
    state.received.lock().unwrap()[at].answered = Some(Instant::now());
    let mut response = HttpResponse::build(actix_web::http::StatusCode::from_u16(answer.status).unwrap());
    for (name, value) in answer.headers {
        response.insert_header((name, value));
    }
    response.body(answer.body)
}
