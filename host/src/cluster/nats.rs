//! The bus over NATS: the only file that knows its client.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::{Context, ensure};
use async_nats::{Client, ConnectOptions, Event, ServerAddr, Subscriber};
use futures_util::StreamExt;
use tokio::sync::mpsc;

use super::bus::{Arrivals, Leaving, Message, ToSend, WAITING_TO_ENTER, decode, encode};
use crate::config::Secret;

/// How often the connection is tried with a ping.
const PING: Duration = Duration::from_secs(5);
/// How long a connection may take to come about.
const PATIENCE: Duration = Duration::from_secs(5);
/// The longest time between two attempts to connect.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
/// Messages that the client takes before its connection has.
const IN_CLIENT: usize = 64;

/// A way to NATS.
#[derive(Clone)]
pub struct Nats {
    leaving: Leaving,
    connected: Arc<AtomicBool>,
}

impl Nats {
    /// Begins to connect, and goes on for ever; an error means that the address can't be one.
    pub async fn open(url: &Secret, installation: &str) -> anyhow::Result<(Nats, Arrivals)> {
        let connected = Arc::new(AtomicBool::new(false));
        let (addresses, options) = options(url)?;
        let noticing = connected.clone();
        let client = options
            .retry_on_initial_connect()
            .reconnect_delay_callback(pause)
            .event_callback(move |event| {
                notice(&noticing, &event);
                std::future::ready(())
            })
            .connect(addresses)
            .await
            .context("`nats.url` can't be used")?;
        let (leaving, to_send) = Leaving::new();
        let (arrived, arrivals) = mpsc::channel(WAITING_TO_ENTER);
        tokio::spawn(carry(client, format!("guildhall.{installation}.bus"), to_send, arrived, connected.clone()));
        Ok((Nats { leaving, connected }, Arrivals::from(arrivals)))
    }

    /// Whether the connection stands.
    pub fn is_connected(&self) -> bool {
        self.connected.load(Ordering::Relaxed)
    }

    /// Hands a message over, or drops it.
    pub(super) fn publish(&self, message: Message) {
        if !self.is_connected() || !self.leaving.put(message) {
            metrics::counter!("guildhall_bus_dropped_total").increment(1);
        }
    }
}

/// Tries whether NATS can be reached; what it says of itself.
pub async fn examine(url: &Secret) -> anyhow::Result<String> {
    let (addresses, options) = options(url)?;
    let client = tokio::time::timeout(PATIENCE, options.connect(addresses)).await.context("it doesn't answer")??;
    Ok(client.server_info().version)
}

/// The addresses without what is secret in them, and how to connect. Nothing of it is quoted.
fn options(url: &Secret) -> anyhow::Result<(Vec<ServerAddr>, ConnectOptions)> {
    let mut options = ConnectOptions::new()
        .name("guildhall")
        .no_echo()
        .ping_interval(PING)
        .connection_timeout(PATIENCE)
        .client_capacity(IN_CLIENT)
        .subscription_capacity(WAITING_TO_ENTER)
        .max_reconnects(None);
    let mut addresses = Vec::new();
    for one in url.0.split(',') {
        let address: ServerAddr = one.trim().parse().ok().context("`nats.url` holds something that is no address")?;
        let decoded = |part: &str| percent_decoded(part).context("`nats.url` holds a name or password that is no text");
        options = match (address.username(), address.password()) {
            (Some(user), Some(password)) => options.user_and_password(decoded(user)?, decoded(password)?),
            (Some(token), None) => options.token(decoded(token)?),
            (None, _) => options,
        };
        // The client logs addresses.
        let mut bare = address.into_inner();
        let stripped = bare.set_password(None).and_then(|()| bare.set_username(""));
        ensure!(stripped.is_ok(), "`nats.url` holds something that is no address");
        addresses.push(ServerAddr::from_url(bare)?);
    }
    Ok((addresses, options))
}

