//! The log of an installation: what its guests wrote, and why calls came to nothing. Its admins read it.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::call::Call;
use super::changing;
use super::contract::log::Level;
use super::failure::Failure;
use super::input::{Input, Output};
use super::installation::Installation;
use super::manifest::{CallClass, Hook};
use super::record::Answer;
use crate::accounts::Caller;
use crate::app::App;
use crate::clock::Timestamp;
use crate::closed_set;
use crate::error::{Code, Result};
use crate::http::page::{Anchor, Page, PageQuery};
use crate::id::InstallationId;
use crate::log::Tx;

pub mod routes;
mod store;

closed_set! {
    /// How much a line matters.
    pub enum Weight {
        /// For whoever looks for a mistake.
        Debug = "debug",
        /// Good to know.
        Info = "info",
        /// Somebody should look at it.
        Warn = "warn",
        /// Something went wrong.
        Error = "error",
    }
}

/// Lines that are kept of one installation, at most.
const KEPT: i64 = 1_000;
/// Failed calls of one installation that can be seen again, at most.
const BUNDLES_KEPT: i64 = 10;

/// A line of an installation's log.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Line {
    /// Its id, which rises.
    pub id: String,
    /// When it was written.
    pub at: Timestamp,
    /// How much it matters.
    pub level: Weight,
    /// Why a call came to nothing; empty for what the guest wrote.
    pub code: String,
    /// The hook that was called.
    pub hook: String,
    /// The event that it was called for.
    pub event_id: String,
    /// What it says.
    pub message: String,
    /// What there is beside it.
    #[schema(value_type = Object)]
    pub fields: serde_json::Value,
}

/// A call that can be seen again exactly as it was.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Bundle {
    /// The component's digest.
    pub digest: String,
    /// What the call was for.
    pub class: CallClass,
    /// The context that the guest was given, and what it was called with.
    pub context: super::contract::types::Context,
    /// What it was called with.
    pub input: Input,
    /// Every answer of the host, in order.
    pub answers: Vec<Answer>,
    /// How it ended.
    pub outcome: String,
}

/// Keeps why a plugin wasn't called at all.
pub async fn refused(app: &App, installation: &Installation, hook: Hook, event_id: &str, failure: &Failure) {
    let row = app.next_id().map(|id| store::NewRow {
        id,
        installation: installation.id,
        level: Weight::Error,
        code: failure.code.as_str().to_owned(),
        hook: hook.as_str(),
        event_id: event_id.to_owned(),
        message: failure.detail.clone(),
        fields: "{}".to_owned(),
    });
    let kept = match row {
        Ok(row) => put(app, installation, vec![row], None).await,
        Err(error) => Err(error),
    };
    if let Err(error) = kept {
        tracing::warn!(%error, installation = %installation.id, "a plugin's log could not be kept");
    }
}

/// Keeps what a call has logged and, if it failed, why, and what is needed to see it again.
pub async fn keep(
    app: &App,
    call: &Call,
    input: &Input,
    outcome: &std::result::Result<Output, Failure>,
    took: Duration,
) {
    let failure = outcome.as_ref().err();
    if let Err(error) = write(app, call, input, failure, took).await {
        tracing::warn!(%error, installation = %call.job.installation.id, "a plugin's log could not be kept");
    }
}

