//! The tables of members and of the roles they have.

use std::collections::HashMap;

use crate::accounts::{Author, UserKind};
use crate::clock::Timestamp;
use crate::db::{Conn, Result};
use crate::guilds::members::Member;
use crate::id::{FileId, GuildId, RoleId, UserId};

#[derive(sqlx::FromRow)]
struct MemberRow {
    user_id: UserId,
    username: String,
    display_name: String,
    avatar_file_id: Option<FileId>,
    kind: UserKind,
    nick: Option<String>,
    joined_at: Timestamp,
    timed_out_until: Option<Timestamp>,
    muted: bool,
    deafened: bool,
}

impl MemberRow {
    fn member(self, roles: Vec<RoleId>) -> Member {
        let user = Author {
            id: self.user_id,
            username: self.username,
            display_name: self.display_name,
            avatar_file_id: self.avatar_file_id,
            kind: self.kind.as_str(),
        };
        let MemberRow { nick, joined_at, timed_out_until, muted, deafened, .. } = self;
        let badges = Vec::new();
        Member { user, nick, roles, joined_at, timed_out_until, muted, deafened, badges }
    }
}

/// A member; nothing if they are none.
pub async fn member(conn: &mut Conn, guild: GuildId, user: UserId) -> Result<Option<Member>> {
    let sql = "select m.user_id, u.username, u.display_name, u.avatar_file_id, u.kind, m.nick, m.joined_at,
        m.timed_out_until, m.muted, m.deafened from members m join users u on u.id = m.user_id where m.guild_id = $1 and m.user_id = $2";
    let Some(row) = conn.optional::<MemberRow>(sql, &[&guild, &user]).await? else { return Ok(None) };
    let sql = "select role_id from member_roles where guild_id = $1 and user_id = $2 order by role_id";
    let roles: Vec<(RoleId,)> = conn.all(sql, &[&guild, &user]).await?;
    Ok(Some(row.member(roles.into_iter().map(|(role,)| role).collect())))
}

/// Members after an account, in the order of accounts; `pattern` is what one of their names is like.
pub async fn page(conn: &mut Conn, guild: GuildId, after: UserId, pattern: &str, limit: i64) -> Result<Vec<Member>> {
    let sql = "select m.user_id, u.username, u.display_name, u.avatar_file_id, u.kind, m.nick, m.joined_at,
        m.timed_out_until, m.muted, m.deafened from members m join users u on u.id = m.user_id
        where m.guild_id = $1 and m.user_id > $2 and ($3 = '%' or lower(u.username) like $3 escape '\\'
        or lower(u.display_name) like $3 escape '\\' or lower(m.nick) like $3 escape '\\')
        order by m.user_id limit $4";
    let rows: Vec<MemberRow> = conn.all(sql, &[&guild, &after, &pattern, &limit]).await?;
    let last = rows.last().map_or(after, |row| row.user_id);
    let sql = "select user_id, role_id from member_roles where guild_id = $1 and user_id > $2 and user_id <= $3
        order by user_id, role_id";
    let given: Vec<(UserId, RoleId)> = conn.all(sql, &[&guild, &after, &last]).await?;
    let mut roles: HashMap<UserId, Vec<RoleId>> = HashMap::new();
    for (user, role) in given {
        roles.entry(user).or_default().push(role);
    }
    Ok(rows
        .into_iter()
        .map(|row| {
            let own = roles.remove(&row.user_id).unwrap_or_default();
            row.member(own)
        })
        .collect())
}

/// Takes a member out, with their roles.
pub async fn delete(conn: &mut Conn, guild: GuildId, user: UserId) -> Result<()> {
    conn.execute("delete from member_roles where guild_id = $1 and user_id = $2", &[&guild, &user]).await?;
    conn.execute("delete from members where guild_id = $1 and user_id = $2", &[&guild, &user]).await?;
    let sql = "update guilds set member_count = member_count - 1, access_version = access_version + 1 where id = $1";
    conn.execute(sql, &[&guild]).await.map(drop)
}

pub async fn set_nick(conn: &mut Conn, guild: GuildId, user: UserId, nick: &Option<String>) -> Result<()> {
    let sql = "update members set nick = $3 where guild_id = $1 and user_id = $2";
    conn.execute(sql, &[&guild, &user, nick]).await.map(drop)
}

pub async fn set_timeout(conn: &mut Conn, guild: GuildId, user: UserId, until: Option<Timestamp>) -> Result<()> {
    let sql = "update members set timed_out_until = $3 where guild_id = $1 and user_id = $2";
    conn.execute(sql, &[&guild, &user, &until]).await.map(drop)
}

/// Stores what moderators took from a member in voice.
pub async fn set_mutes(conn: &mut Conn, guild: GuildId, user: UserId, muted: bool, deafened: bool) -> Result<()> {
    let sql = "update members set muted = $3, deafened = $4 where guild_id = $1 and user_id = $2";
    conn.execute(sql, &[&guild, &user, &muted, &deafened]).await.map(drop)
}

pub async fn give_role(conn: &mut Conn, guild: GuildId, user: UserId, role: RoleId) -> Result<()> {
    let sql = "insert into member_roles (guild_id, user_id, role_id) values ($1, $2, $3) on conflict do nothing";
    conn.execute(sql, &[&guild, &user, &role]).await.map(drop)
}

pub async fn take_role(conn: &mut Conn, guild: GuildId, user: UserId, role: RoleId) -> Result<()> {
    let sql = "delete from member_roles where guild_id = $1 and user_id = $2 and role_id = $3";
    conn.execute(sql, &[&guild, &user, &role]).await.map(drop)
}

/// Remembers the timeout of somebody who goes.
pub async fn keep_timeout(conn: &mut Conn, guild: GuildId, user: UserId, until: Timestamp) -> Result<()> {
    let sql = "insert into absent_timeouts (guild_id, user_id, until) values ($1, $2, $3)
        on conflict (guild_id, user_id) do update set until = excluded.until";
    conn.execute(sql, &[&guild, &user, &until]).await.map(drop)
}

/// The timeout that somebody left with, which is forgotten by this.
pub async fn take_absent_timeout(conn: &mut Conn, guild: GuildId, user: UserId) -> Result<Option<Timestamp>> {
    let sql = "delete from absent_timeouts where guild_id = $1 and user_id = $2 returning until";
    Ok(conn.optional::<(Timestamp,)>(sql, &[&guild, &user]).await?.map(|(until,)| until))
}

/// Remembers what moderators took in voice from somebody who goes.
pub async fn keep_mutes(conn: &mut Conn, guild: GuildId, user: UserId, muted: bool, deafened: bool) -> Result<()> {
    let sql = "insert into absent_mutes (guild_id, user_id, muted, deafened) values ($1, $2, $3, $4)
        on conflict (guild_id, user_id) do update set muted = excluded.muted, deafened = excluded.deafened";
    conn.execute(sql, &[&guild, &user, &muted, &deafened]).await.map(drop)
}

/// What somebody left with, muted and deafened, which is forgotten by this.
pub async fn take_absent_mutes(conn: &mut Conn, guild: GuildId, user: UserId) -> Result<Option<(bool, bool)>> {
    let sql = "delete from absent_mutes where guild_id = $1 and user_id = $2 returning muted, deafened";
    conn.optional(sql, &[&guild, &user]).await
}
