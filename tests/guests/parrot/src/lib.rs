//! Says what others say, if it is about pings.

use guildhall_sdk::{Context, Draft, Message, Plugin, Result, messages_write, plugin};

/// The plugin.
pub struct Parrot;

impl Plugin for Parrot {
    fn message_created(_: &Context, message: &Message) -> Result<()> {
        messages_write::send(message.channel, &Draft::text(message.content.clone())).map(drop)
    }
}

plugin!(Parrot: on_message);
