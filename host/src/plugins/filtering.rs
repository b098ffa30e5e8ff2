//! Filters: what installations say of a message before it is stored.
//!
//! Nothing runs where nothing is installed, and no guest for a message that its manifest says it doesn't care
//! about. The strictest verdict counts; each filter sees what the one before has made of the text.

use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::call::{Filtered, Job};
use super::commit::Cause;
pub use super::contract::filter_message::Stage;
use super::contract::filter_message::{Action as Asked, Outcome, Verdict};
use super::contract::types;
use super::failure::Failure;
use super::held::{self, Held};
use super::input::{Input, Output};
use super::installation::Installation;
use super::invoke::{Request, invoke};
use super::manifest::{CallClass, Hook, OnFailure, Permission};
use super::{alerts, blocks, convert};
use crate::accounts::Caller;
use crate::app::App;
use crate::channels::{Access, Membership, access, membership_of};
use crate::error::{Code, Error, Result};
use crate::guilds::members;
use crate::http::body::{Faults, Validate};
use crate::id::{ChannelId, GuildId, InstallationId, MessageId};
use crate::messaging::{Draft, mentions};

/// How long all filters of a guild together may keep a message.
const CHAIN: Duration = Duration::from_millis(100);

/// What a filter that said something is called by.
struct Reason {
    installation: Arc<Installation>,
    rule: String,
    text: String,
}

/// What the filters have made of a message so far.
enum Standing {
    Allowed,
    Held(Reason),
    Blocked(Reason),
}

/// Filters a message of a person or a bot. It may be given another text; it is refused if a filter blocks it,
/// or keeps it for the moderators.
pub async fn draft(
    app: &App,
    caller: &Caller,
    access: &Access,
    id: MessageId,
    draft: &mut Draft,
    stage: Stage,
) -> Result<()> {
    let Some(membership) = access.membership() else { return Ok(()) };
    let installed = app.plugins.installed.of(&app.db, membership.id()).await?;
    if installed.is_empty() {
        return Ok(());
    }
    // Rare and large: in a box of its own it doesn't weigh on messages of guilds without plugins.
    let passing = Passing { app, caller, membership, channel: access.channel, id, stage, except: None };
    Box::pin(through(passing, &installed, draft)).await
}

/// Filters a message that a plugin wants to send, by the other installations. Filters can send nothing
/// themselves, so this ends; but that can't be seen from the types.
pub(super) fn plugins_draft<'a>(
    app: &'a App,
    job: &'a Job,
    bot: &'a Caller,
    channel: ChannelId,
    id: MessageId,
    draft: &'a mut Draft,
    stage: Stage,
) -> Pin<Box<dyn Future<Output = Result<()>> + Send + 'a>> {
    Box::pin(async move {
        let guild = job.installation.guild_id;
        let installed = app.plugins.installed.of(&app.db, guild).await?;
        if installed.len() < 2 {
            return Ok(());
        }
        let membership = membership_of(app, guild, bot.user).await?.ok_or(Code::NotFound)?;
        let except = Some(job.installation.id);
        let passing = Passing { app, caller: bot, membership: &membership, channel, id, stage, except };
        through(passing, &installed, draft).await
    })
}

/// A message on its way through the filters.
struct Passing<'a> {
    app: &'a App,
    caller: &'a Caller,
    membership: &'a Membership,
    channel: ChannelId,
    id: MessageId,
    stage: Stage,
    /// The plugin that wants to send it: its own filter isn't asked.
    except: Option<InstallationId>,
}

async fn through(passing: Passing<'_>, installed: &[Arc<Installation>], draft: &mut Draft) -> Result<()> {
    let Passing { app, caller, membership, channel, id, stage, except } = passing;
    let chain = CHAIN.saturating_mul(app.config.plugins.patience.max(1));
    let mut spent = Duration::ZERO;
    let mut standing = Standing::Allowed;
    let mut author: Option<types::Member> = None;
    for installation in installed.iter().filter(|one| one.is_enabled() && Some(one.id) != except) {
        let Some(artifact) = app.plugins.marketplace.get(&installation.plugin) else { continue };
        let Some(handled) = artifact.manifest.hook(Hook::FilterMessage) else { continue };
        if handled.matches.as_ref().is_some_and(|matches| !matches.matches(&draft.content)) {
            continue;
        }
        if author.is_none() {
            author = Some(author_of(app, caller, membership, channel).await?);
        }
        if let Err(error) = app.plugins.package(&app.config, installation).await {
            tracing::warn!(%error, installation = %installation.id, "a filter can't be started");
        }
        // Whatever had to be compiled first is no fault of any filter: the clock starts here.
        let begun = Instant::now();
        let judged = if spent < chain {
            let message = message(caller, channel, id, draft)?;
            judge(app, caller, installation, message, stage, channel, author.clone()).await
        } else {
            Err(Failure::new(super::failure::FailureCode::Deadline, "the guild's filters took too long"))
        };
        spent += begun.elapsed();
        let outcome = match judged {
            Ok(outcome) => outcome,
            Err(failure) => on_failure(installation, handled.on_failure, &failure),
        };
        act(app, installation, caller, membership.id(), channel, draft, &outcome).await;
        let reason = |text: &str| Reason {
            installation: installation.clone(),
            rule: outcome.rule.clone().unwrap_or_default(),
            text: text.to_owned(),
        };
        match &outcome.verdict {
            Verdict::Allow => {}
            Verdict::Rewrite(text) => rewrite(draft, text),
            Verdict::Hold(text) => {
                if matches!(standing, Standing::Allowed) {
                    standing = Standing::Held(reason(text));
                }
            }
            Verdict::Block(text) => {
                standing = Standing::Blocked(reason(text));
                break;
            }
        }
    }
    match standing {
        Standing::Allowed => Ok(()),
        Standing::Blocked(reason) => Err(refusal(Code::MessageBlocked, reason)),
        // An edit that is held is refused: the message stays as it is. So is a plugin's message: its call fails.
        Standing::Held(reason) if stage == Stage::Edit || except.is_some() => {
            Err(refusal(Code::MessageBlocked, reason))
        }
        Standing::Held(reason) => {
            let held = Held {
                id: id.0,
                guild: membership.id(),
                channel,
                author: caller.user,
                installation: reason.installation.id,
                draft: held::Kept::of(draft),
                rule: reason.rule.clone(),
                reason: reason.text.clone(),
            };
            held::keep(app, held).await?;
            Err(refusal(Code::MessageHeld, reason))
        }
    }
}

