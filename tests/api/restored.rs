//! The database goes back to an earlier state under running servers, as when a backup is restored or a standby takes over
//! that had not got the last commits: what it says is the truth from then on, and whoever watches learns it.

use serde_json::Value;

use crate::support::database::Backup;
use crate::support::people::{Order, Person};
use crate::support::socket::RESTORED;
use crate::support::{TestApp, Watcher, eventually, json};

/// Newer than anything.
const ANEW: Option<i64> = Some(i64::MAX);

#[tokio::test]
async fn a_restored_backup_is_the_truth_to_everybody() {
    let app = TestApp::start().await;
    let replica = app.replica().await;
    let (uma, max) = (app.user("Uma").await, app.mover("Max").await);
    let order = uma.create_order("Sofa").await;
    let backup = Backup::of(&app.database);
    let lost = uma.create_order("Piano").await;
    let mut watchers = vec![
        app.watch_public(&order.id).await,
        replica.watch_public(&order.id).await,
        uma.watch(&order).await,
        max.at(&replica).watch_all().await,
        app.watch_public(&lost.id).await,
    ];
    max.moves_through(&order, &["started", "in_progress"]).await;
    // Only the feed tells of this one: it has read all that there is.
    app.adds_unannounced(&max, &order, 1).await;
    for watcher in &mut watchers[..3] {
        watcher.events_until(4).await;
    }
    assert_eq!(app.track(&order.id).await.expect(200)["version"], 4);

    backup.restore();
    are_told(watchers).await;
    // Two caches keep it for two seconds each.
    eventually("the public page shows it", async || app.track(&order.id).await.expect(200)["version"] == 1).await;
    eventually("and nothing of others", async || app.track(&lost.id).await.status == 404).await;

    // Who goes on where it was is told, too.
    let mut resumed = [
        app.socket().await.watch(&format!("track:{}", order.id), Some(4)).await,
        replica.socket().await.watch(&format!("track:{}", order.id), Some(4)).await,
    ];
    let mut list = max.at(&replica).watch_all().await;
    for watcher in &mut resumed {
        assert_eq!(watcher.subscribed["reset"], true);
        watcher.events_until(1).await;
    }
    // And what comes, comes: with versions that were there before.
    for status in ["started", "on_hold"] {
        let event = max.moves(&order, status).await;
        for watcher in &mut resumed {
            assert_eq!(watcher.next_event().await["status"], status);
        }
        assert_eq!(next_in_list(&mut list).await, event);
    }
}

/// The last commits are lost before any feed has read them, and others take their versions, or nobody does.
#[tokio::test]
async fn lost_commits_are_taken_back() {
    let app = TestApp::start().await;
    let replica = app.replica().await;
    let (uma, max) = (app.user("Uma").await, app.mover("Max").await);
    for (lost, made) in [(1, 1), (2, 1), (1, 2), (1, 0)] {
        let order = uma.create_order("Sofa").await;
        let mut watchers = vec![
            app.watch_public(&order.id).await,
            replica.watch_public(&order.id).await,
            max.at(&replica).watch(&order).await,
        ];
        let list = max.watch_all().await;
        // So that both know it, whenever they have read the feed last.
        add(&max, &order, "true", 1).await;
        let backup = Backup::of(&app.database);
        add(&max, &order, "lost", lost).await;
        for watcher in &mut watchers {
            watcher.events_until(2 + lost).await;
        }
        backup.restore();
        add(&max, &order, "true", made).await;
        watchers.push(list);
        are_told(watchers).await;
        let mut anew = replica.socket().await.watch(&format!("track:{}", order.id), ANEW).await;
        assert_eq!(anew.subscribed["reset"], true);
        let told = anew.events_until(2 + made).await;
        assert!(told[1..].iter().all(|event| event["message"] == "true"), "{told:?}");
        let event = max.adds(&order, json!({"message": "and on"})).await;
        assert_eq!(anew.next_event().await["version"], event["version"]);
    }
}

/// Whoever watched it hears that there is no such order, at whichever replica.
#[tokio::test]
async fn an_order_that_was_lost_is_taken_back() {
    let app = TestApp::start().await;
    let replica = app.replica().await;
    let (uma, max) = (app.user("Uma").await, app.mover("Max").await);
    let order = uma.create_order("Sofa").await;
    let backup = Backup::of(&app.database);
    let lost = uma.create_order("Piano").await;
    let watchers = vec![uma.watch(&lost).await, replica.watch_public(&lost.id).await];
    backup.restore();
    add(&max, &order, "true", 1).await;
    are_told(watchers).await;
    let answer = uma.socket().await.subscribe(&format!("order:{}", lost.id), Some(1)).await;
    assert_eq!(answer["code"], "not_found");
}

/// Nobody has told of it, and only who subscribed has read it.
#[tokio::test]
async fn what_a_subscriber_read_and_was_lost_is_taken_back() {
    let app = TestApp::start().await;
    let (uma, max) = (app.user("Uma").await, app.mover("Max").await);
    let (order, other) = (uma.create_order("Sofa").await, uma.create_order("Piano").await);
    let backup = Backup::of(&app.database);
    app.adds_unannounced(&max, &order, 1).await;
    let watcher = app.watch_public(&order.id).await;
    assert_eq!(watcher.subscribed["version"], 2);
    backup.restore();
    // It takes the place in the feed.
    add(&max, &other, "true", 1).await;
    are_told(vec![watcher]).await;
}

/// What others tell of orders that were never here is theirs.
#[tokio::test]
async fn another_installation_on_the_same_redis_takes_nothing_back() {
    let app = TestApp::start().await;
    let prefix = app.setting("REDIS_PREFIX").to_owned();
    let other = TestApp::start_with(|settings| drop(settings.insert("REDIS_PREFIX", prefix))).await;
    let (uma, max) = (app.user("Uma").await, app.mover("Max").await);
    let order = uma.create_order("Sofa").await;
    let mut watcher = app.watch_public(&order.id).await;
    other.user("Otto").await.create_order("Piano").await;
    // Comes with the feed, after which nothing is left to be confirmed.
    app.adds_unannounced(&max, &order, 1).await;
    watcher.events_until(2).await;
    app.adds_unannounced(&max, &order, 1).await;
    watcher.events_until(3).await;
}

async fn are_told(watchers: Vec<Watcher>) {
    for mut watcher in watchers {
        assert_eq!(watcher.socket.closing_code().await, RESTORED, "{}", watcher.topic);
    }
}

/// Who comes back at once may be told to read the list again.
async fn next_in_list(list: &mut Watcher) -> Value {
    loop {
        let frame = list.socket.next().await;
        if frame["type"] != "resync" {
            return frame["event"].clone();
        }
    }
}

async fn add(mover: &Person, order: &Order, message: &str, count: i64) {
    for _ in 0..count {
        mover.adds(order, json!({"message": message})).await;
    }
}
