//! How sockets are shown out when the server ends: told first, then closed one after the other, so that
//! they don't all come to the next server at once.

use std::time::Duration;

use rand::Rng;

use super::CloseCode;
use super::hub::Hub;
use super::outbox::Out;
use super::protocol::Notice;

/// Tells every socket to come again, each after another while within `drain`, and closes it then.
pub async fn show_out(hub: &Hub, drain: Duration) {
    let mut leaving: Vec<_> =
        hub.everybody().into_iter().map(|handle| (drain.mul_f64(rand::rng().random_range(0.0..1.0)), handle)).collect();
    for (after, handle) in &leaving {
        let body = format!(r#"{{"after_ms":{}}}"#, after.as_millis());
        let frame = handle.wire.seal(handle.wire.protocol().notice(Notice::Reconnect, &body));
        handle.outbox.push(Out::Frame(frame));
    }
    leaving.sort_unstable_by_key(|(after, _)| *after);
    let begun = tokio::time::Instant::now();
    for (after, handle) in leaving {
        tokio::time::sleep_until(begun + after).await;
        handle.outbox.close(CloseCode::GoingAway);
    }
}
