use std::sync::Arc;

use super::super::announcement::tests::announcement;
use super::super::outbox::{End, Item, Outbox};
use super::*;

const ORDER: &str = "7K3M9Q2XTB";

fn id() -> OrderId {
    OrderId::parse(ORDER).unwrap()
}

fn head(version: i32) -> Head {
    Head { version, public_version: version, owner_id: Uuid::from_u128(7), public_tracking: true }
}

struct Person {
    watcher: Watcher,
    seat: u32,
    which: Which,
}

struct Scene {
    hub: Hub,
    now: Instant,
}

impl Scene {
    fn new() -> Scene {
        let now = Instant::now();
        Scene { hub: Hub::new(now), now }
    }

    fn joins(&self, which: Which) -> (Person, Option<Head>) {
        let watcher = Watcher { outbox: Arc::new(Outbox::default()), subscription: 1 };
        let (seat, head) = self.hub.join(id(), which, watcher.clone());
        (Person { watcher, seat, which }, head)
    }

    /// Somebody who has everything up to a version.
    fn watcher_at(&self, version: i32, which: Which) -> Person {
        let (person, _) = self.joins(which);
        self.hub.seed(id(), head(version), self.now);
        person
    }

    fn offer(&self, versions: impl IntoIterator<Item = i32>) {
        for version in versions {
            self.hub.offer(&announcement(ORDER, version), self.now);
        }
    }

    fn is_empty(&self) -> bool {
        self.hub.shards.iter().all(|shard| lock(shard).orders.is_empty() && lock(shard).behind.is_empty())
    }
}

impl Person {
    /// The versions that have arrived since the last time.
    fn got(&self) -> Vec<i32> {
        self.abouts()
            .into_iter()
            .map(|about| match about {
                About::Version(version) => version,
                other => panic!("{other:?}"),
            })
            .collect()
    }

    fn abouts(&self) -> Vec<About> {
        std::iter::from_fn(|| match self.watcher.outbox.take() {
            Some(Ok(Item::Frame(frame))) => Some(frame.about),
            _ => None,
        })
        .collect()
    }

    fn leaves(self, hub: &Hub) {
        hub.leave(id(), self.which, self.seat, &self.watcher);
    }
}

#[test]
fn each_version_arrives_once_and_in_order_however_it_is_announced() {
    let scene = Scene::new();
    let ana = scene.watcher_at(3, Which::All);
    scene.offer([3, 2, 4, 4, 6, 5, 4, 6, 8, 7, 8, 1]);
    assert_eq!(ana.got(), [4, 5, 6, 7, 8]);
}

#[test]
fn at_a_gap_the_hub_waits_and_then_names_what_is_missing() {
    let scene = Scene::new();
    let ana = scene.watcher_at(3, Which::All);
    assert!(scene.hub.offer(&announcement(ORDER, 6), scene.now));
    assert_eq!(ana.got(), [0; 0]);
    assert!(scene.hub.overdue(scene.now).orders.is_empty(), "it may come by itself");
    assert_eq!(scene.hub.overdue(scene.now).next, Some(scene.now + PATIENCE));

    let later = scene.now + PATIENCE;
    assert_eq!(scene.hub.overdue(later).orders, [(id(), 3)]);
    assert!(scene.hub.overdue(later).orders.is_empty(), "it is being read");
    assert_eq!(scene.hub.overdue(later + 2 * PATIENCE).orders, [(id(), 3)], "that came to nothing: again");

    scene.offer([4, 5, 6]);
    scene.hub.caught_up(id(), 6, later);
    assert_eq!(ana.got(), [4, 5, 6]);
    assert_eq!(scene.hub.overdue(later + PATIENCE_MAX).next, None);
}

#[test]
fn a_gap_that_closes_by_itself_is_not_read() {
    let scene = Scene::new();
    let ana = scene.watcher_at(1, Which::All);
    scene.offer([3, 2]);
    assert_eq!(ana.got(), [2, 3]);
    assert_eq!(scene.hub.overdue(scene.now + PATIENCE_MAX).next, None);
}

