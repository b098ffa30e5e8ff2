//! Limits that a plugin puts below the server's own.

use serde::Deserialize;

use super::{CallClass, Notes};

/// `[limits]`: what isn't there is as the server has it; what is higher than that has no effect.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Limits {
    /// Memory of one call, in MiB.
    pub memory_mib: Option<u64>,
    filter: ClassLimits,
    interaction: ClassLimits,
    event: ClassLimits,
    route: ClassLimits,
    scheduled: ClassLimits,
    lifecycle: ClassLimits,
}

/// `[limits.<class>]`: for one class of calls.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct ClassLimits {
    /// Processor time of one call, in milliseconds.
    pub cpu_ms: Option<u64>,
    /// Time of one call with all its waiting, in milliseconds.
    pub wall_ms: Option<u64>,
}

impl Limits {
    /// Those for a class of calls.
    pub fn of(&self, class: CallClass) -> ClassLimits {
        match class {
            CallClass::Filter => self.filter,
            CallClass::Interaction => self.interaction,
            CallClass::Event => self.event,
            CallClass::Route => self.route,
            CallClass::Scheduled => self.scheduled,
            CallClass::Lifecycle => self.lifecycle,
        }
    }

    pub(super) fn check(&self, notes: &mut Notes) {
        if self.memory_mib == Some(0) {
            notes.note("limits.memory-mib", "nothing runs in 0");
        }
        for class in CallClass::ALL {
            let ClassLimits { cpu_ms, wall_ms } = self.of(*class);
            if [cpu_ms, wall_ms].contains(&Some(0)) {
                notes.note(format_args!("limits.{class}"), "nothing runs in 0 ms");
            }
        }
    }
}
