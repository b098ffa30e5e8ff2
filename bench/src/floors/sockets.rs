//! The floor of connections: a bare axum that upgrades to WebSockets with small buffers and lets everybody in.

use std::net::SocketAddr;

use anyhow::{Context, Result};
use axum::Router;
use axum::extract::Request;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::serve::ListenerExt;
use futures_util::{SinkExt, StreamExt};
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use tokio::net::TcpSocket;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Message, Utf8Bytes};

/// Connections that may wait to be accepted: a storm must not run into retries here either.
const BACKLOG: u32 = 4_096;
const READ_BUFFER: usize = 4 * 1024;
const WRITE_BUFFER: usize = 16 * 1024;

const HELLO: &str = r#"{"op":"hello","d":{"heartbeat_interval_ms":25000}}"#;
const READY: &str = r#"{"op":"ready","d":{"streams":[{"id":"1","s":0}]}}"#;
const RESUMED: &str = r#"{"op":"resumed","d":{}}"#;
const HEARTBEAT_ACK: &str = r#"{"op":"heartbeat_ack"}"#;

pub fn serve(address: SocketAddr) -> Result<()> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(async {
        let socket = TcpSocket::new_v4()?;
        socket.set_reuseaddr(true)?;
        socket.bind(address)?;
        let listener = socket.listen(BACKLOG)?.tap_io(|stream| {
            // A socket that doesn't take this only answers later.
            let _ = stream.set_nodelay(true);
        });
        axum::serve(listener, Router::new().route("/gateway", get(upgrade))).await?;
        Ok(())
    })
}

/// By hand, because axum's own WebSockets would bring a second copy of the protocol.
async fn upgrade(mut request: Request) -> Response {
    let key = request.headers().get(header::SEC_WEBSOCKET_KEY).map(|key| derive_accept_key(key.as_bytes()));
    let accepted = key.and_then(|key| HeaderValue::from_str(&key).ok());
    let (Some(accepted), Some(upgrade)) = (accepted, request.extensions_mut().remove::<OnUpgrade>()) else {
        return StatusCode::BAD_REQUEST.into_response();
    };
    tokio::spawn(async move {
        // A client that breaks off is its own affair.
        let _ = talk(upgrade).await;
    });
    let headers = [
        (header::CONNECTION, HeaderValue::from_static("upgrade")),
        (header::UPGRADE, HeaderValue::from_static("websocket")),
        (header::SEC_WEBSOCKET_ACCEPT, accepted),
    ];
    (StatusCode::SWITCHING_PROTOCOLS, headers).into_response()
}

async fn talk(upgrade: OnUpgrade) -> Result<()> {
    let config = WebSocketConfig::default().read_buffer_size(READ_BUFFER).write_buffer_size(WRITE_BUFFER);
    let stream = TokioIo::new(upgrade.await?);
    let mut socket = WebSocketStream::from_raw_socket(stream, Role::Server, Some(config)).await;
    socket.send(text(HELLO)).await?;
    while let Some(message) = socket.next().await {
        if let Message::Text(frame) = message? {
            socket.send(text(answer(&frame).context("a frame that the floor doesn't know")?)).await?;
        }
    }
    Ok(())
}

fn answer(frame: &str) -> Option<&'static str> {
    let answers = [("identify", READY), ("resume", RESUMED), ("heartbeat", HEARTBEAT_ACK)];
    let op = frame.strip_prefix(r#"{"op":""#)?;
    answers.into_iter().find(|(name, _)| op.starts_with(name)).map(|(_, answer)| answer)
}

fn text(frame: &'static str) -> Message {
    Message::Text(Utf8Bytes::from_static(frame))
}
