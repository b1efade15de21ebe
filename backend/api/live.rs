//! `GET /live`: who may open a socket, and the upgrade.

use std::pin::Pin;

use actix_web::http::header::{HOST, HeaderValue, ORIGIN};
use actix_web::web::{Data, Payload};
use actix_web::{FromRequest, HttpRequest, HttpResponse, dev, rt};
use futures_util::Stream;

use crate::config::Config;
use crate::error::{Error, Result};
use crate::limits::{self, Anonymous, Within};
use crate::live::frame_guard::FrameGuard;
use crate::live::socket;
use crate::server::App;

pub async fn connect(
    app: Data<App>,
    _: Within<Anonymous>,
    request: HttpRequest,
    body: Payload,
) -> Result<HttpResponse> {
    let guarded = FrameGuard::new(body, socket::FRAME_MAX as u64);
    let mut guarded = dev::Payload::Stream { payload: Box::pin(guarded) as Pin<Box<dyn Stream<Item = _>>> };
    let body = Payload::from_request(&request, &mut guarded)
        .await
        .map_err(|_| Error::BadRequest("The connection can't be read."))?;
    let headers = request.headers();
    if !is_allowed(headers.get(ORIGIN), headers.get(HOST), &app.config) {
        return Err(Error::OriginNotAllowed);
    }
    if app.live.is_draining() {
        return Err(Error::Draining);
    }
    let (response, session, stream) = actix_ws::handle(&request, body)
        .map_err(|_| Error::BadRequest("This is a WebSocket: it needs an upgrade as in RFC 6455."))?;
    app.live.watch_credentials(&app.revocations, &app.api_keys);
    let from = limits::of_address(&app, &request);
    rt::spawn(socket::run(app, from, session, stream));
    Ok(response)
}

/// Browsers open sockets for any page and say which one it was. It must be one of ours: the public URL, the host that
/// was asked for, or one that is listed. A client without an origin is no browser, and fine.
fn is_allowed(origin: Option<&HeaderValue>, host: Option<&HeaderValue>, config: &Config) -> bool {
    let Some(origin) = origin else { return true };
    let Ok(origin) = origin.to_str() else { return false };
    let host = host.and_then(|host| host.to_str().ok()).filter(|host| !host.is_empty());
    let is_asked_for = host.is_some_and(|host| {
        ["http://", "https://"]
            .iter()
            .any(|scheme| origin.strip_prefix(scheme).is_some_and(|authority| authority.eq_ignore_ascii_case(host)))
    });
    is_asked_for
        || std::iter::once(&config.public_url)
            .chain(&config.allowed_origins)
            .any(|allowed| allowed.eq_ignore_ascii_case(origin))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allowed(origin: Option<&'static str>, host: &'static str) -> bool {
        let config = Config::from_lookup(|name| {
            let value = match name {
                "DATABASE_URL" => "postgres://localhost/x",
                "REDIS_URL" => "redis://localhost",
                "JWT_SECRET" => "0123456789abcdef0123456789abcdef",
                "PUBLIC_URL" => "https://track.example",
                "ALLOWED_ORIGINS" => "https://shop.example, http://localhost:5173",
                _ => return None,
            };
            Some(value.to_owned())
        });
        is_allowed(
            origin.map(HeaderValue::from_static).as_ref(),
            Some(&HeaderValue::from_static(host)),
            &config.unwrap(),
        )
    }

    #[test]
    fn our_own_pages_and_listed_ones_may_open_sockets() {
        assert!(allowed(None, "track.example"), "no browser");
        assert!(allowed(Some("https://track.example"), "10.0.0.1:8080"), "behind a proxy");
        assert!(allowed(Some("http://192.168.1.7:8080"), "192.168.1.7:8080"), "by another name of this host");
        assert!(allowed(Some("https://shop.example"), "track.example"));
        assert!(allowed(Some("http://localhost:5173"), "localhost:8080"));
    }

    #[test]
    fn other_pages_may_not() {
        for origin in [
            "https://evil.example",
            "null",
            "http://track.example.evil.example",
            "https://track.example:444",
            "file://",
        ] {
            assert!(!allowed(Some(origin), "track.example"), "{origin}");
        }
        assert!(!allowed(Some("http://"), ""));
    }
}
