//! The built apps as they are served: caching, compression, pages that the apps make up themselves.

use std::path::PathBuf;

use reqwest::Method;

use crate::support::{Reply, Request, TestApp, http_client};

/// A small FRONTEND_DIR, removed when dropped.
struct Built(PathBuf);

impl Built {
    fn new() -> Built {
        let folder =
            std::env::temp_dir().join(format!("ot-apps-{}-{}", std::process::id(), uuid::Uuid::now_v7().simple()));
        let script = "console.log('an app');\n".repeat(50);
        for app in ["users", "movers", "track", "docs"] {
            let assets = folder.join(app).join("assets");
            std::fs::create_dir_all(&assets).expect("a folder");
            let page = format!("<!doctype html><title>{app}</title>");
            let write =
                |name: &str, content: &[u8]| std::fs::write(folder.join(app).join(name), content).expect("a file");
            write("index.html", page.as_bytes());
            write("index.html.br", b"brotli page");
            write("index.html.gz", b"gzip page");
            write("assets/main-4f3a2b1c.js", script.as_bytes());
            write("assets/main-4f3a2b1c.js.br", b"brotli script");
            write("assets/main-4f3a2b1c.js.gz", b"gzip script");
            write("assets/plain-00000000.css", b"body{}");
            write("favicon.svg", b"<svg/>");
        }
        let write = |name: &str, content: &str| std::fs::write(folder.join(name), content).expect("a file");
        write("docs/webhooks.html", "<!doctype html><title>webhooks</title>");
        write("docs/webhooks.html.br", "brotli page");
        write("docs/webhooks.html.gz", "gzip page");
        std::fs::create_dir_all(folder.join("docs/files")).expect("a folder");
        write("docs/files/watch.ts.txt", "a program");
        write("secret.txt", "outside of every app");
        write("secret.html", "outside of every app");
        Built(folder)
    }

    async fn served(&self) -> TestApp {
        TestApp::start_with(|settings| {
            settings.insert("FRONTEND_DIR", self.0.display().to_string());
        })
        .await
    }
}

impl Drop for Built {
    fn drop(&mut self) {
        std::fs::remove_dir_all(&self.0).ok();
    }
}

#[tokio::test]
async fn each_app_has_its_place_and_its_pages() {
    let built = Built::new();
    let app = built.served().await;
    for (path, title) in [
        ("/", "users"),
        ("/orders", "users"),
        ("/orders/7K3M9Q2XTB", "users"),
        ("/sign-in?next=%2Forders", "users"),
        ("/movers/", "movers"),
        ("/movers/join", "movers"),
        ("/movers/orders/7K3M9Q2XTB", "movers"),
        ("/t/7K3M9Q2XTB", "track"),
        ("/t/7k3m9-q2xtb", "track"),
        ("/t/", "track"),
        ("/docs/", "docs"),
        ("/docs/webhooks", "webhooks"),
        ("/docs/webhooks/", "webhooks"),
    ] {
        let page = page(&app, path).await.expect(200);
        assert_eq!(page.text(), format!("<!doctype html><title>{title}</title>"), "{path}");
        assert_eq!(page.header("content-type"), Some("text/html; charset=utf-8"), "{path}");
        assert_eq!(page.header("cache-control"), Some("no-cache"), "{path}: a page is asked for each time");
        assert!(page.header("etag").is_some() || page.header("last-modified").is_some(), "{path}");
    }
}

#[tokio::test]
async fn a_page_that_has_not_changed_is_not_sent_again() {
    let built = Built::new();
    let app = built.served().await;
    for path in ["/", "/orders", "/t/7K3M9Q2XTB", "/docs/webhooks", "/movers/assets/main-4f3a2b1c.js"] {
        let etag = page(&app, path).await.expect(200).header("etag").unwrap().to_owned();
        let again = page(&app, path).header("if-none-match", &etag).await.expect(304);
        assert!(again.body.is_empty());
        assert!(again.header("cache-control").is_some());
    }
}

