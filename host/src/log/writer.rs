//! The one way to write: tasks of ours take what waits, commit it as one transaction, and only then answer.
//!
//! A request never holds a transaction: it hands its work over and awaits the answer, so a client
//! that goes away in the middle leaves either all of its work or none. What waits while one commit
//! runs is committed by the next, so durability costs one flush for many.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};

use super::feed::Feed;
use super::{Entry, Tx, shard_of, store};
use crate::clock::Clock;
use crate::db::Db;
use crate::error::{Code, Error, Result};
use crate::id::{Ids, StreamId, UserId};
use crate::messaging::commit::{self, Pending};
use crate::messaging::reacting::{self, Reaction};
use crate::voice::ending as voice;

/// Jobs that may wait for one writer; whoever comes then waits before its work is taken.
const WAITING_JOBS: usize = 4_096;
/// Jobs in one transaction, at most.
const BATCH_JOBS: usize = 512;
/// How often a database that refused a commit is asked whether it takes one again.
const PROBE_INTERVAL: Duration = Duration::from_secs(1);

/// What an operation gives back while it runs.
pub type OperationFuture<'t, T> = Pin<Box<dyn Future<Output = Result<T>> + Send + 't>>;

/// Work that waits for its transaction. It may await nothing but that transaction.
pub trait Operation: Send {
    /// Does the work; what it gives stays inside until the commit.
    fn run<'t>(&'t mut self, tx: &'t mut Tx) -> OperationFuture<'t, ()>;
    /// Tells whoever waits how it ended.
    fn answer(self: Box<Self>, ended: Result<()>);
}

struct Waiting<T, F> {
    work: Option<F>,
    outcome: Option<T>,
    answer: oneshot::Sender<Result<T>>,
    actor: Option<UserId>,
    request_id: Option<Arc<str>>,
}

impl<T, F> Operation for Waiting<T, F>
where
    T: Send,
    F: for<'t> FnOnce(&'t mut Tx) -> OperationFuture<'t, T> + Send,
{
    fn run<'t>(&'t mut self, tx: &'t mut Tx) -> OperationFuture<'t, ()> {
        Box::pin(async move {
            tx.on_behalf_of(self.actor, self.request_id.clone());
            if let Some(work) = self.work.take() {
                self.outcome = Some(work(tx).await?);
            }
            Ok(())
        })
    }

    fn answer(self: Box<Self>, ended: Result<()>) {
        let answer = match (ended, self.outcome) {
            (Ok(()), Some(outcome)) => Ok(outcome),
            (Ok(()), None) => Err(Code::Unavailable.into()),
            (Err(error), _) => Err(error),
        };
        // Nobody listens if the client has gone; the work stands all the same.
        let _ = self.answer.send(answer);
    }
}

enum Job {
    /// A message: data, written together with all others that wait.
    Message(Pending),
    /// A reaction: data too.
    Reaction(Reaction),
    /// Anything else: runs by itself, in a savepoint.
    Operation { shards: Vec<i64>, operation: Box<dyn Operation> },
}

/// What one transaction does.
#[derive(Default)]
struct Batch {
    messages: Vec<Pending>,
    reactions: Vec<Reaction>,
    operations: Vec<Running>,
}

/// An operation in a transaction: the shards that it needs, and how it ended.
type Running = (Vec<i64>, Box<dyn Operation>, Result<()>);

impl Batch {
    fn of(jobs: &mut Vec<Job>) -> Batch {
        let mut batch = Batch::default();
        for job in jobs.drain(..) {
            match job {
                Job::Message(message) => batch.messages.push(message),
                Job::Reaction(reaction) => batch.reactions.push(reaction),
                Job::Operation { shards, operation } => batch.operations.push((shards, operation, Ok(()))),
            }
        }
        batch
    }

    /// Tells everybody in it how the transaction ended; operations may have failed by themselves.
    fn answer(self, ended: Option<Code>) {
        let ended = || ended.map_or(Ok(()), |code| Err(code.into()));
        self.messages.into_iter().for_each(|message| message.answer(ended()));
        self.reactions.into_iter().for_each(|reaction| reaction.answer(ended()));
        self.operations.into_iter().for_each(|(_, operation, own)| operation.answer(own.and(ended())));
    }
}

/// Whether changes can be stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum StorageHealth {
    /// They can.
    Writable = 0,
    /// The disk is full or failing.
    ReadOnly = 1,
    /// The database is away.
    Unavailable = 2,
}