fn percent_decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, after @ ..] = rest {
        rest = after;
        match (first, after) {
            (b'%', [high, low, after @ ..]) => {
                let digit = |byte: &u8| (*byte as char).to_digit(16);
                bytes.push((digit(high)? * 16 + digit(low)?) as u8);
                rest = after;
            }
            _ => bytes.push(*first),
        }
    }
    String::from_utf8(bytes).ok()
}

fn pause(attempts: usize) -> Duration {
    let doubled = Duration::from_millis(50 << attempts.min(10));
    if attempts <= 1 { Duration::ZERO } else { doubled.min(LONGEST_PAUSE) }
}

fn notice(connected: &AtomicBool, event: &Event) {
    match event {
        Event::Connected => {
            connected.store(true, Ordering::Relaxed);
            tracing::info!("NATS is there");
        }
        Event::Disconnected | Event::Closed => {
            connected.store(false, Ordering::Relaxed);
            tracing::warn!("NATS is away; other nodes hear of changes a little later");
        }
        Event::SlowConsumer(_) => metrics::counter!("guildhall_bus_dropped_total").increment(1),
        other => tracing::debug!(%other, "NATS"),
    }
}

/// Carries messages out and in until the server ends.
async fn carry(
    client: Client,
    subject: String,
    mut to_send: ToSend,
    arrived: mpsc::Sender<Message>,
    connected: Arc<AtomicBool>,
) {
    let own: u64 = rand::random();
    let mut subscriber = match client.subscribe(subject.clone()).await {
        Ok(subscriber) => subscriber,
        Err(error) => return tracing::error!(%error, "NATS can't be listened to"),
    };
    loop {
        tokio::select! {
            message = to_send.next() => {
                let Some(message) = message else { return };
                send(&client, &subject, own, &message, &connected).await;
            }
            message = next(&mut subscriber, own) => match message {
                Some(Some(message)) => {
                    metrics::counter!("guildhall_bus_received_total").increment(1);
                    if arrived.try_send(message).is_err() {
                        metrics::counter!("guildhall_bus_dropped_total").increment(1);
                    }
                }
                Some(None) => {}
                None => return,
            }
        }
    }
}

async fn next(subscriber: &mut Subscriber, own: u64) -> Option<Option<Message>> {
    let message = subscriber.next().await?;
    Some(decode(own, &message.payload))
}

async fn send(client: &Client, subject: &str, own: u64, message: &Message, connected: &AtomicBool) {
    // What would wait in the client while NATS is away is stale once it is back.
    let sent = match encode(own, message) {
        Ok(Some(bytes)) if connected.load(Ordering::Relaxed) => {
            client.publish(subject.to_owned(), bytes).await.map_err(|error| tracing::debug!(%error, "NATS")).is_ok()
        }
        Ok(_) => false,
        Err(error) => {
            tracing::warn!(%error, "a message to other nodes can't be written");
            false
        }
    };
    match sent {
        true => metrics::counter!("guildhall_bus_sent_total").increment(1),
        false => metrics::counter!("guildhall_bus_dropped_total").increment(1),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_stripped_of_secrets() {
        let (addresses, _) = options(&Secret("nats://me:p%40xyz@a:4222, tls://token@b".into())).unwrap();
        let shown = format!("{addresses:?}");
        assert!(!shown.contains("xyz") && !shown.contains("token"), "{shown}");
        let wrong = options(&Secret("nats://me:hunter2@:x".into())).unwrap_err();
        assert!(!format!("{wrong:#}").contains("hunter2"), "{wrong:#}");
        assert_eq!(percent_decoded("p%40s%"), Some("p@s%".to_owned()));
        assert_eq!(percent_decoded("%zz"), None);
    }

    #[test]
    fn pauses_grow_to_a_bound() {
        assert_eq!(pause(1), Duration::ZERO);
        assert!((2..100).map(pause).is_sorted());
        assert_eq!(pause(usize::MAX), LONGEST_PAUSE);
    }
}
