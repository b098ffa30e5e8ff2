//! Passwords, hashed with Argon2id away from the threads that serve requests.

use std::sync::{Arc, LazyLock};

use argon2::password_hash::{PasswordHasher, PasswordVerifier, phc::PasswordHash};
use argon2::{Algorithm, Argon2, Params, Version};
use parking_lot::Mutex;
use tokio::sync::{mpsc, oneshot};

use super::{Caller, store};
use crate::app::App;
use crate::error::{Code, Error, FieldCode, FieldFault, Result};
use crate::http::body::Faults;

/// The longest password, in characters.
pub const MAX_CHARS: usize = 256;

/// Hashes that may wait for a thread; whoever comes then waits to wait.
const WAITING_HASHES: usize = 1_024;
/// How far the hashing threads stand back behind those that serve requests: a hash takes
/// milliseconds of a core, and nobody else should wait for that.
const NICENESS: i32 = 10;

type Job = Box<dyn FnOnce() + Send>;

/// One thread a core: more would only take memory, and time from each other.
static HASHERS: LazyLock<mpsc::Sender<Job>> = LazyLock::new(start_hashers);

/// Notes a password that is empty or absurdly long.
pub fn check_length(pointer: &str, password: &str, faults: &mut Faults) {
    faults.length(pointer, password, 1, MAX_CHARS);
}

/// Refuses a password that is shorter than the settings ask for.
pub fn require_length(app: &App, pointer: &str, password: &str) -> Result<()> {
    let least = app.config.passwords.min_length;
    if password.chars().count() >= least {
        return Ok(());
    }
    let args = vec![("min", least.to_string())];
    Err(Error::Invalid(vec![FieldFault { pointer: pointer.to_owned(), code: FieldCode::TooShort, args }]))
}

/// The hash to store for a password, with its salt and parameters, in PHC form.
pub async fn hash(app: &App, password: String) -> Result<String> {
    let hasher = hasher(app)?;
    apart(move || {
        let hash: argon2::password_hash::phc::PasswordHash = hasher
            .hash_password(password.as_bytes())
            .map_err(|error| anyhow::anyhow!("hashing a password: {error}"))?;
        Ok(hash.to_string())
    })
    .await
}

/// Whether a password is the one that was hashed. Without a hash the same work is done for nothing,
/// so that the time doesn't tell whether an account exists.
pub async fn verify(app: &App, password: String, hash: Option<String>) -> Result<bool> {
    let hasher = hasher(app)?;
    apart(move || {
        let Some(hash) = hash else {
            let mut out = [0; 32];
            let _ = hasher.hash_password_into(password.as_bytes(), b"nobody has this salt", &mut out);
            return Ok(false);
        };
        let hash = PasswordHash::new(&hash).map_err(|error| anyhow::anyhow!("a stored password hash: {error}"))?;
        // The hash carries its own parameters, so old hashes stay good when the settings change.
        Ok(Argon2::default().verify_password(password.as_bytes(), &hash).is_ok())
    })
    .await
}

/// Refuses whoever doesn't know their own password, and programs, which have none.
pub async fn require_own(app: &App, caller: &Caller, password: String) -> Result<()> {
    caller.require_person()?;
    let hash = store::password_hash(&mut app.db.read().await?, caller.user).await?;
    if verify(app, password, hash).await? { Ok(()) } else { Err(Code::BadCredentials.into()) }
}

fn hasher(app: &App) -> Result<Argon2<'static>> {
    let settings = &app.config.passwords;
    let params = Params::new(settings.memory_kib, settings.passes, 1, None)
        .map_err(|error| anyhow::anyhow!("the settings for passwords: {error}"))?;
    Ok(Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
}

/// Runs `work` on a hashing thread, once one is free.
async fn apart<T: Send + 'static>(work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    let (answer, answered) = oneshot::channel();
    let job: Job = Box::new(move || {
        // Nobody listens if the client has gone.
        let _ = answer.send(work());
    });
    HASHERS.send(job).await.map_err(|_| anyhow::anyhow!("the hashing threads are gone"))?;
    answered.await.map_err(anyhow::Error::from)?
}

fn start_hashers() -> mpsc::Sender<Job> {
    let (sender, receiver) = mpsc::channel::<Job>(WAITING_HASHES);
    let jobs = Arc::new(Mutex::new(receiver));
    for _ in 0..std::thread::available_parallelism().map_or(1, usize::from) {
        let jobs = jobs.clone();
        let hasher = std::thread::Builder::new().name("hasher".into()).spawn(move || {
            // A thread is a process of its own to Linux, so this is about this thread alone. Where it
            // isn't allowed, hashes merely compete.
            let _ = rustix::process::setpriority_process(None, NICENESS);
            loop {
                let job = jobs.lock().blocking_recv();
                match job {
                    Some(job) => job(),
                    None => return,
                }
            }
        });
        if let Err(error) = hasher {
            tracing::error!(%error, "a hashing thread could not be started");
        }
    }
    sender
}
