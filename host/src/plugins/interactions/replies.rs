//! What plugins reply to those who wait: checked, and made part of what the call wants to be done.

use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::{components, whispers};
use crate::id::{ChannelId, MessageId};
use crate::messaging::Draft;
use crate::plugins::blocks::{self, Choice, Node, Place};
use crate::plugins::call::Call;
use crate::plugins::contract::interactions::{FormRequest, Reply};
use crate::plugins::contract::{messages_write, types};
use crate::plugins::convert;
use crate::plugins::failure::{Failure, FailureCode};
use crate::plugins::input::{Input, Output};
use crate::plugins::work::{Action, Work};

/// The longest id of a form, in characters.
const MAX_ID: usize = 100;
/// The longest title of a form, in characters.
const MAX_TITLE: usize = 200;
/// What may be offered at once.
const MAX_CHOICES: usize = 25;

/// What whoever acted sees.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
#[schema(as = InteractionAnswer)]
pub enum Answer {
    /// A message that all see.
    Message {
        /// Its id; it is received like any other.
        message_id: MessageId,
    },
    /// The message with the component has changed, for all.
    Update {
        /// Its id.
        message_id: MessageId,
    },
    /// A message that only they see, and that isn't kept.
    Ephemeral {
        /// What it says.
        message: Whisper,
    },
    /// A form to fill in.
    Form {
        /// What to say in `POST /interactions` when it is sent.
        id: String,
        /// What it is about.
        title: String,
        /// Inputs and lists.
        body: Node,
    },
    /// Nothing.
    None,
    /// What there is no kind for yet. Whoever doesn't know it shows nothing.
    Custom {
        /// Its kind.
        name: String,
        /// Whatever the plugin says of it.
        #[schema(value_type = Object)]
        data: Value,
    },
    /// What may be chosen for the option that is being typed.
    Choices {
        /// At most 25.
        choices: Vec<Choice>,
    },
}

/// A message that only one person sees.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Whisper {
    /// What to say in `POST /interactions` when something below it is used, within a quarter of an hour; if there is
    /// anything to use.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<MessageId>,
    /// What it says.
    pub content: String,
    /// What stands below that.
    pub blocks: Option<Node>,
}

/// Takes a reply into the work of its call: a message is committed with all the rest, or nothing is.
pub async fn settle(call: &mut Call, input: &Input, output: Output) -> Result<Output, Failure> {
    let answer = match output {
        Output::Reply(reply) => replied(call, input, reply).await?,
        Output::Choices(choices) => {
            // Whoever is still typing hasn't done anything.
            call.work = Work::default();
            require(choices.len() <= MAX_CHOICES, "too many choices")?;
            Answer::Choices { choices: choices.into_iter().map(Choice::from).collect() }
        }
        other => return Ok(other),
    };
    Ok(Output::Answer(answer))
}

async fn replied(call: &mut Call, input: &Input, reply: Reply) -> Result<Answer, Failure> {
    match reply {
        Reply::Message(draft) => {
            let channel = channel_of(input)?;
            let sent = messages_write::Host::send(call, channel, draft).await?;
            Ok(Answer::Message { message_id: sent.map(id).map_err(refused)? })
        }
        Reply::Update(draft) => {
            let Input::Component(event) = input else { return Err(bad("only a component's message can be updated")) };
            if is_whisper(call, id(event.message)).await? {
                return whispered(call, input, draft, Some(id(event.message)));
            }
            let changed = messages_write::Host::edit(call, event.channel, event.message, draft).await?;
            changed.map_err(refused)?;
            Ok(Answer::Update { message_id: id(event.message) })
        }
        Reply::Ephemeral(draft) => whispered(call, input, draft, None),
        Reply::Form(FormRequest { id, title, body }) => {
            require(!matches!(input, Input::Form(_)), "a form in answer to a form")?;
            require((1..=MAX_ID).contains(&id.chars().count()), "the form's id is too long, or there is none")?;
            require(
                (1..=MAX_TITLE).contains(&title.chars().count()),
                "the form's title is too long, or there is none",
            )?;
            let body = blocks::tree(&body, Place::Form, "/body").map_err(unfit)?;
            Ok(Answer::Form { id, title, body })
        }
        Reply::None => Ok(Answer::None),
        Reply::Custom((name, json)) => {
            let data = serde_json::from_str(&json).map_err(|_| bad("what isn't JSON"))?;
            require(json.len() <= blocks::MAX_BYTES, "too much JSON")?;
            Ok(Answer::Custom { name, data })
        }
    }
}

/// What only whoever acted sees, in the place of what they saw; what can be used there is kept for a while.
fn whispered(
    call: &mut Call,
    input: &Input,
    draft: types::Draft,
    before: Option<MessageId>,
) -> Result<Answer, Failure> {
    let Draft { content, blocks, .. } = convert::checked(draft).map_err(unfit)?;
    let mut whisper = Whisper { id: before, content, blocks };
    if let (Some(user), Some(blocks)) = (call.job.actor, whisper.blocks.as_ref().filter(|one| components::are_in(one)))
    {
        let id = match before {
            Some(id) => id,
            None => MessageId(call.app()?.next_id().map_err(broken)?),
        };
        let (channel, blocks) = (ChannelId(channel_of(input)? as i64), serde_json::to_string(blocks));
        let blocks = blocks.map_err(|_| bad("blocks that are no JSON"))?;
        call.work.actions.push(Action::Whisper { id, user, channel, blocks });
        whisper.id = Some(id);
    }
    Ok(Answer::Ephemeral { message: whisper })
}

async fn is_whisper(call: &Call, id: MessageId) -> Result<bool, Failure> {
    let (Some(user), app) = (call.job.actor, call.app()?) else { return Ok(false) };
    let found = match app.db.read().await {
        Ok(mut conn) => whispers::find(&mut conn, id, user, app.now()).await,
        Err(error) => Err(error),
    };
    Ok(found.map_err(broken)?.is_some())
}

fn broken(error: impl std::fmt::Display) -> Failure {
    Failure::new(FailureCode::Host, error.to_string())
}

fn channel_of(input: &Input) -> Result<u64, Failure> {
    match input {
        Input::Command(command) => Ok(command.channel),
        Input::Component(event) => Ok(event.channel),
        Input::Form(form) => Ok(form.channel),
        _ => Err(bad("nobody waits for a reply")),
    }
}

fn id(id: u64) -> MessageId {
    MessageId(id as i64)
}

fn bad(why: &str) -> Failure {
    Failure::new(FailureCode::BadOutput, why)
}

fn require(holds: bool, why: &str) -> Result<(), Failure> {
    if holds { Ok(()) } else { Err(bad(why)) }
}

/// A draft that isn't fit to be sent is the plugin's mistake, and none of the person's who waits.
fn unfit(error: types::Error) -> Failure {
    Failure::new(FailureCode::BadOutput, format!("the reply: {error:?}"))
}

/// What may not be sent here is said to whoever waits; what can't be sent anywhere is a mistake.
fn refused(error: types::Error) -> Failure {
    match error {
        types::Error::Invalid(_) => unfit(error),
        other => Failure::said(other),
    }
}
