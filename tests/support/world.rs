//! A guild with one of each kind of person, and things of every kind to act on.

use guildhall::channels::Permissions;
use guildhall::id::{ChannelId, GuildId, UserId};
use guildhall::log::{EventKind, NewEvent, OperationFuture};
use parking_lot::Mutex;
use serde_json::{Value, json};

use super::{TestApp, User};

/// Who somebody is to the guild of a [`World`], in the order of the columns of the table of routes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cast {
    /// Has no account.
    Anonymous,
    /// Has an account and nothing to do with the guild.
    Stranger,
    /// Is a member without a role.
    Member,
    /// Is a member who is timed out.
    Muted,
    /// Is banned.
    Banned,
    /// Has a role with every permission but `ADMINISTRATOR`, below the administrator's.
    Moderator,
    /// Made the guild.
    Owner,
    /// Has a role with `ADMINISTRATOR`.
    Administrator,
    /// Is a program, and a member without a role.
    Bot,
}

impl Cast {
    /// Everybody, in the order of the columns.
    pub const ALL: [Cast; 9] = [
        Cast::Anonymous,
        Cast::Stranger,
        Cast::Member,
        Cast::Muted,
        Cast::Banned,
        Cast::Moderator,
        Cast::Owner,
        Cast::Administrator,
        Cast::Bot,
    ];
}

/// A guild, its people and its things.
pub struct World<'a> {
    app: &'a TestApp,
    people: Vec<User>,
    /// A member to act on, without a role.
    target: User,
    /// Somebody who is banned, to act on.
    outcast: User,
    guild: String,
    general: String,
    role: String,
    above: String,
    webhook: Mutex<Option<(String, String)>>,
}

/// A picture of one pixel.
const PNG: &str = "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAAC0lEQVR4nGNgAAIAAAUAAXpeqz8AAAAASUVORK5CYII=";

/// What a moderator may do: everything but what only administrators may.
fn moderator() -> Permissions {
    Permissions(Permissions::ALL.0 & !Permissions::ADMINISTRATOR.0)
}

/// A short name that nobody has, of letters that look like nothing else.
pub fn fresh_name(prefix: &str) -> String {
    let letters = b"abcdefghkpqstuxz";
    let random: u64 = rand::random();
    let suffix = (0..12).map(|at| letters[(random >> (4 * at)) as usize % letters.len()] as char);
    format!("{prefix}.{}", suffix.collect::<String>())
}

