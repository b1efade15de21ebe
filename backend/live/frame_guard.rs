//! Ends a socket at the header of a frame that is too large. actix-ws compares a frame's length with its limit only once the
//! whole frame has come, and keeps all of it until then: a header alone would let anybody fill the memory.

use std::pin::Pin;
use std::task::{Context, Poll};

use actix_web::error::PayloadError;
use actix_web::web::Bytes;
use futures_util::Stream;

/// The bytes of a client's frames as they come; [`PayloadError::Overflow`] at a header that announces too much.
pub struct FrameGuard<S> {
    bytes: S,
    frames: Frames,
}

impl<S> FrameGuard<S> {
    /// `max` is the longest payload of one frame, in bytes.
    pub fn new(bytes: S, max: u64) -> FrameGuard<S> {
        FrameGuard { bytes, frames: Frames { max, header: Vec::with_capacity(HEADER_MAX), left: 0 } }
    }
}

impl<S: Stream<Item = Result<Bytes, PayloadError>> + Unpin> Stream for FrameGuard<S> {
    type Item = Result<Bytes, PayloadError>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let next = Pin::new(&mut self.bytes).poll_next(context);
        if let Poll::Ready(Some(Ok(bytes))) = &next
            && !self.frames.take(bytes)
        {
            return Poll::Ready(Some(Err(PayloadError::Overflow)));
        }
        next
    }
}

/// Two bytes, eight of length, four of mask (RFC 6455, 5.2).
const HEADER_MAX: usize = 14;

/// Where in its frames a client is.
struct Frames {
    max: u64,
    /// What has come of the next header.
    header: Vec<u8>,
    /// What is still to come of the payload.
    left: u64,
}

impl Frames {
    /// Reads on; false at a header that announces more than may be.
    fn take(&mut self, mut bytes: &[u8]) -> bool {
        while !bytes.is_empty() {
            let payload = usize::try_from(self.left).unwrap_or(usize::MAX).min(bytes.len());
            self.left -= payload as u64;
            bytes = &bytes[payload..];
            while self.left == 0
                && let Some((first, rest)) = bytes.split_first()
            {
                bytes = rest;
                self.header.push(*first);
                if let Some(length) = self.announced() {
                    if length > self.max {
                        return false;
                    }
                    self.header.clear();
                    self.left = length;
                }
            }
        }
        true
    }

    /// The length of the payload, once the header is complete.
    fn announced(&self) -> Option<u64> {
        let &[_, second, ref rest @ ..] = self.header.as_slice() else { return None };
        let mask = if second & 0x80 == 0 { 0 } else { 4 };
        let (length, extended) = match second & 0x7f {
            126 => (rest.first_chunk().map(|bytes| u64::from(u16::from_be_bytes(*bytes)))?, 2),
            127 => (rest.first_chunk().map(|bytes| u64::from_be_bytes(*bytes))?, 8),
            short => (u64::from(short), 0),
        };
        (rest.len() == extended + mask).then_some(length)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(length: usize, masked: bool) -> Vec<u8> {
        let mask = if masked { 0x80 } else { 0 };
        let mut frame = vec![0x81];
        match length {
            0..126 => frame.push(mask | length as u8),
            126..65536 => {
                frame.push(mask | 126);
                frame.extend((length as u16).to_be_bytes());
            }
            _ => {
                frame.push(mask | 127);
                frame.extend((length as u64).to_be_bytes());
            }
        }
        if masked {
            frame.extend([1, 2, 3, 4]);
        }
        frame.extend(vec![0x7f; length]);
        frame
    }

    fn frames(max: u64) -> Frames {
        Frames { max, header: Vec::new(), left: 0 }
    }

    #[test]
    fn frames_up_to_the_limit_pass_however_they_are_cut() {
        let all: Vec<u8> = [0, 1, 125, 126, 127, 1000, 16384]
            .into_iter()
            .flat_map(|length| [frame(length, true), frame(length, false)].concat())
            .collect();
        for portion in [1, 2, 3, 7, 126, 4096, all.len()] {
            let mut guard = frames(16384);
            assert!(all.chunks(portion).all(|bytes| guard.take(bytes)), "in portions of {portion}");
            assert_eq!((guard.left, guard.header.len()), (0, 0));
        }
    }

    #[test]
    fn a_header_that_announces_more_is_the_end() {
        for length in [16385, 65535, 65536, 1_000_000] {
            for portion in [1, 5, 100_000] {
                let mut guard = frames(16384);
                assert!(guard.take(&frame(20, true)));
                let taken: Vec<bool> = frame(length, true).chunks(portion).map(|bytes| guard.take(bytes)).collect();
                assert!(taken.contains(&false), "{length} in portions of {portion}");
            }
        }
        let endless = [0x81, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1, 2, 3, 4];
        assert!(!frames(16384).take(&endless));
    }
}
