//! What hooks are called with, and what they answer.

use serde::{Deserialize, Serialize};
use wasmtime::Store;
use wasmtime::component::{Instance, InstancePre};

use super::call::Call;
use super::contract::{
    filter_message, http_routes, interactions, lifecycle, on_member, on_message, on_messages, on_reaction, on_voice,
    scheduled, types,
};
use super::failure::{Failure, FailureCode, HostFault};
use super::interactions::replies::Answer;
use super::manifest::Hook;

/// What gives a value, unless the guest traps.
type Trapped<T> = wasmtime::Result<T>;

/// What a hook is called with.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub enum Input {
    /// A message is to be stored.
    Filter(filter_message::Stage, types::Message),
    /// A message was sent.
    MessageCreated(types::Message),
    /// A message was edited; its text before, where that is known.
    MessageEdited(types::Message, Option<String>),
    /// A message was deleted: its channel and id.
    MessageDeleted(u64, u64),
    /// Messages were sent.
    Messages(Vec<types::Message>),
    /// Somebody reacted.
    ReactionAdded(on_reaction::Reaction),
    /// A reaction is gone.
    ReactionRemoved(on_reaction::Reaction),
    /// Somebody came.
    MemberJoined(types::Member),
    /// Somebody went.
    MemberLeft(types::User),
    /// Somebody has other roles, another nickname or a timeout.
    MemberUpdated(types::Member),
    /// Somebody came into, went to or left a voice channel: who, from where, to where.
    VoiceChanged(u64, Option<u64>, Option<u64>),
    /// Somebody used a command.
    Command(interactions::Command),
    /// Somebody used a button or a list.
    Component(interactions::ComponentEvent),
    /// Somebody sent a form.
    Form(interactions::Form),
    /// Somebody is typing a command's option.
    Autocomplete(interactions::Command, String),
    /// A request to one of the plugin's routes.
    Route(http_routes::Request),
    /// A timer, or a cron entry as `cron:<name>`.
    Scheduled(String, Vec<u8>),
    /// It was installed.
    Installed,
    /// Another version was installed before.
    Upgraded(String),
    /// The admin changed these keys of its configuration.
    ConfigChanged(Vec<String>),
    /// It is about to be uninstalled.
    Uninstalling,
}

/// What a hook answered.
#[derive(Debug, Clone)]
pub enum Output {
    /// Nothing but that it is done.
    Done,
    /// What becomes of a message.
    Filtered(filter_message::Outcome),
    /// What whoever acted is shown.
    Reply(interactions::Reply),
    /// What may be chosen.
    Choices(Vec<interactions::Choice>),
    /// Either of them, as whoever acted sees it.
    Answer(Answer),
    /// The answer to a request.
    Response(http_routes::Response),
}

/// Bytes of an answer to a request, at most.
const MAX_BODY: usize = 1 << 20;
/// Headers of an answer, at most, and the bytes of all of them together.
const MAX_HEADERS: usize = 20;
const MAX_HEADER_BYTES: usize = 8 << 10;
/// Statuses that come without a body.
const BODILESS: [u16; 3] = [204, 205, 304];
/// Bytes of a text that a filter says something with, at most; a new text for the message is judged by itself.
const MAX_TEXT: usize = 16 << 10;
/// The longest name of a rule, in bytes.
const MAX_RULE: usize = 64;
/// What a filter asks for besides, and what it notes, each at most.
const MAX_ASKED: usize = 20;
/// What answers to requests may be: nothing that a browser would run.
const CONTENT_TYPES: [&str; 8] = [
    "application/json",
    "application/problem+json",
    "application/octet-stream",
    "text/plain",
    "text/csv",
    "text/calendar",
    "image/png",
    "image/jpeg",
];

impl Output {
    /// Refuses what can't be passed on.
    pub fn check(&self) -> Result<(), Failure> {
        let fault = match self {
            Output::Response(response) => fault_of_response(response),
            Output::Filtered(outcome) => fault_of_outcome(outcome),
            Output::Done | Output::Reply(_) | Output::Choices(_) | Output::Answer(_) => None,
        };
        fault.map_or(Ok(()), |fault| Err(Failure::new(FailureCode::BadOutput, fault)))
    }

    /// Whether it is an answer that says no: then nothing that the call wanted is done.
    pub fn is_refusal(&self) -> bool {
        matches!(self, Output::Response(response) if response.status >= 400)
    }
}