impl<'a> World<'a> {
    /// Makes the guild and everybody in it.
    pub async fn new(app: &'a TestApp) -> World<'a> {
        let nobody = app.nobody();
        let mut people = Vec::new();
        for cast in Cast::ALL {
            let name = fresh_name(&format!("{cast:?}").to_lowercase());
            people.push(if cast == Cast::Anonymous { nobody.clone() } else { nobody.sign_up(&name).await });
        }
        let (target, outcast) =
            (nobody.sign_up(&fresh_name("target")).await, nobody.sign_up(&fresh_name("outcast")).await);
        let (guild, general) = people[Cast::Owner as usize].guild("Engines").await;
        for cast in [Cast::Member, Cast::Muted, Cast::Moderator, Cast::Administrator, Cast::Bot] {
            people[cast as usize].join(&guild).await;
        }
        target.join(&guild).await;
        let mut world = World {
            app,
            people,
            target,
            outcast,
            guild,
            general,
            role: String::new(),
            above: String::new(),
            webhook: Mutex::default(),
        };
        world.give_parts().await;
        world
    }

    /// Somebody of the cast.
    pub fn person(&self, cast: Cast) -> &User {
        &self.people[cast as usize]
    }

    /// The sum of all positions of the log.
    pub async fn log_position(&self) -> i64 {
        self.app.log_position().await
    }

    fn owner(&self) -> &User {
        self.person(Cast::Owner)
    }

    /// Roles, the timeout, the bans and the bot's token, in one transaction: there are many worlds.
    async fn give_parts(&mut self) {
        let guild: GuildId = self.guild.parse().expect("an id");
        let id = |cast: Cast| -> UserId { self.person(cast).id.parse().expect("an id") };
        let banned = [id(Cast::Banned), self.outcast.id.parse().expect("an id")];
        let (muted, bot, owner) = (id(Cast::Muted), id(Cast::Bot), id(Cast::Owner));
        let next = || self.app.app.next_id().expect("an id");
        let roles = [
            (next(), "Administrators", Permissions::ADMINISTRATOR, 30_i64, Some(id(Cast::Administrator))),
            (next(), "Moderators", moderator(), 20, Some(id(Cast::Moderator))),
            (next(), "Painters", Permissions::NONE, 10, None),
        ];
        (self.above, self.role) = (roles[0].0.to_string(), roles[2].0.to_string());
        let secret = fresh_name("token");
        let hash = guildhall::accounts::token::hash(&secret);
        let streams = [guild.into(), bot.into()];
        let done = self.app.app.writer.run(None, None, &streams, move |tx| -> OperationFuture<'_, ()> {
            Box::pin(async move {
                let now = tx.now;
                for (role, name, permissions, position, holder) in roles {
                    let sql = "insert into roles (id, guild_id, name, permissions, position, created_at)
                        values ($1, $2, $3, $4, $5, $6)";
                    tx.execute(sql, &[&role, &guild, &name, &permissions, &position, &now]).await?;
                    if let Some(holder) = holder {
                        let sql = "insert into member_roles (guild_id, user_id, role_id) values ($1, $2, $3)";
                        tx.execute(sql, &[&guild, &holder, &role]).await?;
                    }
                }
                for banned in banned {
                    let sql = "insert into bans (guild_id, user_id, reason, actor_id, created_at)
                        values ($1, $2, '', $3, $4)";
                    tx.execute(sql, &[&guild, &banned, &owner, &now]).await?;
                }
                let sql = "update members set timed_out_until = $3 where guild_id = $1 and user_id = $2";
                let later = now.after(std::time::Duration::from_secs(86_400));
                tx.execute(sql, &[&guild, &muted, &later]).await?;
                let sql = "update users set kind = 'bot', owner_id = $2, password_hash = null where id = $1";
                tx.execute(sql, &[&bot, &owner]).await?;
                let sql = "insert into bot_tokens (bot_id, hash, created_at) values ($1, $2, $3)";
                tx.execute(sql, &[&bot, &hash, &now]).await?;
                let sql = "update guilds set access_version = access_version + 1 where id = $1";
                tx.execute(sql, &[&guild]).await?;
                // What is cached of the guild and of the bot is forgotten.
                tx.append(NewEvent::new(EventKind::GuildUpdated, guild, &json!({}))?)?;
                tx.append(NewEvent::new(EventKind::UserUpdated, bot, &json!({}))?)?;
                Ok(())
            })
        });
        done.await.expect("the parts are given");
        self.people[Cast::Bot as usize] = self.person(Cast::Bot).with_authorization(&format!("Bot {secret}"));
    }

