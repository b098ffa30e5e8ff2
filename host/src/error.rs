//! What a caller may be told when something is refused or fails; the cause is logged once, at the edge.

use std::fmt;
use std::time::Duration;

use http::StatusCode;

use crate::closed_set;
use crate::db::Fault;
use crate::id::CannotMint;

/// What an operation gives.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// How long a caller should wait before it asks a database that is away again.
pub const RETRY_UNAVAILABLE: Duration = Duration::from_secs(2);

closed_set! {
    /// The stable words for every refusal: clients and plugins match on them.
    pub enum Code {
        /// The request isn't JSON, or isn't what its content type says.
        MalformedBody = "MALFORMED_BODY",
        /// A query parameter is unknown, doubled, of the wrong form, or excludes another.
        InvalidQuery = "INVALID_QUERY",
        /// One or more fields are not acceptable; `errors` names each.
        InvalidFields = "INVALID_FIELDS",
        /// The body is larger than the route takes.
        BodyTooLarge = "BODY_TOO_LARGE",
        /// The body isn't `application/json`.
        UnsupportedMediaType = "UNSUPPORTED_MEDIA_TYPE",
        /// No token, or one that is not valid any more.
        Unauthenticated = "UNAUTHENTICATED",
        /// Unknown user or wrong password.
        BadCredentials = "BAD_CREDENTIALS",
        /// The account has a second factor: send `totp`.
        SecondFactorRequired = "SECOND_FACTOR_REQUIRED",
        /// The account was disabled by an administrator of this server.
        AccountDisabled = "ACCOUNT_DISABLED",
        /// A one-time token, refresh token or recovery code is unknown, used or expired.
        TokenExpired = "TOKEN_EXPIRED",
        /// This server doesn't take registrations, or only with an invitation.
        RegistrationClosed = "REGISTRATION_CLOSED",
        /// The user name is taken, or looks like one that is.
        UsernameTaken = "USERNAME_TAKEN",
        /// The e-mail address belongs to another account.
        EmailTaken = "EMAIL_TAKEN",
        /// E-mail isn't configured on this server.
        MailUnavailable = "MAIL_UNAVAILABLE",
        /// No such thing, or none that the caller may see.
        NotFound = "NOT_FOUND",
        /// The route exists, the method doesn't.
        MethodNotAllowed = "METHOD_NOT_ALLOWED",
        /// The caller sees it, and may not do this.
        Forbidden = "FORBIDDEN",
        /// A permission is missing; `detail` names it.
        MissingPermission = "MISSING_PERMISSION",
        /// A plugin of the guild refuses the message; `detail` says why.
        MessageBlocked = "MESSAGE_BLOCKED",
        /// A plugin of the guild holds the message until a moderator has looked at it.
        MessageHeld = "MESSAGE_HELD",
        /// A plugin refuses by a rule of its own; `code` and `detail` are the plugin's.
        PluginRefused = "PLUGIN_REFUSED",
        /// The plugin isn't installed in this guild, or is switched off.
        PluginNotInstalled = "PLUGIN_NOT_INSTALLED",
        /// The plugin failed; its admins see why.
        PluginFailed = "PLUGIN_FAILED",
        /// The target's highest role is not below the caller's.
        RoleTooHigh = "ROLE_TOO_HIGH",
        /// The owner of a guild can't leave it, be removed, or be acted on.
        OwnerProtected = "OWNER_PROTECTED",
        /// The caller is timed out in this guild.
        TimedOut = "TIMED_OUT",
        /// The caller is banned from this guild.
        Banned = "BANNED",
        /// One of the two has blocked the other.
        Blocked = "BLOCKED",
        /// The guild asks for more of its members before they speak or join.
        VerificationRequired = "VERIFICATION_REQUIRED",
        /// The channel's kind can't do this.
        WrongChannelKind = "WRONG_CHANNEL_KIND",
        /// The thread is archived or locked.
        ThreadLocked = "THREAD_LOCKED",
        /// Only people may do this, not bots.
        BotsForbidden = "BOTS_FORBIDDEN",
        /// The author of the held message may not write there any more, or has left.
        AuthorSilenced = "AUTHOR_SILENCED",
        /// Others changed the same at the same time.
        Conflict = "CONFLICT",
        /// It is there already.
        AlreadyExists = "ALREADY_EXISTS",
        /// The number allowed is reached.
        LimitReached = "LIMIT_REACHED",
        /// As many are in the voice channel as may be.
        VoiceFull = "VOICE_FULL",
        /// The version in `If-Match` is not the current one.
        StaleVersion = "STALE_VERSION",
        /// This `Idempotency-Key` was used with another request.
        IdempotencyMismatch = "IDEMPOTENCY_MISMATCH",
        /// Too many requests; wait for `retry_after` seconds.
        RateLimited = "RATE_LIMITED",
        /// The channel is in slow mode; wait for `retry_after` seconds.
        Slowmode = "SLOWMODE",
        /// Something the server needs is away; ask again after `retry_after` seconds.
        Unavailable = "UNAVAILABLE",
        /// The server can't store anything now: its disk is full or failing.
        ReadOnly = "READ_ONLY",
        /// The server made a mistake, and has logged it under `request_id`.
        Internal = "INTERNAL",
    }
}