async fn write(app: &App, call: &Call, input: &Input, failure: Option<&Failure>, took: Duration) -> Result<()> {
    let job = &call.job;
    let installation = job.installation.id;
    let row = |level: Weight, code: &str, message: &str, fields: String| -> Result<store::NewRow> {
        let id = app.next_id()?;
        let (hook, event_id) = (job.hook.as_str(), job.event_id.clone());
        // PostgreSQL can't store it.
        let (code, message) = (code.to_owned(), message.replace('\0', "\u{fffd}"));
        Ok(store::NewRow { id, installation, level, code, hook, event_id, message, fields })
    };
    let mut rows = Vec::with_capacity(call.lines.len() + 2);
    for line in &call.lines {
        let level = match line.level {
            Level::Debug => Weight::Debug,
            Level::Info => Weight::Info,
            Level::Warn => Weight::Warn,
            Level::Error => Weight::Error,
        };
        let fields: serde_json::Map<String, serde_json::Value> =
            line.fields.iter().map(|(name, value)| (name.clone(), value.as_str().into())).collect();
        rows.push(row(level, "", &line.message, serde_json::to_string(&fields)?)?);
    }
    if call.dropped_lines > 0 {
        let message = format!("{} lines were too much for one call", call.dropped_lines);
        rows.push(row(Weight::Warn, "LOG_LIMIT", &message, "{}".into())?);
    }
    let mut bundle = None;
    if let Some(failure) = failure {
        let (took_ms, cpu_ms) = (took.as_millis() as u64, call.meter.cpu_ms());
        let used = serde_json::json!({"took_ms": took_ms, "cpu_ms": cpu_ms, "memory": call.meter.memory()});
        let level = if failure.counts() { Weight::Error } else { Weight::Warn };
        let line = row(level, failure.code.as_str(), &failure.detail, used.to_string())?;
        if let Some(answers) = call.trace.write().filter(|_| failure.counts()) {
            let seen = Bundle {
                digest: job.package.artifact.digest.clone(),
                class: job.class,
                context: job.context(call.meter.budget().wall),
                input: input.clone(),
                answers,
                outcome: failure.to_string(),
            };
            bundle = Some((line.id, serde_json::to_string(&seen)?));
        }
        rows.push(line);
    }
    put(app, &job.installation, rows, bundle).await
}

/// Keeps lines, and what is needed to see the call again that the last of them is about.
async fn put(
    app: &App,
    installation: &Installation,
    rows: Vec<store::NewRow>,
    bundle: Option<(i64, String)>,
) -> Result<()> {
    let (guild, installation) = (installation.guild_id, installation.id);
    app.writer
        .run(None, None, &[guild.into()], move |tx| {
            Box::pin(async move {
                store::insert(tx, &rows).await?;
                if let Some((id, bundle)) = bundle {
                    store::put_bundle(tx, id, installation, &bundle).await?;
                    store::trim_bundles(tx, installation, BUNDLES_KEPT).await?;
                }
                Ok(store::trim(tx, installation, KEPT).await?)
            })
        })
        .await
}

/// A page of an installation's log, the newest first, for those who manage plugins.
pub async fn list(app: &App, caller: &Caller, installation: InstallationId, query: PageQuery) -> Result<Page<Line>> {
    changing::get(app, caller, installation).await?;
    let before = match query.anchor::<i64>()? {
        None => i64::MAX,
        Some(Anchor::Before(id)) => id,
        Some(Anchor::After(_) | Anchor::Around(_)) => return Err(Code::InvalidQuery.into()),
    };
    let found = store::page(&mut app.db.read().await?, installation, before, query.limit() + 1).await?;
    Ok(Page::cut(found, query.limit()))
}

/// Writes a line of the host's own, in a transaction.
pub async fn note(
    tx: &mut Tx,
    line: i64,
    installation: InstallationId,
    code: &str,
    hook: &'static str,
    event_id: String,
    message: &str,
) -> Result<()> {
    let (code, message, fields) = (code.to_owned(), message.to_owned(), "{}".to_owned());
    let row = store::NewRow { id: line, installation, level: Weight::Warn, code, hook, event_id, message, fields };
    store::insert(tx, &[row]).await?;
    Ok(store::trim(tx, installation, KEPT).await?)
}

/// What is needed to see the call again whose failure stands in this line.
pub async fn bundle(app: &App, caller: &Caller, installation: InstallationId, line: i64) -> Result<serde_json::Value> {
    changing::get(app, caller, installation).await?;
    let found = store::bundle(&mut app.db.read().await?, installation, line).await?.ok_or(Code::NotFound)?;
    Ok(serde_json::from_str(&found)?)
}
