//! The native gateway for networks that let no WebSocket through: server-sent events, or long polling.

use std::fmt::Write;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use futures_util::{StreamExt, stream};
use serde::Serialize;
use tokio_tungstenite::tungstenite::Utf8Bytes;

use super::CloseCode;
use super::mailbox::{Read, Reader, Unread};
use super::polled::{self, FromPolling, Polled};
use super::protocol::Protocol;
use super::wire::Wire;
use crate::accounts::Caller;
use crate::app::App;
use crate::error::{Code, Result};

/// How long a request for frames is held while there are none: proxies give up after half a minute or more.
const POLL_HELD: Duration = Duration::from_secs(25);
/// How often a stream says that it is still there, to whoever cuts off what is silent.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// Frames are for one client, once.
const UNSTORED: (HeaderName, HeaderValue) = (header::CACHE_CONTROL, HeaderValue::from_static("no-store"));

/// What a client is told last.
pub fn goodbye(code: CloseCode) -> Utf8Bytes {
    format!(r#"{{"op":"close","d":{{"code":{}}}}}"#, code as u16).into()
}

#[derive(Serialize)]
struct Opened {
    sid: String,
}

/// Begins a session.
pub fn open(app: &App, guest: Caller) -> Result<Response> {
    let opened = Opened { sid: polled::open(app, Wire::Json, guest)? };
    Ok((StatusCode::CREATED, [UNSTORED], axum::Json(opened)).into_response())
}

/// Takes the frames of a client, one on each line.
pub async fn post(app: &App, sid: &str, body: Bytes) -> Result<StatusCode> {
    let polled = find(app, sid)?;
    let body = std::str::from_utf8(&body).map_err(|_| Code::MalformedBody)?;
    let frames: Vec<&str> = body.lines().filter(|line| !line.trim().is_empty()).collect();
    if frames.is_empty() {
        return Err(Code::MalformedBody.into());
    }
    if frames.len() > polled::MAX_FRAMES || frames.iter().any(|frame| frame.len() > app.config.sockets.frame_bytes) {
        return Err(Code::BodyTooLarge.into());
    }
    for frame in frames {
        if !polled.post(FromPolling::Frame(frame.into())).await {
            return Err(Code::NotFound.into());
        }
    }
    Ok(StatusCode::ACCEPTED)
}

/// The client leaves.
pub async fn leave(app: &App, sid: &str) -> Result<StatusCode> {
    let polled = find(app, sid)?;
    app.hub.polls.forget(sid);
    polled.mailbox.abandon();
    // If the session has ended meanwhile, it needn't be told.
    let _ = polled.post(FromPolling::Gone).await;
    Ok(StatusCode::NO_CONTENT)
}

/// Gives a client the frames behind the one with the number `after`: as a stream if it takes one, and otherwise
/// those that there are, once there are some.
pub async fn get(app: &App, sid: &str, after: u64, headers: &HeaderMap) -> Result<Response> {
    let polled = find(app, sid)?;
    let reader = match polled.mailbox.read_after(last_event(headers)?.unwrap_or(after)) {
        Ok(reader) => reader,
        Err(Unread::Over) => return Err(Code::NotFound.into()),
        Err(Unread::Wrong | Unread::Busy) => return Err(Code::InvalidQuery.into()),
        Err(Unread::Lost(reader)) => {
            // If the session has ended meanwhile, it needn't be told.
            let _ = polled.post(FromPolling::Gone).await;
            reader
        }
    };
    let accept = headers.get(header::ACCEPT).and_then(|accept| accept.to_str().ok()).unwrap_or_default();
    match accept.contains("text/event-stream") {
        true => Ok(events(reader)),
        false => frames(reader).await,
    }
}

fn find(app: &App, sid: &str) -> Result<Polled> {
    app.hub.polls.find(Protocol::Native, sid).ok_or_else(|| Code::NotFound.into())
}

/// The number of the last event that a stream brought before it broke off.
fn last_event(headers: &HeaderMap) -> Result<Option<u64>> {
    let Some(id) = headers.get("last-event-id") else { return Ok(None) };
    let id = id.to_str().ok().and_then(|id| id.parse().ok());
    Ok(Some(id.ok_or(Code::InvalidQuery)?))
}

async fn frames(mut reader: Reader) -> Result<Response> {
    let frames = match reader.next(POLL_HELD).await {
        Read::Frames(frames) => frames,
        Read::Nothing | Read::TakenOver => Vec::new(),
        Read::Ended => return Err(Code::NotFound.into()),
    };
    let frames = frames.iter().map(Utf8Bytes::as_str).collect::<Vec<_>>().join(",");
    let body = format!(r#"{{"frames":[{frames}],"next":{}}}"#, reader.last());
    let json = (header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    Ok(([json, UNSTORED], body).into_response())
}

fn events(reader: Reader) -> Response {
    // A client whose stream breaks off comes again after a second.
    let begin = stream::once(async { Ok::<_, std::convert::Infallible>(Bytes::from_static(b"retry: 1000\n\n")) });
    let rest = stream::unfold(reader, |mut reader| async {
        let text = match reader.next(KEEP_ALIVE).await {
            Read::Frames(frames) => written(reader.last() - frames.len() as u64, &frames),
            Read::Nothing => ":\n\n".to_owned(),
            Read::TakenOver | Read::Ended => return None,
        };
        Some((Ok(Bytes::from(text)), reader))
    });
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream")),
        UNSTORED,
        // Proxies such as nginx would hold back what is small.
        (HeaderName::from_static("x-accel-buffering"), HeaderValue::from_static("no")),
    ];
    (headers, Body::from_stream(begin.chain(rest))).into_response()
}

fn written(before: u64, frames: &[Utf8Bytes]) -> String {
    let mut text = String::with_capacity(frames.iter().map(|frame| frame.len() + 32).sum());
    for (number, frame) in (before + 1..).zip(frames) {
        // Text takes all that is written to it.
        let _ = write!(text, "id: {number}\ndata: {frame}\n\n");
    }
    text
}
