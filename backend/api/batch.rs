//! Many at once: items that are read and answered one by one.

use serde::Serialize;
use serde_json::Value;

use super::forms::BatchBody;
use crate::error::{Error, Result};
use crate::journal::{Entry, Outcome, Recorded, Rejection};

#[derive(Serialize)]
pub struct Results<T> {
    pub results: Vec<ItemResult<T>>,
}

#[derive(Serialize)]
#[serde(untagged)]
pub enum ItemResult<T> {
    Written {
        status: u16,
        #[serde(flatten)]
        written: T,
    },
    Refused {
        status: u16,
        problem: Value,
    },
}

impl<T> Results<T> {
    /// With their indices.
    pub fn problems(self) -> Vec<(usize, Value)> {
        let problem = |(index, result)| match result {
            ItemResult::Refused { problem, .. } => Some((index, problem)),
            ItemResult::Written { .. } => None,
        };
        self.results.into_iter().enumerate().filter_map(problem).collect()
    }
}

/// Items as they were read: those that can be asked of the journal, and what is wrong with the others.
pub struct Items {
    /// For each item; none: it is the next one of those that were asked.
    unread: Vec<Option<Error>>,
    /// Names this request in the problems of its items, each time they are told.
    request_id: String,
}

impl Items {
    pub fn new(read: Vec<Result<Entry>>) -> (Items, Vec<Entry>) {
        let mut entries = Vec::with_capacity(read.len());
        let unread = read.into_iter().map(|item| item.map(|entry| entries.push(entry)).err()).collect();
        (Items { unread, request_id: Error::request_id() }, entries)
    }

    pub fn all_are_well_formed(&self) -> bool {
        self.unread.iter().all(Option::is_none)
    }

    /// One result an item, in their order.
    pub fn results<T>(&self, outcomes: &[Outcome], show: impl Fn(Recorded) -> T) -> Results<T> {
        let refused = |error: &Error| ItemResult::Refused {
            status: error.status_and_code().0.as_u16(),
            problem: error.problem(&self.request_id),
        };
        let mut outcomes = outcomes.iter();
        let results = self.unread.iter().map(|unread| match unread {
            Some(error) => refused(error),
            None => match outcomes.next().cloned().unwrap_or(Err(Rejection::OutcomeUnknown)) {
                Ok(recorded) => ItemResult::Written { status: 201, written: show(recorded) },
                Err(rejection) => refused(&Error::from(rejection)),
            },
        });
        Results { results: results.collect() }
    }
}

/// The `items` of a body, which has nothing else: at least one, and at most so many.
pub fn read_items(body: BatchBody, max: usize) -> Result<Vec<Value>> {
    let mut form = body.form()?;
    let items = match form.take("items") {
        Some(Value::Array(items)) => items,
        None => {
            form.refuse("items", "missing", "is required");
            Vec::new()
        }
        Some(_) => form.wrong_type("items", "an array").unwrap_or_default(),
    };
    if items.len() > max {
        form.refuse("items", "too_many", format!("must have at most {max} items"));
    }
    let is_empty = items.is_empty();
    match form.finish() {
        Ok(()) if is_empty => Err(Error::invalid("/items", "too_short", "must not be empty")),
        Ok(()) => Ok(items),
        Err(error) => Err(error),
    }
}
