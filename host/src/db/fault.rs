//! What a database error means for the statement, the batch and the caller.

use sqlx::Error;
use sqlx::error::ErrorKind;

/// SQLite's primary result codes after which a transaction can't go on: busy, out of memory,
/// read-only, interrupted, I/O error, corrupt, full, can't open.
const SQLITE_ENDS_TRANSACTION: [i32; 8] = [5, 7, 8, 9, 10, 11, 13, 14];
/// SQLite could not store: read-only, I/O error, disk full, can't open.
const SQLITE_STORAGE: [i32; 4] = [8, 10, 13, 14];
/// PostgreSQL's classes of error after which the server or its disk is at fault, not the statement:
/// connection exceptions, insufficient resources, operator intervention, system error.
const POSTGRES_SERVER: [&str; 4] = ["08", "53", "57", "58"];

/// The kinds of database error that are told apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// A row with this key is there already.
    Duplicate,
    /// A row it refers to isn't there.
    MissingReference,
    /// The disk is full or failing: nothing can be written until that is mended.
    Storage,
    /// The database can't be reached, or can't take more now.
    Unavailable,
    /// A mistake of ours in the statement.
    Statement,
}

impl Fault {
    /// What kind of error this is.
    pub fn of(error: &Error) -> Fault {
        let Error::Database(database) = error else {
            return match error {
                Error::Io(_)
                | Error::Tls(_)
                | Error::PoolTimedOut
                | Error::PoolClosed
                | Error::WorkerCrashed
                | Error::Protocol(_) => Fault::Unavailable,
                _ => Fault::Statement,
            };
        };
        match database.kind() {
            ErrorKind::UniqueViolation => return Fault::Duplicate,
            ErrorKind::ForeignKeyViolation => return Fault::MissingReference,
            _ => {}
        }
        let code = database.code().unwrap_or_default();
        if let Ok(extended) = code.parse::<i32>()
            && database.try_downcast_ref::<sqlx::sqlite::SqliteError>().is_some()
        {
            let primary = extended & 0xff;
            return match primary {
                _ if SQLITE_STORAGE.contains(&primary) => Fault::Storage,
                _ if SQLITE_ENDS_TRANSACTION.contains(&primary) => Fault::Unavailable,
                _ => Fault::Statement,
            };
        }
        match code.as_ref() {
            "53100" | "25006" => Fault::Storage,
            // A conflict that another try may not have; a database that takes no connections for now.
            "40001" | "40P01" | "55000" => Fault::Unavailable,
            _ if POSTGRES_SERVER.contains(&code.get(..2).unwrap_or_default()) => Fault::Unavailable,
            _ => Fault::Statement,
        }
    }

    /// Whether the whole transaction is lost with the statement.
    pub fn ends_transaction(self) -> bool {
        matches!(self, Fault::Storage | Fault::Unavailable)
    }
}
