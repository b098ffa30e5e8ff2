//! The table of topics, as far as clients are told of them.

use crate::clock::Timestamp;
use crate::db::{Conn, Result};
use crate::id::{ChannelId, GuildId, InstallationId, UserId};

/// A topic: what is published, and what clients were told.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct Topic {
    /// Whose.
    pub installation_id: InstallationId,
    /// The plugin.
    pub plugin: String,
    /// Whom it acts as.
    pub bot_id: UserId,
    /// The guild.
    pub guild_id: GuildId,
    /// Its name.
    pub topic: String,
    /// Where it is shown.
    pub channel_id: Option<ChannelId>,
    /// What is published.
    pub payload: String,
    /// The version of that.
    pub version: i64,
    /// The version that clients were told of last.
    pub sent: i64,
    /// When.
    pub sent_at: Timestamp,
    /// What they were told, if they still know it.
    pub told: Option<String>,
    /// Where.
    pub told_channel_id: Option<ChannelId>,
}

/// A topic of an installation.
pub async fn topic(conn: &mut Conn, installation: InstallationId, topic: &str) -> Result<Option<Topic>> {
    let sql = "select t.installation_id, i.plugin, i.bot_id, t.guild_id, t.topic, t.channel_id, t.payload, t.version,
        t.sent, t.sent_at, t.told, t.told_channel_id
        from plugin_topics t join installations i on i.id = t.installation_id
        where t.installation_id = $1 and t.topic = $2";
    conn.optional(sql, &[&installation, &topic]).await
}

/// All topics of an installation.
pub async fn of_installation(conn: &mut Conn, installation: InstallationId) -> Result<Vec<Topic>> {
    let sql = "select t.installation_id, i.plugin, i.bot_id, t.guild_id, t.topic, t.channel_id, t.payload, t.version,
        t.sent, t.sent_at, t.told, t.told_channel_id
        from plugin_topics t join installations i on i.id = t.installation_id
        where t.installation_id = $1 order by t.topic";
    conn.all(sql, &[&installation]).await
}

/// What clients were told of a guild's topics.
pub async fn of_guild(conn: &mut Conn, guild: GuildId) -> Result<Vec<Topic>> {
    let sql = "select t.installation_id, i.plugin, i.bot_id, t.guild_id, t.topic, t.channel_id, t.payload, t.version,
        t.sent, t.sent_at, t.told, t.told_channel_id
        from plugin_topics t join installations i on i.id = t.installation_id
        where t.guild_id = $1 and t.told is not null order by t.installation_id, t.topic";
    conn.all(sql, &[&guild]).await
}

/// Topics that clients haven't been told the newest of: installation, guild, topic.
pub async fn unsent(conn: &mut Conn, at_most: i64) -> Result<Vec<(InstallationId, GuildId, String)>> {
    let sql = "select installation_id, guild_id, topic from plugin_topics where sent <> version limit $1";
    conn.all(sql, &[&at_most]).await
}

/// Notes what clients were told.
pub async fn set_told(conn: &mut Conn, topic: &Topic, now: Timestamp) -> Result<()> {
    let sql = "update plugin_topics set sent = version, sent_at = $3, told = payload, told_channel_id = channel_id
        where installation_id = $1 and topic = $2";
    conn.execute(sql, &[&topic.installation_id, &topic.topic, &now]).await.map(drop)
}

/// Forgets a topic.
pub async fn delete(conn: &mut Conn, topic: &Topic) -> Result<()> {
    let sql = "delete from plugin_topics where installation_id = $1 and topic = $2";
    conn.execute(sql, &[&topic.installation_id, &topic.topic]).await.map(drop)
}
