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
use super::engine::Engine;
use super::failure::{Failure, FailureCode};
use super::held::{self, Held};
use super::input::{Input, Output};
use super::installation::Installation;
use super::invoke::{Request, invoke_here};
use super::manifest::{CallClass, Hook, OnFailure, Permission};
use super::package::Package;
use super::spending::Purse;
use super::{alerts, blocks, convert};
use crate::accounts::{Author, Caller};
use crate::app::App;
use crate::channels::Access;
use crate::error::{Code, Error, Result};
use crate::http::body::{Faults, Validate};
use crate::id::{ChannelId, GuildId, InstallationId, MessageId, UserId};
use crate::messaging::{self, Draft, mentions};

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
    let (guild, writer) = (membership.id(), Writer::Account(caller.clone()));
    let can_wait = stage == Stage::Create;
    let passing =
        Passing { app: app.clone(), guild, writer, channel: access.channel, id, stage, can_wait, except: None };
    // Rare and large: in a box of its own it doesn't weigh on messages of guilds without plugins.
    Box::pin(apart(passing, installed, draft)).await
}

/// Filters the first message of a thread that isn't there yet, as one in the channel that the thread branches from.
pub async fn opening(app: &App, caller: &Caller, access: &Access, content: &mut String) -> Result<()> {
    let Some(membership) = access.membership() else { return Ok(()) };
    let writer = Writer::Account(caller.clone());
    other(app, writer, (membership.id(), access.channel), None, content).await
}

/// Filters what a webhook wants to say; those who are told why it may not are told in this language.
pub async fn webhook(
    app: &App,
    author: Author,
    locale: &str,
    (guild, channel): (GuildId, ChannelId),
    nonce: Option<&str>,
    content: &mut String,
) -> Result<()> {
    let writer = Writer::Webhook(author, locale.to_owned());
    other(app, writer, (guild, channel), nonce, content).await
}

/// Filters a message that can't wait for the moderators: one that is held is refused.
async fn other(
    app: &App,
    writer: Writer,
    (guild, channel): (GuildId, ChannelId),
    nonce: Option<&str>,
    content: &mut String,
) -> Result<()> {
    let installed = app.plugins.installed.of(&app.db, guild).await?;
    if installed.is_empty() {
        return Ok(());
    }
    let (id, stage) = (MessageId(app.next_id()?), Stage::Create);
    let passing = Passing { app: app.clone(), guild, writer, channel, id, stage, can_wait: false, except: None };
    let nonce = nonce.map(str::to_owned);
    let mut draft = Draft { content: std::mem::take(content), nonce, ..Draft::default() };
    Box::pin(apart(passing, installed, &mut draft)).await?;
    *content = draft.content;
    Ok(())
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
        let (writer, except) = (Writer::Account(bot.clone()), Some(job.installation.id));
        let passing = Passing { app: app.clone(), guild, writer, channel, id, stage, can_wait: false, except };
        apart(passing, installed, draft).await
    })
}

/// A message on its way through the filters.
struct Passing {
    app: App,
    guild: GuildId,
    writer: Writer,
    channel: ChannelId,
    id: MessageId,
    stage: Stage,
    /// Whether it can wait for the moderators. An edit can't: the message stays as it is. Nor can what a plugin says,
    /// whose call fails.
    can_wait: bool,
    /// The plugin that wants to send it: its own filter isn't asked.
    except: Option<InstallationId>,
}

/// Who wants to say it.
enum Writer {
    /// An account.
    Account(Caller),
    /// A webhook, under the name that it speaks under; and the language of whoever has its token.
    Webhook(Author, String),
}

impl Writer {
    /// Whoever has an account.
    fn account(&self) -> Option<UserId> {
        match self {
            Writer::Account(caller) => Some(caller.user),
            Writer::Webhook(..) => None,
        }
    }

    fn author(&self) -> Result<&Author> {
        match self {
            Writer::Account(caller) => Ok(&caller.identity()?.author),
            Writer::Webhook(author, _) => Ok(author),
        }
    }

    fn locale(&self) -> &str {
        match self {
            Writer::Account(caller) => &caller.locale,
            Writer::Webhook(_, locale) => locale,
        }
    }
}

