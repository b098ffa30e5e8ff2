//! Strangers at the door: unknown routes, other origins, proxies, and heads and bodies that are too large.

use reqwest::Method;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::PATIENCE;
use crate::story;
use crate::support::{Answer, TestApp, User, json};

story!(unknown_routes_and_methods_are_problems_everywhere, |app| {
    let [ada] = app.users(["ada"]).await;
    for user in [&app.nobody(), &ada] {
        for path in [
            "/nothing",
            "//nothing",
            "//api/v1",
            "//api/v2/register",
            "//api/v1/register/",
            "//%00%ff",
            "//api/v1/docs/nothing.js",
            "//admin/users",
            "//healthz/more",
        ] {
            user.get(path).await.problem(404, "NOT_FOUND");
            user.post(path, json!({})).await.problem(if path.contains("docs") { 405 } else { 404 }, {
                if path.contains("docs") { "METHOD_NOT_ALLOWED" } else { "NOT_FOUND" }
            });
        }
        for (method, path, allowed) in [
            ("DELETE", "/register", "POST"),
            ("DELETE", "//register", "POST"),
            ("BREW", "/login", "POST"),
            ("TRACE", "//login", "POST"),
            ("POST", "//healthz", "GET,HEAD"),
            ("PUT", "//metrics", "GET,HEAD"),
            ("POST", "//", "GET,HEAD"),
            ("DELETE", "//gateway", "GET,HEAD"),
            ("POST", "/openapi.json", "GET,HEAD"),
        ] {
            let method = Method::from_bytes(method.as_bytes()).expect("a method");
            let answer = user.answer(user.request(method, path)).await;
            assert_eq!(answer.headers.get("allow").map(|value| value.as_bytes()), Some(allowed.as_bytes()), "{path}");
            answer.problem(405, "METHOD_NOT_ALLOWED");
        }
    }
});

fn account(name: &str) -> crate::support::Value {
    json!({"username": name, "password": "password", "email": format!("{name}@example.com")})
}

async fn register(app: &TestApp, name: &str, forwarded: &[&str]) -> Answer {
    let nobody = app.nobody();
    let request = nobody.request(Method::POST, "/register").json(&account(name));
    nobody.answer(forwarded.iter().fold(request, |request, hop| request.header("x-forwarded-for", *hop))).await
}

story!(
    proxies_are_believed_as_far_as_they_are_trusted,
    |config| {
        config.limits.enabled = true;
        // Two in a row.
        config.limits.registrations = 8;
        config.trusted_proxies = vec!["127.0.0.0/8".into(), "10.0.0.0/8".into()];
    },
    |app| {
        // One client, as proxies write it: with a port, as IPv6 shows it, before another trusted proxy.
        register(&app, "ada", &["203.0.113.7:4711"]).await.expect(201);
        register(&app, "bob", &["203.0.113.7, 10.1.2.3"]).await.expect(201);
        let before = app.log_position().await;
        for forwarded in [
            &["203.0.113.7"][..],
            &["::ffff:203.0.113.7"],
            &["192.0.2.1, 203.0.113.7"],
            &["192.0.2.1", "203.0.113.7"],
            &["192.0.2.1", "203.0.113.7:1, 10.9.9.9"],
        ] {
            register(&app, "cleo", forwarded).await.problem(429, "RATE_LIMITED");
        }
        assert_eq!(app.log_position().await, before);
        register(&app, "cleo", &["[2001:db8::7]:4711"]).await.expect(201);

        // Behind what can't be read stands whatever a client wrote: it is not believed.
        register(&app, "dora", &["192.0.2.1, unknown"]).await.expect(201);
        register(&app, "emil", &["192.0.2.2, "]).await.expect(201);
        register(&app, "fay", &["192.0.2.3, 203.0.113.7:port"]).await.problem(429, "RATE_LIMITED");
        register(&app, "fay", &[]).await.problem(429, "RATE_LIMITED");
    }
);

fn preflight(user: &User, origin: &str) -> reqwest::RequestBuilder {
    user.request(Method::OPTIONS, "/guilds")
        .header("origin", origin)
        .header("access-control-request-method", "POST")
        .header("access-control-request-headers", "authorization, content-type")
}

/// A header's text; empty if it isn't there.
fn header<'a>(answer: &'a Answer, name: &str) -> &'a str {
    answer.headers.get(name).map_or("", |value| value.to_str().expect("text"))
}