fn refusal(code: Code, reason: Reason) -> Error {
    let plugin = reason.installation.plugin.clone();
    Error::Explained(code, vec![("plugin", plugin), ("rule", reason.rule), ("reason", reason.text)])
}

/// A text that nobody could send is as good as none: then the message stays as it was.
fn rewrite(draft: &mut Draft, text: &str) {
    let before = std::mem::replace(&mut draft.content, text.to_owned());
    let mut faults = Faults::default();
    draft.check(&mut faults);
    if faults.into_result().is_err() {
        draft.content = before;
    }
}

async fn judge(
    app: &App,
    caller: &Caller,
    installation: &Arc<Installation>,
    message: types::Message,
    stage: Stage,
    channel: ChannelId,
    author: Option<types::Member>,
) -> std::result::Result<Outcome, Failure> {
    let id = MessageId(message.id as i64);
    let request = Request {
        installation: installation.clone(),
        input: Input::Filter(stage, message),
        class: CallClass::Filter,
        event_id: format!("filter/{id}"),
        actor: Some(caller.user),
        locale: caller.locale.clone(),
        depth: 0,
        tried: 0,
        filtered: Some(Filtered { channel, author, message: id }),
        cause: Cause::Nothing,
    };
    match invoke(app, request).await? {
        Output::Filtered(outcome) => Ok(outcome),
        _ => Err(Failure::new(super::failure::FailureCode::BadOutput, "no outcome")),
    }
}

/// What becomes of a message when a filter fails on it.
fn on_failure(installation: &Installation, policy: OnFailure, failure: &Failure) -> Outcome {
    tracing::debug!(%failure, installation = %installation.id, "a filter failed");
    let text = || installation.plugin.clone();
    let verdict = match policy {
        OnFailure::Allow => Verdict::Allow,
        OnFailure::Hold => Verdict::Hold(text()),
        OnFailure::Block => Verdict::Block(text()),
    };
    let rule = Some(failure.code.as_str().to_owned());
    Outcome { verdict, rule, actions: Vec::new(), tags: Vec::new(), score: None }
}

/// Does what a filter asks for besides, with its installation's rights. What it may not do is left out: the
/// message must not wait for it.
async fn act(
    app: &App,
    installation: &Installation,
    caller: &Caller,
    guild: GuildId,
    channel: ChannelId,
    draft: &Draft,
    outcome: &Outcome,
) {
    for action in &outcome.actions {
        let done = match action {
            Asked::Alert(text) => {
                let rule = outcome.rule.clone().unwrap_or_default();
                alerts::raise(app, installation, channel, caller.user, &rule, text, &draft.content).await
            }
            Asked::TimeOut(ms) if installation.may(Permission::Moderation) => {
                let reason = outcome.rule.clone().unwrap_or_else(|| installation.plugin.clone());
                alerts::time_out(app, installation, guild, caller.user, *ms, reason).await
            }
            Asked::TimeOut(_) | Asked::Custom(_) => Ok(()),
        };
        if let Err(error) = done {
            tracing::debug!(%error, installation = %installation.id, "what a filter asked for was refused");
        }
    }
}

/// The author as the filters see them: their permissions are those in the channel.
async fn author_of(app: &App, caller: &Caller, membership: &Membership, channel: ChannelId) -> Result<types::Member> {
    let member = members::get(app, caller, membership.id(), caller.user).await?;
    let permissions = access(app, caller, channel).await?.permissions;
    Ok(convert::member(&member, permissions))
}

/// A message that isn't stored yet, as filters see it.
fn message(caller: &Caller, channel: ChannelId, id: MessageId, draft: &Draft) -> Result<types::Message> {
    let named = mentions::parse(&draft.content);
    Ok(types::Message {
        id: id.0 as u64,
        channel: channel.0 as u64,
        kind: types::MessageKind::Default,
        author: convert::user(&caller.identity()?.author),
        content: draft.content.clone(),
        reply_to: draft.reply_to.iter().map(|id| id.0 as u64).collect(),
        attachments: draft.attachments.iter().map(|id| convert::attachment(*id)).collect(),
        mentions: named.users.iter().map(|id| id.0 as u64).collect(),
        mention_roles: named.roles.iter().map(|id| id.0 as u64).collect(),
        mention_everyone: named.everyone,
        reactions: Vec::new(),
        pinned: false,
        nonce: draft.nonce.clone(),
        blocks: draft.blocks.as_ref().map(blocks::table),
        created_at: id.created_at().0 as u64,
        edited_at: None,
        attrs: Vec::new(),
    })
}