#[tokio::test]
async fn an_app_without_its_slash_is_led_there() {
    let built = Built::new();
    let app = built.served().await;
    for (path, target) in [("/movers", "/movers/"), ("/t", "/t/"), ("/docs", "/docs/")] {
        let redirect = page(&app, path).await;
        assert_eq!((redirect.status, redirect.header("location")), (308, Some(target)));
    }
}

#[tokio::test]
async fn assets_are_kept_for_ever_and_pages_are_not() {
    let built = Built::new();
    let app = built.served().await;
    for prefix in ["", "/movers", "/t", "/docs"] {
        let asset = page(&app, &format!("{prefix}/assets/main-4f3a2b1c.js")).await.expect(200);
        assert_eq!(asset.header("cache-control"), Some("public, max-age=31536000, immutable"), "{prefix}");
        assert!(asset.header("content-type").unwrap().contains("javascript"));
        let other = page(&app, &format!("{prefix}/favicon.svg")).await.expect(200);
        assert_eq!(other.header("cache-control"), Some("no-cache"), "{prefix}: its name does not change with it");
    }
}

/// A page instead of a missing script would be kept for ever, and fail strangely.
#[tokio::test]
async fn what_is_missing_is_missing() {
    let built = Built::new();
    let app = built.served().await;
    for path in [
        "/assets/main-00000000.js",
        "/movers/assets/gone.js",
        "/t/assets/",
        "/favicon.ico",
        "/index.php",
        "/movers/x.map",
        "/../secret.txt",
        "/%2e%2e/secret.txt",
        "/..%2fsecret.txt",
        "/movers/..%2f..%2fsecret.txt",
        "/assets/..%5c..%5csecret.txt",
        "/%00",
        "/assets",
        "/.env",
        "/users/index.html",
        "/docs/nothing",
        "/docs/webhooks/more",
        "/docs/Webhooks",
        "/docs/index.php",
        "/docs/assets/gone.js",
        "/docs/../secret.html",
        "/docs/..%2fsecret",
        "/docs/%2e%2e%2fsecret",
    ] {
        let reply = page(&app, path).await;
        if reply.status == 200 {
            // A path without a dot or an asset in it is one of the app's own pages.
            assert!(["/assets", "/%00"].contains(&path), "{path}: {}", reply.text());
            assert!(reply.text().contains("<title>"), "{path}");
            continue;
        }
        assert_eq!(reply.status, 404, "{path}: {}", reply.text());
        assert_eq!(reply.header("content-type"), Some("application/problem+json"), "{path}");
        let caching = reply.header("cache-control").unwrap_or_default();
        assert!(!caching.contains("immutable"), "{path}: {caching}");
        assert!(!reply.text().contains("outside of every app"));
    }
    // The API's paths are never pages.
    for path in ["/api", "/api/", "/api/v1/nothing", "/api/v2"] {
        assert_eq!(page(&app, path).await.status, 404, "{path}");
    }
}

