//! Refusals as clients of Engine.IO know them: a number and an English sentence, and 400 for nearly all.

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use crate::error::{Code, Error};

/// Why a request of Engine.IO is refused.
#[derive(Debug)]
pub enum Refusal {
    /// There is only polling, and WebSocket.
    UnknownTransport,
    /// No client has this name, or none any more.
    UnknownSid,
    /// A session begins with GET.
    BadHandshakeMethod,
    /// The protocol knows no such request.
    BadRequest,
    /// A page of a stranger.
    Forbidden,
    /// A version of the protocol that isn't spoken here.
    UnsupportedVersion,
    /// What Engine.IO has no number for.
    Other(Error),
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Refusal {
        match error.code() {
            Code::Forbidden => Refusal::Forbidden,
            Code::MalformedBody | Code::InvalidQuery => Refusal::BadRequest,
            _ => Refusal::Other(error),
        }
    }
}

impl From<Code> for Refusal {
    fn from(code: Code) -> Refusal {
        Error::from(code).into()
    }
}

#[derive(Serialize)]
struct Told {
    code: u8,
    message: &'static str,
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let (status, code, message) = match self {
            Refusal::UnknownTransport => (StatusCode::BAD_REQUEST, 0, "Transport unknown"),
            Refusal::UnknownSid => (StatusCode::BAD_REQUEST, 1, "Session ID unknown"),
            Refusal::BadHandshakeMethod => (StatusCode::BAD_REQUEST, 2, "Bad handshake method"),
            Refusal::BadRequest => (StatusCode::BAD_REQUEST, 3, "Bad request"),
            Refusal::Forbidden => (StatusCode::FORBIDDEN, 4, "Forbidden"),
            Refusal::UnsupportedVersion => (StatusCode::BAD_REQUEST, 5, "Unsupported protocol version"),
            Refusal::Other(error) => return error.into_response(),
        };
        (status, Json(Told { code, message })).into_response()
    }
}
