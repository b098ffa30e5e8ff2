//! `Idempotency-Key`: a request that is sent again gives the answer of the first time, and is done once.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use aws_lc_rs::digest::{Context, SHA256};
use axum::body::{Body, HttpBody};
use axum::extract::{FromRequestParts, MatchedPath, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use futures_util::FutureExt;
use serde::{Deserialize, Serialize};

use super::body::limited;
use super::envelope::Door;
use super::{BASE, Guest, problem};
use crate::app::App;
use crate::clock::Timestamp;
use crate::error::{Code, Error, FieldCode, Result};
use crate::i18n;
use crate::id::UserId;
use crate::log::Tx;

mod store;

/// How long an answer is kept.
const KEPT: Duration = Duration::from_secs(24 * 3600);
/// The longest key, in characters.
const MAX_KEY: usize = 128;
/// The longest answer that is kept, in bytes.
const MAX_ANSWER: usize = 1024 * 1024;
/// How often a repeat looks whether the first request has been answered.
const LOOK_INTERVAL: Duration = Duration::from_millis(25);
/// How often it looks before it gives up.
const LOOKS: u32 = 1_200;
/// When whoever took a key and hasn't answered must have died.
const ABANDONED: Duration = Duration::from_secs(120);
/// Headers of an answer that are kept with it.
const KEPT_HEADERS: [HeaderName; 8] = [
    header::CACHE_CONTROL,
    header::CONTENT_DISPOSITION,
    header::CONTENT_SECURITY_POLICY,
    header::CONTENT_TYPE,
    header::ETAG,
    header::LINK,
    header::LOCATION,
    header::X_CONTENT_TYPE_OPTIONS,
];
/// Routes whose answers hold secrets, which must not be stored, and messages, which have their nonce.
const EXEMPT: [&str; 10] = [
    "/register",
    "/login",
    "/logout",
    "/users/@me/bots",
    "/users/@me/bots/{bot_id}/token",
    "/users/@me/totp",
    "/admin/registration-invitations",
    "/channels/{channel_id}/messages",
    "/channels/{channel_id}/webhooks",
    "/webhooks/{webhook_id}/{token}",
];

/// The layer around the routes of the API.
pub async fn wrap(State(app): State<App>, request: Request, next: Next) -> Response {
    if !applies(&request) {
        return next.run(request).await;
    }
    match once(&app, request, next).await {
        Ok(response) => response,
        Err(error) => error.into_response(),
    }
}

fn applies(request: &Request) -> bool {
    let route = request.extensions().get::<MatchedPath>().map_or("", |path| below_base(path.as_str()));
    let content_type = request.headers().get(header::CONTENT_TYPE).map_or(&b""[..], HeaderValue::as_bytes);
    request.method() == Method::POST
        && request.headers().contains_key("idempotency-key")
        && !route.starts_with("/auth/")
        && !EXEMPT.contains(&route)
        && !content_type.starts_with(b"multipart/")
}

/// The same route has two addresses.
fn below_base(path: &str) -> &str {
    path.strip_prefix(BASE).unwrap_or(path)
}

/// Whose key it is, and what it is used for.
#[derive(Clone)]
struct Use {
    principal: UserId,
    key: String,
    request: String,
}

async fn once(app: &App, request: Request, next: Next) -> Result<Response> {
    let (mut parts, body) = request.into_parts();
    let Guest(caller) = Guest::from_request_parts(&mut parts, app).await?;
    if caller.identity.is_none() {
        // Nobody's keys would be everybody's.
        return Ok(next.run(Request::from_parts(parts, body)).await);
    }
    let key = key(&parts.headers)?;
    let body = limited(body, app.config.limits.body_bytes).await?;
    let used = Use { principal: caller.user, key, request: fingerprint(&parts, &body) };
    parts.extensions.insert(caller);
    for _ in 0..LOOKS {
        let found = store::find(&mut app.db.read().await?, used.principal, &used.key).await?;
        match found.filter(|found| !is_over(found, app.now())) {
            Some(found) if found.request != used.request => return Err(Code::IdempotencyMismatch.into()),
            Some(found) if found.status != 0 => {
                return Ok(Answer::read(found.status, &found.response)?.into_response());
            }
            Some(_) => tokio::time::sleep(LOOK_INTERVAL).await,
            None => {
                let request = Request::from_parts(parts.clone(), Body::from(body.clone()));
                if let Some(response) = run_to_its_end(app, used.clone(), request, next.clone()).await? {
                    return Ok(response);
                }
            }
        }
    }
    Err(Code::Unavailable.into())
}

fn key(headers: &HeaderMap) -> Result<String> {
    let mut all = headers.get_all("idempotency-key").iter();
    let fault = |code| Error::field("/headers/idempotency-key", code);
    let (Some(value), None) = (all.next(), all.next()) else { return Err(fault(FieldCode::NotAllowed)) };
    let text = value.to_str().map_err(|_| fault(FieldCode::InvalidFormat))?.trim();
    match text.len() {
        0 => Err(fault(FieldCode::TooShort)),
        1..=MAX_KEY => Ok(text.to_owned()),
        _ => Err(fault(FieldCode::TooLong)),
    }
}

/// What two requests share if they are the same.
fn fingerprint(parts: &Parts, body: &[u8]) -> String {
    let mut context = Context::new(&SHA256);
    let path = parts.extensions.get::<axum::extract::OriginalUri>().map_or(&parts.uri, |uri| &uri.0);
    let content_type = parts.headers.get(header::CONTENT_TYPE).map_or(&b""[..], HeaderValue::as_bytes);
    let query = path.query().unwrap_or_default().as_bytes();
    for part in [parts.method.as_str().as_bytes(), below_base(path.path()).as_bytes(), query, content_type, body] {
        context.update(&(part.len() as u64).to_be_bytes());
        context.update(part);
    }
    URL_SAFE_NO_PAD.encode(context.finish())
}

/// Whether a key is as good as never used.
fn is_over(found: &store::Used, now: Timestamp) -> bool {
    let age = now.since(found.created_at);
    age >= KEPT || (found.status == 0 && age >= ABANDONED)
}

async fn claim(app: &App, used: Use) -> Result<Option<Timestamp>> {
    app.writer
        .run(None, None, &[used.principal.into()], move |tx| {
            Box::pin(async move {
                let now = tx.now;
                if let Some(found) = store::find(tx, used.principal, &used.key).await?
                    && is_over(&found, now)
                {
                    store::release(tx, used.principal, &used.key, found.created_at).await?;
                }
                let ours = store::claim(tx, used.principal, &used.key, &used.request, now).await?;
                Ok(ours.then_some(now))
            })
        })
        .await
}

/// Takes the key, does the request and keeps its answer, even if the client goes away: that is when it
/// will ask again. Nothing if somebody else was faster.
async fn run_to_its_end(app: &App, used: Use, request: Request, next: Next) -> Result<Option<Response>> {
    let (app, door) = (app.clone(), request.extensions().get::<Arc<Door>>().cloned());
    let work = tokio::spawn(async move {
        let Some(claimed_at) = claim(&app, used.clone()).await? else { return Ok(None) };
        let outcome = AssertUnwindSafe(next.run(request)).catch_unwind().await;
        let (kept, response) = match outcome {
            Ok(response) => Answer::of(response, door.as_deref()).await,
            Err(panic) => (None, Err(panic)),
        };
        if let Err(error) = finish(&app, used, claimed_at, kept).await {
            tracing::warn!(%error, "what became of an idempotency key could not be stored");
        }
        Ok::<_, Error>(Some(response))
    });
    match work.await.map_err(anyhow::Error::from)?? {
        None => Ok(None),
        Some(Ok(response)) => Ok(Some(response)),
        Some(Err(panic)) => std::panic::resume_unwind(panic),
    }
}

async fn finish(app: &App, used: Use, claimed_at: Timestamp, kept: Option<Answer>) -> Result<()> {
    let (principal, key) = (used.principal, used.key);
    let kept = kept.map(|answer| Ok::<_, Error>((answer.status, serde_json::to_string(&answer)?))).transpose()?;
    app.writer
        .run(None, None, &[principal.into()], move |tx| {
            Box::pin(async move {
                match kept {
                    Some((status, text)) => {
                        store::keep(tx, principal, &key, claimed_at, i64::from(status), &text).await?
                    }
                    None => store::release(tx, principal, &key, claimed_at).await?,
                }
                Ok(())
            })
        })
        .await
}

/// An answer as it is kept.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Answer {
    #[serde(skip)]
    status: u16,
    headers: Vec<(String, String)>,
    body: String,
}

