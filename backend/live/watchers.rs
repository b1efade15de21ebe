//! The sockets that watch one topic: each has a seat that stays its own until it leaves, so that leaving takes no search.

use std::sync::Arc;

use super::outbox::{About, Frame, Outbox};
use bytestring::ByteString;

#[derive(Default)]
pub struct Watchers {
    seats: Vec<Option<Watcher>>,
    free: Vec<u32>,
}

#[derive(Clone)]
pub struct Watcher {
    pub outbox: Arc<Outbox>,
    /// The socket's own number of the subscription.
    pub subscription: u32,
}

impl Watchers {
    pub fn join(&mut self, watcher: Watcher) -> u32 {
        match self.free.pop() {
            Some(seat) => {
                if let Some(place) = self.seats.get_mut(seat as usize) {
                    *place = Some(watcher);
                }
                seat
            }
            None => {
                self.seats.push(Some(watcher));
                (self.seats.len() - 1) as u32
            }
        }
    }

    /// Does nothing when somebody else has the seat by now.
    pub fn leave(&mut self, seat: u32, watcher: &Watcher) {
        let Some(place) = self.seats.get_mut(seat as usize) else { return };
        let is_own = place.as_ref().is_some_and(|seated| {
            Arc::ptr_eq(&seated.outbox, &watcher.outbox) && seated.subscription == watcher.subscription
        });
        if is_own {
            *place = None;
            self.free.push(seat);
        }
        if self.is_empty() {
            self.clear();
        }
    }

    /// Hands a frame to everybody; its text is shared.
    pub fn push(&self, about: About, text: &ByteString) {
        for watcher in self.seats.iter().flatten() {
            let subscription = watcher.subscription;
            watcher.outbox.push(Frame { subscription, about, text: text.clone() });
        }
    }

    pub fn clear(&mut self) {
        *self = Watchers::default();
    }

    pub fn is_empty(&self) -> bool {
        self.seats.len() == self.free.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn watcher() -> Watcher {
        Watcher { outbox: Arc::default(), subscription: 1 }
    }

    #[test]
    fn seats_are_used_again_and_only_their_owner_leaves_them() {
        let mut watchers = Watchers::default();
        let (ana, ben, cleo) = (watcher(), watcher(), watcher());
        let seat = watchers.join(ana.clone());
        watchers.join(ben.clone());
        watchers.leave(seat, &ana);
        assert_eq!(watchers.join(cleo.clone()), seat);
        watchers.leave(seat, &ana);
        watchers.push(About::Orders, &"x".into());
        assert!(cleo.outbox.take().is_some(), "ana's second leaving does not touch who sits there now");
        assert!(ana.outbox.take().is_none());

        watchers.clear();
        watchers.leave(1, &ben);
        assert!(watchers.is_empty());
    }
}
