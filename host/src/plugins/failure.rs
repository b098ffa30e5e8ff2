//! Why a call of a plugin came to nothing.

use std::fmt;

use super::contract::types;
use crate::closed_set;

closed_set! {
    /// What a call had too much of.
    pub enum Limit {
        /// Time on a processor.
        Cpu = "CPU",
        /// Time until it had ended.
        Wall = "DEADLINE",
        /// Memory.
        Memory = "MEMORY",
        /// Elements of tables.
        Table = "TABLE",
        /// Calls of the host.
        HostCalls = "HOST_CALLS",
        /// Changes to storage.
        KvWrites = "KV_WRITES",
        /// Reads of storage.
        KvReads = "KV_READS",
        /// Messages and other things that people see.
        Actions = "ACTIONS",
        /// Chance.
        Random = "RANDOM",
    }
}

closed_set! {
    /// Why a call of a plugin came to nothing, as it stands in the installation's log.
    pub enum FailureCode {
        /// It ran for too long on a processor.
        CpuBudget = "CPU_BUDGET",
        /// It hadn't ended in time.
        Deadline = "DEADLINE",
        /// It wanted more memory than it may have.
        MemoryLimit = "MEMORY_LIMIT",
        /// It wanted larger tables than it may have.
        TableLimit = "TABLE_LIMIT",
        /// It asked the host too often.
        HostCallLimit = "HOST_CALL_LIMIT",
        /// It wrote too often to its storage.
        KvWriteLimit = "KV_WRITE_LIMIT",
        /// It read too much of its storage.
        KvReadLimit = "KV_READ_LIMIT",
        /// It did too much that people see.
        ActionLimit = "ACTION_LIMIT",
        /// It wanted too many random bytes.
        RandomLimit = "RANDOM_LIMIT",
        /// It gave the host too much at once.
        DataLimit = "DATA_LIMIT",
        /// Its stack was used up.
        StackOverflow = "STACK_OVERFLOW",
        /// It broke off by itself: a panic, or something that can't be computed.
        Trapped = "TRAPPED",
        /// What it gave can't be used.
        BadOutput = "BAD_OUTPUT",
        /// It says that it failed.
        Failed = "FAILED",
        /// What it did was no longer allowed when it was to be committed.
        Refused = "REFUSED",
        /// Others changed what it had read, again and again.
        Conflict = "CONFLICT",
        /// It couldn't be started.
        NotStarted = "NOT_STARTED",
        /// Its files aren't on this server. The plugin isn't to blame.
        Missing = "MISSING",
        /// It waited for a slot until its time was up. The plugin isn't to blame.
        Full = "FULL",
        /// Its installation has used what it may use in a minute.
        Throttled = "THROTTLED",
        /// It was switched off, or lost a permission, while it ran. The plugin isn't to blame.
        Revoked = "REVOKED",
        /// Its breaker is open: it wasn't called.
        BreakerOpen = "BREAKER_OPEN",
        /// The host could not do its part. The plugin isn't to blame.
        Host = "HOST",
    }
}

impl FailureCode {
    /// Whether the plugin is to blame: such failures open its breaker.
    pub fn is_its_own(self) -> bool {
        !matches!(
            self,
            FailureCode::Refused
                | FailureCode::Conflict
                | FailureCode::Missing
                | FailureCode::Full
                | FailureCode::Throttled
                | FailureCode::Revoked
                | FailureCode::BreakerOpen
                | FailureCode::Host
        )
    }
}

/// The longest text about a failure, in bytes: guests may have a hand in it.
const MAX_DETAIL: usize = 4 << 10;
/// How the errors end that wasmtime has no public types for: a guest gives too much at once, or keeps too many
/// handles.
const TOO_MUCH: [&str; 2] = ["fuel allocated for hostcalls has been exhausted", "store handle limit exceeded"];

/// A call that came to nothing.
#[derive(Debug, Clone)]
pub struct Failure {
    /// Why.
    pub code: FailureCode,
    /// What there is to say about it, for the plugin's developer.
    pub detail: String,
    /// What the guest answered, if it ended well and said no.
    pub said: Option<Box<types::Error>>,
}

impl Failure {
    /// A failure with nothing but its reason.
    pub fn new(code: FailureCode, detail: impl Into<String>) -> Failure {
        Failure { code, detail: shortened(detail.into()), said: None }
    }

