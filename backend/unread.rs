//! Bodies without an announced length that were not read to their end when the answer was there. actix reads such a body on, for
//! as long as it comes, so that the connection can be used again: for ever, from who never ends. As long as somebody holds the body,
//! it closes the connection instead, after a short while in which the answer arrives.

use std::cell::RefCell;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use actix_web::HttpMessage;
use actix_web::body::{BodySize, BoxBody, MessageBody};
use actix_web::dev::{Payload, ServiceRequest};
use actix_web::error::PayloadError;
use actix_web::http::header::TRANSFER_ENCODING;
use actix_web::web::Bytes;
use futures_util::Stream;

/// A request's body, held beside whoever reads it.
#[derive(Clone)]
pub struct Unread(Rc<RefCell<Payload>>);

impl Unread {
    /// None where the length is announced: those are not read on.
    pub fn of(request: &mut ServiceRequest) -> Option<Unread> {
        request.headers().contains_key(TRANSFER_ENCODING).then(|| {
            let unread = Unread(Rc::new(RefCell::new(request.take_payload())));
            let reading: Pin<Box<dyn Stream<Item = Result<Bytes, PayloadError>>>> = Box::pin(unread.clone());
            request.set_payload(reading.into());
            unread
        })
    }

    /// The answer, with which the body is let go.
    pub fn outlasts(self, body: BoxBody) -> BoxBody {
        BoxBody::new(Answer { body, _unread: self })
    }
}

impl Stream for Unread {
    type Item = Result<Bytes, PayloadError>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        Pin::new(&mut *self.0.borrow_mut()).poll_next(context)
    }
}

struct Answer {
    body: BoxBody,
    _unread: Unread,
}

impl MessageBody for Answer {
    type Error = <BoxBody as MessageBody>::Error;

    fn size(&self) -> BodySize {
        self.body.size()
    }

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Bytes, Self::Error>>> {
        Pin::new(&mut self.body).poll_next(context)
    }
}
