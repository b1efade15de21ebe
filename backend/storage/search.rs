//! What `q` finds. Whoever searches wants the newest of what there is, and Postgres has two ways to find it: to fetch all
//! that matches and sort it, or to walk along the orders, newest first, until enough have matched. Either takes seconds
//! for some texts, and which ones Postgres can't know. So the index of texts also says in which spans of time an order
//! was created ([`Span`]), and orders are searched in windows that grow with their age ([`newest`]): what a page costs then
//! depends little on how many orders there are, or where. It says, too, whose an order is, and whether it is open.

use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::sql_types::{Bool, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use uuid::Uuid;

use super::db::{statement_timeout, until};
use super::orders::{self as table, AssigneeFilter, Condition, Filter, Place};
use super::schema::{lower, orders};
use crate::domain::ids::OrderId;
use crate::domain::order::Order;
use crate::error::{Error, Result};

diesel::define_sql_function! {
    /// What `q` looks in, in lower case.
    fn order_search_text(title: Text, reference: Nullable<Text>, recipient: Nullable<Text>) -> Text;
}
diesel::define_sql_function! {
    /// The text with a letter for each separator, which is what the index is about.
    fn order_search_key(searched: Text) -> Text;
}
diesel::define_sql_function! {
    /// What the index knows of an order beside its text: the spans in which it was created, one of each length, and
    /// [`marks_of`].
    fn order_marks(created_at: Timestamptz, owner: SqlUuid, assignee: Nullable<SqlUuid>, open: Bool)
    -> diesel::sql_types::Array<diesel::sql_types::Integer>;
}

diesel::postfix_operator!(IsTrue, " IS TRUE", Bool, backend: diesel::pg::Pg);

/// An order ID, a reference by its beginning, or three letters and more anywhere in the searched text, of which the
/// reference is a part.
pub fn condition(search: &str) -> Condition {
    let in_texts = if is_for_the_index(search) {
        anywhere(search)
    } else {
        Box::new(orders::reference.like(format!("{}%", literal(search))))
    };
    match OrderId::parse(search) {
        Some(id) => Box::new(in_texts.or(orders::id.eq(id.as_str().to_owned()).nullable())),
        None => in_texts,
    }
}

fn is_for_the_index(search: &str) -> bool {
    search.chars().count() >= 3
}

fn anywhere(search: &str) -> Condition {
    let text = || order_search_text(orders::title, orders::reference, orders::recipient_name);
    let pattern = |part: &str| lower(format!("%{}%", literal(part)));
    // The index finds "po-1" where "poz1" stands, too.
    let key = order_search_key(pattern(number(search).unwrap_or(search)));
    Box::new(order_search_key(text()).like(key).and(text().like(pattern(search))).nullable())
}

/// What stands at the end of a reference, and in no other. What stands before it is in all of them: for the index, it only
/// takes time to read (4.2 instead of 0.5 ms for one of a million).
fn number(search: &str) -> Option<&str> {
    let begin = search.char_indices().rev().take_while(|(_, c)| c.is_ascii_alphanumeric()).last()?.0;
    let end = &search[begin..];
    (end.len() >= 5 && end.chars().filter(char::is_ascii_digit).count() >= 4).then_some(end)
}

/// For LIKE, in which some characters mean more than themselves.
fn literal(text: &str) -> String {
    text.replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_")
}

/// Reads in whichever way Postgres takes for the quicker one, and after a while in the other: it takes what is searched for
/// to be spread evenly over time, and so walks along the orders for what is frequent, behind however many others it is.
/// The deadline is for both together.
pub fn patiently<T>(
    connection: &mut PgConnection,
    deadline: Instant,
    read: impl Fn(&mut PgConnection) -> Result<T>,
) -> Result<T> {
    match until(deadline.min(Instant::now() + FIRST_TRY), connection, &read) {
        Err(Error::Overloaded) => until(deadline, connection, |connection| {
            connection.batch_execute(BY_TEXT_ALONE)?;
            read(connection)
        }),
        found => found,
    }
}

const FIRST_TRY: Duration = Duration::from_millis(400);

const BY_TEXT_ALONE: &str = "SET LOCAL enable_indexscan = off; SET LOCAL enable_seqscan = off";

/// Whether [`newest`] is for this.
pub fn is_in_windows(search: &str) -> bool {
    is_for_the_index(search) && OrderId::parse(search).is_none()
}

/// What an order that passes the filter has among its marks, as `order_marks` in the migrations has it.
fn marks_of(filter: &Filter) -> Vec<i32> {
    const OPEN: i32 = -1;
    const CLOSED: i32 = -2;
    const NOBODYS: i32 = -3;
    // A few have the same.
    let person = |id: Uuid| id.as_u128() as i32 & 0x1fff_ffff;
    let mut marks = Vec::new();
    if !filter.statuses.is_empty() {
        let open = filter.statuses.iter().filter(|status| status.is_open()).count();
        marks.extend((open == filter.statuses.len()).then_some(OPEN));
        marks.extend((open == 0).then_some(CLOSED));
    }
    marks.extend(filter.owner.map(|id| -4 - 2 * person(id)));
    marks.extend(filter.assignee.map(|assignee| match assignee {
        AssigneeFilter::Nobody => NOBODYS,
        AssigneeFilter::Mover(id) => -5 - 2 * person(id),
    }));
    marks
}

/// How many hours the first window has, that of one owner's orders, and how many times as many the next one has at most.
const FIRST_HOURS: i32 = 16;
const FIRST_HOURS_OF_AN_OWNER: i32 = 128;
const GROWTH_MAX: usize = 8;

/// If there are more in a window, it is cut up. Several pages, and a few milliseconds.
const MATCHES_MAX: usize = 500;

/// The windows have this long, and a statement that was begun in it; then Postgres has a try, until the deadline.
const WINDOWS_LIMIT: Duration = Duration::from_millis(400);

/// Orders that match, newest first.
pub fn newest(
    connection: &mut PgConnection,
    filter: &Filter,
    after: Option<Place>,
    limit: i64,
    deadline: Instant,
) -> Result<Vec<Order>> {
    let windows_end = deadline.min(Instant::now() + WINDOWS_LIMIT);
    let wanted = usize::try_from(limit).unwrap_or(0);
    let in_windows = connection.build_transaction().read_only().repeatable_read().run(|connection| {
        let Some((oldest, newest)) = table::oldest_and_newest(connection)? else { return Ok((Vec::new(), None)) };
        let all = Hours { oldest: hour_of(oldest), newest: hour_of(newest) };
        let newest = after.map(|(at, _)| at).into_iter().chain(filter.created_to).fold(newest, DateTime::min);
        let oldest = filter.created_from.map_or(oldest, |from| from.max(oldest));
        // There is one way, whatever is searched for.
        connection.batch_execute(&format!(
            "{BY_TEXT_ALONE}; SET LOCAL plan_cache_mode = force_generic_plan; {}",
            statement_timeout(windows_end)?
        ))?;
        let marks = marks_of(filter);
        let mut search =
            Search { connection, end: windows_end, filter, marks, after, wanted, places: Vec::new(), crowded: None };
        search.look(Hours { oldest: hour_of(oldest), newest: hour_of(newest) }, all)?;
        search.places.truncate(wanted);
        Ok::<_, Error>((table::at(search.connection, &search.places)?, search.crowded))
    });
    let as_postgres_likes = |connection: &mut PgConnection, filter: &Filter, limit: i64| {
        until(deadline, connection, |connection| {
            table::page(connection, filter, table::Position::Created(after), limit)
        })
    };
    match in_windows {
        Ok((found, None)) => Ok(found),
        // Hundreds within an hour, of which Postgres knows best how to find the newest.
        Ok((mut found, Some(hour))) => {
            let begin = |hour: i32| DateTime::from_timestamp(i64::from(hour) * SECONDS, 0);
            let within = Filter {
                created_from: filter.created_from.max(begin(hour)),
                created_to: filter.created_to.into_iter().chain(begin(hour + 1)).min(),
                ..filter.clone()
            };
            found.extend(as_postgres_likes(connection, &within, limit - found.len() as i64)?);
            Ok(found)
        }
        Err(Error::Overloaded) => as_postgres_likes(connection, filter, limit),
        Err(error) => Err(error),
    }
}

/// From one hour to another, both included.
struct Hours {
    oldest: i32,
    newest: i32,
}

impl Hours {
    /// Whether so many from the newest on are all of them.
    fn are_within(&self, hours: i32) -> bool {
        self.newest.saturating_sub(hours) < self.oldest
    }
}

struct Search<'a> {
    connection: &'a mut PgConnection,
    end: Instant,
    filter: &'a Filter,
    /// Of that filter.
    marks: Vec<i32>,
    after: Option<Place>,
    /// How many are wanted.
    wanted: usize,
    /// Newest first.
    places: Vec<Place>,
    /// More than [`MATCHES_MAX`] match in this hour, which comes after the places.
    crowded: Option<i32>,
}

