//! One socket: one task that reads what the client sends, sends what its outbox holds, and knows when to end.

use std::time::Duration;

use actix_web::error::PayloadError;
use actix_web::web::Data;
use actix_ws::{
    AggregatedMessage, AggregatedMessageStream, CloseCode, CloseReason, MessageStream, ProtocolError, Session,
};
use bytestring::ByteString;
use chrono::{DateTime, Utc};
use tokio::time::Instant;
use uuid::Uuid;

use super::Registered;
use super::frames::{self, ClientFrame, HEARTBEAT, Refusal};
use super::outbox::{End, Item};
use super::subscriptions::{Out, Subscriptions};
use super::topics::Topic;
use crate::auth::api_keys;
use crate::auth::extractors::{self, Credential, Identity};
use crate::domain::scope::Scope;
use crate::error::{Error, Result};
use crate::limits::{Policy, Whose};
use crate::server::App;

pub const FRAME_MAX: usize = 16 * 1024;
const HEARTBEAT_EVERY: Duration = Duration::from_secs(20);
/// How long a client that does not read is given to learn why it is closed.
const CLOSING_LIMIT: Duration = Duration::from_secs(60);

/// Serves a socket until one side has had enough.
pub async fn run(app: Data<App>, from: Whose, session: Session, stream: MessageStream) {
    let registered = match app.live.open() {
        Ok(registered) => registered,
        Err(_) => return say_goodbye(session, Close::from(End::Draining)).await,
    };
    let stream = stream.max_frame_size(FRAME_MAX).aggregate_continuations().max_continuation_size(FRAME_MAX);
    let mut socket = Socket::new(app, from, registered, session.clone());
    let close = match socket.serve(stream).await {
        Ok(never) => match never {},
        Err(close) => close,
    };
    // First nothing more is delivered to it, however long the goodbye takes.
    drop(socket);
    if let Close::With(code, Some("too_slow")) = close {
        tracing::info!(code = u16::from(code), "a socket is closed: its client reads too slow");
    }
    say_goodbye(session, close).await;
}

async fn say_goodbye(session: Session, close: Close) {
    if let Close::With(code, description) = close {
        let reason = CloseReason { code, description: description.map(str::to_owned) };
        let _ = tokio::time::timeout(CLOSING_LIMIT, session.close(Some(reason))).await;
    }
}

struct Socket {
    app: Data<App>,
    /// The address of the client.
    from: Whose,
    registered: Registered,
    session: Session,
    subscriptions: Subscriptions,
    caller: Option<Caller>,
    next_heartbeat: Instant,
    out: Out,
}

/// Whose token or key was shown.
struct Caller {
    account_id: Uuid,
    /// Until when that is good; a key need not end.
    until: Option<Instant>,
    /// What is said when it is not any more.
    expired: &'static str,
}

/// Why a socket ends.
#[derive(Debug)]
enum Close {
    With(CloseCode, Option<&'static str>),
    /// Nobody is there to be told.
    Gone,
}

enum Never {}

impl Socket {
    fn new(app: Data<App>, from: Whose, registered: Registered, session: Session) -> Socket {
        let subscriptions = Subscriptions::new(registered.live.clone(), registered.outbox.clone());
        // Thousands that connect together should not all be woken together ever after.
        let next_heartbeat = Instant::now() + HEARTBEAT_EVERY.mul_f64(rand::random_range(0.5..1.0));
        Socket { app, from, registered, session, subscriptions, caller: None, next_heartbeat, out: Out::new() }
    }

    async fn serve(&mut self, mut stream: AggregatedMessageStream) -> Result<Never, Close> {
        let outbox = self.registered.outbox.clone();
        let alarm = tokio::time::sleep_until(self.next_alarm());
        tokio::pin!(alarm);
        loop {
            tokio::select! {
                item = outbox.next() => self.take_item(item?),
                message = stream.recv() => self.take_message(message).await?,
                () = &mut alarm => self.ring()?,
            }
            self.send_all().await?;
            if alarm.deadline() != self.next_alarm() {
                alarm.as_mut().reset(self.next_alarm());
            }
        }
    }

    fn take_item(&mut self, item: Item) {
        self.subscriptions.take(item, &mut self.out);
        // Who asks for what there is not is guessing, here as at /track.
        for _ in 0..self.subscriptions.guesses() {
            let _ = self.app.limits.take(Policy::Misses, self.from);
        }
    }

    async fn take_message(&mut self, message: Option<Result<AggregatedMessage, ProtocolError>>) -> Result<(), Close> {
        match message {
            Some(Ok(AggregatedMessage::Text(text))) => self.take_text(&text).await,
            Some(Ok(AggregatedMessage::Binary(_))) => Err(Close::protocol("binary frames are not understood")),
            Some(Ok(AggregatedMessage::Ping(payload))) => {
                tokio::select! {
                    biased;
                    sent = self.session.pong(&payload) => sent.map_err(|_| Close::Gone),
                    end = self.registered.outbox.ended() => Err(end.into()),
                }
            }
            Some(Ok(AggregatedMessage::Pong(_))) => Ok(()),
            Some(Ok(AggregatedMessage::Close(reason))) => {
                Err(Close::With(reason.map_or(CloseCode::Normal, |reason| reason.code), None))
            }
            Some(Err(error)) => Err(error.into()),
            None => Err(Close::Gone),
        }
    }

