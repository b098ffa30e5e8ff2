//! The table of nodes, and the name of the installation.

use super::Node;
use crate::clock::Timestamp;
use crate::db::{Conn, Result};

/// The highest number of a node that serves. Commands that write beside it mint their ids under the next.
const MAX_NODE: i64 = 1022;

/// A node as its row tells of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// Which it is.
    pub node: Node,
    /// How often it has renewed its row; less than 0 once others have given it up.
    pub renewed: i64,
    /// When it took its number.
    pub started_at: Timestamp,
    /// Where it listens.
    pub address: String,
}

#[derive(sqlx::FromRow)]
struct Columns {
    id: i64,
    incarnation: i64,
    renewed: i64,
    started_at: Timestamp,
    address: String,
}

impl From<Columns> for Row {
    fn from(row: Columns) -> Row {
        let node = Node { id: row.id as u16, incarnation: row.incarnation };
        Row { node, renewed: row.renewed, started_at: row.started_at, address: row.address }
    }
}

/// The name of the installation, which is made with the database.
pub async fn installation(conn: &mut Conn) -> Result<String> {
    let fresh = format!("{:016x}", rand::random::<u64>());
    let sql = "insert into instance_settings (name, value) values ('installation', $1) on conflict (name) do nothing";
    conn.execute(sql, &[&fresh]).await?;
    let (name,): (String,) = conn.one("select value from instance_settings where name = 'installation'", &[]).await?;
    Ok(name)
}

/// Takes a number that no node has; none if all are taken. Numbers go round, so that the one of a
/// node that is gone, whose clock may have run ahead, isn't soon used again.
pub async fn take(conn: &mut Conn, incarnation: i64, now: Timestamp, address: &str) -> Result<Option<Node>> {
    let sql = "insert into instance_settings (name, value) values ('last_node', '-1') on conflict (name) do nothing";
    conn.execute(sql, &[]).await?;
    // Whoever else wants a number waits here.
    let sql = "update instance_settings set value = value where name = 'last_node' returning value";
    let (last,): (String,) = conn.one(sql, &[]).await?;
    let last: i64 = last.parse().unwrap_or(-1);
    let taken: Vec<(i64,)> = conn.all("select id from nodes", &[]).await?;
    let next = |step: i64| (last + step).rem_euclid(MAX_NODE + 1);
    let Some(id) = (1..=MAX_NODE + 1).map(next).find(|id| !taken.contains(&(*id,))) else { return Ok(None) };
    insert(conn, id, incarnation, now, address).await?;
    let sql = "update instance_settings set value = $1 where name = 'last_node'";
    conn.execute(sql, &[&id.to_string()]).await?;
    Ok(Some(Node { id: id as u16, incarnation }))
}

/// Takes the number 0, where nobody else can run.
pub async fn take_first(conn: &mut Conn, incarnation: i64, now: Timestamp, address: &str) -> Result<Node> {
    conn.execute("delete from nodes", &[]).await?;
    insert(conn, 0, incarnation, now, address).await?;
    Ok(Node { id: 0, incarnation })
}

async fn insert(conn: &mut Conn, id: i64, incarnation: i64, now: Timestamp, address: &str) -> Result<()> {
    let sql = "insert into nodes (id, incarnation, renewed, started_at, address) values ($1, $2, 0, $3, $4)";
    conn.execute(sql, &[&id, &incarnation, &now, &address]).await.map(drop)
}

/// Says that a node lives; false if others have given it up.
pub async fn renew(conn: &mut Conn, node: Node) -> Result<bool> {
    let sql = "update nodes set renewed = renewed + 1 where id = $1 and incarnation = $2 and renewed >= 0";
    Ok(conn.execute(sql, &[&i64::from(node.id), &node.incarnation]).await? > 0)
}

/// Every node, in the order of numbers.
pub async fn all(conn: &mut Conn) -> Result<Vec<Row>> {
    let sql = "select id, incarnation, renewed, started_at, address from nodes order by id";
    let rows: Vec<Columns> = conn.all(sql, &[]).await?;
    Ok(rows.into_iter().map(Row::from).collect())
}

/// Gives a node up, if it hasn't been renewed since it was seen; false if it has, or is gone. It
/// can't come back from there.
pub async fn give_up(conn: &mut Conn, node: Node, renewed: i64) -> Result<bool> {
    let sql = "update nodes set renewed = -1 where id = $1 and incarnation = $2 and renewed = $3";
    Ok(conn.execute(sql, &[&i64::from(node.id), &node.incarnation, &renewed]).await? > 0)
}

/// Removes the row of a node that was given up, and with it frees its number.
pub async fn remove(conn: &mut Conn, node: Node) -> Result<bool> {
    let sql = "delete from nodes where id = $1 and incarnation = $2 and renewed < 0";
    Ok(conn.execute(sql, &[&i64::from(node.id), &node.incarnation]).await? > 0)
}