fn fault_of_response(response: &http_routes::Response) -> Option<&'static str> {
    let kind = response.content_type.split(';').next().unwrap_or_default().trim();
    let headers = response.headers.iter().map(|(name, value)| name.len() + value.len()).sum::<usize>();
    if !(200..=599).contains(&response.status) {
        Some("a status is 200 to 599")
    } else if response.body.len() > MAX_BODY {
        Some("the body is too large")
    } else if BODILESS.contains(&response.status) && !response.body.is_empty() {
        Some("this status has no body")
    } else if !response.body.is_empty() && !CONTENT_TYPES.contains(&kind) {
        Some("this content type isn't passed on")
    } else if response.headers.len() > MAX_HEADERS || headers + response.content_type.len() > MAX_HEADER_BYTES {
        Some("the headers are too large")
    } else {
        None
    }
}

fn fault_of_outcome(outcome: &filter_message::Outcome) -> Option<&'static str> {
    use filter_message::{Action, Verdict};
    let is_name = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"._-".contains(&byte);
    let is_rule = |rule: &String| (1..=MAX_RULE).contains(&rule.len()) && rule.bytes().all(is_name);
    let is_text = |text: &str| text.len() <= MAX_TEXT && !text.contains('\0');
    let verdict = match &outcome.verdict {
        Verdict::Hold(text) | Verdict::Block(text) => is_text(text),
        Verdict::Allow | Verdict::Rewrite(_) => true,
    };
    let asked = |action: &Action| match action {
        Action::Alert(text) => is_text(text),
        Action::Custom((kind, json)) => is_text(kind) && is_text(json),
        Action::TimeOut(_) => true,
    };
    if !outcome.rule.iter().all(is_rule) {
        Some("a rule is named by 1 to 64 of a-z, 0-9 and ._-")
    } else if outcome.actions.len() > MAX_ASKED || outcome.tags.len() > MAX_ASKED {
        Some("too many actions or tags")
    } else if !verdict
        || !outcome.actions.iter().all(asked)
        || !outcome.tags.iter().all(|(name, value)| is_text(name) && is_text(value))
    {
        Some("a text is too large, or holds U+0000")
    } else {
        None
    }
}

impl Input {
    /// The hook that takes it.
    pub fn hook(&self) -> Hook {
        match self {
            Input::Filter(..) => Hook::FilterMessage,
            Input::MessageCreated(_) | Input::MessageEdited(..) | Input::MessageDeleted(..) => Hook::OnMessage,
            Input::Messages(_) => Hook::OnMessages,
            Input::ReactionAdded(_) | Input::ReactionRemoved(_) => Hook::OnReaction,
            Input::MemberJoined(_) | Input::MemberLeft(_) | Input::MemberUpdated(_) => Hook::OnMember,
            Input::VoiceChanged(..) => Hook::OnVoice,
            Input::Command(_) | Input::Component(_) | Input::Form(_) | Input::Autocomplete(..) => Hook::Interactions,
            Input::Route(_) => Hook::HttpRoutes,
            Input::Scheduled(..) => Hook::Scheduled,
            Input::Installed | Input::Upgraded(_) | Input::ConfigChanged(_) | Input::Uninstalling => Hook::Lifecycle,
        }
    }
}

/// Where a component's hooks are, found once for all its instances.
#[derive(Default)]
pub struct Hooks {
    filter_message: Option<filter_message::GuestIndices>,
    on_message: Option<on_message::GuestIndices>,
    on_messages: Option<on_messages::GuestIndices>,
    on_reaction: Option<on_reaction::GuestIndices>,
    on_member: Option<on_member::GuestIndices>,
    on_voice: Option<on_voice::GuestIndices>,
    interactions: Option<interactions::GuestIndices>,
    http_routes: Option<http_routes::GuestIndices>,
    scheduled: Option<scheduled::GuestIndices>,
    lifecycle: Option<lifecycle::GuestIndices>,
}

