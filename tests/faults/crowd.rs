//! People who talk with each other while things break, and the history of it.

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;

use super::client::{Chatter, Mood, Part};
use super::history::{Fact, History};
use super::reading::{Library, number};
use crate::support::{User, id_of};

/// How long it may take until everybody has everything, once nothing breaks any more.
const PATIENCE: Duration = Duration::from_secs(90);

/// How many there are, and how much they say.
#[derive(Debug, Clone, Copy)]
pub struct Size {
    /// People who talk.
    pub talkers: usize,
    /// People who only hear.
    pub listeners: usize,
    /// Guilds that all of them are in.
    pub guilds: usize,
    /// How long each waits from one message to the next.
    pub pace: Duration,
    /// How many messages of each may wait for an answer.
    pub window: usize,
}

impl Size {
    /// A handful of people in two guilds.
    pub const SMALL: Size = Size { talkers: 4, listeners: 2, guilds: 2, pace: Duration::from_millis(15), window: 8 };
}

/// The people.
pub struct Crowd {
    /// What they do and see.
    pub history: Arc<History>,
    chatters: Vec<Chatter>,
    libraries: Vec<Library>,
}

impl Crowd {
    /// Makes accounts and guilds at one server, and lets everybody in by these addresses.
    pub async fn gather(nobody: &User, addresses: Vec<String>, size: Size) -> Crowd {
        let mut people = Vec::new();
        for number in 0..size.talkers + size.listeners {
            people.push(nobody.sign_up(&format!("person{number}")).await);
        }
        let mut channels = Vec::new();
        for guild in 0..size.guilds {
            let (guild, channel) = people[0].guild(&format!("Guild {guild}")).await;
            for person in &people[1..] {
                person.join(&guild).await;
            }
            channels.push(number(&channel));
        }
        let pair = json!({"recipient_ids": [people[1].id]});
        let direct = number(&id_of(&people[0].post("/users/@me/channels", pair).await.expect(201)));
        Crowd::enter(people, &channels, Some(direct), addresses, size).await
    }

    /// Lets these people in, who all see these channels; the first two also have a direct one.
    pub async fn enter(
        people: Vec<User>,
        channels: &[i64],
        direct: Option<i64>,
        addresses: Vec<String>,
        size: Size,
    ) -> Crowd {
        let history = History::begin();
        let addresses: Arc<[String]> = addresses.into();
        let (mut chatters, mut libraries) = (Vec::new(), Vec::new());
        for (place, user) in people.into_iter().enumerate() {
            let sees: Vec<i64> = channels.iter().copied().chain(direct.filter(|_| place < 2)).collect();
            let who = history.person(&format!("{}#{place}", user.name), sees.clone());
            let library = Library { user, addresses: addresses.clone(), sees: sees.clone().into() };
            let talks = if place < size.talkers { sees } else { Vec::new() };
            let part = Part { library: library.clone(), channels: talks, pace: size.pace, window: size.window };
            chatters.push(Chatter::enter(&history, who, part));
            libraries.push(library);
        }
        let mut crowd = Crowd { history, chatters, libraries };
        crowd.all_in().await;
        crowd
    }

    /// Waits until everybody is in.
    pub async fn all_in(&mut self) {
        let entering = async {
            for chatter in &mut self.chatters {
                chatter.is_in().await;
            }
        };
        let entered = tokio::time::timeout(PATIENCE, entering).await;
        let missing = self.chatters.iter().filter(|chatter| !chatter.is_in_now()).count();
        assert!(entered.is_ok(), "{missing} people don't come in: {}", self.last_words());
    }

    /// Lets everybody say something.
    pub fn talk(&self) {
        self.chatters.iter().for_each(|chatter| chatter.now(Mood::Talks));
    }

    /// Lets everybody finish.
    pub fn hush(&self) {
        self.chatters.iter().for_each(|chatter| chatter.now(Mood::Listens));
    }

    /// Waits until so many more messages are promised.
    pub async fn promises(&self, more: usize) {
        let wanted = self.history.promised() + more;
        let coming = async {
            while self.history.promised() < wanted {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        let came = tokio::time::timeout(PATIENCE, coming).await;
        assert!(came.is_ok(), "{} of {wanted} are promised: {}", self.history.promised(), self.last_words());
    }

    /// How many messages were refused for a while.
    pub fn refused(&self) -> usize {
        self.history.count(|fact| matches!(fact, Fact::Refused { .. }))
    }

    /// Lets everybody finish, waits until all have everything, lets some read it all by these addresses,
    /// and checks the history.
    pub async fn settle(self, addresses: &[String]) -> Settled {
        self.hush();
        let settling = async {
            while !self.history.is_settled() {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        let settled = tokio::time::timeout(PATIENCE, settling).await.is_ok();
        if settled {
            for (who, library) in self.libraries.iter().enumerate().take(2) {
                for (channel, address) in library.sees.iter().flat_map(|one| addresses.iter().map(move |by| (one, by)))
                {
                    let reading = library.clone().read(self.history.clone(), who, *channel, address);
                    let read = tokio::time::timeout(PATIENCE, reading).await;
                    assert!(read.is_ok(), "{address} doesn't answer");
                }
            }
        }
        let last_words = self.last_words();
        for chatter in self.chatters {
            chatter.end().await;
        }
        self.history.assert_good();
        assert!(settled, "not everything is promised: {last_words}");
        let count = |kind: fn(&Fact) -> bool| self.history.count(kind);
        Settled {
            resumed: count(|fact| matches!(fact, Fact::Resumed { .. })),
            resynced: count(|fact| matches!(fact, Fact::Resync { .. })),
            begun: count(|fact| matches!(fact, Fact::Begins { .. })),
        }
    }

    /// The last that happened, for whoever must find out why nothing does.
    fn last_words(&self) -> String {
        let recorded = self.history.recorded();
        let last = recorded.entries.iter().rev().take(30).collect::<Vec<_>>();
        let told = last.iter().rev().map(|entry| {
            format!("\n  {:9.3} s  {:10} {}", entry.at.as_secs_f64(), recorded.people[entry.who].name, entry.fact)
        });
        told.collect()
    }
}

/// What came of it.
#[derive(Debug, Clone, Copy)]
pub struct Settled {
    /// Times that somebody came back and was given what they missed.
    pub resumed: usize,
    /// Times that somebody was told to fetch a stream anew.
    pub resynced: usize,
    /// Times that somebody began anew.
    pub begun: usize,
}
