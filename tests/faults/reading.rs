//! How a client reads over REST, by whatever address answers.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use reqwest::Method;
use serde_json::Value;

use super::history::{Fact, History, Known};
use crate::support::User;

/// How long an answer may take.
const ANSWER: Duration = Duration::from_secs(10);
/// How long it waits before it asks again.
const AGAIN: Duration = Duration::from_millis(100);
/// Messages of a page, at most.
const PAGE: usize = 100;

/// A person's way to the history of channels.
#[derive(Clone)]
pub struct Library {
    /// Who reads.
    pub user: User,
    /// By which addresses.
    pub addresses: Arc<[String]>,
    /// Which channels the person must see.
    pub sees: Arc<[i64]>,
}

/// An id as a number.
pub fn number(id: &str) -> i64 {
    id.parse().unwrap_or_default()
}

/// A page of a channel, the newest first.
struct Page {
    messages: Vec<Known>,
    /// The first and the last id, of whatever kind of message.
    ends: Option<(i64, i64)>,
    has_more: bool,
}

impl Library {
    /// Reads what came after a message, or everything, until it has it.
    pub async fn refetch(self, history: Arc<History>, who: usize, channel: i64, after: Option<i64>) {
        let messages = match after {
            Some(after) => self.after(channel, after).await,
            None => self.whole(channel, None).await,
        };
        history.note(who, Fact::Refetched { channel, messages });
    }

    /// Reads all of a channel by one address.
    pub async fn read(self, history: Arc<History>, who: usize, channel: i64, address: &str) {
        let asked = history.now();
        let messages = self.whole(channel, Some(address)).await;
        history.note(who, Fact::Read { channel, by: address.to_owned(), asked, messages });
    }

    /// Looks for a message that was promised, among the newest and at its place, by any address. What
    /// isn't answered says nothing.
    pub async fn look(self, history: Arc<History>, who: usize, channel: i64, id: i64) {
        let by = self.any_address().to_owned();
        let Ok(newest) = self.page(&by, channel, &format!("limit={PAGE}")).await else { return };
        let mut found = newest.messages.iter().any(|(known, _)| *known == id);
        if !found {
            // So many may have come since that it isn't among the newest any more.
            let later = self.page(&by, channel, &format!("limit={PAGE}&after={id}")).await;
            found = match later {
                Ok(later) => later.has_more || later.messages.len() >= PAGE,
                Err(Some(404)) => false,
                Err(_) => return,
            };
        }
        history.note(who, Fact::Looks { channel, by, id, found });
    }

    async fn after(&self, channel: i64, after: i64) -> Vec<Known> {
        let (mut messages, mut last): (Vec<Known>, i64) = (Vec::new(), after);
        loop {
            let page = self.page_for_sure(None, channel, &format!("limit={PAGE}&after={last}")).await;
            last = page.ends.map_or(last, |(newest, _)| newest);
            messages.extend(page.messages.into_iter().rev());
            if !page.has_more {
                return messages;
            }
        }
    }

    /// All messages of a channel, the oldest first.
    async fn whole(&self, channel: i64, by: Option<&str>) -> Vec<Known> {
        let (mut messages, mut before): (Vec<Known>, _) = (Vec::new(), String::new());
        let mut known = HashSet::new();
        loop {
            let page = self.page_for_sure(by, channel, &format!("limit={PAGE}{before}")).await;
            before = page.ends.map(|(_, oldest)| format!("&before={oldest}")).unwrap_or(before);
            assert!(page.messages.iter().all(|(id, _)| known.insert(*id)), "a page repeats what another one had");
            messages.extend(page.messages);
            if !page.has_more {
                messages.reverse();
                return messages;
            }
        }
    }

    async fn page_for_sure(&self, by: Option<&str>, channel: i64, query: &str) -> Page {
        loop {
            let address = by.unwrap_or_else(|| self.any_address());
            if let Ok(page) = self.page(address, channel, query).await {
                return page;
            }
            tokio::time::sleep(AGAIN).await;
        }
    }

    fn any_address(&self) -> &str {
        &self.addresses[rand::random_range(0..self.addresses.len())]
    }

    /// One page; or the status that was answered instead, if there was an answer.
    async fn page(&self, address: &str, channel: i64, query: &str) -> Result<Page, Option<u16>> {
        let mut user = self.user.clone();
        user.url = address.to_owned();
        let asked = user.request(Method::GET, &format!("/channels/{channel}/messages?{query}")).send();
        let asking = async {
            let response = asked.await.map_err(|_| None)?;
            let status = response.status().as_u16();
            let body: Value = response.json().await.map_err(|_| Some(status))?;
            if status == 200 { Ok(body) } else { Err(Some(status)) }
        };
        let body = tokio::time::timeout(ANSWER, asking).await.map_err(|_| None)??;
        let items = body["items"].as_array().ok_or(None)?;
        let id = |message: &Value| message["id"].as_str().map(number);
        Ok(Page {
            messages: items.iter().filter_map(known).collect(),
            ends: items.first().and_then(id).zip(items.last().and_then(id)),
            has_more: body["has_more"] == true,
        })
    }
}

/// A message that somebody sent; the server's own notices are none.
fn known(message: &Value) -> Option<Known> {
    let text = |name: &str| message[name].as_str();
    (message["kind"] == "default").then_some((number(text("id")?), text("content")?.into()))
}