#[test]
fn more_than_what_may_wait_is_read() {
    let scene = Scene::new();
    let ana = scene.watcher_at(1, Which::All);
    let newest = 3 + 2 * WAITING_MAX as i32;
    scene.offer(3..=newest);
    assert_eq!(scene.hub.overdue(scene.now + PATIENCE).orders, [(id(), 1)]);
    scene.offer([2]);
    let delivered = ana.got();
    assert_eq!(delivered.len(), WAITING_MAX + 1);
    assert_eq!(scene.hub.overdue(scene.now + PATIENCE_MAX).orders.len(), 1, "the rest is still missing");
    scene.offer(2..=newest);
    scene.hub.caught_up(id(), newest, scene.now);
    assert_eq!(ana.got().last(), Some(&newest));
    assert_eq!(scene.hub.overdue(scene.now + 2 * PATIENCE_MAX).next, None);
}

/// The feed does not offer again what was announced.
#[test]
fn what_there_is_no_room_for_while_the_order_is_read_is_read_again() {
    let mut scene = Scene::new();
    let ana = scene.watcher_at(1, Which::All);
    let read = 3 + WAITING_MAX as i32;
    let newest = read + WAITING_MAX as i32;
    scene.offer(3..=read);
    let read_at = scene.now + PATIENCE;
    assert_eq!(scene.hub.overdue(read_at).orders, [(id(), 1)]);
    scene.now = read_at + Duration::from_millis(1);
    scene.offer(read + 1..=newest);
    scene.offer(2..=read);
    scene.hub.caught_up(id(), read, read_at);
    assert_eq!(ana.got().last(), Some(&read));
    let again = scene.hub.overdue(read_at + PATIENCE_MAX);
    assert_eq!(again.orders, [(id(), read)]);
    scene.offer(read + 1..=newest);
    scene.hub.caught_up(id(), newest, scene.now + PATIENCE_MAX);
    assert_eq!(ana.got().last(), Some(&newest));
    assert_eq!(scene.hub.overdue(read_at + 2 * PATIENCE_MAX).next, None);
}

#[test]
fn what_is_announced_while_the_first_subscriber_reads_is_let_through_after_it() {
    let scene = Scene::new();
    let (ana, head_at_joining) = scene.joins(Which::All);
    assert_eq!(head_at_joining, None);
    scene.offer([7, 5, 6, 4]);
    assert_eq!(ana.got(), [0; 0]);
    assert_eq!(scene.hub.seed(id(), head(5), scene.now).0.version, 7);
    assert_eq!(ana.got(), [6, 7]);
}

#[test]
fn two_who_join_at_different_times() {
    let scene = Scene::new();
    let (ana, _) = scene.joins(Which::All);
    let (ben, _) = scene.joins(Which::All);
    scene.offer([6, 7]);
    // Ben read first, but Ana's answer arrives first: what Ben lacks up to the head he has to read.
    assert_eq!(scene.hub.seed(id(), head(7), scene.now).0.version, 7);
    assert_eq!(scene.hub.seed(id(), head(5), scene.now).0.version, 7);
    scene.offer([8]);
    let (cleo, head_at_joining) = scene.joins(Which::All);
    assert_eq!(head_at_joining, Some(head(8)));
    scene.offer([9]);
    assert_eq!(ana.got(), [8, 9]);
    assert_eq!(ben.got(), [8, 9]);
    assert_eq!(cleo.got(), [9]);
}

#[test]
fn a_snapshot_ahead_of_the_head_makes_the_others_catch_up() {
    let scene = Scene::new();
    let ana = scene.watcher_at(3, Which::All);
    let (_ben, _) = scene.joins(Which::All);
    assert_eq!(scene.hub.seed(id(), head(5), scene.now).0.version, 3);
    assert_eq!(scene.hub.overdue(scene.now + PATIENCE).orders, [(id(), 3)]);
    scene.offer([4, 5]);
    assert_eq!(ana.got(), [4, 5]);
}

