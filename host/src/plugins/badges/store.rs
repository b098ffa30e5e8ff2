//! The table of members' badges, as it is read.

use crate::db::{Conn, Result};
use crate::id::{GuildId, InstallationId, UserId};

/// The badges of members between two accounts.
pub async fn between(
    conn: &mut Conn,
    guild: GuildId,
    first: UserId,
    last: UserId,
) -> Result<Vec<(UserId, InstallationId, String)>> {
    let sql = "select user_id, installation_id, badge from member_badges
        where guild_id = $1 and user_id >= $2 and user_id <= $3 order by user_id, installation_id, badge";
    conn.all(sql, &[&guild, &first, &last]).await
}

/// Takes all badges from a member.
pub async fn delete_all(conn: &mut Conn, guild: GuildId, user: UserId) -> Result<()> {
    let sql = "delete from member_badges where guild_id = $1 and user_id = $2";
    conn.execute(sql, &[&guild, &user]).await.map(drop)
}
