//! Write plugins for Guildhall in Rust.
//!
//! A plugin is a type with the trait [`Plugin`], of which it writes the methods that it needs, and
//! one line that says which hooks those belong to:
//!
//! ```
//! use guildhall_sdk::{Context, Draft, Message, Plugin, Result, messages_write};
//!
//! struct Parrot;
//!
//! impl Plugin for Parrot {
//!     fn message_created(_: &Context, message: &Message) -> Result<()> {
//!         if message.content == "hello" {
//!             messages_write::send(message.channel, &Draft::text("hello!"))?;
//!         }
//!         Ok(())
//!     }
//! }
//!
//! guildhall_sdk::plugin!(Parrot: on_message);
//! ```
//!
//! What a plugin can call stands in modules named as the interfaces of the WIT: [`kv`], [`config`],
//! [`messages_write`] and so on. Each call of a hook gets a fresh instance, so nothing in memory
//! outlives it: what must last belongs into [`kv`]. A component imports only what its plugin uses.
//!
//! Tests of a plugin run natively, where the imports aren't there: keep what there is to test in
//! functions that don't call them.

mod arena;
#[allow(unsafe_code, missing_docs, clippy::all)]
#[doc(hidden)]
pub mod bindings;
pub mod config;
mod context;
mod drafts;
mod error;
mod fields;
mod http;
mod id;
mod interaction;
pub mod kv;
mod panics;
pub mod permissions;
mod plugin;
pub mod time;
pub mod ui;

pub use serde_json;

pub use bindings::filter_message::exports::guildhall::plugin::filter_message::{Action, Outcome, Stage, Verdict};
pub use bindings::http_routes::exports::guildhall::plugin::http_routes::{Request, Response};
pub use bindings::imports::guildhall::plugin::i18n::Argument;
pub use bindings::imports::guildhall::plugin::resources::Resource;
pub use bindings::imports::guildhall::plugin::types::{
    AllowedMentions, Attachment, Attrs, Channel, ChannelKind, Choice, Context, Draft, Error, Fault, Member, Message,
    MessageKind, Page, ReactionCount, Refusal, Role, Snowflake, Timestamp, User, UserKind,
};
/// What a plugin can call, as the WIT has it.
pub use bindings::imports::guildhall::plugin::{
    badges, channels, clock, filter_read, i18n, log, members, messages_read, messages_write, moderation, random,
    realtime, resources, roles, schedule,
};
pub use bindings::interactions::exports::guildhall::plugin::interactions::{
    Arg, Command, ComponentEvent, Form, FormRequest, Reply,
};
pub use bindings::on_reaction::exports::guildhall::plugin::on_reaction::Reaction;
pub use error::Result;
pub use fields::Fields;
pub use id::Id;
pub use plugin::Plugin;

/// Makes a component of a [`Plugin`]: its name, and the hooks that the server shall call.
///
/// The hooks are `filter_message`, `on_message`, `on_messages`, `on_reaction`, `on_member`,
/// `on_voice`, `interactions`, `http_routes`, `scheduled` and `lifecycle`; the manifest lists the
/// same. Outside of WebAssembly it makes nothing.
#[macro_export]
macro_rules! plugin {
    ($plugin:ident: $($hook:ident),+ $(,)?) => {
        #[cfg(target_arch = "wasm32")]
        const _: () = {
            $($crate::bindings::$hook::export!($plugin with_types_in $crate::bindings::$hook);)+
        };
    };
}
