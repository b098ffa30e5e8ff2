//! One SQL text for two databases: the only file that knows both drivers.

use std::path::Path;
use std::str::FromStr;
use std::sync::OnceLock;
use std::time::Duration;

use sqlx::error::BoxDynError;
use sqlx::pool::PoolConnection;
use sqlx::postgres::{PgArguments, PgConnectOptions, PgPoolOptions, PgRow};
use sqlx::sqlite::{
    SqliteArguments, SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteRow, SqliteSynchronous,
};
use sqlx::{Arguments, Encode, FromRow, PgPool, Postgres, SqlSafeStr, Sqlite, SqlitePool, Transaction, Type};

mod columns;
mod fault;
mod migrations;

pub(crate) use columns::stored_as_text;
pub use fault::Fault;

/// What a statement gives, or the driver's error; [`Fault::of`] says what kind of error it is.
pub type Result<T> = std::result::Result<T, sqlx::Error>;

/// Prepared statements kept by each connection; ours number some hundreds.
const STATEMENTS_KEPT: usize = 500;
/// Read connections to SQLite: each is a thread, and reads are short.
const SQLITE_READERS: u32 = 4;
/// The first SQLite without the write-ahead log's reset corruption, as `sqlite3_libversion_number` says it.
const OLDEST_SAFE_SQLITE: i32 = 3_051_003;
/// Rows that SQLite's thread reads ahead of whoever takes them: a page, so that it needn't wait inside one.
const ROWS_AHEAD: usize = 256;
/// How long a request waits for a connection before it is told that the database is unavailable.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(5);
/// Rows of values in one statement, at most; smaller numbers go by powers of two.
const BULK_ROWS: usize = 64;

/// The database: SQLite in one file, or PostgreSQL.
#[derive(Clone)]
pub enum Db {
    /// Many readers and one connection that writes.
    Sqlite {
        /// Read-only connections.
        readers: SqlitePool,
        /// The one connection that writes.
        writer: SqlitePool,
    },
    /// One pool for all.
    Postgres(PgPool),
}

/// A connection, alone or inside a transaction.
pub enum Conn {
    /// SQLite, each statement by itself.
    Sqlite(PoolConnection<Sqlite>),
    /// SQLite, in a transaction that rolls back when dropped.
    SqliteTx(Transaction<'static, Sqlite>),
    /// PostgreSQL, each statement by itself.
    Postgres(PoolConnection<Postgres>),
    /// PostgreSQL, in a transaction that rolls back when dropped.
    PostgresTx(Transaction<'static, Postgres>),
}

/// A value that both databases can store.
pub trait Param: Sync {
    /// Binds the value for SQLite.
    fn add_sqlite(&self, args: &mut SqliteArguments) -> std::result::Result<(), BoxDynError>;
    /// Binds the value for PostgreSQL.
    fn add_postgres(&self, args: &mut PgArguments) -> std::result::Result<(), BoxDynError>;
}

impl<T> Param for T
where
    T: Sync + Type<Sqlite> + Type<Postgres>,
    for<'q> &'q T: Encode<'q, Sqlite> + Encode<'q, Postgres> + Type<Sqlite> + Type<Postgres>,
{
    fn add_sqlite(&self, args: &mut SqliteArguments) -> std::result::Result<(), BoxDynError> {
        Arguments::add(args, self)
    }
    fn add_postgres(&self, args: &mut PgArguments) -> std::result::Result<(), BoxDynError> {
        Arguments::add(args, self)
    }
}

/// Text that may be missing, borrowed: the drivers bind a borrowed `Option` only if it lives for ever.
pub struct OptionalText<'a>(pub Option<&'a str>);

impl Param for OptionalText<'_> {
    fn add_sqlite(&self, args: &mut SqliteArguments) -> std::result::Result<(), BoxDynError> {
        match self.0 {
            Some(text) => Arguments::add(args, text),
            None => Arguments::add(args, None::<String>),
        }
    }
    fn add_postgres(&self, args: &mut PgArguments) -> std::result::Result<(), BoxDynError> {
        match self.0 {
            Some(text) => Arguments::add(args, text),
            None => Arguments::add(args, None::<String>),
        }
    }
}

