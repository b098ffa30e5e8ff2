//! What people are told when a plugin says no, or fails.

use super::contract::types;
use super::failure::{Failure, FailureCode};
use crate::error::{Code, Error, FieldCode, FieldFault};

/// A failed call as a problem: a polite no says what the guest said, a failure nothing but that it is one.
pub fn problem(failure: Failure) -> Error {
    match (failure.said.map(|said| *said), failure.code) {
        (Some(said), _) => of_guest(said),
        (None, FailureCode::Full | FailureCode::Host) => Code::Unavailable.into(),
        (None, FailureCode::Conflict) => Code::AlreadyExists.into(),
        (None, FailureCode::Revoked) => Code::PluginNotInstalled.into(),
        (None, _) => Code::PluginFailed.into(),
    }
}

fn of_guest(said: types::Error) -> Error {
    match said {
        types::Error::Denied(_) => Code::Forbidden.into(),
        types::Error::NotFound => Code::NotFound.into(),
        types::Error::Invalid(faults) => Error::Invalid(faults.into_iter().map(fault).collect()),
        types::Error::Refused(refusal) => {
            Error::Explained(Code::PluginRefused, vec![("code", refusal.code), ("text", refusal.text)])
        }
        types::Error::Conflict => Code::AlreadyExists.into(),
        types::Error::Quota(what) => Error::Explained(Code::LimitReached, vec![("what", what)]),
        types::Error::RateLimited(ms) => {
            Error::Wait(Code::RateLimited, std::time::Duration::from_millis(u64::from(ms)))
        }
        types::Error::Unavailable(_) => Code::Unavailable.into(),
        types::Error::Internal(_) | types::Error::Other(_) => Code::PluginFailed.into(),
    }
}

fn fault(fault: types::Fault) -> FieldFault {
    FieldFault {
        pointer: fault.pointer,
        code: fault.code.parse().unwrap_or(FieldCode::InvalidFormat),
        args: Vec::new(),
    }
}
