//! The built apps: the users' at `/`, the public page at `/t/{ID}`, the movers' at `/movers/`, and the pages for developers
//! at `/docs/`. Without them the server is an API alone.

use std::path::{Path, PathBuf};

use actix_files::{Files, NamedFile};
use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse, fn_service};
use actix_web::http::StatusCode;
use actix_web::http::header::{
    self, AcceptEncoding, CACHE_CONTROL, CONTENT_ENCODING, ContentEncoding, Encoding, HeaderMap, HeaderName,
    HeaderValue, LOCATION, VARY,
};
use actix_web::middleware::{Next, from_fn};
use actix_web::web::{self, Data, ServiceConfig};
use actix_web::{HttpMessage, HttpRequest, HttpResponse, ResponseError, Scope, guard};

use crate::error::Error;
use crate::server::App;

/// `style-src` allows inline styles because the component kit sets them; scripts come from files alone.
const CONTENT_SECURITY_POLICY: &str = "default-src 'self'; script-src 'self'; style-src 'self' 'unsafe-inline'; \
     img-src 'self' data:; connect-src 'self' ws: wss:; frame-ancestors 'none'; base-uri 'self'; form-action 'self'";

const SECURITY_HEADERS: [(&str, &str); 4] = [
    ("content-security-policy", CONTENT_SECURITY_POLICY),
    ("x-content-type-options", "nosniff"),
    // The address of the public page holds an order's ID.
    ("referrer-policy", "no-referrer"),
    ("x-frame-options", "DENY"),
];

/// What is for everybody to find is what developers read.
const ROBOTS: &str = "User-agent: *\nAllow: /docs/\nAllow: /openapi.yaml\nDisallow: /\n";

/// Registered after the API: the users' app takes all that is left.
pub fn configure(config: &mut ServiceConfig, app: &Data<App>) {
    config.service(web::scope("/api").default_service(web::to(not_found)));
    let built = &app.config.frontend_dir;
    if !["users", "movers", "track", "docs"].iter().all(|name| built.join(name).join("index.html").is_file()) {
        return;
    }
    config
        .route("/robots.txt", web::get().to(async || ROBOTS))
        .service(web::resource("/movers").to(async || with_slash("/movers/")))
        .service(web::resource("/t").to(async || with_slash("/t/")))
        .service(web::resource("/docs").to(async || with_slash("/docs/")))
        .service(pages("/movers", built.join("movers"), single_page))
        .service(pages("/t", built.join("track"), single_page))
        .service(pages("/docs", built.join("docs"), page_each))
        .service(pages("", built.join("users"), single_page));
}

/// The files of one app; for a path that is none of them, `page_of` says which page it is, below the app's own path.
fn pages(
    path: &'static str,
    directory: PathBuf,
    page_of: fn(&str) -> Option<String>,
) -> Scope<
    impl actix_web::dev::ServiceFactory<
        ServiceRequest,
        Config = (),
        Response = ServiceResponse<impl MessageBody>,
        Error = actix_web::Error,
        InitError = (),
    >,
> {
    let pages = directory.clone();
    let fallback = fn_service(move |request: ServiceRequest| {
        let below = request.path().strip_prefix(path).unwrap_or_default();
        let file = page_of(below).map(|name| pages.join(name)).filter(|file| file.is_file());
        async move {
            let (request, _) = request.into_parts();
            let response = file.ok_or(Error::NotFound).and_then(|file| page(&file, &request));
            let response = response.unwrap_or_else(|error| error.error_response());
            Ok::<_, actix_web::Error>(ServiceResponse::new(request, response))
        }
    });
    let files = Files::new("/", directory)
        .index_file("index.html")
        .try_compressed()
        .disable_content_disposition()
        .default_handler(fallback);
    web::scope(path).guard(guard::Any(guard::Get()).or(guard::Head())).wrap(from_fn(with_headers)).service(files)
}

/// An app has one page, and itself makes of it whatever a path that looks like no file asks for.
fn single_page(path: &str) -> Option<String> {
    let is_file = path.rsplit('/').next().is_some_and(|name| name.contains('.'));
    (!is_file && !path.contains("/assets/")).then(|| "index.html".to_owned())
}

/// Texts are a file each: `/docs/webhooks` is `webhooks.html`.
fn page_each(path: &str) -> Option<String> {
    let name = path.strip_prefix('/')?;
    let name = name.strip_suffix('/').unwrap_or(name);
    let is_name = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-');
    is_name.then(|| format!("{name}.html"))
}

/// A page, in the best encoding that it was built in and the client takes.
fn page(index: &Path, request: &HttpRequest) -> Result<HttpResponse, Error> {
    let accepted = request.get_header::<AcceptEncoding>();
    let takes = |encoding: ContentEncoding| {
        let wanted = [Encoding::Known(encoding), Encoding::identity()];
        accepted.as_ref().and_then(|accepted| accepted.negotiate(wanted.iter())) == Some(Encoding::Known(encoding))
    };
    let encoded = [(ContentEncoding::Brotli, "br"), (ContentEncoding::Gzip, "gz")]
        .into_iter()
        .filter(|(encoding, _)| takes(*encoding))
        .find_map(|(encoding, extension)| {
            let file = NamedFile::open(index.with_extension(format!("html.{extension}"))).ok()?;
            Some((file, Some(encoding)))
        });
    let (file, encoding) = match encoded {
        Some(found) => found,
        None => (NamedFile::open(index).map_err(|error| Error::Internal(format!("an app's page: {error}")))?, None),
    };
    let html = "text/html; charset=utf-8".parse().map_err(|error| Error::Internal(format!("a media type: {error}")))?;
    let mut response = file.set_content_type(html).disable_content_disposition().into_response(request);
    if let Some(encoding) = encoding {
        response.headers_mut().insert(CONTENT_ENCODING, HeaderValue::from_static(encoding.as_str()));
        response.headers_mut().append(VARY, HeaderValue::from_static("accept-encoding"));
    }
    Ok(response)
}

async fn with_headers(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<impl MessageBody>, actix_web::Error> {
    let is_asset = request.path().contains("/assets/");
    let mut response = next.call(request).await?.map_into_left_body();
    // actix-files refuses some paths in plain text.
    let is_problem =
        response.headers().get(header::CONTENT_TYPE).is_some_and(|kind| kind == "application/problem+json");
    if !is_problem && matches!(response.status(), StatusCode::BAD_REQUEST | StatusCode::NOT_FOUND) {
        let (request, _) = response.into_parts();
        response = ServiceResponse::new(request, Error::NotFound.error_response()).map_into_right_body();
    }
    let is_found = response.status().is_success() || response.status() == StatusCode::NOT_MODIFIED;
    add_headers(response.headers_mut(), is_asset && is_found, is_found);
    Ok(response)
}

fn add_headers(headers: &mut HeaderMap, is_immutable: bool, is_found: bool) {
    for (name, value) in SECURITY_HEADERS {
        headers.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
    }
    if is_found {
        // The names of assets hold a hash of what is in them.
        let caching = if is_immutable { "public, max-age=31536000, immutable" } else { "no-cache" };
        headers.insert(CACHE_CONTROL, HeaderValue::from_static(caching));
    }
}

fn with_slash(path: &'static str) -> HttpResponse {
    HttpResponse::PermanentRedirect().insert_header((LOCATION, path)).finish()
}

async fn not_found() -> Result<HttpResponse, Error> {
    Err(Error::NotFound)
}
