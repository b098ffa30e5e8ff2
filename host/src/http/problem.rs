//! Refusals as RFC 9457 problems, in the reader's language.

use std::borrow::Cow;
use std::sync::Arc;

use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;

use super::page::etag;
use crate::error::{Code, Error, FieldCode};
use crate::i18n;

/// `application/problem+json`, as RFC 9457 has it.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Problem {
    /// Where the code is described.
    #[serde(rename = "type")]
    pub kind: String,
    /// What it is, in the reader's language.
    pub title: String,
    /// The HTTP status.
    pub status: u16,
    /// The stable word for it.
    #[schema(value_type = String)]
    pub code: Cow<'static, str>,
    /// More of it, in the reader's language.
    pub detail: String,
    /// The request, as it stands in the server's log.
    pub request_id: String,
    /// Fields that are not acceptable, each one.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<FieldProblem>,
    /// Seconds to wait before the next attempt.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry_after: Option<f64>,
    /// The current version, where a stale one was given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub current_version: Option<i64>,
}

/// One field that is not acceptable.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct FieldProblem {
    /// Where it stands, as a JSON pointer.
    pub pointer: String,
    /// What is wrong with it.
    pub code: FieldCode,
    /// The same, in the reader's language.
    pub detail: String,
}

impl Problem {
    /// What a caller is told of an error.
    pub fn new(error: &Error, locale: &str, request_id: &str) -> Problem {
        let code = error.code();
        let args = match error {
            Error::Explained(_, args) => args.as_slice(),
            _ => &[],
        };
        let errors = match error {
            Error::Invalid(faults) => faults.as_slice(),
            _ => &[],
        };
        // A plugin that refuses by a rule of its own has its own words for it.
        let own = |name: &str| {
            let args = args.iter().filter(|_| code == Code::PluginRefused);
            args.into_iter().find(|(arg, text)| *arg == name && !text.is_empty()).map(|(_, text)| text.clone())
        };
        Problem {
            kind: format!("/api/v1/docs/problems#{code}"),
            title: i18n::title(locale, code.as_str()),
            status: code.status().as_u16(),
            code: own("code").map_or(Cow::Borrowed(code.as_str()), Cow::Owned),
            detail: own("detail").unwrap_or_else(|| i18n::detail(locale, code.as_str(), args)),
            request_id: request_id.to_owned(),
            errors: errors
                .iter()
                .map(|fault| FieldProblem {
                    pointer: fault.pointer.clone(),
                    code: fault.code,
                    detail: i18n::detail(locale, &format!("FIELD_{}", fault.code), &fault.args),
                })
                .collect(),
            retry_after: match error {
                Error::Wait(_, wait) => Some((wait.as_secs_f64() * 1000.0).ceil() / 1000.0),
                _ => None,
            },
            current_version: match error {
                Error::Stale(version) => Some(*version),
                _ => None,
            },
        }
    }
}

/// An error leaves its handler bare; [`super::envelope`] dresses it, knowing language and request.
impl IntoResponse for Error {
    fn into_response(self) -> Response {
        let mut response = self.code().status().into_response();
        response.extensions_mut().insert(Arc::new(self));
        response
    }
}

/// The response for an error that a handler left bare.
pub fn render(error: &Error, locale: &str, request_id: &str) -> Response {
    let problem = Problem::new(error, locale, request_id);
    let mut response = (error.code().status(), axum::Json(&problem)).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
    if let Some(seconds) = problem.retry_after {
        headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds.ceil() as u64));
    }
    if let Some(version) = problem.current_version
        && let Ok(tag) = HeaderValue::from_str(&etag(version))
    {
        headers.insert(header::ETAG, tag);
    }
    if problem.status == 401 {
        headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    }
    response
}