    /// Makes somebody an administrator of the whole server.
    pub async fn promote(&self, cast: Cast) {
        let user: UserId = self.person(cast).id.parse().expect("an id");
        let streams = [user.into()];
        let done = self.app.app.writer.run(None, None, &streams, move |tx| -> OperationFuture<'_, ()> {
            Box::pin(async move {
                tx.execute("update users set instance_role = 'administrator' where id = $1", &[&user]).await?;
                tx.append(NewEvent::new(EventKind::UserUpdated, user, &json!({}))?)?;
                Ok(())
            })
        });
        done.await.expect("somebody is promoted");
    }

    /// A text in which every `{name}` and `<name>` stands for a thing of that name; things that are used
    /// up are made anew.
    pub async fn fill(&self, text: &str, caller: Cast) -> String {
        let mut filled = String::new();
        let mut rest = text;
        while let Some(from) = rest.find(['{', '<']) {
            let close = if rest[from..].starts_with('{') { '}' } else { '>' };
            let name = rest[from + 1..].split_once(close).map(|(name, _)| name);
            let known = name.filter(|name| name.chars().all(|c| c.is_ascii_lowercase() || matches!(c, '_' | ':')));
            filled.push_str(&rest[..from]);
            match known.filter(|name| !name.is_empty()) {
                Some(name) => {
                    filled.push_str(&self.thing(name, caller).await);
                    rest = &rest[from + name.len() + 2..];
                }
                None => {
                    filled.push_str(&rest[from..=from]);
                    rest = &rest[from + 1..];
                }
            }
        }
        filled + rest
    }

    /// The id or word for a thing of this name.
    async fn thing(&self, name: &str, caller: Cast) -> String {
        let person = self.person(caller);
        let silent = [Cast::Anonymous, Cast::Stranger, Cast::Muted, Cast::Banned];
        let may_write = !silent.contains(&caller);
        match name {
            "user_id" | "target_id" => self.target.id.clone(),
            "user_id:me" => "@me".to_owned(),
            "user_id:outcast" => self.outcast.id.clone(),
            "user_id:owner" => self.owner().id.clone(),
            "user_id:stranger" => self.person(Cast::Stranger).id.clone(),
            "username" => self.target.name.clone(),
            "refresh_token" => self.target.refresh_token.clone(),
            "guild_id" => self.guild.clone(),
            "channel_id" => self.general.clone(),
            "role_id" | "target_id:role" => self.role.clone(),
            "role_id:above" => self.above.clone(),
            "target_id:overwritten" => {
                let path = format!("/channels/{}/overwrites/{}", self.general, self.role);
                self.owner()
                    .put(&path, json!({"kind": "role", "allow": [], "deny": ["SEND_MESSAGES"]}))
                    .await
                    .expect(200);
                self.role.clone()
            }
            "user_id:self" if caller == Cast::Anonymous => "1".to_owned(),
            "user_id:self" => person.id.clone(),
            "user_id:newbot" => match caller {
                Cast::Anonymous | Cast::Bot => self.person(Cast::Bot).id.clone(),
                _ => self.bot_of(person).await,
            },
            "channel_id:group" => {
                let people = [&self.target.id, &self.person(Cast::Member).id];
                let made = self.owner().post("/users/@me/channels", json!({"recipient_ids": people})).await;
                text(&made.expect(201)["id"])
            }
            "soon" => {
                let soon = self.app.app.now().after(std::time::Duration::from_secs(3_600));
                soon.to_string()
            }
            "png" => PNG.to_owned(),
            "emoji_id" => {
                let name = format!("e{}", fresh_name("").replace('.', ""));
                let body = json!({"name": name, "image": PNG});
                text(&self.owner().post(&format!("/guilds/{}/emojis", self.guild), body).await.expect(201)["id"])
            }
            "code" => {
                let made = self.owner().post(&format!("/guilds/{}/invites", self.guild), json!({})).await;
                text(&made.expect(201)["code"])
            }
            // A channel takes few of them: one is made for each world.
            "webhook_id" | "token" => {
                let known = self.webhook.lock().clone();
                let (id, token) = match known {
                    Some(known) => known,
                    None => {
                        let path = format!("/channels/{}/webhooks", self.general);
                        let made = self.owner().post(&path, json!({"name": "Hook"})).await.expect(201);
                        let made = (text(&made["id"]), text(&made["token"]));
                        self.webhook.lock().insert(made).clone()
                    }
                };
                if name == "token" { token } else { id }
            }
            "integration_id" => "tests.greeter".to_owned(),
            "installation_id" => {
                let new = json!({"guild_id": self.guild});
                text(&self.owner().post("/marketplace/tests.keeper", new).await.body["id"])
            }
            "fresh" => fresh_name("fresh"),
            "message_id" => self.message(&self.target).await,
            "message_id:held" => self.held().await,
            "line_id" => "1".to_owned(),
            "message_id:pinned" => {
                let message = self.message(&self.target).await;
                let body = json!({"message_id": message});
                self.owner().post(&format!("/channels/{}/pins", self.general), body).await.expect(201);
                message
            }
            "message_id:reacted" => {
                let message = self.message(&self.target).await;
                for who in [&self.target, person].into_iter().take(if may_write { 2 } else { 1 }) {
                    who.post(&format!("/messages/{message}/reactions"), json!({"emoji": "👍"})).await.expect(201);
                }
                message
            }
            // Who may not write has written nothing: then it is another's.
            "message_id:own" => self.message(if may_write { person } else { &self.target }).await,
            "bot_id" | "bot_id:others" => {
                let owner = if name == "bot_id" { person } else { &self.target };
                match caller {
                    Cast::Anonymous | Cast::Bot => "1".to_owned(),
                    _ => self.bot_of(owner).await,
                }
            }
            "session_id" => match caller {
                Cast::Anonymous | Cast::Bot => "1".to_owned(),
                _ => {
                    let other = self.app.nobody().login(&person.name, super::user::PASSWORD).await;
                    text(&other.get("/users/@me/sessions").await.expect(200)["items"][0]["id"])
                }
            },
            other => panic!("tests/support/world.rs doesn't say what `{other}` is"),
        }
    }

    async fn bot_of(&self, owner: &User) -> String {
        let made = owner.post("/users/@me/bots", json!({"username": fresh_name("bot")})).await;
        text(&made.expect(201)["id"])
    }

    /// A message that waits for a moderator, as if a filter had held it.
    async fn held(&self) -> String {
        let id = self.app.app.next_id().expect("an id");
        let guild: GuildId = self.guild.parse().expect("an id");
        let (channel, author): (i64, i64) =
            (self.general.parse().expect("an id"), self.target.id.parse().expect("an id"));
        let draft = json!({"content": "Wait", "reply_to": [], "attachments": [], "allowed_mentions": null});
        let body = json!({
            "id": id.to_string(), "guild_id": guild, "channel_id": self.general, "author_id": self.target.id,
            "installation_id": "1", "draft": draft, "rule": "words", "reason": "A word",
        });
        let streams = [guild.into()];
        let done = self.app.app.writer.run(None, None, &streams, move |tx| -> OperationFuture<'_, ()> {
            Box::pin(async move {
                let sql = "insert into held_messages
                    (id, guild_id, channel_id, author_id, installation_id, draft, rule, reason)
                    values ($1, $2, $3, $4, 1, $5, 'words', 'A word')";
                tx.execute(sql, &[&id, &guild, &channel, &author, &draft.to_string()]).await?;
                tx.append(NewEvent::new(EventKind::MessageHeld, guild, &body)?.in_channel(ChannelId(channel))).map(drop)
            })
        });
        done.await.expect("a message is held");
        id.to_string()
    }

    async fn message(&self, author: &User) -> String {
        text(&author.say(&self.general, "Something to act on").await["id"])
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("{value} is no text")).to_owned()
}

/// An operation of the OpenAPI document.
#[derive(Debug, Clone)]
pub struct Operation {
    /// `GET` and the like.
    pub method: String,
    /// Its path below the API's base, with `{names}`.
    pub path: String,
    /// What the document says of it.
    pub document: Value,
}

/// Every operation that the server's document describes, and the document.
pub async fn operations(app: &TestApp) -> (Vec<Operation>, Value) {
    let document = app.nobody().get("/openapi.json").await.expect(200);
    let mut operations = Vec::new();
    for (path, methods) in document["paths"].as_object().expect("paths") {
        for (method, operation) in methods.as_object().expect("methods") {
            if ["get", "post", "put", "patch", "delete"].contains(&method.as_str()) {
                let (method, path) = (method.to_uppercase(), path.clone());
                operations.push(Operation { method, path, document: operation.clone() });
            }
        }
    }
    (operations, document)
}
