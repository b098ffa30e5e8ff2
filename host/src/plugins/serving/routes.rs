//! The door of plugins' routes: whatever no route of the server's own is for.

use axum::body::Body;
use axum::extract::{FromRequestParts, Request, State};
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use serde_json::value::RawValue;

use super::{Asked, find, serve};
use crate::accounts::Caller;
use crate::app::App;
use crate::error::{Code, Result};
use crate::http::idempotency;
use crate::plugins::contract::http_routes;

/// Bytes of a body, at most.
const MAX_BODY: usize = 1 << 20;
/// Headers that plugins see.
const SEEN: [HeaderName; 5] =
    [header::ACCEPT, header::CONTENT_TYPE, header::IF_MATCH, header::IF_NONE_MATCH, header::USER_AGENT];

/// Answers a request by a plugin, if one has a route for it.
pub async fn answer(State(app): State<App>, request: Request) -> Result<Response> {
    let (mut parts, body) = request.into_parts();
    let path = parts.uri.path().to_owned();
    let found = find(&app, parts.method.as_str().parse().ok(), &path)?;
    let caller = Caller::from_request_parts(&mut parts, &app).await?;
    let asked = Asked {
        method: parts.method.as_str().parse().map_err(|_| Code::MethodNotAllowed)?,
        path,
        query: serde_urlencoded::from_str(parts.uri.query().unwrap_or_default()).map_err(|_| Code::InvalidQuery)?,
        headers: SEEN
            .iter()
            .filter_map(|name| Some((name.to_string(), parts.headers.get(name)?.to_str().ok()?.to_owned())))
            .collect(),
        body: read(&parts.headers, body).await?,
    };
    Ok(respond(serve(&app, &caller, found, asked).await?))
}

/// `Idempotency-Key` for plugins' routes, and for nothing else that comes here.
pub async fn once(State(app): State<App>, request: Request, next: Next) -> Response {
    let method = request.method().as_str().parse().ok();
    match find(&app, method, request.uri().path()) {
        Ok(_) => idempotency::wrap(State(app), request, next).await,
        Err(_) => next.run(request).await,
    }
}

async fn read(headers: &axum::http::HeaderMap, body: Body) -> Result<Vec<u8>> {
    let bytes = match Limited::new(body, MAX_BODY).collect().await {
        Ok(collected) => collected.to_bytes(),
        Err(error) if error.is::<LengthLimitError>() => return Err(Code::BodyTooLarge.into()),
        Err(_) => return Err(Code::MalformedBody.into()),
    };
    let json = headers.get(header::CONTENT_TYPE).is_some_and(|kind| kind.as_bytes().starts_with(b"application/json"));
    if json && !bytes.is_empty() && serde_json::from_slice::<&RawValue>(&bytes).is_err() {
        return Err(Code::MalformedBody.into());
    }
    Ok(bytes.to_vec())
}

/// A plugin's answer. It was looked at before the call was committed, so nothing here can be wrong with it.
fn respond(response: http_routes::Response) -> Response {
    let status = StatusCode::from_u16(response.status).unwrap_or(StatusCode::BAD_GATEWAY);
    let mut answer = (status, response.body).into_response();
    let headers = answer.headers_mut();
    match HeaderValue::from_str(&response.content_type) {
        Ok(kind) if !kind.is_empty() => drop(headers.insert(header::CONTENT_TYPE, kind)),
        _ => drop(headers.remove(header::CONTENT_TYPE)),
    }
    // What a stranger's code sends is never a page of this server's.
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static("default-src 'none'; sandbox"));
    for (name, value) in response.headers {
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::try_from(value))
            && PASSED.contains(&name)
        {
            headers.insert(name, value);
        }
    }
    answer
}

/// Headers that plugins may set.
const PASSED: [HeaderName; 6] = [
    header::CACHE_CONTROL,
    header::CONTENT_DISPOSITION,
    header::ETAG,
    header::LINK,
    header::LOCATION,
    header::RETRY_AFTER,
];
