//! The doors of the sockets: `/gateway` and its fallback, and `/socket.io/`.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use serde::Deserialize;

use super::engineio::{self, Refusal};
use super::polled::{MAX_PAYLOAD, Polled};
use super::transport::{self, Transport};
use super::wire::{Compress, Encoding, Wire};
use super::{asyncapi, fallback, gateway, session};
use crate::accounts::{Caller, CallerKind};
use crate::app::App;
use crate::error::{Code, Result};
use crate::http::body::limited;
use crate::http::envelope::Door;
use crate::http::{Path, Query};
use crate::i18n;
use crate::id::UserId;

/// The routes of the sockets.
pub fn routes() -> Router<App> {
    Router::new()
        .route("/api/v1/asyncapi.json", get(asyncapi::get))
        .route("/gateway", get(native))
        .route("/gateway/fallback", post(fallback_open))
        .route("/gateway/fallback/{sid}", get(fallback_get).post(fallback_post).delete(fallback_leave))
        .route("/socket.io/", get(engine_get).post(engine_post).fallback(engine_other))
        .route("/socket.io", get(engine_get).post(engine_post).fallback(engine_other))
}

/// How the native dialect's frames are to be written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NativeQuery {
    encoding: Option<String>,
    compress: Option<String>,
}

impl NativeQuery {
    fn wire(&self) -> Result<Wire> {
        let encoding = self.encoding.as_deref().map(str::parse::<Encoding>).transpose();
        let compress = self.compress.as_deref().map(str::parse::<Compress>).transpose();
        match (encoding, compress) {
            (Ok(encoding), Ok(compress)) => Ok(Wire::native(encoding, compress)),
            _ => Err(Code::InvalidQuery.into()),
        }
    }
}

async fn native(State(app): State<App>, Query(query): Query<NativeQuery>, mut request: Request) -> Result<Response> {
    let wire = query.wire()?;
    let guest = guest(&request);
    let (response, upgrade, place) = gateway::accept(&app, &mut request)?;
    tokio::spawn(async move {
        let Ok(upgraded) = upgrade.await else { return };
        let socket = transport::socket(upgraded, &app.config.sockets).await;
        session::serve(app, Transport::Socket(Box::new(socket)), wire, guest).await;
        drop(place);
    });
    Ok(response)
}

/// Where a client without a socket stands.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FallbackQuery {
    #[serde(default)]
    after: u64,
}

async fn fallback_open(State(app): State<App>, request: Request) -> Result<Response> {
    gateway::refuse_foreign_origin(&app, request.headers())?;
    fallback::open(&app, guest(&request))
}

async fn fallback_get(
    State(app): State<App>,
    Path(sid): Path<String>,
    Query(query): Query<FallbackQuery>,
    headers: HeaderMap,
) -> Result<Response> {
    gateway::refuse_foreign_origin(&app, &headers)?;
    fallback::get(&app, &sid, query.after, &headers).await
}

async fn fallback_post(State(app): State<App>, Path(sid): Path<String>, request: Request) -> Result<StatusCode> {
    gateway::refuse_foreign_origin(&app, request.headers())?;
    fallback::post(&app, &sid, limited(request.into_body(), MAX_PAYLOAD).await?).await
}

async fn fallback_leave(State(app): State<App>, Path(sid): Path<String>, headers: HeaderMap) -> Result<StatusCode> {
    gateway::refuse_foreign_origin(&app, &headers)?;
    fallback::leave(&app, &sid).await
}

/// What Engine.IO says in its query. Clients add things of their own, such as `t` against caches.
#[derive(Deserialize)]
struct EngineQuery {
    #[serde(rename = "EIO")]
    version: Option<String>,
    transport: Option<String>,
    sid: Option<String>,
}

impl EngineQuery {
    /// Refuses what isn't Engine.IO as it is spoken here, in the order in which its own server looks.
    fn check(&self, app: &App) -> Result<Option<Polled>, Refusal> {
        if !matches!(self.transport.as_deref(), Some("polling" | "websocket")) {
            return Err(Refusal::UnknownTransport);
        }
        let polled = self.sid.as_deref().map(|sid| engineio::find(app, sid)).transpose()?;
        match self.version.as_deref() {
            Some("4") => Ok(polled),
            _ => Err(Refusal::UnsupportedVersion),
        }
    }
}

async fn engine_get(
    State(app): State<App>,
    Query(query): Query<EngineQuery>,
    mut request: Request,
) -> Result<Response, Refusal> {
    gateway::refuse_foreign_origin(&app, request.headers())?;
    let polled = query.check(&app)?;
    if query.transport.as_deref() == Some("polling") {
        return match query.sid {
            None => Ok(packets(engineio::open_polling(&app, guest(&request))?)),
            Some(sid) => Ok(packets(engineio::poll(&app, &sid).await?)),
        };
    }
    let guest = guest(&request);
    let (response, upgrade, place) = gateway::accept(&app, &mut request)?;
    tokio::spawn(async move {
        let Ok(upgraded) = upgrade.await else { return };
        let socket = Box::new(transport::socket(upgraded, &app.config.sockets).await);
        match query.sid.zip(polled) {
            Some((sid, polled)) => engineio::upgrade(&app, &sid, polled, socket).await,
            None => engineio::open_socket(app, socket, guest).await,
        }
        drop(place);
    });
    Ok(response)
}

async fn engine_post(
    State(app): State<App>,
    Query(query): Query<EngineQuery>,
    request: Request,
) -> Result<&'static str, Refusal> {
    gateway::refuse_foreign_origin(&app, request.headers())?;
    query.check(&app)?;
    let sid = query.sid.ok_or(Refusal::BadHandshakeMethod)?;
    engineio::post(&app, &sid, limited(request.into_body(), MAX_PAYLOAD).await?).await
}

async fn engine_other() -> Refusal {
    Refusal::BadHandshakeMethod
}

fn packets(body: String) -> Response {
    ([(header::CONTENT_TYPE, "text/plain; charset=UTF-8")], body).into_response()
}

/// The client before it has said who it is.
fn guest(request: &Request) -> Caller {
    let door = request.extensions().get::<Arc<Door>>();
    Caller {
        user: UserId(0),
        kind: CallerKind::Anonymous,
        identity: None,
        request_id: door.map(|door| door.request_id.clone()),
        locale: door.and_then(|door| door.language).unwrap_or(i18n::DEFAULT).to_owned(),
        address: door.map_or(IpAddr::V4(Ipv4Addr::LOCALHOST), |door| door.address),
        user_agent: String::new(),
        reason: String::new(),
    }
}