impl Search<'_> {
    /// Looks in the newest window of those hours, and as long as too little is found, in one that reaches further back.
    fn look(&mut self, within: Hours, all: Hours) -> Result<()> {
        let mut hours = if self.filter.owner.is_some() { FIRST_HOURS_OF_AN_OWNER } else { FIRST_HOURS };
        // If all orders are within this, they are looked through at once: their spans would take longer to read than they
        // save.
        let mut reach = hours.saturating_mul(4);
        let mut has_looked_everywhere = false;
        if within.oldest > within.newest {
            return Ok(());
        }
        loop {
            let is_all = within.are_within(hours);
            if !has_looked_everywhere && !is_all && all.are_within(reach) {
                has_looked_everywhere = true;
                let found = self.matching(None)?;
                if found.len() <= MATCHES_MAX {
                    self.places = found;
                    return Ok(());
                }
            }
            let window = newest_spans(within.newest, hours);
            let found = self.matching(Some(&window))?;
            if found.len() > MATCHES_MAX {
                return window.into_iter().try_for_each(|span| self.look_within(span));
            }
            if found.len() >= self.wanted || is_all {
                self.places = found;
                return Ok(());
            }
            // So many times as many hours are to have twice what is wanted; no match counts as half a one.
            let growth = (4 * self.wanted / (2 * found.len()).max(1)).max(2);
            let next = hours.saturating_mul(growth.min(GROWTH_MAX) as i32);
            reach = hours.saturating_mul(2 * growth as i32).max(next.saturating_mul(4));
            hours = next;
        }
    }

    /// Adds what matches in a span, and where that is too much, in its parts, until there is enough.
    fn look_within(&mut self, span: Span) -> Result<()> {
        if self.places.len() >= self.wanted || self.crowded.is_some() {
            return Ok(());
        }
        let mut found = self.matching(Some(&[span]))?;
        if found.len() <= MATCHES_MAX {
            self.places.append(&mut found);
        } else if span.level == 0 {
            self.crowded = Some(span.number);
        } else {
            span.parts().try_for_each(|part| self.look_within(part))?;
        }
        Ok(())
    }

    /// Where matching orders stand that were created in these spans, newest first; if there are more than [`MATCHES_MAX`], any
    /// of them, and one more.
    fn matching(&mut self, spans: Option<&[Span]>) -> Result<Vec<Place>> {
        if Instant::now() > self.end {
            return Err(Error::Overloaded);
        }
        let mut query =
            orders::table.select((orders::created_at, orders::id)).limit(MATCHES_MAX as i64 + 1).into_boxed();
        let marks = || order_marks(orders::created_at, orders::owner_id, orders::assignee_id, orders::open);
        if let Some(spans) = spans {
            let keys: Vec<i32> = spans.iter().map(|span| span.key()).collect();
            query = query.filter(marks().overlaps_with(keys));
        }
        if !self.marks.is_empty() {
            query = query.filter(marks().contains(&self.marks));
        }
        query = query.filter(condition(self.filter.search.as_deref().unwrap_or_default()));
        // No other index is to be asked instead: a plan for any owner takes each to have little.
        let others = Filter { search: None, ..self.filter.clone() };
        for condition in table::conditions(&others).into_iter().chain(self.after.map(table::older_than)) {
            query = query.filter(IsTrue::new(condition));
        }
        let rows: Vec<(DateTime<Utc>, String)> = query.load(self.connection)?;
        let id = |id| OrderId::try_from(id).map_err(|_| Error::Internal("an order has no ID".to_owned()));
        let mut places = rows.into_iter().map(|(at, text)| Ok((at, id(text)?))).collect::<Result<Vec<Place>>>()?;
        places.sort_unstable_by(|one, other| other.cmp(one));
        Ok(places)
    }
}

