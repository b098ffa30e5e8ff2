//! The tables of installations' logs.

use super::{Line, Weight};
use crate::db::{Conn, Result};
use crate::id::{InstallationId, MessageId};

/// A line about to be kept.
pub struct NewRow {
    pub id: i64,
    pub installation: InstallationId,
    pub level: Weight,
    pub code: String,
    pub hook: &'static str,
    pub event_id: String,
    pub message: String,
    pub fields: String,
}

/// Keeps lines.
pub async fn insert(conn: &mut Conn, rows: &[NewRow]) -> Result<()> {
    let sql = "insert into plugin_logs (id, installation_id, level, code, hook, event_id, message, fields)
        values ($1, $2, $3, $4, $5, $6, $7, $8)";
    for row in rows {
        conn.execute(
            sql,
            &[&row.id, &row.installation, &row.level, &row.code, &row.hook, &row.event_id, &row.message, &row.fields],
        )
        .await?;
    }
    Ok(())
}

/// Removes all but the newest lines.
pub async fn trim(conn: &mut Conn, installation: InstallationId, kept: i64) -> Result<()> {
    let sql = "delete from plugin_logs where installation_id = $1 and id < (select min(id) from
        (select id from plugin_logs where installation_id = $1 order by id desc limit $2) as newest)";
    conn.execute(sql, &[&installation, &kept]).await.map(drop)
}

/// The newest lines before one, the newest first.
pub async fn page(conn: &mut Conn, installation: InstallationId, before: i64, at_most: i64) -> Result<Vec<Line>> {
    #[derive(sqlx::FromRow)]
    struct Row {
        id: i64,
        level: Weight,
        code: String,
        hook: String,
        event_id: String,
        message: String,
        fields: String,
    }
    let sql = "select id, level, code, hook, event_id, message, fields from plugin_logs
        where installation_id = $1 and id < $2 order by id desc limit $3";
    let rows: Vec<Row> = conn.all(sql, &[&installation, &before, &at_most]).await?;
    let line = |row: Row| Line {
        id: row.id.to_string(),
        at: MessageId(row.id).created_at(),
        level: row.level,
        code: row.code,
        hook: row.hook,
        event_id: row.event_id,
        message: row.message,
        fields: serde_json::from_str(&row.fields).unwrap_or_default(),
    };
    Ok(rows.into_iter().map(line).collect())
}

/// Keeps what is needed to see a call again.
pub async fn put_bundle(conn: &mut Conn, id: i64, installation: InstallationId, bundle: &str) -> Result<()> {
    let sql = "insert into plugin_bundles (id, installation_id, bundle) values ($1, $2, $3)";
    conn.execute(sql, &[&id, &installation, &bundle]).await.map(drop)
}

/// Removes all but the newest bundles.
pub async fn trim_bundles(conn: &mut Conn, installation: InstallationId, kept: i64) -> Result<()> {
    let sql = "delete from plugin_bundles where installation_id = $1 and id < (select min(id) from
        (select id from plugin_bundles where installation_id = $1 order by id desc limit $2) as newest)";
    conn.execute(sql, &[&installation, &kept]).await.map(drop)
}

/// What is needed to see a call again.
pub async fn bundle(conn: &mut Conn, installation: InstallationId, id: i64) -> Result<Option<String>> {
    let sql = "select bundle from plugin_bundles where installation_id = $1 and id = $2";
    let row: Option<(String,)> = conn.optional(sql, &[&installation, &id]).await?;
    Ok(row.map(|(bundle,)| bundle))
}