/// A row that both databases can produce.
pub trait Row: for<'r> FromRow<'r, SqliteRow> + for<'r> FromRow<'r, PgRow> + Send + Unpin {}
impl<T> Row for T where T: for<'r> FromRow<'r, SqliteRow> + for<'r> FromRow<'r, PgRow> + Send + Unpin {}

/// A statement over any number of rows of values, kept prepared for 1, 2, 4 … 64 of them.
pub struct Rows {
    head: &'static str,
    columns: usize,
    tail: &'static str,
    sqlite: Texts,
    postgres: Texts,
}

/// A statement for each power of two of rows, made when it is first wanted.
struct Texts([OnceLock<&'static str>; BULK_ROWS.ilog2() as usize + 1]);

impl Texts {
    const fn new() -> Texts {
        Texts([const { OnceLock::new() }; BULK_ROWS.ilog2() as usize + 1])
    }
}

impl Rows {
    /// `head` is the statement up to the rows of `columns` values each, `tail` what follows them.
    pub const fn new(head: &'static str, columns: usize, tail: &'static str) -> Rows {
        Rows { head, columns, tail, sqlite: Texts::new(), postgres: Texts::new() }
    }

    /// The statement for 2^`power` rows. It lives for ever, as one of seven for each database.
    ///
    /// To SQLite `$1` is a name that each binding looks up among all, which takes a tenth of the
    /// whole write path with hundreds of them; a bare `?` is a place.
    fn text(&self, postgres: bool, power: usize) -> &'static str {
        let texts = if postgres { &self.postgres } else { &self.sqlite };
        texts.0[power].get_or_init(|| {
            let place = |place: usize| if postgres { format!("${place}") } else { "?".to_owned() };
            let row = |row: usize| {
                let first = row * self.columns + 1;
                let places: Vec<String> = (first..first + self.columns).map(place).collect();
                format!("({})", places.join(", "))
            };
            let rows: Vec<String> = (0..1usize << power).map(row).collect();
            format!("{} {} {}", self.head, rows.join(", "), self.tail).leak()
        })
    }
}

impl Db {
    /// Opens the database at `url`, `sqlite://file` or `postgres://…`, without migrating it.
    pub async fn open(url: &str) -> anyhow::Result<Db> {
        if url.starts_with("postgres") { Db::open_postgres(url).await } else { Db::open_sqlite(url).await }
    }

    async fn open_postgres(url: &str) -> anyhow::Result<Db> {
        let options = PgConnectOptions::from_str(url)?
            .statement_cache_capacity(STATEMENTS_KEPT)
            .options([("synchronous_commit", "on"), ("statement_timeout", "30s")]);
        let pool = PgPoolOptions::new().max_connections(24).acquire_timeout(ACQUIRE_TIMEOUT).connect_with(options);
        Ok(Db::Postgres(pool.await?))
    }

    async fn open_sqlite(url: &str) -> anyhow::Result<Db> {
        let options = SqliteConnectOptions::from_str(url)?
            .create_if_missing(true)
            .foreign_keys(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .pragma("secure_delete", "on")
            .busy_timeout(Duration::from_secs(5))
            .row_buffer_size(ROWS_AHEAD)
            .statement_cache_capacity(STATEMENTS_KEPT);
        if let Some(folder) = options.get_filename().parent().filter(|folder| *folder != Path::new("")) {
            std::fs::create_dir_all(folder)?;
        }
        let pool = || // A connection to a file doesn't go stale: none is tried before it is used.
            SqlitePoolOptions::new()
                .acquire_timeout(ACQUIRE_TIMEOUT)
                .idle_timeout(None)
                .max_lifetime(None)
                .test_before_acquire(false);
        let writer = pool().max_connections(1).connect_with(options.clone()).await?;
        refuse_unsafe_sqlite(&writer).await?;
        let readers = pool().max_connections(SQLITE_READERS).connect_with(options.read_only(true)).await?;
        Ok(Db::Sqlite { readers, writer })
    }

    /// Brings the schema up to date; forward only.
    pub async fn migrate(&self) -> anyhow::Result<()> {
        migrations::run(self).await
    }

    /// A connection to read from.
    pub async fn read(&self) -> Result<Conn> {
        Ok(match self {
            Db::Sqlite { readers, .. } => Conn::Sqlite(readers.acquire().await?),
            Db::Postgres(pool) => Conn::Postgres(pool.acquire().await?),
        })
    }

    /// A transaction that sees one moment of the database, whatever commits meanwhile.
    pub async fn snapshot(&self) -> Result<Conn> {
        Ok(match self {
            Db::Sqlite { readers, .. } => Conn::SqliteTx(readers.begin().await?),
            Db::Postgres(pool) => {
                let begin = "begin transaction isolation level repeatable read read only";
                Conn::PostgresTx(pool.begin_with(begin).await?)
            }
        })
    }

    /// A transaction that may write. Only the log's writers, migrations and the command line ask for one.
    pub async fn begin(&self) -> Result<Conn> {
        Ok(match self {
            Db::Sqlite { writer, .. } => Conn::SqliteTx(begin_on_sqlite(writer).await?),
            Db::Postgres(pool) => Conn::PostgresTx(pool.begin().await?),
        })
    }

    /// Whether this is PostgreSQL, where several nodes may write at once.
    pub fn is_postgres(&self) -> bool {
        matches!(self, Db::Postgres(_))
    }

    /// What the database says of itself.
    pub async fn version(&self, conn: &mut Conn) -> Result<String> {
        let (version,): (String,) = match self {
            Db::Sqlite { .. } => conn.one("select 'SQLite ' || sqlite_version()", &[]).await?,
            Db::Postgres(_) => conn.one("select version()", &[]).await?,
        };
        Ok(version)
    }

    /// What SQLite finds wrong with its file; PostgreSQL looks after itself.
    pub async fn integrity(&self, conn: &mut Conn) -> Result<Option<String>> {
        if self.is_postgres() {
            return Ok(None);
        }
        let (said,): (String,) = conn.one("pragma quick_check(1)", &[]).await?;
        Ok((said != "ok").then_some(said))
    }

    /// Closes every connection, once those in use are returned.
    pub async fn close(&self) {
        match self {
            Db::Sqlite { readers, writer } => {
                readers.close().await;
                writer.close().await;
            }
            Db::Postgres(pool) => pool.close().await,
        }
    }
}

/// SQLite ends a transaction by itself when it can't store it. The driver believes it to be open still, and
/// then that every later one is inside it; so such a connection makes way for a new one.
async fn begin_on_sqlite(writer: &SqlitePool) -> Result<Transaction<'static, Sqlite>> {
    match writer.begin_with("begin immediate").await {
        Err(sqlx::Error::InvalidSavePointStatement) => {
            writer.acquire().await?.close().await?;
            writer.begin_with("begin immediate").await
        }
        begun => begun,
    }
}

async fn refuse_unsafe_sqlite(pool: &SqlitePool) -> anyhow::Result<()> {
    let (version,): (String,) = sqlx::query_as("select sqlite_version()").fetch_one(pool).await?;
    let number = version.split('.').filter_map(|part| part.parse::<i32>().ok()).fold(0, |sum, part| sum * 1000 + part);
    anyhow::ensure!(
        number >= OLDEST_SAFE_SQLITE,
        "SQLite {version} is too old: a write-ahead log with several connections needs 3.51.3 or later"
    );
    Ok(())
}

/// Runs one sqlx call on whichever connection this is.
macro_rules! on_conn {
    ($conn:expr, $sql:expr, $params:expr, |$query:ident| $make:expr, |$made:ident, $executor:ident| $run:expr) => {
        match $conn {
            Conn::Sqlite(c) => {
                let ($query, args) = ($sql, sqlite_args($params)?);
                let $made = $make(args);
                let $executor = &mut **c;
                $run
            }
            Conn::SqliteTx(c) => {
                let ($query, args) = ($sql, sqlite_args($params)?);
                let $made = $make(args);
                let $executor = &mut **c;
                $run
            }
            Conn::Postgres(c) => {
                let ($query, args) = ($sql, postgres_args($params)?);
                let $made = $make(args);
                let $executor = &mut **c;
                $run
            }
            Conn::PostgresTx(c) => {
                let ($query, args) = ($sql, postgres_args($params)?);
                let $made = $make(args);
                let $executor = &mut **c;
                $run
            }
        }
    };
}

impl Conn {
    /// Runs a statement; answers how many rows it touched.
    pub async fn execute(&mut self, sql: &'static str, params: &[&dyn Param]) -> Result<u64> {
        on_conn!(self, sql, params, |text| |args| sqlx::query_with(text, args), |query, on| {
            Ok(query.execute(on).await?.rows_affected())
        })
    }

    /// Every row that a query finds.
    pub async fn all<T: Row>(&mut self, sql: &'static str, params: &[&dyn Param]) -> Result<Vec<T>> {
        on_conn!(self, sql, params, |text| |args| sqlx::query_as_with(text, args), |query, on| {
            query.fetch_all(on).await
        })
    }

    /// The one row that a query may find.
    pub async fn optional<T: Row>(&mut self, sql: &'static str, params: &[&dyn Param]) -> Result<Option<T>> {
        on_conn!(self, sql, params, |text| |args| sqlx::query_as_with(text, args), |query, on| {
            query.fetch_optional(on).await
        })
    }

    /// The one row that a query must find.
    pub async fn one<T: Row>(&mut self, sql: &'static str, params: &[&dyn Param]) -> Result<T> {
        on_conn!(self, sql, params, |text| |args| sqlx::query_as_with(text, args), |query, on| {
            query.fetch_one(on).await
        })
    }

    /// Inserts `rows` rows; `row(i)` gives the values of row `i`, in the order of the columns.
    pub async fn insert_many<'a, const N: usize>(
        &mut self,
        insert: &Rows,
        rows: usize,
        row: impl Fn(usize) -> [&'a dyn Param; N],
    ) -> Result<()> {
        debug_assert_eq!(N, insert.columns);
        let mut from = 0;
        while from < rows {
            let power = (rows - from).min(BULK_ROWS).ilog2() as usize;
            let to = from + (1 << power);
            let params: Vec<&dyn Param> = (from..to).flat_map(&row).collect();
            self.execute(insert.text(self.is_postgres(), power), &params).await?;
            from = to;
        }
        Ok(())
    }

    /// Looks up `rows` keys at once; `row(i)` gives key `i`. The last one fills the statement up.
    pub async fn look_up<'a, T: Row, const N: usize>(
        &mut self,
        query: &Rows,
        rows: usize,
        row: impl Fn(usize) -> [&'a dyn Param; N],
    ) -> Result<Vec<T>> {
        debug_assert_eq!(N, query.columns);
        let mut found = Vec::new();
        for from in (0..rows).step_by(BULK_ROWS) {
            let count = (rows - from).min(BULK_ROWS);
            let power = count.next_power_of_two().ilog2() as usize;
            let keys = (from..from + (1 << power)).map(|i| i.min(rows - 1));
            let params: Vec<&dyn Param> = keys.flat_map(&row).collect();
            found.extend(self.all(query.text(self.is_postgres(), power), &params).await?);
        }
        Ok(found)
    }

    fn is_postgres(&self) -> bool {
        matches!(self, Conn::Postgres(_) | Conn::PostgresTx(_))
    }

    /// Makes what a transaction did durable and visible.
    pub async fn commit(self) -> Result<()> {
        match self {
            Conn::SqliteTx(tx) => tx.commit().await,
            Conn::PostgresTx(tx) => tx.commit().await,
            Conn::Sqlite(_) | Conn::Postgres(_) => Ok(()),
        }
    }

    /// Asks the database to parse and type a statement without running it.
    pub async fn check(&mut self, sql: &'static str) -> Result<()> {
        use sqlx::Executor;
        let sql = sql.into_sql_str();
        match self {
            Conn::Sqlite(c) => (&mut **c).prepare(sql).await.map(drop),
            Conn::SqliteTx(c) => (&mut **c).prepare(sql).await.map(drop),
            Conn::Postgres(c) => (&mut **c).prepare(sql).await.map(drop),
            Conn::PostgresTx(c) => (&mut **c).prepare(sql).await.map(drop),
        }
    }
}

fn sqlite_args(params: &[&dyn Param]) -> Result<SqliteArguments> {
    let mut args = SqliteArguments::default();
    for param in params {
        param.add_sqlite(&mut args).map_err(sqlx::Error::Encode)?;
    }
    Ok(args)
}

fn postgres_args(params: &[&dyn Param]) -> Result<PgArguments> {
    let mut args = PgArguments::default();
    for param in params {
        param.add_postgres(&mut args).map_err(sqlx::Error::Encode)?;
    }
    Ok(args)
}