    async fn take_text(&mut self, text: &str) -> Result<(), Close> {
        let frame = serde_json::from_str(text).map_err(|_| Close::protocol("not a frame of the protocol"))?;
        match frame {
            // On the heap while it lasts: to look a key up takes 3.6 kB, which each socket would have for all its life.
            ClientFrame::Authenticate { token } => Box::pin(self.authenticate(&token)).await?,
            ClientFrame::Subscribe { topic: text, after } => {
                let subscribed = match Topic::parse(&text) {
                    Some(Topic::Track(_)) if self.app.limits.look(Policy::Misses, self.from).is_err() => {
                        Err(Refusal::RateLimited)
                    }
                    Some(topic) => self.subscriptions.subscribe(topic, after.unwrap_or(0), &mut self.out),
                    None => Err(Refusal::NotFound),
                };
                if let Err(refusal) = subscribed {
                    self.out.extend(frames::error(refusal, &text));
                }
            }
            ClientFrame::Unsubscribe { topic: text } => match Topic::parse(&text) {
                Some(topic) => self.subscriptions.unsubscribe(topic, &mut self.out),
                None => self.out.extend(frames::error(Refusal::NotFound, &text)),
            },
        }
        Ok(())
    }

    async fn authenticate(&mut self, token: &str) -> Result<(), Close> {
        let (identity, expires_at) = match self.identify(token).await {
            Ok(identified) => identified,
            Err(Error::DatabaseUnavailable | Error::Overloaded | Error::Internal(_)) => {
                self.out.extend(frames::not_authenticated());
                return Ok(());
            }
            Err(error) => return Err(Close::With(CloseCode::from(4401), Some(error.status_and_code().1))),
        };
        // Somebody else would keep what the first one was let in to see.
        if self.caller.as_ref().is_some_and(|caller| caller.account_id != identity.account_id) {
            return Err(Close::With(CloseCode::from(4401), Some("another_account")));
        }
        let left = |until: DateTime<Utc>| (until - Utc::now()).to_std().unwrap_or_default();
        self.caller = Some(Caller {
            account_id: identity.account_id,
            // What is too far for the clock is never.
            until: expires_at.and_then(|until| Instant::now().checked_add(left(until))),
            expired: match identity.credential {
                Credential::Session(_) => "token_expired",
                Credential::ApiKey(_) => "api_key_expired",
            },
        });
        self.registered.outbox.set_credential(identity.credential);
        self.subscriptions.set_caller(identity);
        self.out.extend(frames::authenticated(expires_at));
        Ok(())
    }

    /// Whom an access token or an API key stands for, and until when.
    async fn identify(&self, token: &str) -> Result<(Identity, Option<DateTime<Utc>>), Error> {
        if api_keys::is_one(token) {
            let grant = self.app.api_keys.verify(token).await?;
            grant.allows(Scope::OrdersRead)?;
            return Ok((grant.identity, grant.expires_at));
        }
        extractors::identify(&self.app, token).map(|(identity, expires_at)| (identity, Some(expires_at)))
    }

    fn next_alarm(&self) -> Instant {
        let expiry = self.caller.as_ref().and_then(|caller| caller.until);
        expiry.map_or(self.next_heartbeat, |expiry| expiry.min(self.next_heartbeat))
    }

    fn ring(&mut self) -> Result<(), Close> {
        let now = Instant::now();
        if let Some(caller) = self.caller.as_ref().filter(|caller| caller.until.is_some_and(|until| until <= now)) {
            return Err(Close::With(CloseCode::from(4401), Some(caller.expired)));
        }
        if self.next_heartbeat <= now {
            self.next_heartbeat = now + HEARTBEAT_EVERY;
            self.out.push(HEARTBEAT);
        }
        Ok(())
    }

    async fn send_all(&mut self) -> Result<(), Close> {
        let mut out = std::mem::take(&mut self.out);
        for text in out.drain(..) {
            self.send(text).await?;
        }
        // What held a whole history is not kept for the next heartbeat.
        if out.capacity() <= 8 {
            self.out = out;
        }
        Ok(())
    }

    /// Waits while the client is slow, but not longer than its outbox allows.
    async fn send(&mut self, text: ByteString) -> Result<(), Close> {
        tokio::select! {
            biased;
            sent = self.session.text(text) => sent.map_err(|_| Close::Gone),
            end = self.registered.outbox.ended() => Err(end.into()),
        }
    }
}

impl Close {
    fn protocol(description: &'static str) -> Close {
        Close::With(CloseCode::from(4400), Some(description))
    }
}

impl From<End> for Close {
    fn from(end: End) -> Close {
        match end {
            End::TooSlow => Close::With(CloseCode::from(4408), Some("too_slow")),
            End::Draining => Close::With(CloseCode::Away, Some("draining")),
            End::SessionEnded => Close::With(CloseCode::from(4401), Some("session_ended")),
            End::ApiKeyEnded => Close::With(CloseCode::from(4401), Some("api_key_ended")),
            End::Restored => Close::With(CloseCode::from(4410), Some("restored")),
        }
    }
}

impl From<ProtocolError> for Close {
    fn from(error: ProtocolError) -> Close {
        let too_large = Close::With(CloseCode::Size, Some("frames have at most 16 KiB"));
        match error {
            ProtocolError::Overflow => too_large,
            // What the frame guard says, which reaches us through actix-ws.
            ProtocolError::Io(error) if error.to_string() == PayloadError::Overflow.to_string() => too_large,
            // How actix-ws says that a message in several frames is too large; it has no kind of its own.
            ProtocolError::Io(error) if error.to_string() == "Exceeded maximum continuation size" => too_large,
            ProtocolError::Io(error) if error.kind() != std::io::ErrorKind::InvalidData => Close::Gone,
            _ => Close::protocol("not the WebSocket protocol"),
        }
    }
}