type Panic = Box<dyn std::any::Any + Send>;

impl Answer {
    fn read(status: i64, text: &str) -> Result<Answer> {
        let answer: Answer = serde_json::from_str(text)?;
        Ok(Answer { status: u16::try_from(status).map_err(anyhow::Error::from)?, ..answer })
    }

    /// What is kept of a response, if anything is, and the response itself.
    async fn of(response: Response, door: Option<&Door>) -> (Option<Answer>, Result<Response, Panic>) {
        let response = match (response.extensions().get::<Arc<Error>>(), door) {
            // A refusal without its words is dressed here: the repeat gets the very same.
            (Some(error), Some(door)) => {
                problem::render(error, door.language.unwrap_or(i18n::DEFAULT), &door.request_id)
            }
            _ => response,
        };
        let small = response.body().size_hint().upper().is_some_and(|size| size <= MAX_ANSWER as u64);
        if !is_final(response.status()) || !small {
            return (None, Ok(response));
        }
        let (parts, body) = response.into_parts();
        let Ok(bytes) = axum::body::to_bytes(body, MAX_ANSWER).await else {
            return (None, Ok(Error::from(Code::Internal).into_response()));
        };
        let text = std::str::from_utf8(&bytes).ok().map(str::to_owned);
        let kept = text.map(|body| Answer {
            status: parts.status.as_u16(),
            headers: KEPT_HEADERS.iter().filter_map(|name| header_text(&parts.headers, name)).collect(),
            body,
        });
        (kept, Ok(Response::from_parts(parts, Body::from(bytes))))
    }
}

fn header_text(headers: &HeaderMap, name: &HeaderName) -> Option<(String, String)> {
    let value = headers.get(name)?.to_str().ok()?;
    Some((name.as_str().to_owned(), value.to_owned()))
}

/// Whether the same request would get the same answer later: not if the server failed, nor if the
/// caller has only to wait or to sign in again.
fn is_final(status: StatusCode) -> bool {
    !status.is_server_error() && status != StatusCode::TOO_MANY_REQUESTS && status != StatusCode::UNAUTHORIZED
}

impl IntoResponse for Answer {
    fn into_response(self) -> Response {
        let mut response = Response::new(Body::from(self.body));
        *response.status_mut() = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        for (name, value) in &self.headers {
            if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::from_str(value)) {
                response.headers_mut().insert(name, value);
            }
        }
        response.headers_mut().insert("idempotency-replayed", HeaderValue::from_static("true"));
        response
    }
}

/// Removes keys that have run out, some at a time; answers how many.
pub(crate) async fn sweep(tx: &mut Tx, at_most: i64) -> Result<u64> {
    let before = tx.now.before(KEPT);
    Ok(store::sweep(tx, before, at_most).await?)
}