#[test]
fn the_public_gets_public_events_alone() {
    let scene = Scene::new();
    let ana = scene.watcher_at(1, Which::Public);
    let max = scene.watcher_at(1, Which::All);
    let mut private = announcement(ORDER, 2);
    private.event.public = false;
    scene.hub.offer(&private, scene.now);
    scene.offer([3]);
    assert_eq!(ana.got(), [3]);
    assert_eq!(max.got(), [2, 3]);
    let (_, head) = scene.joins(Which::All);
    assert_eq!(head.map(|head| (head.version, head.public_version)), Some((3, 3)));
}

#[test]
fn who_tracks_an_order_whose_tracking_ends_is_told() {
    let scene = Scene::new();
    let ana = scene.watcher_at(1, Which::Public);
    let max = scene.watcher_at(1, Which::All);
    scene.hub.offer(&Announcement { public_tracking: false, ..announcement(ORDER, 2) }, scene.now);
    scene.offer([3]);
    assert_eq!(ana.abouts(), [About::Gone(2), About::Version(3)], "with the first she leaves");
    assert_eq!(max.got(), [2, 3]);
    ana.leaves(&scene.hub);
    max.leaves(&scene.hub);
    assert!(scene.is_empty());
}

#[test]
fn a_slow_socket_ends_and_nobody_else_notices() {
    let scene = Scene::new();
    let slow = scene.watcher_at(0, Which::All);
    let quick = scene.watcher_at(0, Which::All);
    for version in 1..=6000 {
        scene.offer([version]);
        assert_eq!(quick.got(), [version]);
    }
    assert!(matches!(slow.watcher.outbox.take(), Some(Err(End::TooSlow))));
}

#[test]
fn empty_topics_are_removed() {
    let scene = Scene::new();
    let ana = scene.watcher_at(1, Which::All);
    let ben = scene.watcher_at(1, Which::Public);
    scene.offer([3]);
    ana.leaves(&scene.hub);
    assert!(!scene.is_empty());
    ben.leaves(&scene.hub);
    assert!(scene.is_empty());
    scene.offer([4]);
    assert!(scene.is_empty(), "what nobody watches leaves nothing behind");
}

#[test]
fn in_doubt_everything_watched_is_read_again() {
    let scene = Scene::new();
    let ana = scene.watcher_at(3, Which::All);
    scene.hub.doubt(scene.now);
    scene.offer([3]);
    assert_eq!(scene.hub.overdue(scene.now).orders, [(id(), 3)], "an echo does not settle it");
    scene.offer([4]);
    scene.hub.caught_up(id(), 4, scene.now);
    assert_eq!(scene.hub.overdue(scene.now + PATIENCE_MAX).next, None);
    assert_eq!(ana.got(), [4]);
}

#[test]
fn a_doubt_is_settled_by_what_is_read_after_it() {
    let scene = Scene::new();
    let (ana, later) = (scene.watcher_at(3, Which::All), scene.now + PATIENCE);
    scene.hub.doubt(later);
    scene.hub.caught_up(id(), 3, scene.now);
    assert_eq!(scene.hub.overdue(later).orders, [(id(), 3)], "that was read before");
    scene.hub.caught_up(id(), 3, later);
    assert_eq!(scene.hub.overdue(later + PATIENCE_MAX).next, None);
    ana.leaves(&scene.hub);

    // Somebody has read where it stands, and not yet said it.
    let (ben, _) = scene.joins(Which::All);
    scene.hub.doubt(later);
    scene.hub.seed(id(), head(3), later);
    assert_eq!(scene.hub.overdue(later + PATIENCE).orders, [(id(), 3)]);
    ben.leaves(&scene.hub);
    assert!(scene.is_empty());
}

#[test]
fn after_starting_over_nothing_is_known() {
    let scene = Scene::new();
    let ana = scene.watcher_at(3, Which::All);
    scene.hub.start_over(scene.now);
    scene.offer([4]);
    assert_eq!(ana.got(), [0; 0], "she is to come back");
    let (ben, at_joining) = scene.joins(Which::All);
    assert_eq!(at_joining, None);
    ana.leaves(&scene.hub);
    scene.hub.seed(id(), head(1), scene.now);
    scene.offer([2]);
    assert_eq!(ben.got(), [2]);
}