impl Hooks {
    /// Looks for the hooks of a component. Only their names are compared here; their types are when one is
    /// called, and when the component is taken in.
    pub fn find(component: &InstancePre<Box<Call>>) -> Hooks {
        Hooks {
            filter_message: filter_message::GuestIndices::new(component).ok(),
            on_message: on_message::GuestIndices::new(component).ok(),
            on_messages: on_messages::GuestIndices::new(component).ok(),
            on_reaction: on_reaction::GuestIndices::new(component).ok(),
            on_member: on_member::GuestIndices::new(component).ok(),
            on_voice: on_voice::GuestIndices::new(component).ok(),
            interactions: interactions::GuestIndices::new(component).ok(),
            http_routes: http_routes::GuestIndices::new(component).ok(),
            scheduled: scheduled::GuestIndices::new(component).ok(),
            lifecycle: lifecycle::GuestIndices::new(component).ok(),
        }
    }

    /// The hooks that there are.
    pub fn there(&self) -> Vec<Hook> {
        let found = [
            (Hook::FilterMessage, self.filter_message.is_some()),
            (Hook::OnMessage, self.on_message.is_some()),
            (Hook::OnMessages, self.on_messages.is_some()),
            (Hook::OnReaction, self.on_reaction.is_some()),
            (Hook::OnMember, self.on_member.is_some()),
            (Hook::OnVoice, self.on_voice.is_some()),
            (Hook::Interactions, self.interactions.is_some()),
            (Hook::HttpRoutes, self.http_routes.is_some()),
            (Hook::Scheduled, self.scheduled.is_some()),
            (Hook::Lifecycle, self.lifecycle.is_some()),
        ];
        found.into_iter().filter_map(|(hook, there)| there.then_some(hook)).collect()
    }

    /// Calls the hook that takes `input`.
    pub async fn call(
        &self,
        store: &mut Store<Box<Call>>,
        instance: &Instance,
        context: &types::Context,
        input: &Input,
    ) -> Trapped<Result<Output, types::Error>> {
        /// Finds a hook and calls one of its functions.
        macro_rules! call {
            ($hook:ident . $function:ident ( $($argument:expr),* )) => {{
                let indices = self.$hook.as_ref().ok_or_else(|| HostFault(concat!("no ", stringify!($hook)).into()))?;
                indices.load(&mut *store, instance)?.$function(&mut *store, context $(, $argument)*).await?
            }};
        }
        let done = |result: Result<(), types::Error>| Ok(result.map(|()| Output::Done));
        match input {
            Input::Filter(stage, message) => {
                Ok(call!(filter_message.call_evaluate(*stage, message)).map(Output::Filtered))
            }
            Input::MessageCreated(message) => done(call!(on_message.call_created(message))),
            Input::MessageEdited(message, previous) => {
                done(call!(on_message.call_edited(message, previous.as_deref())))
            }
            Input::MessageDeleted(channel, id) => done(call!(on_message.call_deleted(*channel, *id))),
            Input::Messages(batch) => done(call!(on_messages.call_created(batch))),
            Input::ReactionAdded(reaction) => done(call!(on_reaction.call_added(reaction))),
            Input::ReactionRemoved(reaction) => done(call!(on_reaction.call_removed(reaction))),
            Input::MemberJoined(member) => done(call!(on_member.call_joined(member))),
            Input::MemberLeft(user) => done(call!(on_member.call_left(user))),
            Input::MemberUpdated(member) => done(call!(on_member.call_updated(member))),
            Input::VoiceChanged(user, before, after) => done(call!(on_voice.call_changed(*user, *before, *after))),
            Input::Command(command) => Ok(call!(interactions.call_on_command(command)).map(Output::Reply)),
            Input::Component(event) => Ok(call!(interactions.call_on_component(event)).map(Output::Reply)),
            Input::Form(form) => Ok(call!(interactions.call_on_form(form)).map(Output::Reply)),
            Input::Autocomplete(command, focused) => {
                Ok(call!(interactions.call_autocomplete(command, focused)).map(Output::Choices))
            }
            Input::Route(request) => Ok(call!(http_routes.call_handle(request)).map(Output::Response)),
            Input::Scheduled(id, payload) => done(call!(scheduled.call_run(id, payload))),
            Input::Installed => done(call!(lifecycle.call_installed())),
            Input::Upgraded(from) => done(call!(lifecycle.call_upgraded(from))),
            Input::ConfigChanged(keys) => done(call!(lifecycle.call_config_changed(keys))),
            Input::Uninstalling => done(call!(lifecycle.call_uninstalling())),
        }
    }
}
