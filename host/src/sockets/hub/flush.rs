//! Writes what waits for sessions, all at once and by as many hands as there are.

use std::sync::Arc;

use super::Handle;
use crate::sockets::progress::Desk;

/// Sessions that are written to before anybody else gets a turn: about a millisecond. Waking another thread for
/// fewer costs more than it gives.
const AT_ONCE: usize = 256;

/// Sees to it that what waits for these sessions is written. Their tasks needn't wake for it, unless a socket
/// has no room; and what comes meanwhile is written together the next time.
pub(super) async fn flush(touched: Vec<Arc<Handle>>) {
    let hands = tokio::runtime::Handle::current().metrics().num_workers();
    let share = touched.len().div_ceil(hands).max(AT_ONCE);
    let mut rest = touched;
    let mut helpers = Vec::new();
    while rest.len() > share {
        let some = rest.split_off(rest.len() - share);
        helpers.push(tokio::spawn(write(some)));
    }
    write(rest).await;
    for helper in helpers {
        // One that ended early has let go of all it had.
        let _ = helper.await;
    }
}

async fn write(sessions: Vec<Arc<Handle>>) {
    for some in sessions.chunks(AT_ONCE) {
        let mut desk = Desk::default();
        some.iter().for_each(|handle| handle.flush(&mut desk));
        if sessions.len() > AT_ONCE {
            tokio::task::yield_now().await;
        }
    }
}