#[tokio::test]
async fn what_was_compressed_at_build_is_served_so_to_whom_it_suits() {
    let built = Built::new();
    let app = built.served().await;
    for (path, kind, content_type) in [
        ("/", "page", "text/html"),
        ("/orders", "page", "text/html"),
        ("/movers/", "page", "text/html"),
        ("/t/7K3M9Q2XTB", "page", "text/html"),
        ("/docs/", "page", "text/html"),
        ("/docs/webhooks", "page", "text/html"),
        ("/docs/assets/main-4f3a2b1c.js", "script", "javascript"),
        ("/assets/main-4f3a2b1c.js", "script", "javascript"),
        ("/t/assets/main-4f3a2b1c.js", "script", "javascript"),
    ] {
        for (accepted, encoding) in [
            ("br", Some("br")),
            ("gzip", Some("gzip")),
            ("gzip, deflate, br, zstd", Some("br")),
            ("gzip;q=1.0, br;q=0", Some("gzip")),
            ("identity", None),
            ("", None),
            ("deflate", None),
        ] {
            let reply = page(&app, path).header("accept-encoding", accepted).await.expect(200);
            assert_eq!(reply.header("content-encoding"), encoding, "{path}, {accepted:?}");
            match encoding {
                Some("br") => assert_eq!(reply.text(), format!("brotli {kind}"), "{path}"),
                Some(_) => assert_eq!(reply.text(), format!("gzip {kind}"), "{path}"),
                None => assert!(!reply.text().starts_with("brotli") && !reply.text().starts_with("gzip"), "{path}"),
            }
            assert!(reply.header("content-type").unwrap().contains(content_type), "{path}, {accepted:?}");
            if encoding.is_some() {
                let vary = reply.header("vary").unwrap_or_default().to_lowercase();
                assert!(vary.contains("accept-encoding"), "{path}, {accepted:?}: a cache must not mix them");
            }
        }
    }
    // What was not compressed at build comes as it is.
    let plain = page(&app, "/assets/plain-00000000.css").header("accept-encoding", "br, gzip").await.expect(200);
    assert_eq!(plain.text(), "body{}");
}

#[tokio::test]
async fn pages_say_what_browsers_must_not_do() {
    let built = Built::new();
    let app = built.served().await;
    for path in ["/", "/movers/", "/t/7K3M9Q2XTB", "/docs/", "/docs/webhooks", "/assets/main-4f3a2b1c.js"] {
        let reply = page(&app, path).await.expect(200);
        let policy = reply.header("content-security-policy").expect("a policy");
        assert!(policy.contains("default-src 'self'") && policy.contains("frame-ancestors 'none'"), "{policy}");
        assert!(policy.contains("script-src 'self'") && !policy.contains("unsafe-eval"), "{policy}");
        assert_eq!(reply.header("x-content-type-options"), Some("nosniff"));
        // The public page's address holds the order's ID.
        assert_eq!(reply.header("referrer-policy"), Some("no-referrer"));
    }
}

#[tokio::test]
async fn search_engines_are_for_what_developers_read() {
    let built = Built::new();
    let app = built.served().await;
    let robots = page(&app, "/robots.txt").await.expect(200);
    assert_eq!(robots.text(), "User-agent: *\nAllow: /docs/\nAllow: /openapi.yaml\nDisallow: /\n");
}

/// Browsers would take a program in TypeScript for a film.
#[tokio::test]
async fn programs_are_served_as_text() {
    let built = Built::new();
    let app = built.served().await;
    let program = page(&app, "/docs/files/watch.ts.txt").await.expect(200);
    assert_eq!(
        (program.text(), program.header("content-type")),
        ("a program".into(), Some("text/plain; charset=utf-8"))
    );
}

#[tokio::test]
async fn only_get_and_head_are_for_files() {
    let built = Built::new();
    let app = built.served().await;
    let http = http_client();
    let head = Request::new(&http, &app.base, Method::HEAD, "/").off_contract().await.expect(200);
    assert!(head.body.is_empty());
    for method in [Method::POST, Method::PUT, Method::DELETE] {
        let reply = Request::new(&http, &app.base, method.clone(), "/").off_contract().await;
        assert!([404, 405].contains(&reply.status), "{method}: {}", reply.status);
    }
}

#[tokio::test]
async fn without_the_apps_there_is_the_api() {
    let app = TestApp::start().await;
    for path in ["/", "/movers/", "/t/7K3M9Q2XTB", "/docs", "/docs/", "/docs/webhooks"] {
        let reply: Reply = page(&app, path).await;
        assert_eq!((reply.status, reply["code"].as_str()), (404, Some("not_found")), "{path}");
    }
    app.page("/livez").await.expect(200);
    let contract = app.page("/openapi.yaml").await.expect(200);
    assert_eq!(contract.text(), include_str!("../../openapi.yaml"));
}

fn page(app: &TestApp, path: &str) -> Request {
    app.page(path).off_contract()
}
