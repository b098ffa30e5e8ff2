//! Pages of lists, and versions of things.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::app::App;
use crate::error::{Code, Error, Result};

/// Items on a page, if the request doesn't say.
pub const DEFAULT_LIMIT: i64 = 50;
/// Items on a page, at most.
const MAX_LIMIT: i64 = 100;

/// A page of a list.
#[derive(Debug, Serialize, ToSchema)]
pub struct Page<T> {
    /// What is on it, the newest first.
    pub items: Vec<T>,
    /// Whether there is more in the direction that was read.
    pub has_more: bool,
}

impl<T> Page<T> {
    /// A list that fits on one page.
    pub fn whole(items: Vec<T>) -> Page<T> {
        Page { items, has_more: false }
    }
    /// The first `limit` of items of which one more than `limit` was asked for.
    pub fn cut(mut items: Vec<T>, limit: i64) -> Page<T> {
        let has_more = items.len() as i64 > limit;
        items.truncate(limit.max(0) as usize);
        Page { items, has_more }
    }
}

/// Which page is asked for. `before`, `after` and `around` exclude each other.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub struct PageQuery {
    /// Items older than this one.
    pub before: Option<String>,
    /// Items newer than this one.
    pub after: Option<String>,
    /// Items on both sides of this one, and itself.
    pub around: Option<String>,
    /// How many, 1 to 100; 50 if it isn't said.
    pub limit: Option<i64>,
}

/// Where a page begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Anchor<T> {
    /// Older than this.
    Before(T),
    /// Newer than this.
    After(T),
    /// On both sides of this.
    Around(T),
}

impl PageQuery {
    /// How many items are wanted.
    pub fn limit(&self) -> i64 {
        self.limit.unwrap_or(DEFAULT_LIMIT)
    }

    /// Where the page begins; nothing for the newest.
    pub fn anchor<T: std::str::FromStr>(&self) -> Result<Option<Anchor<T>>> {
        if !(1..=MAX_LIMIT).contains(&self.limit()) {
            return Err(Code::InvalidQuery.into());
        }
        let parse = |text: &str| text.parse::<T>().map_err(|_| Error::from(Code::InvalidQuery));
        Ok(match (&self.before, &self.after, &self.around) {
            (None, None, None) => None,
            (Some(id), None, None) => Some(Anchor::Before(parse(id)?)),
            (None, Some(id), None) => Some(Anchor::After(parse(id)?)),
            (None, None, Some(id)) => Some(Anchor::Around(parse(id)?)),
            _ => return Err(Code::InvalidQuery.into()),
        })
    }
}

/// A thing with a version, answered as `ETag`.
pub struct Versioned<T>(pub i64, pub T);

impl<T: Serialize> IntoResponse for Versioned<T> {
    fn into_response(self) -> Response {
        let mut response = axum::Json(self.1).into_response();
        if let Ok(tag) = HeaderValue::from_str(&etag(self.0)) {
            response.headers_mut().insert(header::ETAG, tag);
        }
        response
    }
}

/// A version as an entity tag.
pub fn etag(version: i64) -> String {
    format!("\"{version}\"")
}

/// The version that a change is based on: `If-Match`.
#[derive(Debug, Clone, Copy)]
pub struct IfMatch(pub Option<i64>);

impl IfMatch {
    /// Refuses a version that isn't the current one.
    pub fn check(self, current: i64) -> Result<()> {
        match self.0 {
            Some(version) if version != current => Err(Error::Stale(current)),
            _ => Ok(()),
        }
    }
}

impl FromRequestParts<App> for IfMatch {
    type Rejection = Error;
    async fn from_request_parts(parts: &mut Parts, _: &App) -> Result<Self> {
        let Some(value) = parts.headers.get(header::IF_MATCH) else { return Ok(IfMatch(None)) };
        let text = value.to_str().unwrap_or_default().trim();
        if text == "*" {
            return Ok(IfMatch(None));
        }
        // A tag that we never gave can't be the current one.
        let version = text.trim_start_matches("W/").trim_matches('"').parse().unwrap_or(-1);
        Ok(IfMatch(Some(version)))
    }
}

/// Something that was made: 201 with the whole of it.
pub struct Created<T>(pub T);

impl<T: Serialize> IntoResponse for Created<T> {
    fn into_response(self) -> Response {
        (StatusCode::CREATED, axum::Json(self.0)).into_response()
    }
}
