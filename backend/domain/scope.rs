//! What an API key may be used for.

use serde::{Deserialize, Serialize};

use super::status::named;

named! {
    Scope {
        OrdersRead = "orders:read",
        OrdersWrite = "orders:write",
        EventsWrite = "events:write",
        WebhooksManage = "webhooks:manage",
    }
}