impl Code {
    /// The HTTP status that goes with the code.
    pub const fn status(self) -> StatusCode {
        match self {
            Code::MalformedBody | Code::InvalidQuery => StatusCode::BAD_REQUEST,
            Code::InvalidFields | Code::IdempotencyMismatch | Code::WrongChannelKind => {
                StatusCode::UNPROCESSABLE_ENTITY
            }
            Code::BodyTooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Code::UnsupportedMediaType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Code::Unauthenticated | Code::BadCredentials | Code::SecondFactorRequired | Code::TokenExpired => {
                StatusCode::UNAUTHORIZED
            }
            Code::AccountDisabled
            | Code::RegistrationClosed
            | Code::Forbidden
            | Code::MissingPermission
            | Code::RoleTooHigh
            | Code::OwnerProtected
            | Code::TimedOut
            | Code::Banned
            | Code::Blocked
            | Code::VerificationRequired
            | Code::ThreadLocked
            | Code::MessageBlocked
            | Code::BotsForbidden => StatusCode::FORBIDDEN,
            Code::NotFound | Code::PluginNotInstalled => StatusCode::NOT_FOUND,
            Code::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            Code::UsernameTaken
            | Code::EmailTaken
            | Code::AlreadyExists
            | Code::AuthorSilenced
            | Code::Conflict
            | Code::LimitReached
            | Code::VoiceFull
            | Code::MessageHeld
            | Code::PluginRefused => StatusCode::CONFLICT,
            Code::PluginFailed => StatusCode::BAD_GATEWAY,
            Code::StaleVersion => StatusCode::PRECONDITION_FAILED,
            Code::RateLimited | Code::Slowmode => StatusCode::TOO_MANY_REQUESTS,
            Code::Unavailable | Code::ReadOnly | Code::MailUnavailable => StatusCode::SERVICE_UNAVAILABLE,
            Code::Internal => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }
}

closed_set! {
    /// What can be wrong with one field.
    pub enum FieldCode {
        /// The field must be there.
        Required = "REQUIRED",
        /// The route has no such field.
        UnknownField = "UNKNOWN_FIELD",
        /// Text where a number is wanted, and the like.
        WrongType = "WRONG_TYPE",
        /// Fewer characters or items than the least allowed.
        TooShort = "TOO_SHORT",
        /// More characters or items than allowed.
        TooLong = "TOO_LONG",
        /// A number, or a time, outside what is allowed.
        OutOfRange = "OUT_OF_RANGE",
        /// Not of the form this field has.
        InvalidFormat = "INVALID_FORMAT",
        /// Names something that isn't there, or that the caller may not use.
        UnknownReference = "UNKNOWN_REFERENCE",
        /// Not allowed together with what else the request says.
        NotAllowed = "NOT_ALLOWED",
    }
}

/// One field that is not acceptable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldFault {
    /// Where it stands, as a JSON pointer.
    pub pointer: String,
    /// What is wrong with it.
    pub code: FieldCode,
    /// Values that the message in the reader's language names, such as `("max", "32")`.
    pub args: Vec<(&'static str, String)>,
}

/// A refusal or a failure.
#[derive(Debug)]
pub enum Error {
    /// Refused, and the code says all there is to say.
    Refused(Code),
    /// Refused, with values that the message in the reader's language names.
    Explained(Code, Vec<(&'static str, String)>),
    /// Fields that are not acceptable, all of them.
    Invalid(Vec<FieldFault>),
    /// The version in `If-Match` is stale; this is the current one.
    Stale(i64),
    /// Too early: wait, then ask again.
    Wait(Code, Duration),
    /// A mistake of ours, for the log alone.
    Internal(anyhow::Error),
}

impl Error {
    /// A refusal for want of a permission, by name.
    pub fn missing(permission: &'static str) -> Error {
        Error::Explained(Code::MissingPermission, vec![("permission", permission.to_owned())])
    }
    /// What it says under a name beside its code.
    pub fn argument(&self, name: &str) -> Option<&str> {
        match self {
            Error::Explained(_, arguments) => {
                arguments.iter().find(|(known, _)| *known == name).map(|(_, value)| value.as_str())
            }
            _ => None,
        }
    }
    /// A refusal because the number allowed is reached.
    pub fn limit(what: &'static str, max: usize) -> Error {
        Error::Explained(Code::LimitReached, vec![("what", what.to_owned()), ("max", max.to_string())])
    }
    /// One field that is not acceptable.
    pub fn field(pointer: impl Into<String>, code: FieldCode) -> Error {
        Error::Invalid(vec![FieldFault { pointer: pointer.into(), code, args: Vec::new() }])
    }
    /// The stable word for it.
    pub fn code(&self) -> Code {
        match self {
            Error::Refused(code) | Error::Explained(code, _) | Error::Wait(code, _) => *code,
            Error::Invalid(_) => Code::InvalidFields,
            Error::Stale(_) => Code::StaleVersion,
            Error::Internal(_) => Code::Internal,
        }
    }
}

impl From<Code> for Error {
    fn from(code: Code) -> Error {
        match code {
            Code::Unavailable | Code::ReadOnly => Error::Wait(code, RETRY_UNAVAILABLE),
            code => Error::Refused(code),
        }
    }
}

impl From<sqlx::Error> for Error {
    fn from(error: sqlx::Error) -> Error {
        match Fault::of(&error) {
            Fault::Storage => Code::ReadOnly.into(),
            Fault::Unavailable => {
                tracing::warn!(%error, "the database is unavailable");
                Code::Unavailable.into()
            }
            Fault::Duplicate => Code::AlreadyExists.into(),
            Fault::MissingReference => Code::NotFound.into(),
            Fault::Statement => Error::Internal(error.into()),
        }
    }
}

impl From<anyhow::Error> for Error {
    fn from(error: anyhow::Error) -> Error {
        Error::Internal(error)
    }
}

impl From<serde_json::Error> for Error {
    fn from(error: serde_json::Error) -> Error {
        Error::Internal(error.into())
    }
}

impl From<CannotMint> for Error {
    fn from(why: CannotMint) -> Error {
        // A lost number is told of once, by whoever noticed it.
        if why == CannotMint::ClockWentBack {
            tracing::error!(
                "the machine's clock went back by more than a second; no ids are minted until it has caught up"
            );
        }
        Code::Unavailable.into()
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Internal(cause) => write!(f, "{cause:#}"),
            Error::Invalid(faults) => write!(f, "{}: {faults:?}", Code::InvalidFields),
            other => fmt::Display::fmt(&other.code(), f),
        }
    }
}

impl std::error::Error for Error {}
