use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Wake};

use super::*;
use crate::domain::order::Details;
use crate::journal::{Place, SHARE, Terms};

fn group(entries: usize) -> Group {
    let place = Place::take(&Arc::default(), Uuid::nil(), entries).unwrap();
    let (answer, _) = tokio::sync::oneshot::channel();
    Group {
        caller_id: Uuid::nil(),
        entries: (0..entries).map(|_| Entry::Create { details: Details::new("Sofa") }).collect(),
        terms: Terms::default(),
        outcomes: vec![None; entries],
        asked_at: Instant::now(),
        claim: Arc::default(),
        answer,
        place,
    }
}

#[test]
fn who_hears_an_answer_has_room_for_as_much_again() {
    struct Asker {
        waiting: Arc<crate::journal::Waiting>,
        has_room: AtomicBool,
    }
    impl Wake for Asker {
        fn wake(self: Arc<Asker>) {
            let place = Place::take(&self.waiting, Uuid::nil(), SHARE);
            self.has_room.store(place.is_some(), Ordering::Relaxed);
        }
    }
    let waiting = Arc::default();
    let place = Place::take(&waiting, Uuid::nil(), SHARE).unwrap();
    let (answer, mut answered) = tokio::sync::oneshot::channel();
    let decided = Group { answer, place, outcomes: vec![Some(Err(Rejection::NotFound))], ..group(1) };
    let asker = Arc::new(Asker { waiting, has_room: AtomicBool::new(false) });
    let waker = asker.clone().into();
    assert!(Pin::new(&mut answered).poll(&mut Context::from_waker(&waker)).is_pending());

    assert!(answer_those_decided(vec![decided]).is_empty());
    assert!(matches!(answered.try_recv(), Ok(Ok(outcomes)) if outcomes.len() == 1));
    assert!(asker.has_room.load(Ordering::Relaxed));
}

#[test]
fn what_was_put_off_takes_nobody_s_place() {
    let (sender, queue) = crossbeam_channel::unbounded();
    let mut writer = Writer::new(queue, SecretString::from("postgres://nowhere"), |_| ());
    writer.put_off = (0..7).map(|_| group(200)).collect();
    (0..MOST + 2).for_each(|_| sender.send(group(1)).unwrap());
    let mut gather = || -> usize { writer.gather().unwrap().iter().map(|group| group.entries.len()).sum() };
    assert_eq!(gather(), 7 * 200 + MOST);
    assert_eq!(gather(), 2, "and those who were too many");

    // But there is an end to it, and room for something new each time.
    writer.put_off = vec![group(MOST_IN_ALL)];
    (0..MOST).for_each(|_| sender.send(group(1)).unwrap());
    assert_eq!(writer.gather().unwrap().len(), 1 + ROOM_MIN);
}
