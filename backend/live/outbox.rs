//! What waits to be sent on one socket. Bounded: who reads too slowly is closed, and nobody else notices. Empty it
//! takes next to nothing, which is what thousands of idle sockets need.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::Poll;

use bytestring::ByteString;
use futures_util::task::AtomicWaker;

use crate::auth::extractors::Credential;
use crate::error::Result;
use crate::storage::tracking::Snapshot;

/// How far a socket may fall behind: at ten thousand events a second a third of a second, at ten a second minutes; and the
/// largest batch, two mebibytes for one order, twice over.
const FRAMES_MAX: usize = 4096;
const BYTES_MAX: usize = 4 * 1024 * 1024;
/// More than this much room is given back once all of it was sent.
const ROOM_KEPT: usize = 32;

/// Filled by the hub from any thread, emptied by the socket's one task.
#[derive(Default)]
pub struct Outbox {
    state: Mutex<State>,
    waker: AtomicWaker,
}

#[derive(Default)]
struct State {
    waiting: VecDeque<Item>,
    frames: usize,
    bytes: usize,
    end: Option<End>,
    /// What this socket's client has shown last.
    credential: Option<Credential>,
}

pub enum Item {
    /// A frame of a subscription.
    Frame(Frame),
    /// Where a subscription begins; none: there is no such order.
    Snapshot { subscription: u32, snapshot: Box<Result<Option<Snapshot>>>, reset: bool },
}

#[derive(Debug, Clone, PartialEq)]
pub struct Frame {
    /// The socket's own number of its subscription.
    pub subscription: u32,
    pub about: About,
    pub text: ByteString,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum About {
    /// An event of one order, with its version.
    Version(i32),
    /// From this version on the topic shows nothing: the subscription ends with this frame, unless it has begun later.
    Gone(i32),
    /// Anything on `orders`.
    Orders,
}

/// Why the server closes a socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    TooSlow,
    Draining,
    SessionEnded,
    ApiKeyEnded,
    Restored,
}

impl Outbox {
    /// Adds a frame, or ends the socket if it does not fit. Never waits.
    pub fn push(&self, frame: Frame) {
        let mut state = self.state();
        if state.end.is_some() {
            return;
        }
        if state.frames >= FRAMES_MAX || state.bytes + frame.text.len() > BYTES_MAX {
            state.end_with(End::TooSlow);
        } else {
            state.frames += 1;
            state.bytes += frame.text.len();
            state.waiting.push_back(Item::Frame(frame));
        }
        drop(state);
        self.waker.wake();
    }

    /// Adds what the socket itself has asked for; it never asks for more than a few at once.
    pub fn answer(&self, item: Item) {
        let mut state = self.state();
        if state.end.is_none() {
            state.waiting.push_back(item);
            drop(state);
            self.waker.wake();
        }
    }

    /// Ends the socket, unless it has ended already.
    pub fn end(&self, end: End) {
        self.state().end_with(end);
        self.waker.wake();
    }

    pub fn set_credential(&self, credential: Credential) {
        self.state().credential = Some(credential);
    }

    pub fn credential(&self) -> Option<Credential> {
        self.state().credential
    }

    /// The next item, in order; the end goes before all of them. For the one task of the socket.
    pub async fn next(&self) -> Result<Item, End> {
        poll_fn(|context| {
            self.waker.register(context.waker());
            match self.take() {
                Some(next) => Poll::Ready(next),
                None => Poll::Pending,
            }
        })
        .await
    }

    /// Returns when the socket is to end. For the one task of the socket.
    pub async fn ended(&self) -> End {
        poll_fn(|context| {
            self.waker.register(context.waker());
            self.state().end.map_or(Poll::Pending, Poll::Ready)
        })
        .await
    }

    /// What `next` would return now.
    pub fn take(&self) -> Option<Result<Item, End>> {
        let mut state = self.state();
        if let Some(end) = state.end {
            return Some(Err(end));
        }
        let item = state.waiting.pop_front()?;
        if let Item::Frame(frame) = &item {
            state.frames -= 1;
            state.bytes -= frame.text.len();
        }
        if state.waiting.is_empty() && state.waiting.capacity() > ROOM_KEPT {
            state.waiting = VecDeque::new();
        }
        Some(Ok(item))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn end_with(&mut self, end: End) {
        self.end.get_or_insert(end);
        self.waiting = VecDeque::new();
        (self.frames, self.bytes) = (0, 0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(length: usize) -> Frame {
        Frame { subscription: 1, about: About::Orders, text: "x".repeat(length).into() }
    }

    #[test]
    fn who_falls_behind_by_too_many_frames_is_closed_and_holds_nothing() {
        let outbox = Outbox::default();
        for _ in 0..FRAMES_MAX {
            outbox.push(frame(1));
        }
        assert!(matches!(outbox.take(), Some(Ok(Item::Frame(_)))));
        outbox.push(frame(1));
        outbox.push(frame(1));
        assert!(matches!(outbox.take(), Some(Err(End::TooSlow))));
        assert_eq!(outbox.state().waiting.capacity(), 0);
    }

    #[test]
    fn who_falls_behind_by_too_many_bytes_is_closed() {
        let outbox = Outbox::default();
        outbox.push(frame(BYTES_MAX));
        assert!(matches!(outbox.take(), Some(Ok(_))));
        outbox.push(frame(BYTES_MAX));
        outbox.push(frame(1));
        assert!(matches!(outbox.take(), Some(Err(End::TooSlow))));
        outbox.end(End::Draining);
        assert!(matches!(outbox.take(), Some(Err(End::TooSlow))), "the first reason stays");
    }

    #[test]
    fn room_is_given_back() {
        let outbox = Outbox::default();
        for _ in 0..1000 {
            outbox.push(frame(1));
        }
        while let Some(Ok(_)) = outbox.take() {}
        assert_eq!(outbox.state().waiting.capacity(), 0);
    }
}
