//! What is kept for some time only goes by itself, a minute after a start and then each day.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use crate::support::receiver::Receiver;
use crate::support::{TestApp, eventually, json};

const WITHIN: Duration = Duration::from_secs(90);

#[tokio::test]
async fn what_is_old_goes_a_minute_after_the_start() {
    let allow = |settings: &mut HashMap<_, _>| _ = settings.insert("WEBHOOK_ALLOW", "127.0.0.0/8".to_owned());
    let app = TestApp::start_with(allow).await;
    let since = Instant::now();
    let receiver = Receiver::start();
    let (uma, ada) = (app.user("Uma").await, app.admin("Ada").await);
    ada.post("/movers/invitations", json!({"role": "mover"})).await.expect(201);
    uma.post("/webhooks", json!({"url": receiver.url("/")})).await.expect(201);
    for (title, key) in [("Sofa", "old"), ("Lamp", "young")] {
        uma.post("/orders", json!({"title": title})).header("idempotency-key", key).await.expect(201);
    }
    eventually("all is noted", async || app.database.number("SELECT count(*) FROM webhook_attempts") == 2).await;
    let counts = || -> Vec<i64> {
        [
            "sessions WHERE ended_at IS NOT NULL",
            "invitations WHERE used_at IS NULL",
            "idempotency_keys",
            "webhook_deliveries",
        ]
        .map(|what| app.database.number(&format!("SELECT count(*) FROM {what}")))
        .to_vec()
    };
    app.database.run(
        "UPDATE sessions SET ended_at = now() - interval '31 days' WHERE id = (SELECT id FROM sessions LIMIT 1);
         UPDATE invitations SET expires_at = now() - interval '31 days' WHERE used_at IS NULL;
         UPDATE idempotency_keys SET created_at = now() - interval '8 days' WHERE key = 'old';
         UPDATE webhook_attempts SET started_at = now() - interval '31 days';
         UPDATE webhook_deliveries SET created_at = now() - interval '31 days' WHERE version = 1
             AND order_id = (SELECT id FROM orders WHERE title = 'Sofa')",
    );
    assert_eq!(counts(), [1, 1, 2, 2]);
    while counts() != [0, 0, 1, 1] {
        assert!(since.elapsed() < WITHIN, "{:?}", counts());
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
}
