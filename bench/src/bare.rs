//! The least that the server's libraries can do. For live updates: a broadcaster that is nothing but actix-ws. It knows no
//! topics, no history and no accounts: what is posted to `/broadcast` goes to every socket as it is. For reading: a
//! handler that answers with bytes and headers that it was told by `/canned`.
//!
//! Each socket's queue is the one that actix-ws brings, 32 messages; whoever has not read those is put out. The text
//! is shared by all. It serves with as many workers as the server does.

use std::collections::BTreeMap;
use std::net::TcpListener;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use actix_web::error::ErrorBadRequest;
use actix_web::http::header::{HeaderName, HeaderValue, IF_NONE_MATCH};
use actix_web::web::{self, Bytes, Data, Path, Payload, Query};
use actix_web::{App, HttpRequest, HttpResponse, HttpServer, rt};
use actix_ws::{CloseCode, CloseReason, Message, MessageStream, Session};
use bytestring::ByteString;
use futures_util::FutureExt;
use serde::{Deserialize, Serialize};
use tokio::task::{AbortHandle, unconstrained};

/// What every text that a client sends is answered with, in the words of the server's protocol.
const SUBSCRIBED: ByteString = ByteString::from_static(r#"{"type":"subscribed","version":0,"events":[]}"#);

#[derive(Default)]
struct Sockets {
    opened: AtomicU64,
    open: Mutex<BTreeMap<u64, Socket>>,
}

struct Socket {
    session: Session,
    /// Of the task that reads.
    task: AbortHandle,
}

/// What the load generator has to notice, by the number of a socket; numbers begin at 0, in the order of opening.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Faults {
    /// Does not get this one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub skip: Option<u64>,
    /// Gets it twice.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub twice: Option<u64>,
    /// Gets something that is no event.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub garble: Option<u64>,
    /// Is closed with 4408 after it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub close: Option<u64>,
}

/// What the handler for reading answers.
#[derive(Default, Serialize, Deserialize)]
pub struct Canned {
    pub etag: String,
    pub ok: Vec<(String, String)>,
    pub not_modified: Vec<(String, String)>,
    pub body: String,
}

struct Ready {
    etag: String,
    ok: Vec<(HeaderName, HeaderValue)>,
    not_modified: Vec<(HeaderName, HeaderValue)>,
    body: Bytes,
}

static READY: OnceLock<Ready> = OnceLock::new();

pub fn run() -> crate::Result<()> {
    rt::System::new().block_on(async {
        let sockets = Data::new(Sockets::default());
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let address = listener.local_addr()?;
        let server = HttpServer::new(move || {
            App::new()
                .app_data(sockets.clone())
                .route("/api/v1/track/{id}", web::get().to(answer))
                .route("/live", web::get().to(connect))
                .route("/broadcast", web::post().to(broadcast))
                .route("/canned", web::post().to(can))
        })
        .workers(std::thread::available_parallelism()?.get())
        .listen(listener)?
        .run();
        eprintln!("serving on http://{address}");
        Ok(server.await?)
    })
}

async fn can(canned: web::Json<Canned>) -> actix_web::Result<HttpResponse> {
    let headers = |headers: &[(String, String)]| -> actix_web::Result<Vec<_>> {
        let parsed = headers.iter().map(|(name, value)| {
            Ok((
                HeaderName::try_from(name).map_err(ErrorBadRequest)?,
                HeaderValue::try_from(value).map_err(ErrorBadRequest)?,
            ))
        });
        parsed.collect()
    };
    let ready = Ready {
        etag: canned.etag.clone(),
        ok: headers(&canned.ok)?,
        not_modified: headers(&canned.not_modified)?,
        body: Bytes::from(canned.body.clone()),
    };
    READY.set(ready).map_err(|_| ErrorBadRequest("once is enough"))?;
    Ok(HttpResponse::NoContent().finish())
}

async fn answer(_id: Path<String>, request: HttpRequest) -> HttpResponse {
    let Some(ready) = READY.get() else { return HttpResponse::NotFound().finish() };
    let is_known = request.headers().get(IF_NONE_MATCH).is_some_and(|known| known.as_bytes() == ready.etag.as_bytes());
    let (mut response, headers) =
        if is_known { (HttpResponse::NotModified(), &ready.not_modified) } else { (HttpResponse::Ok(), &ready.ok) };
    for (name, value) in headers {
        response.insert_header((name, value));
    }
    if is_known { response.finish() } else { response.body(ready.body.clone()) }
}

async fn connect(sockets: Data<Sockets>, request: HttpRequest, body: Payload) -> actix_web::Result<HttpResponse> {
    let (response, session, stream) = actix_ws::handle(&request, body)?;
    let number = sockets.opened.fetch_add(1, Ordering::Relaxed);
    let task = rt::spawn(read(sockets.clone(), number, session.clone(), stream)).abort_handle();
    sockets.open().insert(number, Socket { session, task });
    Ok(response)
}

/// Reads until the client is gone.
async fn read(sockets: Data<Sockets>, number: u64, mut session: Session, mut stream: MessageStream) {
    while let Some(Ok(message)) = stream.recv().await {
        let answered = match message {
            Message::Text(_) => session.text(SUBSCRIBED).await,
            Message::Ping(payload) => session.pong(&payload).await,
            Message::Close(_) => break,
            _ => Ok(()),
        };
        if answered.is_err() {
            break;
        }
    }
    sockets.open().remove(&number);
    let _ = session.close(None).await;
}

async fn broadcast(sockets: Data<Sockets>, faults: Query<Faults>, body: String) -> HttpResponse {
    let text = ByteString::from(body);
    sockets.open().retain(|number, socket| {
        let number = Some(*number);
        if faults.skip == number {
            return true;
        }
        let text = if faults.garble == number { ByteString::from_static("{}") } else { text.clone() };
        let mut takes = socket.takes(text.clone());
        if faults.twice == number {
            takes &= socket.takes(text);
        }
        if faults.close == number {
            let reason = CloseReason { code: CloseCode::from(4408), description: None };
            let _ = socket.session.clone().close(Some(reason)).now_or_never();
            return false;
        }
        takes
    });
    HttpResponse::NoContent().finish()
}

impl Socket {
    /// Hands over a text without waiting; false when the socket is closed, or too slow and is put out.
    fn takes(&mut self, text: ByteString) -> bool {
        // Without tokio's budget, by which everything is "full" for one task after 128 messages.
        match unconstrained(self.session.text(text)).now_or_never() {
            Some(sent) => sent.is_ok(),
            None => {
                self.task.abort();
                false
            }
        }
    }
}

impl Sockets {
    fn open(&self) -> MutexGuard<'_, BTreeMap<u64, Socket>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