/// Lets the filters look at a message that care about it, on their own threads: going there and back costs as much
/// as a small filter, so all are asked on one way.
async fn apart(passing: Passing, installed: Arc<[Arc<Installation>]>, draft: &mut Draft) -> Result<()> {
    if !installed.iter().any(|one| passing.asks(one, &draft.content).is_some()) {
        return Ok(());
    }
    let threads = &Engine::shared(&passing.app.config.plugins)?.filters;
    let mut filtered = std::mem::take(draft);
    // Whoever waits for it may go away: it ends all the same, and what filters did counts.
    let way = threads.spawn(async move {
        let outcome = through(&passing, &installed, &mut filtered).await;
        (outcome, filtered)
    });
    let (outcome, filtered) = way.await.map_err(|error| Error::Internal(error.into()))?;
    *draft = filtered;
    outcome
}

async fn through(passing: &Passing, installed: &[Arc<Installation>], draft: &mut Draft) -> Result<()> {
    let app = &passing.app;
    let chain = CHAIN.saturating_mul(app.config.plugins.patience.max(1));
    let mut spent = Duration::ZERO;
    let mut standing = Standing::Allowed;
    let mut input = passing.input(draft)?;
    for installation in installed {
        let Some(policy) = passing.asks(installation, &draft.content) else { continue };
        // Whatever has to be compiled first is no fault of any filter: the clock starts after that.
        let package = app.plugins.package(&app.config, &installation.plugin).await;
        if let Err(error) = &package {
            tracing::warn!(%error, installation = %installation.id, "a filter can't be started");
        }
        let begun = Instant::now();
        let judged = match spent < chain {
            true => passing.judge(installation, package.ok(), input.clone()).await,
            false => Err(Failure::new(FailureCode::Deadline, "the guild's filters took too long")),
        };
        spent += begun.elapsed();
        let outcome = judged.unwrap_or_else(|failure| on_failure(installation, policy, &failure));
        if !outcome.actions.is_empty() {
            Box::pin(passing.act(installation, draft, &outcome)).await;
        }
        let rewritten = matches!(outcome.verdict, Verdict::Rewrite(_));
        standing = standing.and(installation, outcome, draft);
        if rewritten {
            // What one has made of the text the next one sees.
            input = passing.input(draft)?;
        }
        if matches!(standing, Standing::Blocked(_)) {
            break;
        }
    }
    match standing {
        Standing::Allowed => Ok(()),
        standing => Box::pin(passing.settle(standing, draft)).await,
    }
}

impl Standing {
    /// How it stands after one more filter; the text may be another then.
    fn and(self, installation: &Arc<Installation>, outcome: Outcome, draft: &mut Draft) -> Standing {
        let rule = outcome.rule.unwrap_or_default();
        let reason = |text| Reason { installation: installation.clone(), rule, text };
        match (outcome.verdict, self) {
            (Verdict::Allow, standing) => standing,
            (Verdict::Rewrite(text), standing) => {
                rewrite(draft, &text);
                standing
            }
            (Verdict::Hold(text), Standing::Allowed) => Standing::Held(reason(text)),
            (Verdict::Hold(_), standing) => standing,
            (Verdict::Block(text), _) => Standing::Blocked(reason(text)),
        }
    }
}

impl Passing {
    /// Whether a filter is asked about a text, and what becomes of the message then if it fails.
    fn asks(&self, installation: &Installation, text: &str) -> Option<OnFailure> {
        if !installation.is_enabled() || Some(installation.id) == self.except {
            return None;
        }
        let handled = self.app.plugins.marketplace.get(&installation.plugin)?.manifest.hook(Hook::FilterMessage)?;
        let cares = handled.matches.as_ref().is_none_or(|matches| matches.matches(text));
        cares.then_some(handled.on_failure)
    }

    /// What filters are given: the message as it is by now.
    fn input(&self, draft: &Draft) -> Result<Arc<Input>> {
        Ok(Arc::new(Input::Filter(self.stage, message(self.writer.author()?, self.channel, self.id, draft))))
    }