story!(
    pages_of_allowed_origins_may_ask_and_read,
    |config| { config.allowed_origins = vec!["https://chat.example".into(), "http://localhost:3000".into()] },
    |app| {
        let nobody = app.nobody();
        for origin in ["https://chat.example", "http://localhost:3000"] {
            let answer = nobody.answer(preflight(&nobody, origin)).await;
            assert_eq!((answer.status, header(&answer, "access-control-allow-origin")), (200, origin));
            assert_eq!(header(&answer, "access-control-allow-methods"), "*");
            for wanted in ["authorization", "content-type", "if-match", "idempotency-key", "accept-language"] {
                assert!(header(&answer, "access-control-allow-headers").contains(wanted), "{wanted}");
            }
            // Refusals may be read too, and what stands in their headers.
            let refused = nobody.with_header("origin", origin).post("/guilds", json!({})).await;
            assert_eq!(header(&refused, "access-control-allow-origin"), origin);
            for wanted in ["etag", "retry-after", "x-request-id"] {
                assert!(header(&refused, "access-control-expose-headers").contains(wanted), "{wanted}");
            }
            refused.problem(401, "UNAUTHENTICATED");
        }
        for origin in ["https://evil.example", "http://chat.example", "https://chat.example.evil.example", "null"] {
            let answer = nobody.answer(preflight(&nobody, origin)).await;
            assert_eq!(header(&answer, "access-control-allow-origin"), "", "{origin}");
            let read = nobody.with_header("origin", origin).get("//healthz").await;
            assert_eq!(header(&read, "access-control-allow-origin"), "", "{origin}");
        }
    }
);

story!(no_page_of_another_origin_may_ask_unless_that_is_set, |app| {
    let answer = app.nobody().answer(preflight(&app.nobody(), "https://chat.example")).await;
    assert_eq!(header(&answer, "access-control-allow-origin"), "");
});

story!(every_page_may_ask_if_that_is_set, |config| { config.allowed_origins = vec!["*".into()] }, |app| {
    let answer = app.nobody().answer(preflight(&app.nobody(), "https://anywhere.example")).await;
    assert_eq!(header(&answer, "access-control-allow-origin"), "*");
});

/// Sends bytes; answers what comes back until the server closes or has answered.
async fn raw(app: &TestApp, bytes: &[u8]) -> String {
    let mut stream = TcpStream::connect(app.url.trim_start_matches("http://")).await.expect("a connection");
    // The server may close before all is sent: what it says is what counts.
    let _ = stream.write_all(bytes).await;
    let mut answer = Vec::new();
    let mut chunk = [0; 4096];
    while let Ok(Ok(count)) = tokio::time::timeout(PATIENCE, stream.read(&mut chunk)).await {
        answer.extend_from_slice(&chunk[..count]);
        if count == 0 || String::from_utf8_lossy(&answer).contains("\r\n\r\n") {
            break;
        }
    }
    String::from_utf8_lossy(&answer).into_owned()
}

story!(heads_that_are_too_large_or_no_http_are_shown_out, |app| {
    let many: String = (0..2_000).map(|number| format!("x-{number}: 1\r\n")).collect();
    for (what, head, statuses) in [
        ("a long header", format!("GET /healthz HTTP/1.1\r\nhost: x\r\nx: {}\r\n\r\n", "y".repeat(65_536)), ["431"; 2]),
        ("many headers", format!("GET /healthz HTTP/1.1\r\nhost: x\r\n{many}\r\n"), ["431"; 2]),
        ("a long address", format!("GET /{} HTTP/1.1\r\nhost: x\r\n\r\n", "y".repeat(70_000)), ["414", "431"]),
        ("no HTTP", "\u{16}\u{3}\u{1} hello\r\n\r\n".to_owned(), ["400"; 2]),
        (
            "two lengths",
            "POST /register HTTP/1.1\r\nhost: x\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n12".to_owned(),
            ["400"; 2],
        ),
    ] {
        let answer = raw(&app, head.as_bytes()).await;
        let status = answer.split(' ').nth(1).unwrap_or_default();
        assert!(answer.is_empty() || statuses.contains(&status), "{what}: {answer}");
        assert_eq!(app.nobody().get("//healthz").await.status, 200, "after {what}");
    }
    let good = raw(&app, b"GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n").await;
    assert!(good.starts_with("HTTP/1.1 200"), "{good}");
});

story!(bodies_over_the_limit_are_refused, |config| { config.limits.body_bytes = 1_000 }, |app| {
    let nobody = app.nobody();
    let before = app.log_position().await;
    let mut large = account("ada");
    large["locale"] = json!("e".repeat(1_000));
    nobody.post("/register", large).await.problem(413, "BODY_TOO_LARGE");
    // One that doesn't say how long it is.
    let chunk = format!("400\r\n{}\r\n", " ".repeat(1_024)).repeat(2);
    let head =
        "POST /register HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n";
    let answer = raw(&app, format!("{head}{chunk}0\r\n\r\n").as_bytes()).await;
    assert!(answer.starts_with("HTTP/1.1 413"), "{answer}");
    assert_eq!(app.log_position().await, before);
    nobody.post("/register", account("ada")).await.expect(201);
});
