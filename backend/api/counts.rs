//! Counts of orders by status.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;

use crate::domain::status::Status;
use crate::error::{Error, Result};
use crate::storage::db::Db;
use crate::storage::orders::{self as table, Filter};

/// Orders by status.
#[derive(Debug, Clone, Serialize)]
pub struct Counts {
    counts: BTreeMap<&'static str, i64>,
    total: i64,
}

/// Counts that were asked for in the last seconds: counting a million orders for each glance at a board is not worth
/// its exactness.
pub struct CountsCache(moka::future::Cache<String, Counts>);

impl CountsCache {
    pub fn new() -> CountsCache {
        CountsCache(moka::future::Cache::builder().max_capacity(10_000).time_to_live(Duration::from_secs(2)).build())
    }

    /// Counts by a filter, at most two seconds old.
    pub async fn get(&self, db: &Db, filter: Filter) -> Result<Counts> {
        let key = format!("{filter:?}");
        let count = async {
            // Whatever is counted: a million orders take a second.
            let rows = db.list(true, move |connection, deadline| table::counts(connection, &filter, deadline)).await?;
            let mut counts: BTreeMap<_, _> = Status::ALL.iter().map(|status| (status.name(), 0)).collect();
            counts.extend(rows.iter().map(|(status, count)| (status.name(), *count)));
            Ok(Counts { total: rows.iter().map(|(_, count)| count).sum(), counts })
        };
        // A hundred boards that look at the same moment are one count.
        self.0.try_get_with(key, count).await.map_err(|error: Arc<Error>| error.for_another())
    }
}

impl Default for CountsCache {
    fn default() -> CountsCache {
        CountsCache::new()
    }
}