    /// What one filter says of the message.
    async fn judge(
        &self,
        installation: &Arc<Installation>,
        package: Option<Arc<Package>>,
        input: Arc<Input>,
    ) -> std::result::Result<Outcome, Failure> {
        let Passing { app, writer, channel, id, .. } = self;
        let request = Request {
            installation: installation.clone(),
            package,
            input,
            class: CallClass::Filter,
            event_id: format!("filter/{id}"),
            actor: writer.account(),
            locale: writer.locale().to_owned(),
            depth: 0,
            tried: 0,
            filtered: Some(Filtered { channel: *channel, message: *id }),
            cause: Cause::Nothing,
        };
        match invoke_here(app, request).await? {
            Output::Filtered(outcome) => Ok(outcome),
            _ => Err(Failure::new(FailureCode::BadOutput, "no outcome")),
        }
    }

    /// Does what a filter asks for besides, with its installation's rights. What it may not do is left out: the
    /// message must not wait for it.
    async fn act(&self, installation: &Installation, draft: &Draft, outcome: &Outcome) {
        let Passing { app, guild, writer, channel, .. } = self;
        let Ok(author) = writer.author() else { return };
        let rule = outcome.rule.as_deref().unwrap_or_default();
        // What stops somebody comes before what is said of them.
        let (time_outs, others): (Vec<&Asked>, Vec<&Asked>) =
            outcome.actions.iter().partition(|action| matches!(action, Asked::TimeOut(_)));
        for action in time_outs.into_iter().chain(others) {
            let needed = match action {
                Asked::Alert(_) => true,
                Asked::TimeOut(_) => installation.may(Permission::Moderation) && writer.account().is_some(),
                Asked::Custom(_) => false,
            };
            if !needed {
                tracing::debug!(?action, installation = %installation.id, "what a filter asked for isn't done");
                continue;
            }
            if !app.plugins.spending.take(installation.id, Purse::Moderation, 1.0) {
                tracing::debug!(installation = %installation.id, "a filter asked for too much in a minute");
                return;
            }
            let done = match action {
                Asked::Alert(text) => {
                    alerts::raise(app, installation, *channel, author.id, rule, text, &draft.content).await
                }
                Asked::TimeOut(ms) => {
                    let reason = outcome.rule.clone().unwrap_or_else(|| installation.plugin.clone());
                    alerts::time_out(app, installation, *guild, author.id, *ms, reason).await
                }
                Asked::Custom(_) => Ok(()),
            };
            if let Err(error) = done {
                tracing::debug!(%error, installation = %installation.id, "what a filter asked for was refused");
            }
        }
    }

    /// Lets the message go on, keeps it or refuses it.
    async fn settle(&self, standing: Standing, draft: &Draft) -> Result<()> {
        let Passing { app, guild, writer, channel, id, stage, can_wait, .. } = self;
        let author = writer.author()?.id;
        match standing {
            Standing::Allowed => Ok(()),
            // Sent again under its nonce, it is nothing new: its author gets what stands already.
            _ if *stage == Stage::Create && is_sent(app, author, *channel, draft).await? => Ok(()),
            Standing::Blocked(reason) => Err(refusal(Code::MessageBlocked, reason)),
            Standing::Held(reason) if !can_wait => Err(refusal(Code::MessageBlocked, reason)),
            Standing::Held(reason) => {
                let held = Held {
                    id: id.0,
                    guild: *guild,
                    channel: *channel,
                    author,
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
}

async fn is_sent(app: &App, author: UserId, channel: ChannelId, draft: &Draft) -> Result<bool> {
    let Some(nonce) = &draft.nonce else { return Ok(false) };
    let mut conn = app.db.read().await?;
    Ok(messaging::sent_under(&mut conn, (author, channel, nonce), app.now()).await?.is_some())
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

/// A message that isn't stored yet, as filters see it.
fn message(author: &Author, channel: ChannelId, id: MessageId, draft: &Draft) -> types::Message {
    let named = mentions::parse(&draft.content);
    types::Message {
        id: id.0 as u64,
        channel: channel.0 as u64,
        kind: types::MessageKind::Default,
        author: convert::user(author),
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
    }
}