/// Hands work to the tasks that write.
#[derive(Clone)]
pub struct Writer {
    lanes: Arc<[mpsc::Sender<Job>]>,
    health: Arc<AtomicU8>,
    /// Shards of this database's log.
    pub shards: i64,
}

/// Called with what was committed before anybody is told: what is cached must not outlive it.
pub type BeforeAnswer = Arc<dyn Fn(&[Arc<Entry>]) + Send + Sync>;

impl Writer {
    /// Starts the tasks: one for SQLite, one for each shard of PostgreSQL.
    pub fn start(
        db: &Db,
        clock: &Clock,
        ids: &Arc<Ids>,
        shards: i64,
        feed: &Feed,
        before_answer: BeforeAnswer,
    ) -> Writer {
        let health = Arc::new(AtomicU8::new(StorageHealth::Writable as u8));
        let lanes = (0..shards).map(|shard| {
            let (sender, jobs) = mpsc::channel(WAITING_JOBS);
            let lane = Lane {
                shard,
                shards,
                db: db.clone(),
                clock: clock.clone(),
                ids: ids.clone(),
                feed: feed.clone(),
                before_answer: before_answer.clone(),
                health: health.clone(),
            };
            tokio::spawn(lane.serve(jobs));
            sender
        });
        Writer { lanes: lanes.collect(), health, shards }
    }

    /// Whether the last commit could be stored.
    pub fn health(&self) -> StorageHealth {
        match self.health.load(Ordering::Relaxed) {
            0 => StorageHealth::Writable,
            1 => StorageHealth::ReadOnly,
            _ => StorageHealth::Unavailable,
        }
    }

    /// Runs `work` in a transaction that has taken the shards of `streams`, and gives its outcome once
    /// that is durable. If the caller goes away the work is done all the same, whole or not at all.
    pub async fn run<T, F>(
        &self,
        actor: Option<UserId>,
        request_id: Option<Arc<str>>,
        streams: &[StreamId],
        work: F,
    ) -> Result<T>
    where
        T: Send + 'static,
        F: for<'t> FnOnce(&'t mut Tx) -> OperationFuture<'t, T> + Send + 'static,
    {
        let mut shards: Vec<i64> = streams.iter().map(|&stream| shard_of(stream, self.shards)).collect();
        shards.sort_unstable();
        shards.dedup();
        self.run_on(shards, actor, request_id, work).await
    }

    /// The same for work on a shard as a whole, on nobody's behalf.
    pub async fn run_on_shard<T, F>(&self, shard: i64, work: F) -> Result<T>
    where
        T: Send + 'static,
        F: for<'t> FnOnce(&'t mut Tx) -> OperationFuture<'t, T> + Send + 'static,
    {
        self.run_on(vec![shard], None, None, work).await
    }

    async fn run_on<T, F>(
        &self,
        shards: Vec<i64>,
        actor: Option<UserId>,
        request_id: Option<Arc<str>>,
        work: F,
    ) -> Result<T>
    where
        T: Send + 'static,
        F: for<'t> FnOnce(&'t mut Tx) -> OperationFuture<'t, T> + Send + 'static,
    {
        let (answer, outcome) = oneshot::channel();
        let operation = Box::new(Waiting { work: Some(work), outcome: None, answer, actor, request_id });
        let lane = shards.first().copied().unwrap_or(0);
        self.hand_over(lane, Job::Operation { shards, operation }).await?;
        outcome.await.unwrap_or(Err(Code::Unavailable.into()))
    }

    /// Hands a message over; its answer comes through the channel that it carries.
    pub async fn send(&self, message: Pending) -> Result<()> {
        let lane = shard_of(message.stream, self.shards);
        self.hand_over(lane, Job::Message(message)).await
    }

    /// The same for a reaction.
    pub async fn react(&self, reaction: Reaction) -> Result<()> {
        let lane = shard_of(reaction.stream, self.shards);
        self.hand_over(lane, Job::Reaction(reaction)).await
    }

    async fn hand_over(&self, lane: i64, job: Job) -> Result<()> {
        self.lanes[lane as usize].send(job).await.map_err(|_| Code::Unavailable.into())
    }
}

struct Lane {
    shard: i64,
    shards: i64,
    db: Db,
    clock: Clock,
    ids: Arc<Ids>,
    feed: Feed,
    before_answer: BeforeAnswer,
    health: Arc<AtomicU8>,
}

