//! Reading query strings, like forms: all that is wrong is told at once, unknown parameters too. And the pages that
//! lists answer with.

use std::convert::Infallible;
use std::future::{Ready, ready};

use actix_web::{FromRequest, HttpRequest, dev::Payload, web};
use serde::Serialize;
use uuid::Uuid;

use super::cursor::Cursors;
use super::forms::{VIOLATIONS_MAX, describe};
use crate::domain::text::Flaw;
use crate::error::{Error, Result, Violation};

pub const LIMIT_DEFAULT: usize = 25;
pub const LIMIT_MAX: usize = 100;

/// A query string that is taken apart parameter by parameter. Taking it out of a request never fails: what is wrong is
/// told by `finish`, after authority and existence.
pub struct Query {
    pairs: Vec<(String, String)>,
    violations: Vec<Violation>,
}

impl Query {
    /// Reads `a=1&a=2&b=%20`, with `+` for a blank.
    pub fn parse(text: &str) -> Query {
        // Any text is a list of pairs: what is no UTF-8 becomes U+FFFD.
        let pairs = web::Query::<Vec<(String, String)>>::from_query(text).map_or_else(|_| Vec::new(), |pairs| pairs.0);
        Query { pairs, violations: Vec::new() }
    }

    /// Notes a violation at a parameter.
    pub fn refuse(&mut self, name: &str, code: &'static str, detail: impl Into<String>) {
        if self.violations.len() < VIOLATIONS_MAX {
            self.violations.push(Violation::parameter(name, code, detail));
        }
    }

    /// Takes out all values of a parameter, as they are.
    pub fn all(&mut self, name: &str) -> Vec<String> {
        self.pairs.extract_if(.., |(found, _)| found == name).map(|(_, value)| value).collect()
    }

    /// Takes out the value of a parameter that may stand there once.
    pub fn one(&mut self, name: &str) -> Option<String> {
        let mut values = self.all(name);
        if values.len() > 1 {
            self.refuse(name, "too_many", "may be given once");
        }
        values.pop()
    }

    /// The same, through a parser.
    pub fn parsed<T>(&mut self, name: &str, parse: impl FnOnce(&str) -> Result<T, Flaw>) -> Option<T> {
        match parse(&self.one(name)?) {
            Ok(value) => Some(value),
            Err(flaw) => {
                let (code, detail) = describe(&flaw);
                self.refuse(name, code, detail);
                None
            }
        }
    }

    /// One of a set of names.
    pub fn one_of<T: Copy>(&mut self, name: &str, names: &[T], spell: impl Fn(T) -> &'static str) -> Option<T> {
        let value = self.one(name)?;
        self.known(name, &value, names, spell)
    }

    /// Any number out of a set of names, each once.
    pub fn any_of<T: Copy>(&mut self, name: &str, names: &[T], spell: impl Fn(T) -> &'static str) -> Vec<T> {
        let mut values = self.all(name);
        values.sort();
        values.dedup();
        values.iter().filter_map(|value| self.known(name, value, names, &spell)).collect()
    }

    /// `true` or `false`; false when not told.
    pub fn flag(&mut self, name: &str) -> bool {
        self.one_of(name, &[true, false], |flag| if flag { "true" } else { "false" }).unwrap_or(false)
    }

    /// A whole number within a range.
    pub fn number<T>(&mut self, name: &str, range: std::ops::RangeInclusive<T>) -> Option<T>
    where
        T: std::str::FromStr + PartialOrd + std::fmt::Display,
    {
        let number = self.one(name)?.parse().ok().filter(|number| range.contains(number));
        if number.is_none() {
            let (from, to) = range.into_inner();
            self.refuse(name, "invalid_value", format!("must be a whole number from {from} to {to}"));
        }
        number
    }

    /// How many rows a page may have: 1 to 100, 25 when not told.
    pub fn limit(&mut self) -> usize {
        self.number("limit", 1..=LIMIT_MAX).unwrap_or(LIMIT_DEFAULT)
    }

    /// The cursor as it came; [`Cursors::open`] reads it, after `finish`.
    pub fn cursor(&mut self) -> Option<String> {
        self.one("cursor")
    }

    /// [`Error::InvalidParameter`] with all that is wrong; what was not taken out is unknown.
    pub fn finish(mut self) -> Result<()> {
        let mut unknown: Vec<String> = self.pairs.drain(..).map(|(name, _)| name).collect();
        unknown.sort();
        unknown.dedup();
        for name in unknown {
            self.refuse(&name, "unknown_field", "is not known here");
        }
        if self.violations.is_empty() { Ok(()) } else { Err(Error::InvalidParameter(self.violations)) }
    }