const SECONDS: i64 = 3600;

fn hour_of(at: DateTime<Utc>) -> i32 {
    at.timestamp().div_euclid(SECONDS) as i32
}

/// 8 to the power of `level` hours, the first of which is the hour `number` times that since 1970: `order_marks` in the
/// migrations.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Span {
    level: u32,
    number: i32,
}

const LEVELS: u32 = 5;
const PARTS: i32 = 8;

impl Span {
    fn around(hour: i32, level: u32) -> Span {
        Span { level, number: hour.div_euclid(PARTS.pow(level)) }
    }

    fn key(self) -> i32 {
        self.number * 8 + self.level as i32
    }

    /// Newest first.
    fn parts(self) -> impl Iterator<Item = Span> {
        let first = self.number * PARTS;
        (first..first + PARTS).rev().map(move |number| Span { level: self.level.saturating_sub(1), number })
    }
}

/// A few spans, newest first, in which the hour and so many before it are.
fn newest_spans(hour: i32, hours: i32) -> Vec<Span> {
    let level = (0..LEVELS).rev().find(|level| PARTS.pow(*level) * 2 <= hours).unwrap_or(0);
    let (first, last) = (Span::around(hour.saturating_sub(hours), level), Span::around(hour, level));
    (first.number..=last.number).rev().map(|number| Span { level, number }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_what_ends_a_reference() {
        for (search, expected) in [
            ("PO-117642", Some("117642")),
            ("EU/2026/A12345", Some("A12345")),
            ("117642", Some("117642")),
            ("INV 2026", None),
            ("117642-", None),
            ("hugo okafor", None),
            ("é12345", Some("12345")),
            ("", None),
        ] {
            assert_eq!(number(search), expected, "{search}");
        }
    }

    /// From the first to behind the last.
    fn hours(span: Span) -> std::ops::Range<i32> {
        let length = PARTS.pow(span.level);
        span.number * length..(span.number + 1) * length
    }

    #[test]
    fn windows_reach_from_an_hour_back_without_a_gap() {
        for newest in [493_333, 493_332, 8 * 61_000, -1, 0, 7] {
            for length in [1, 2, 15, 16, 32, 127, 128, 1024, 3000, 8192, 40_000] {
                let spans = newest_spans(newest, length);
                assert!(hours(spans[0]).contains(&newest), "{newest} {length}");
                assert!(
                    spans.last().is_some_and(|last| hours(*last).contains(&(newest - length))),
                    "{newest} {length}"
                );
                assert!(spans.windows(2).all(|pair| hours(pair[1]).end == hours(pair[0]).start));
                assert!(spans.len() <= 17, "{newest} {length}: {}", spans.len());
            }
        }
    }

    #[test]
    fn a_span_is_all_of_its_parts() {
        for span in [Span::around(493_333, 4), Span::around(-5, 1)] {
            let parts: Vec<Span> = span.parts().collect();
            assert_eq!(parts.len(), 8);
            assert_eq!((hours(parts[7]).start, hours(parts[0]).end), (hours(span).start, hours(span).end));
            assert!(parts.iter().all(|part| Span::around(hours(*part).start, span.level) == span));
        }
    }
}
