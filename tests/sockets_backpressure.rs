//! Slow clients: of moments they hear the last or nothing, and what matters arrives or ends the session.

use std::ops::Range;
use std::time::Duration;

use guildhall::cluster::tell_channel;
use guildhall::id::{ChannelId, StreamId, UserId};
use guildhall::sockets::event::Moment;

use crate::story;
use crate::support::{Socket, TestApp, User, Value, json};

/// How often in a row the kernel must have no room: it may find some once more.
const LOOKS: usize = 20;

/// Where moments happen, of people whom nobody knows.
struct Place<'a> {
    app: &'a TestApp,
    stream: StreamId,
    channel: ChannelId,
}

impl<'a> Place<'a> {
    fn new(app: &'a TestApp, guild: &str, channel: &str) -> Place<'a> {
        Place { app, stream: guild.parse().expect("an id"), channel: channel.parse().expect("an id") }
    }

    /// Tells those who listen of a moment.
    fn tell(&self, moment: Moment, about: UserId, body: &Value) {
        // Blanks make it long: otherwise the kernel alone takes tens of thousands.
        let body = body.to_string().replacen('{', &format!("{{{}", " ".repeat(1_000)), 1);
        tell_channel(&self.app.app, self.stream, self.channel, moment, about, body.into());
    }

    /// All of these type.
    fn type_all(&self, people: Range<i64>) {
        for person in people.map(person) {
            self.tell(Moment::Typing, person, &json!({"channel_id": self.channel, "user_id": person}));
        }
    }

    /// Somebody speaks, as of a moment: the later ones have the greater number.
    fn speak(&self, person: UserId, number: u64) {
        let state = json!({"user_id": person, "channel_id": self.channel, "joined_at": at(number), "muted": false,
            "deafened": false, "server_muted": false, "server_deafened": false, "speaking": true});
        self.tell(Moment::VoiceState, person, &state);
    }

    /// People type until the kernel takes no more for somebody who doesn't read, and their queue is full;
    /// answers how many.
    async fn fill(&self, reader: &User) -> i64 {
        let handle = self.app.app.hub.handles_of(reader.id.parse().expect("an id")).remove(0);
        let (mut typed, mut stuck) = (0, 0);
        while stuck < LOOKS {
            assert!(typed < 200_000, "there is always room");
            self.type_all(typed..typed + 100);
            typed += 100;
            tokio::time::sleep(Duration::from_millis(5)).await;
            // Writing nothing tells whether something waits for room.
            let has_room = !handle.progress.lock().write(&mut Vec::new());
            stuck = if has_room { 0 } else { stuck + 1 };
        }
        typed
    }
}

fn person(number: i64) -> UserId {
    UserId(1_000_000 + number)
}

fn at(number: u64) -> guildhall::clock::Timestamp {
    guildhall::clock::Timestamp(1_800_000_000_000).after(Duration::from_secs(number))
}

/// Ada's guild with two channels: what is said in the second is heard by her alone, and by Bob, who hears all
/// and reads nothing.
struct Cast {
    ada: User,
    bob: User,
    guild: String,
    general: String,
    news: String,
    ears: Socket,
    deaf: Socket,
}

impl Cast {
    async fn new(app: &TestApp) -> Cast {
        let [ada, bob] = app.users(["ada", "bob"]).await;
        let (guild, general) = ada.guild("Engines").await;
        let news = ada.make_channel(&guild, json!({"name": "news", "kind": "text"})).await;
        bob.join(&guild).await;
        let mut ears = Socket::connect_with(&ada, "none").await;
        ears.request("join_room", json!({"room": format!("channel:{news}")})).await.unwrap();
        let deaf = Socket::connect(&bob).await;
        Cast { ada, bob, guild, general, news, ears, deaf }
    }

    /// Says something that must not be lost; it is on its way to everybody once this has returned.
    async fn say(&mut self, content: &str) {
        self.ada.say(&self.news, content).await;
        assert_eq!(self.ears.event("message_created").await["content"], content);
    }

    /// Bob reads on up to this message: the bodies of the events of this name before it.
    async fn heard_until(&mut self, content: &str, name: &str) -> Vec<Value> {
        let mut heard = Vec::new();
        loop {
            let frame = self.deaf.frame().await;
            if frame["d"]["content"] == content {
                return heard;
            }
            assert_ne!(frame["t"], "message_created", "{frame}");
            if frame["t"] == name {
                heard.push(frame["d"].clone());
            }
        }
    }
}

story!(moments_are_dropped_so_that_what_matters_arrives, |app| {
    let mut cast = Cast::new(&app).await;
    let place = Place::new(&app, &cast.guild, &cast.general);

    let typed = place.fill(&cast.bob).await;
    cast.say("critical").await;

    assert_eq!(app.app.hub.sockets(), 2, "nobody is shown out");
    let heard = cast.heard_until("critical", "typing").await.len() as i64;
    assert!(0 < heard && heard < typed, "{heard} of {typed}");
    // It goes on as if nothing had been.
    place.type_all(7..8);
    assert_eq!(cast.deaf.event("typing").await["user_id"], json!(person(7)));
    cast.deaf.request("typing", json!({"channel_id": cast.general})).await.unwrap();
    cast.say("later").await;
    assert_eq!(cast.heard_until("later", "typing").await, Vec::<Value>::new());
});

story!(of_what_is_said_anew_the_last_is_heard, |app| {
    let mut cast = Cast::new(&app).await;
    let place = Place::new(&app, &cast.guild, &cast.general);
    place.fill(&cast.bob).await;

    // Many times what may wait.
    for number in 0..5_000 {
        place.speak(person(1), number);
        place.speak(person(2), number);
    }
    cast.say("afterwards").await;

    assert_eq!(app.app.hub.sockets(), 2, "nobody is shown out");
    let heard = cast.heard_until("afterwards", "voice_state").await;
    for person in [person(1), person(2)] {
        let of_one = heard.iter().filter(|state| state["user_id"] == json!(person));
        let times: Vec<&Value> = of_one.map(|state| &state["joined_at"]).collect();
        assert_eq!(times.last(), Some(&&json!(at(4_999))));
        assert!(times.len() < 100 && times.is_sorted_by_key(|time| time.as_str()), "{}", times.len());
    }
});

story!(too_much_that_must_not_be_lost_ends_the_session, |app| {
    let mut cast = Cast::new(&app).await;
    let place = Place::new(&app, &cast.guild, &cast.general);
    place.fill(&cast.bob).await;

    // One of each: none of them takes the place of another.
    for number in 0..5_000 {
        place.speak(person(number), 0);
    }

    while app.app.hub.sockets() == 2 {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert!([4008, 1006].contains(&cast.deaf.close_code().await));
    cast.say("for whoever is left").await;
});