    /// What a guest said no with.
    pub fn said(error: types::Error) -> Failure {
        let detail = format!("{error:?}");
        if detail.len() > MAX_DETAIL {
            return Failure::new(FailureCode::BadOutput, format!("its error is too large: {detail}"));
        }
        Failure { code: FailureCode::Failed, detail, said: Some(Box::new(error)) }
    }

    /// Whether it is the plugin's own fault, and not a polite no.
    pub fn counts(&self) -> bool {
        use types::Error::{Conflict, Denied, Invalid, NotFound, Refused};
        let polite = matches!(self.said.as_deref(), Some(Denied(_) | NotFound | Invalid(_) | Refused(_) | Conflict));
        self.code.is_its_own() && !polite
    }
}

/// A text that can be stored and read, whatever it was made of.
fn shortened(mut text: String) -> String {
    if text.len() > MAX_DETAIL {
        let end = (0..=MAX_DETAIL).rev().find(|end| text.is_char_boundary(*end)).unwrap_or(0);
        text.truncate(end);
        text.push('…');
    }
    // PostgreSQL can't store it.
    if text.contains('\0') { text.replace('\0', "\u{fffd}") } else { text }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code, self.detail)
    }
}

/// A limit that a call ran into: it is raised where that is noticed, and found again in the trap.
#[derive(Debug, Clone, Copy)]
pub struct Exceeded(pub Limit);

impl fmt::Display for Exceeded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the call exceeded its limit: {}", self.0)
    }
}

impl std::error::Error for Exceeded {}

/// The host could not do its part of a call.
#[derive(Debug)]
pub struct HostFault(pub String);

impl fmt::Display for HostFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for HostFault {}

/// What a trap means.
impl From<wasmtime::Error> for Failure {
    fn from(error: wasmtime::Error) -> Failure {
        // The stack of a trap names the guest's functions: that is what its developer needs.
        let detail = format!("{error:#}");
        let code = if let Some(Exceeded(limit)) = error.downcast_ref::<Exceeded>() {
            match limit {
                Limit::Cpu => FailureCode::CpuBudget,
                Limit::Wall => FailureCode::Deadline,
                Limit::Memory => FailureCode::MemoryLimit,
                Limit::Table => FailureCode::TableLimit,
                Limit::HostCalls => FailureCode::HostCallLimit,
                Limit::KvWrites => FailureCode::KvWriteLimit,
                Limit::KvReads => FailureCode::KvReadLimit,
                Limit::Actions => FailureCode::ActionLimit,
                Limit::Random => FailureCode::RandomLimit,
            }
        } else if error.downcast_ref::<HostFault>().is_some() {
            FailureCode::Host
        } else if error.downcast_ref::<wasmtime::PoolConcurrencyLimitError>().is_some() {
            FailureCode::Full
        } else {
            match error.downcast_ref::<wasmtime::Trap>() {
                Some(wasmtime::Trap::StackOverflow) => FailureCode::StackOverflow,
                Some(_) => FailureCode::Trapped,
                // Neither a trap nor ours: what the guest gave breaks the rules of components. Only the root is
                // wasmtime's own; what stands around it names the guest's functions.
                None => {
                    let root = error.root_cause().to_string();
                    let too_much = TOO_MUCH.iter().any(|end| root.ends_with(end));
                    if too_much { FailureCode::DataLimit } else { FailureCode::BadOutput }
                }
            }
        };
        Failure::new(code, detail)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_of_a_failure_can_be_stored_and_read() {
        assert_eq!(Failure::new(FailureCode::Trapped, "a\0b").detail, "a\u{fffd}b");
        let long = Failure::new(FailureCode::Trapped, "ğ".repeat(1 << 20)).detail;
        assert!(long.len() <= MAX_DETAIL + '…'.len_utf8() && long.ends_with("ğ…"));
    }

    #[test]
    fn an_error_that_nobody_could_read_is_bad_output() {
        assert_eq!(Failure::said(types::Error::Internal("x".repeat(100))).code, FailureCode::Failed);
        let huge = Failure::said(types::Error::Denied("x".repeat(1 << 20)));
        assert!((huge.code, huge.said.is_none(), huge.counts()) == (FailureCode::BadOutput, true, true));
    }

    #[test]
    fn guests_cannot_choose_their_code_by_the_names_of_their_functions() {
        let error = wasmtime::Error::msg("invalid utf-8").context("while calling too large fuel");
        assert_eq!(Failure::from(error).code, FailureCode::BadOutput);
    }
}
