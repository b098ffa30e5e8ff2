//! The upgrade from HTTP to WebSocket, done by hand: one copy of the protocol, and buffers of our size.

use axum::extract::Request;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use hyper::upgrade::OnUpgrade;
use tokio::sync::OwnedSemaphorePermit;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

use crate::app::App;
use crate::error::{Code, Result};

/// Agrees to an upgrade; the connection itself comes once the answer is out.
pub fn accept(app: &App, request: &mut Request) -> Result<(Response, OnUpgrade, OwnedSemaphorePermit)> {
    let headers = request.headers();
    refuse_foreign_origin(app, headers)?;
    let asks = |name: header::HeaderName, word: &str| {
        let value = headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
        value.split(',').any(|part| part.trim().eq_ignore_ascii_case(word))
    };
    let upgrades = asks(header::CONNECTION, "upgrade") && asks(header::UPGRADE, "websocket");
    let version = headers.get(header::SEC_WEBSOCKET_VERSION).is_some_and(|version| version == "13");
    let key = headers.get(header::SEC_WEBSOCKET_KEY).map(|key| derive_accept_key(key.as_bytes()));
    let (true, true, Some(key)) = (upgrades, version, key) else { return Err(Code::MalformedBody.into()) };
    let place = app.hub.admit()?;
    let upgrade = request.extensions_mut().remove::<OnUpgrade>().ok_or(Code::MalformedBody)?;
    let accepted = HeaderValue::from_str(&key).map_err(anyhow::Error::from)?;
    let response = (
        StatusCode::SWITCHING_PROTOCOLS,
        [
            (header::CONNECTION, HeaderValue::from_static("upgrade")),
            (header::UPGRADE, HeaderValue::from_static("websocket")),
            (header::SEC_WEBSOCKET_ACCEPT, accepted),
        ],
    );
    Ok((response.into_response(), upgrade, place))
}

/// A browser says which page a socket is for; pages of strangers get none. Programs say nothing.
pub fn refuse_foreign_origin(app: &App, headers: &HeaderMap) -> Result<()> {
    let Some(origin) = headers.get(header::ORIGIN).and_then(|origin| origin.to_str().ok()) else { return Ok(()) };
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    let own = origin.split_once("://").is_some_and(|(_, authority)| authority.eq_ignore_ascii_case(host));
    let allowed = app.config.allowed_origins.iter().any(|allowed| allowed == "*" || allowed == origin);
    if own || allowed { Ok(()) } else { Err(Code::Forbidden.into()) }
}
