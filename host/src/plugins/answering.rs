//! What whoever asked is told when a call of a plugin came to nothing.

use std::time::Duration;

use super::contract::types;
use super::failure::{Failure, FailureCode};
use crate::channels::Permissions;
use crate::error::{Code, Error, FieldCode, FieldFault};

/// The longest text of a plugin's own refusal, in characters; what is more is cut.
const MAX_TEXT: usize = 500;
/// The longest code of a plugin's own refusal.
const MAX_CODE: usize = 64;
/// When to ask again a plugin that has used what it may use in a minute.
const THROTTLED: Duration = Duration::from_secs(5);
/// What messages about fields name.
const ARGUMENTS: [&str; 2] = ["min", "max"];

/// The problem that stands for a failure. What only the plugin's developer understands stays in the
/// installation's log.
pub fn problem(failure: Failure) -> Error {
    match failure.code {
        FailureCode::Failed => failure.said.map_or(Code::PluginFailed.into(), |said| said_no(*said)),
        FailureCode::Conflict => Code::Conflict.into(),
        FailureCode::Full | FailureCode::Host => Code::Unavailable.into(),
        FailureCode::Throttled => Error::Wait(Code::RateLimited, THROTTLED),
        FailureCode::Revoked => Code::PluginNotInstalled.into(),
        _ => Code::PluginFailed.into(),
    }
}

fn said_no(error: types::Error) -> Error {
    match error {
        types::Error::Denied(what) => match Permissions::NAMED.iter().find(|(name, _)| *name == what) {
            Some((name, _)) => Error::missing(name),
            None => Code::Forbidden.into(),
        },
        types::Error::NotFound => Code::NotFound.into(),
        // A fault without a field is a fault of the plugin.
        types::Error::Invalid(faults) if faults.is_empty() => Code::PluginFailed.into(),
        types::Error::Invalid(faults) => Error::Invalid(faults.into_iter().map(fault).collect()),
        types::Error::Refused(types::Refusal { code, text }) => {
            let is_word = |byte: u8| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_';
            let fits = (1..=MAX_CODE).contains(&code.len()) && code.bytes().all(is_word);
            let code = if fits { code } else { Code::PluginRefused.as_str().to_owned() };
            let text = text.chars().take(MAX_TEXT).collect();
            Error::Explained(Code::PluginRefused, vec![("code", code), ("detail", text)])
        }
        types::Error::Conflict => Code::Conflict.into(),
        types::Error::Quota(_) => Code::RateLimited.into(),
        types::Error::RateLimited(ms) => Error::Wait(Code::RateLimited, Duration::from_millis(ms.into())),
        types::Error::Unavailable(_) => Code::Unavailable.into(),
        types::Error::Internal(_) | types::Error::Other(_) => Code::PluginFailed.into(),
    }
}

/// A field that a plugin doesn't accept. Its code is one of the house's, or stands for one that isn't.
fn fault(fault: types::Fault) -> FieldFault {
    let args = fault.args.into_iter();
    let args = args.filter_map(|(name, value)| Some((*ARGUMENTS.iter().find(|known| **known == name)?, value)));
    FieldFault {
        pointer: fault.pointer,
        code: fault.code.parse().unwrap_or(FieldCode::InvalidFormat),
        args: args.collect(),
    }
}

/// The same error, if the fields that it names stand below this place in the request.
pub fn below(error: Error, place: &str) -> Error {
    match error {
        Error::Invalid(faults) => {
            let moved = |fault: FieldFault| FieldFault { pointer: format!("{place}{}", fault.pointer), ..fault };
            Error::Invalid(faults.into_iter().map(moved).collect())
        }
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(error: types::Error) -> (u16, Code) {
        let problem = problem(Failure::said(error));
        (problem.code().status().as_u16(), problem.code())
    }

    #[test]
    fn every_error_of_a_guest_has_its_status() {
        let refused = |code: &str| types::Error::Refused(types::Refusal { code: code.into(), text: "No".into() });
        let fault =
            types::Fault { pointer: "/a".into(), code: "STRANGE".into(), args: vec![("max".into(), "3".into())] };
        for (error, status, code) in [
            (types::Error::Denied("SEND_MESSAGES".into()), 403, Code::MissingPermission),
            (types::Error::Denied("messages-write".into()), 403, Code::Forbidden),
            (types::Error::NotFound, 404, Code::NotFound),
            (types::Error::Invalid(vec![fault.clone()]), 422, Code::InvalidFields),
            (types::Error::Invalid(vec![]), 502, Code::PluginFailed),
            (refused("POLL_CLOSED"), 409, Code::PluginRefused),
            (types::Error::Conflict, 409, Code::Conflict),
            (types::Error::Quota("kv.bytes".into()), 429, Code::RateLimited),
            (types::Error::RateLimited(1_500), 429, Code::RateLimited),
            (types::Error::Unavailable("there".into()), 503, Code::Unavailable),
            (types::Error::Internal("secret".into()), 502, Code::PluginFailed),
            (types::Error::Other(("X".into(), "secret".into())), 502, Code::PluginFailed),
        ] {
            assert_eq!(told(error.clone()), (status, code), "{error:?}");
        }
        let Error::Invalid(faults) = below(problem(Failure::said(types::Error::Invalid(vec![fault]))), "/args") else {
            panic!("no faults");
        };
        let expected =
            FieldFault { pointer: "/args/a".into(), code: FieldCode::InvalidFormat, args: vec![("max", "3".into())] };
        assert_eq!(faults, [expected]);
    }

    #[test]
    fn a_refusal_keeps_its_own_word_if_it_is_one() {
        for (code, kept) in [("POLL_CLOSED", "POLL_CLOSED"), ("closed!", "PLUGIN_REFUSED"), ("", "PLUGIN_REFUSED")] {
            let refusal = types::Refusal { code: code.into(), text: "x".repeat(1_000) };
            let Error::Explained(_, args) = problem(Failure::said(types::Error::Refused(refusal))) else {
                panic!("no refusal");
            };
            assert_eq!((args[0].1.as_str(), args[1].1.len()), (kept, MAX_TEXT));
        }
    }

    #[test]
    fn what_is_not_the_plugins_fault_is_not_called_so() {
        for (code, status) in [
            (FailureCode::Full, 503),
            (FailureCode::Host, 503),
            (FailureCode::Revoked, 404),
            (FailureCode::Conflict, 409),
            (FailureCode::Trapped, 502),
            (FailureCode::Deadline, 502),
            (FailureCode::BreakerOpen, 502),
        ] {
            assert_eq!(problem(Failure::new(code, "")).code().status().as_u16(), status, "{code}");
        }
    }
}
