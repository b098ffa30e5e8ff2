//! Fills a new server with people and messages, for benchmarks and for trying things out.

use futures_util::{StreamExt, TryStreamExt};
use serde::Serialize;

use crate::accounts::token::Claims;
use crate::accounts::{self, Caller, CallerKind, NewAccount};
use crate::app::App;
use crate::channels;
use crate::error::{Code, Result};
use crate::guilds::{self, NewGuild};
use crate::i18n;
use crate::id::{ChannelId, GuildId, MessageId, SessionId, UserId};
use crate::messaging::{self, AuthorKind, MessageKind};
use crate::plugins::installing::{self, NewInstallation};

/// The password of everybody who may sign in.
pub const PASSWORD: &str = "benchmark password";
/// How many of the members may sign in; the others only fill the tables.
const WITH_PASSWORD: usize = 100;
/// Rows written in one transaction.
const CHUNK: usize = 5_000;
/// Guilds that are made at once.
const AT_ONCE: usize = 64;

/// What a seeded server holds.
#[derive(Debug, Serialize)]
pub struct Seeded {
    /// The guild that everybody is in.
    pub guild_id: GuildId,
    /// The channel with all the messages.
    pub channel_id: ChannelId,
    /// Who may sign in.
    pub user_names: Vec<String>,
    /// With this password.
    pub password: &'static str,
    /// Access tokens of the first members, one for each, whether or not they may sign in.
    pub tokens: Vec<String>,
    /// A channel of each guild, in which the first member may write; nothing if there is one guild.
    pub channels: Vec<ChannelId>,
}

/// How much a server is to be filled with.
pub struct Size {
    /// Messages in the first channel.
    pub messages: usize,
    /// Members of the first guild.
    pub members: usize,
    /// Guilds.
    pub guilds: usize,
    /// Plugins that each guild installs: the first that there are.
    pub installations: usize,
    /// Members whose access tokens are told.
    pub tokens: usize,
}

/// Makes guilds, the first of them with members and a channel of messages.
pub async fn seed(app: &App, size: Size) -> Result<Seeded> {
    let Size { messages, members, guilds, installations, tokens } = size;
    let mut user_names = Vec::new();
    let mut callers = Vec::new();
    for i in 0..members.clamp(1, WITH_PASSWORD) {
        let caller = person(app, &name(i)).await?;
        user_names.push(name(i));
        callers.push(caller);
    }
    let owner = &callers[0];
    let found = futures_util::stream::iter(0..guilds.max(1)).map(|i| found(app, owner, i, installations));
    let mut founded: Vec<(GuildId, ChannelId)> = found.buffered(AT_ONCE).try_collect().await?;
    let &(guild, channel) = founded.first().ok_or(Code::NotFound)?;
    if founded.len() == 1 {
        founded.clear();
    }
    let channels = founded.into_iter().map(|(_, channel)| channel).collect();
    for caller in &callers[1..] {
        guilds::members::join_public(app, caller, guild).await?;
    }
    let silent = crowd(app, guild, callers.len(), members).await?;
    let authors: Vec<UserId> = callers.iter().map(|caller| caller.user).collect();
    talk(app, guild, channel, &authors, messages).await?;
    let tokens = authors.into_iter().chain(silent).take(tokens).map(|user| token(app, user)).collect::<Result<_>>()?;
    Ok(Seeded { guild_id: guild, channel_id: channel, user_names, password: PASSWORD, tokens, channels })
}

/// Makes a guild and installs plugins in it; answers it and its first channel.
async fn found(app: &App, owner: &Caller, number: usize, installations: usize) -> Result<(GuildId, ChannelId)> {
    let new = NewGuild { name: format!("Guild {number}"), description: String::new(), public: true };
    let guild = guilds::create(app, owner, new).await?.id;
    for plugin in app.plugins.marketplace.all().take(installations) {
        let new = NewInstallation { guild_id: guild, version: None, permissions: None, channels: None, config: None };
        installing::install(app, owner, plugin.manifest.plugin.id.as_str(), new).await?;
    }
    let channel = channels::list(app, owner, guild).await?.first().map(|channel| channel.id).ok_or(Code::NotFound)?;
    Ok((guild, channel))
}

/// What a sign-in would give, without its work: thousands of passwords take minutes.
fn token(app: &App, user: UserId) -> Result<String> {
    let (now, session) = (app.now().as_seconds(), SessionId(app.next_id()?));
    app.keys.sign(&Claims { sub: user, sid: session, iat: now, exp: now + app.config.tokens.access_seconds })
}

fn name(i: usize) -> String {
    // Digits that look like letters would make some of these names the same.
    let letters: String = i.to_string().bytes().map(|digit| char::from(b'a' + (digit - b'0') * 2)).collect();
    format!("member_{letters}")
}

async fn person(app: &App, name: &str) -> Result<Caller> {
    let nobody = Caller {
        user: UserId(0),
        kind: CallerKind::Anonymous,
        identity: None,
        request_id: None,
        locale: i18n::DEFAULT.to_owned(),
        address: std::net::Ipv4Addr::LOCALHOST.into(),
        user_agent: String::new(),
        reason: String::new(),
    };
    let account = NewAccount {
        username: name.to_owned(),
        password: PASSWORD.to_owned(),
        email: format!("{name}@example.com"),
        locale: None,
        invitation: None,
    };
    let user = accounts::register(app, &nobody, account).await?;
    let identity = accounts::identify(app, user.id).await?;
    Ok(Caller { user: user.id, kind: CallerKind::Session(SessionId(0)), identity: Some(identity), ..nobody })
}

/// Members who never sign in.
async fn crowd(app: &App, guild: GuildId, from: usize, to: usize) -> Result<Vec<UserId>> {
    let mut users = Vec::new();
    for chunk in (from..to).step_by(CHUNK) {
        let people: Vec<(UserId, String)> =
            (chunk..to.min(chunk + CHUNK)).map(|i| Ok((UserId(app.next_id()?), name(i)))).collect::<Result<_>>()?;
        users.extend(people.iter().map(|(id, _)| *id));
        app.writer
            .run(None, None, &[guild.into()], move |tx| {
                Box::pin(async move {
                    for (id, name) in &people {
                        accounts::insert_silent(tx, *id, name).await?;
                        guilds::members::insert_silent(tx, guild, *id).await?;
                    }
                    Ok(())
                })
            })
            .await?;
    }
    Ok(users)
}

/// Messages from before the log began: their positions are negative, in order.
async fn talk(app: &App, guild: GuildId, channel: ChannelId, authors: &[UserId], count: usize) -> Result<()> {
    for chunk in (0..count).step_by(CHUNK) {
        let messages: Vec<messaging::store::NewMessage> = (chunk..count.min(chunk + CHUNK))
            .map(|i| {
                Ok(messaging::store::NewMessage {
                    id: MessageId(app.next_id()?),
                    channel_id: channel,
                    position: i as i64 - count as i64,
                    kind: MessageKind::Default,
                    author_id: authors[i % authors.len()],
                    author_kind: AuthorKind::User,
                    content: format!("This is message number {i}, said to fill the history of a channel."),
                    nonce: None,
                    mentions: Vec::new(),
                    extras: None,
                })
            })
            .collect::<Result<_>>()?;
        app.writer
            .run(None, None, &[guild.into()], move |tx| {
                Box::pin(async move {
                    let rows: Vec<_> = messages.iter().collect();
                    Ok(messaging::store::insert(tx, &rows).await?)
                })
            })
            .await?;
    }
    Ok(())
}