    fn known<T: Copy>(&mut self, name: &str, value: &str, names: &[T], spell: impl Fn(T) -> &'static str) -> Option<T> {
        let found = names.iter().find(|&&candidate| spell(candidate) == value).copied();
        if found.is_none() {
            let known: Vec<_> = names.iter().map(|&candidate| spell(candidate)).collect();
            self.refuse(name, "invalid_value", format!("must be one of {}", known.join(", ")));
        }
        found
    }
}

impl FromRequest for Query {
    type Error = Infallible;
    type Future = Ready<Result<Query, Infallible>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(Ok(Query::parse(request.query_string())))
    }
}

/// The ID in a path. What is no UUID names nothing: [`Error::NotFound`], like an ID that nobody has.
pub fn id_in_path(path: &str) -> Result<Uuid> {
    Uuid::try_parse(path).map_err(|_| Error::NotFound)
}

/// A page of a list.
#[derive(Debug, Serialize)]
pub struct Page<T> {
    pub data: Vec<T>,
    /// Null on the last page.
    pub next_cursor: Option<String>,
}

impl<T> Page<T> {
    /// Makes a page of at most `limit` rows out of `limit + 1` that were asked for: one more says that there is a next
    /// page, which begins behind the `position` of this page's last row.
    pub fn new<P: Serialize>(mut rows: Vec<T>, limit: usize, cursors: &Cursors, position: impl Fn(&T) -> P) -> Page<T> {
        let more = rows.len() > limit;
        rows.truncate(limit);
        let next_cursor = rows.last().filter(|_| more).map(|last| cursors.seal(&position(last)));
        Page { data: rows, next_cursor }
    }

    /// The same page with its rows in another shape.
    pub fn map<U>(self, change: impl FnMut(T) -> U) -> Page<U> {
        Page { data: self.data.into_iter().map(change).collect(), next_cursor: self.next_cursor }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn violations(query: Query) -> Vec<(String, &'static str)> {
        match query.finish() {
            Err(Error::InvalidParameter(all)) => {
                all.into_iter().map(|one| (one.parameter.unwrap_or_default(), one.code)).collect()
            }
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn parameters_may_repeat_where_they_are_asked_for_so() {
        let mut query = Query::parse("status=a&q=x+y%26&status=b");
        assert_eq!(query.any_of("status", &["a", "b", "c"], |name| name), ["a", "b"]);
        assert_eq!(query.one("q").as_deref(), Some("x y&"));
        assert_eq!((query.limit(), query.cursor()), (25, None));
        assert!(query.finish().is_ok());
    }

    #[test]
    fn all_that_is_wrong_is_told_at_once() {
        let mut query = Query::parse("limit=101&status=z&q=1&q=2&other=1&other=2&sort=");
        query.limit();
        query.any_of("status", &["a"], |name| name);
        query.one_of("sort", &["due"], |name| name);
        query.one("q");
        assert_eq!(
            violations(query),
            [
                ("limit", "invalid_value"),
                ("status", "invalid_value"),
                ("sort", "invalid_value"),
                ("q", "too_many"),
                ("other", "unknown_field")
            ]
            .map(|(name, code)| (name.to_owned(), code))
        );
    }

    #[test]
    fn limits_are_whole_numbers_from_1_to_100() {
        for (text, limit) in [("", 25), ("limit=1", 1), ("limit=100", 100)] {
            let mut query = Query::parse(text);
            assert_eq!(query.limit(), limit);
            assert!(query.finish().is_ok());
        }
        for text in
            ["limit=0", "limit=-1", "limit=", "limit=1.5", "limit=99999999999999999999999", "limit=ten", "limit"]
        {
            let mut query = Query::parse(text);
            query.limit();
            assert_eq!(violations(query).len(), 1, "{text}");
        }
    }

    #[test]
    fn a_page_has_a_cursor_when_there_is_more() {
        let cursors = Cursors::new(&secrecy::SecretString::from("secret"), "list", &());
        let page = Page::new(vec![1, 2, 3], 2, &cursors, |row| *row);
        assert_eq!(page.data, [1, 2]);
        assert_eq!(cursors.open::<i32>(&page.next_cursor.unwrap()).unwrap(), 2);
        assert_eq!(Page::new(vec![1, 2], 2, &cursors, |row| *row).next_cursor, None);
    }
}
