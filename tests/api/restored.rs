//! The database goes back to an earlier state under running servers, as when a backup is restored or a standby takes over
//! that had not got the last commits: what it says is the truth from then on, and whoever watches learns it.

use std::time::{Duration, Instant};

use crate::support::database::Backup;
use crate::support::people::{Order, Person};
use crate::support::{TestApp, Watcher, eventually, json};

/// What tells watchers that what they have may not have happened.
const RESTORED: u16 = 4410;
/// Newer than anything.
const ANEW: Option<i64> = Some(i64::MAX);

#[tokio::test]
async fn a_restored_backup_is_the_truth_to_everybody() {
    let app = TestApp::start().await;
    let replica = app.replica().await;
    let (uma, max) = (app.user("Uma").await, app.mover("Max").await);
    let order = uma.create_order("Sofa").await;
    let backup = Backup::of(&app.database);
    max.moves_through(&order, &["started", "in_progress"]).await;
    let lost = uma.create_order("Piano").await;
    let watchers = vec![
        app.watch_public(&order.id).await,
        replica.watch_public(&order.id).await,
        uma.watch(&order).await,
        max.at(&replica).watch_all().await,
        app.watch_public(&lost.id).await,
    ];
    assert_eq!(app.track(&order.id).await.expect(200)["version"], 3);
    // The feed has read it: this is not about what is quicker than that.
    tokio::time::sleep(Duration::from_secs(3)).await;

    backup.restore();
    are_told(watchers).await;
    // Two caches keep it for two seconds each.
    eventually("the public page shows it", async || app.track(&order.id).await.expect(200)["version"] == 1).await;
    eventually("and nothing of others", async || app.track(&lost.id).await.status == 404).await;

    // Who goes on where it was is told, too.
    let mut resumed = [
        app.socket().await.watch(&format!("track:{}", order.id), Some(3)).await,
        replica.socket().await.watch(&format!("track:{}", order.id), Some(3)).await,
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
        assert_eq!(list.next_event().await, event);
    }
}

/// The last commits are lost before any feed has read them, and others take their versions.
#[tokio::test]
async fn lost_commits_are_taken_back() {
    let app = TestApp::start().await;
    let replica = app.replica().await;
    let (uma, max) = (app.user("Uma").await, app.mover("Max").await);
    for (lost, made) in [(1, 1), (2, 1), (1, 2)] {
        let order = uma.create_order("Sofa").await;
        let backup = Backup::of(&app.database);
        let watchers = vec![
            app.watch_public(&order.id).await,
            replica.watch_public(&order.id).await,
            max.at(&replica).watch(&order).await,
        ];
        add(&max, &order, "lost", lost).await;
        backup.restore();
        add(&max, &order, "true", made).await;
        are_told(watchers).await;
        let mut anew = replica.socket().await.watch(&format!("track:{}", order.id), ANEW).await;
        assert_eq!(anew.subscribed["reset"], true);
        let told = anew.events_until(1 + made).await;
        assert!(told[1..].iter().all(|event| event["message"] == "true"), "{told:?}");
        let event = max.adds(&order, json!({"message": "and on"})).await;
        assert_eq!(anew.next_event().await["version"], event["version"]);
    }
}

/// Nobody moves the order any more: whoever subscribes to it brings to light that its watchers saw what is lost.
#[tokio::test]
async fn a_subscriber_finds_what_was_lost() {
    let app = TestApp::start().await;
    let (uma, max) = (app.user("Uma").await, app.mover("Max").await);
    let (order, other) = (uma.create_order("Sofa").await, uma.create_order("Piano").await);
    let backup = Backup::of(&app.database);
    let watcher = app.watch_public(&order.id).await;
    add(&max, &order, "lost", 1).await;
    backup.restore();
    // The feed's last number is there again, and is another's.
    add(&max, &other, "true", 1).await;
    let subscriber = app.watch_public(&order.id).await;
    assert_eq!(subscriber.subscribed["version"], 1, "what is true");
    are_told(vec![watcher, subscriber]).await;
}

async fn are_told(watchers: Vec<Watcher>) {
    let start = Instant::now();
    for mut watcher in watchers {
        assert_eq!(watcher.socket.closing_code().await, RESTORED, "{}", watcher.topic);
    }
    assert!(start.elapsed() < Duration::from_secs(5), "{:?}", start.elapsed());
}

async fn add(mover: &Person, order: &Order, message: &str, count: i64) {
    for _ in 0..count {
        mover.adds(order, json!({"message": message})).await;
    }
}
