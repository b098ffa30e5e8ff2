//! Panics become lines of the installation's log, with their place, before they end the call.

use std::panic::{self, PanicHookInfo};

use crate::log::{self, Level};

/// Writes every panic from here on to the log.
pub fn report() {
    panic::set_hook(Box::new(write));
}

fn write(panic: &PanicHookInfo) {
    let message = panic.payload_as_str().unwrap_or("panicked");
    let fields: Vec<(String, String)> = panic
        .location()
        .map(|place| vec![("file".to_owned(), place.file().to_owned()), ("line".to_owned(), place.line().to_string())])
        .unwrap_or_default();
    log::write(Level::Error, message, &fields);
}
