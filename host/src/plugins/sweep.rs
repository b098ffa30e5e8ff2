//! What goes by itself: installations that were removed long ago, and those of guilds that are no more.

use std::time::Duration;

use super::store;
use crate::accounts::bots;
use crate::app::App;
use crate::db::Conn;
use crate::error::Result;
use crate::id::GuildId;

/// How long the data of a removed installation is kept.
const KEPT: Duration = Duration::from_secs(30 * 24 * 3600);
/// Installations that one sweep removes: the next one goes on.
const AT_ONCE: i64 = 200;

/// Removes what is over. Called again and again by the server's timers.
pub async fn sweep(app: &App) -> Result<()> {
    let leftovers = store::leftovers(&mut app.db.read().await?, app.now().before(KEPT), AT_ONCE).await?;
    for gone in leftovers {
        app.writer
            .run(None, None, &[gone.guild_id.into(), gone.bot_id.into()], move |tx| {
                Box::pin(async move {
                    store::purge(tx, gone.id).await?;
                    bots::dismiss(tx, gone.bot_id).await
                })
            })
            .await?;
    }
    Ok(())
}

/// Whether something of a guild is still kept here: then its own row must stay.
pub async fn is_in_use(conn: &mut Conn, guild: GuildId) -> Result<bool> {
    Ok(store::any_of(conn, guild).await?)
}
