//! What can be watched.

use std::fmt;

use crate::domain::ids::OrderId;
use crate::storage::tracking::Which;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Topic {
    /// `track:<ID>`: the public events of an order, for everybody who has its ID.
    Track(OrderId),
    /// `order:<ID>`: all events of an order, for its owner and for movers.
    Order(OrderId),
    /// `orders`: all events of all orders that the caller may see.
    Orders,
}

impl Topic {
    /// Reads a topic; the ID in it as forgivingly as everywhere.
    pub fn parse(text: &str) -> Option<Topic> {
        match text.split_once(':') {
            None if text == "orders" => Some(Topic::Orders),
            Some(("track", id)) => OrderId::parse(id).map(Topic::Track),
            Some(("order", id)) => OrderId::parse(id).map(Topic::Order),
            _ => None,
        }
    }

    /// The order that this is about, and which of its events.
    pub fn order(self) -> Option<(OrderId, Which)> {
        match self {
            Topic::Track(id) => Some((id, Which::Public)),
            Topic::Order(id) => Some((id, Which::All)),
            Topic::Orders => None,
        }
    }
}

impl fmt::Display for Topic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Topic::Track(id) => write!(f, "track:{id}"),
            Topic::Order(id) => write!(f, "order:{id}"),
            Topic::Orders => f.write_str("orders"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn topics_are_read_and_written() {
        let id = OrderId::parse("7K3M9Q2XTB").unwrap();
        for (text, topic) in
            [("track:7K3M9Q2XTB", Topic::Track(id)), ("order:7K3M9Q2XTB", Topic::Order(id)), ("orders", Topic::Orders)]
        {
            assert_eq!(Topic::parse(text), Some(topic));
            assert_eq!(topic.to_string(), text);
        }
        assert_eq!(Topic::parse("track:7k3m9-q2xtb"), Some(Topic::Track(id)), "as a person types it");
    }

    #[test]
    fn what_is_no_topic_is_refused() {
        for text in
            ["", "orders:", "track", "track:", "Track:7K3M9Q2XTB", "track:7K3M9Q2XT", "order:*", "orders ", "news"]
        {
            assert_eq!(Topic::parse(text), None, "{text:?}");
        }
    }
}
