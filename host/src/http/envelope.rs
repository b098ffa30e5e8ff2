//! What every request gets: an id, a language, a measure, and problems instead of bare errors or panics.

use std::net::{IpAddr, SocketAddr};
use std::panic::AssertUnwindSafe;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Instant;

use axum::extract::{ConnectInfo, MatchedPath, Request, State};
use axum::http::{HeaderMap, HeaderValue, header};
use axum::middleware::Next;
use axum::response::Response;
use futures_util::FutureExt;

use super::problem;
use crate::app::App;
use crate::error::Error;
use crate::i18n;

/// What is known of a request before its caller is.
#[derive(Debug)]
pub struct Door {
    /// The request, as it stands in logs and answers.
    pub request_id: Arc<str>,
    /// The language that the request asks for, if it does.
    pub language: Option<&'static str>,
    /// The language of the account that asks, once it is known.
    pub account_language: OnceLock<String>,
    /// Where it comes from, behind trusted proxies.
    pub address: IpAddr,
    /// Calls left in the caller's general allowance; `u32::MAX` if nothing was counted.
    pub allowance: AtomicU32,
}

impl Door {
    /// The language to answer in.
    fn language(&self) -> &str {
        self.language.or(self.account_language.get().map(String::as_str)).unwrap_or(i18n::DEFAULT)
    }
}

/// The route that was found inside of a router whose routes the outer one doesn't know.
#[derive(Clone)]
pub struct InnerRoute(pub MatchedPath);

/// The layer around everything: whatever is answered bears the request's id, and is measured.
pub async fn wrap(State(app): State<App>, mut request: Request, next: Next) -> Response {
    let began = Instant::now();
    let door = Arc::new(Door {
        request_id: request_id(&app),
        language: i18n::negotiate(request.headers().get(header::ACCEPT_LANGUAGE)),
        account_language: OnceLock::new(),
        address: address(&app, &request),
        allowance: AtomicU32::new(u32::MAX),
    });
    let method = request.method().clone();
    let route = request.extensions().get::<MatchedPath>().cloned();
    request.extensions_mut().insert(door.clone());
    let mut response = next.run(request).await;
    finish(&door, response.headers_mut());
    let inner = response.extensions_mut().remove::<InnerRoute>().map(|InnerRoute(route)| route);
    let route = route.or(inner);
    let route = route.as_ref().map_or("other", MatchedPath::as_str);
    crate::http::operating::measure(route, &method, response.status().as_u16(), began.elapsed());
    tracing::debug!(request_id = %door.request_id, %method, route, status = response.status().as_u16(), "request");
    response
}

/// The layer around the routes: errors and panics become problems. It stands inside of the one for
/// other origins, so that their pages may read problems too.
pub async fn dress(request: Request, next: Next) -> Response {
    let Some(door) = request.extensions().get::<Arc<Door>>().cloned() else { return next.run(request).await };
    let method = request.method().clone();
    let mut response = match AssertUnwindSafe(next.run(request)).catch_unwind().await {
        Ok(response) => response,
        Err(panic) => return panicked(&*panic, &door),
    };
    let Some(error) = response.extensions_mut().remove::<Arc<Error>>() else { return response };
    if let Error::Internal(cause) = &*error {
        tracing::error!(request_id = %door.request_id, %method, cause = format!("{cause:#}"), "a request failed");
    }
    let mut problem = problem::render(&error, door.language(), &door.request_id);
    if let Some(methods) = response.headers_mut().remove(header::ALLOW) {
        problem.headers_mut().insert(header::ALLOW, methods);
    }
    if let Some(route) = response.extensions_mut().remove::<InnerRoute>() {
        problem.extensions_mut().insert(route);
    }
    problem
}

fn finish(door: &Door, headers: &mut HeaderMap) {
    if let Ok(id) = HeaderValue::from_str(&door.request_id) {
        headers.insert("x-request-id", id);
    }
    let left = door.allowance.load(Ordering::Relaxed);
    if left != u32::MAX
        && let Ok(value) = HeaderValue::from_str(&format!("\"requests\";r={left}"))
    {
        headers.insert("ratelimit", value);
    }
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
}

fn request_id(app: &App) -> Arc<str> {
    match app.ids.next() {
        Ok(id) => format!("{id:x}").into(),
        Err(_) => "unknown".into(),
    }
}

fn panicked(panic: &(dyn std::any::Any + Send), door: &Door) -> Response {
    let said = panic.downcast_ref::<&str>().copied().or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    tracing::error!(request_id = %door.request_id, panic = said.unwrap_or("no words"), "a handler panicked");
    let error = Error::Internal(anyhow::anyhow!("a handler panicked"));
    problem::render(&error, door.language(), &door.request_id)
}

/// The peer's address or, if the peer is a proxy that we trust, the last one in its
/// `X-Forwarded-For` that isn't.
fn address(app: &App, request: &Request) -> IpAddr {
    let peer = request.extensions().get::<ConnectInfo<SocketAddr>>();
    // A socket for IPv6 shows clients of IPv4 as `::ffff:…`, all of them in one network.
    let peer = peer.map_or(IpAddr::from([127, 0, 0, 1]), |ConnectInfo(peer)| peer.ip().to_canonical());
    if !trusted(app, peer) {
        return peer;
    }
    let forwarded = request.headers().get_all("x-forwarded-for").iter();
    let hops: Vec<&str> = forwarded.flat_map(|value| value.to_str().unwrap_or_default().split(',')).collect();
    let mut nearest = peer;
    for hop in hops.into_iter().rev() {
        // What stands before something unreadable may be the client's own invention.
        let Some(hop) = forwarded_address(hop.trim()) else { break };
        nearest = hop;
        if !trusted(app, hop) {
            break;
        }
    }
    nearest
}

/// An address as proxies write it: some add the port.
fn forwarded_address(text: &str) -> Option<IpAddr> {
    let bare = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(text);
    let address = bare.parse().or_else(|_| text.parse::<SocketAddr>().map(|address| address.ip()));
    address.ok().map(|address: IpAddr| address.to_canonical())
}

fn trusted(app: &App, address: IpAddr) -> bool {
    app.trusted_proxies.iter().any(|network| network.contains(&address))
}
