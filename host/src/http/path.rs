//! Ids in paths and parameters in queries, read as strictly as bodies.

use axum::extract::{FromRequestParts, Query as RawQuery};
use axum::http::request::Parts;
use serde::de::DeserializeOwned;

use crate::app::App;
use crate::error::{Code, Error, Result};

/// What stands in a path. An id that can't be one is the id of nothing.
pub struct Path<T>(pub T);

impl<T: DeserializeOwned + Send> FromRequestParts<App> for Path<T> {
    type Rejection = Error;
    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self> {
        // PostgreSQL can't even look for U+0000 in text.
        if parts.uri.path().contains("%00") {
            return Err(Code::NotFound.into());
        }
        let found = axum::extract::Path::<T>::from_request_parts(parts, app).await;
        found.map(|axum::extract::Path(ids)| Path(ids)).map_err(|_| Code::NotFound.into())
    }
}

/// The parameters of a query; unknown ones are refused.
pub struct Query<T>(pub T);

impl<T: DeserializeOwned + Send> FromRequestParts<App> for Query<T> {
    type Rejection = Error;
    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self> {
        if parts.uri.query().is_some_and(|query| query.contains("%00")) {
            return Err(Code::InvalidQuery.into());
        }
        let found = RawQuery::<T>::from_request_parts(parts, app).await;
        found.map(|RawQuery(parameters)| Query(parameters)).map_err(|_| Code::InvalidQuery.into())
    }
}

/// A user in a path: an id, or `@me` for the caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UserRef {
    /// Whoever asks.
    Me,
    /// This account.
    Id(crate::id::UserId),
}

impl UserRef {
    /// The account that is meant.
    pub fn of(self, caller: &crate::accounts::Caller) -> crate::id::UserId {
        match self {
            UserRef::Me => caller.user,
            UserRef::Id(id) => id,
        }
    }
}

impl<'de> serde::Deserialize<'de> for UserRef {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        match &*text {
            "@me" => Ok(UserRef::Me),
            id => id.parse().map(UserRef::Id).map_err(serde::de::Error::custom),
        }
    }
}
