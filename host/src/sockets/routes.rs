//! The doors of the sockets: `/gateway`, and `/socket.io/`.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Request, State};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use serde::Deserialize;
use tokio_tungstenite::tungstenite::Utf8Bytes;

use super::engineio::{self, FromPolling};
use super::transport::{self, Transport};
use super::wire::{Compress, Encoding, Wire};
use super::{gateway, session};
use crate::accounts::{Caller, CallerKind};
use crate::app::App;
use crate::error::{Code, Result};
use crate::http::Query;
use crate::http::envelope::Door;
use crate::i18n;
use crate::id::UserId;

/// The routes of the sockets.
pub fn routes() -> Router<App> {
    Router::new()
        .route("/gateway", get(native))
        .route("/socket.io/", get(engine_get).post(engine_post))
        .route("/socket.io", get(engine_get).post(engine_post))
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

/// What Engine.IO says in its query. Clients add things of their own, such as `t` against caches.
#[derive(Deserialize)]
struct EngineQuery {
    #[serde(rename = "EIO")]
    version: Option<String>,
    transport: Option<String>,
    sid: Option<String>,
}

async fn engine_get(
    State(app): State<App>,
    Query(query): Query<EngineQuery>,
    mut request: Request,
) -> Result<Response> {
    if query.version.as_deref() != Some("4") {
        return Err(Code::InvalidQuery.into());
    }
    gateway::refuse_foreign_origin(&app, request.headers())?;
    match (query.transport.as_deref(), query.sid) {
        (Some("polling"), None) => Ok(packets(engineio::open_polling(&app, guest(&request))?)),
        (Some("polling"), Some(sid)) => Ok(packets(engineio::poll(&app, &sid).await?)),
        (Some("websocket"), sid) => {
            let guest = guest(&request);
            let (response, upgrade, place) = gateway::accept(&app, &mut request)?;
            tokio::spawn(async move {
                let Ok(upgraded) = upgrade.await else { return };
                let socket = Box::new(transport::socket(upgraded, &app.config.sockets).await);
                match sid {
                    Some(sid) => engineio::upgrade(&app, &sid, socket).await,
                    None => engineio::open_socket(app, socket, guest).await,
                }
                drop(place);
            });
            Ok(response)
        }
        _ => Err(Code::InvalidQuery.into()),
    }
}

async fn engine_post(State(app): State<App>, Query(query): Query<EngineQuery>, body: Bytes) -> Result<&'static str> {
    let sid = query.sid.ok_or(Code::InvalidQuery)?;
    let body = std::str::from_utf8(&body).map_err(|_| Code::MalformedBody)?;
    if body.len() > engineio::MAX_PAYLOAD {
        return Err(Code::BodyTooLarge.into());
    }
    let posted = app.hub.engines.posted(&sid).ok_or(Code::NotFound)?;
    for packet in body.split('\x1e') {
        if packet.len() > app.config.sockets.frame_bytes {
            return Err(Code::BodyTooLarge.into());
        }
        let packet = FromPolling::Packet(Utf8Bytes::from(packet));
        posted.send(packet).await.map_err(|_| Code::NotFound)?;
    }
    Ok("ok")
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