impl Lane {
    async fn serve(self, mut jobs: mpsc::Receiver<Job>) {
        let mut batch = Vec::new();
        loop {
            let taken = jobs.recv_many(&mut batch, BATCH_JOBS);
            // The first lane looks now and then whether any lane has found the storage failing: nobody
            // else asks for it while nobody writes.
            let taken = match self.shard {
                0 => tokio::time::timeout(PROBE_INTERVAL, taken).await,
                _ => Ok(taken.await),
            };
            match taken {
                Ok(0) => return,
                Ok(_) => self.commit(&mut batch).await,
                Err(_) if self.health.load(Ordering::Relaxed) != StorageHealth::Writable as u8 => self.probe().await,
                Err(_) => {}
            }
        }
    }

    /// Commits what waits, then answers everybody in it.
    async fn commit(&self, jobs: &mut Vec<Job>) {
        let mut batch = Batch::of(jobs);
        match self.transaction(&mut batch).await {
            Ok(entries) => {
                // A refusal alone in its batch commits nothing, so it proves nothing.
                if !entries.is_empty() {
                    self.set_health(StorageHealth::Writable);
                }
                (self.before_answer)(&entries);
                batch.answer(None);
                self.feed.offer(entries).await;
            }
            Err(error) => {
                self.failed(&error);
                batch.answer(Some(error.code()));
            }
        }
    }

    async fn transaction(&self, batch: &mut Batch) -> Result<Vec<Arc<Entry>>> {
        let Batch { messages, reactions, operations } = batch;
        let mut shards: Vec<i64> = operations.iter().flat_map(|(shards, ..)| shards.iter().copied()).collect();
        shards.push(self.shard);
        shards.sort_unstable();
        shards.dedup();
        let mut tx = Tx::begin(&self.db, &self.ids, self.clock.now(), self.shards, &shards).await?;
        // Data goes first: whatever in this batch takes the right to write away stands after it.
        commit::write(&mut tx, messages).await?;
        reacting::write(&mut tx, reactions).await?;
        let alone = messages.is_empty() && reactions.is_empty() && operations.len() == 1;
        for (_, operation, ended) in operations {
            *ended = if alone { run(&mut tx, operation).await } else { in_savepoint(&mut tx, operation).await };
            match ended {
                Err(error) if ends_batch(error) => return Err(error.code().into()),
                // The transaction rolls back as it is dropped: there is nothing else in it.
                Err(_) if alone => return Ok(Vec::new()),
                _ => {}
            }
        }
        tx.commit().await
    }

    async fn probe(&self) {
        let attempt = async {
            let mut conn = self.db.begin().await?;
            store::take_shard(&mut conn, self.shard).await?;
            conn.commit().await
        };
        match attempt.await {
            Ok(()) => self.set_health(StorageHealth::Writable),
            Err(error) => self.failed(&error.into()),
        }
    }

    fn failed(&self, error: &Error) {
        match error.code() {
            Code::ReadOnly => self.set_health(StorageHealth::ReadOnly),
            Code::Unavailable => self.set_health(StorageHealth::Unavailable),
            // Each request in the batch is told the code alone: the cause is logged here.
            _ => tracing::error!(cause = %error, "a batch failed"),
        }
    }

    fn set_health(&self, health: StorageHealth) {
        if self.health.swap(health as u8, Ordering::Relaxed) != health as u8 {
            tracing::warn!(?health, "storage");
        }
    }
}

/// Whether an error ends everybody's transaction, not just the operation's.
fn ends_batch(error: &Error) -> bool {
    matches!(error.code(), Code::ReadOnly | Code::Unavailable)
}

/// Runs an operation, and what follows from it whatever it was.
async fn run(tx: &mut Tx, operation: &mut Box<dyn Operation>) -> Result<()> {
    let before = tx.written();
    operation.run(tx).await?;
    voice::end_without_right(tx, before).await
}

async fn in_savepoint(tx: &mut Tx, operation: &mut Box<dyn Operation>) -> Result<()> {
    let mark = tx.mark();
    tx.execute("savepoint operation", &[]).await?;
    match run(tx, operation).await {
        Ok(()) => tx.execute("release savepoint operation", &[]).await.map(drop).map_err(Error::from),
        Err(error) if ends_batch(&error) => Err(error),
        Err(error) => {
            tx.fall_back(mark);
            tx.execute("rollback to savepoint operation", &[]).await?;
            tx.execute("release savepoint operation", &[]).await?;
            Err(error)
        }
    }
}
