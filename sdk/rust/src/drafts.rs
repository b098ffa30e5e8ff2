//! Messages that aren't sent yet.

use crate::bindings::imports::guildhall::plugin::types::Ui;
use crate::{AllowedMentions, Draft, Snowflake};

impl Draft {
    /// A message of this text. Whoever it names is not notified, unless [`Draft::mentioning`] says
    /// so: plugins repeat what people write.
    pub fn text(content: impl Into<String>) -> Draft {
        Draft {
            content: content.into(),
            blocks: None,
            reply_to: Vec::new(),
            attachments: Vec::new(),
            allowed_mentions: Some(AllowedMentions { users: Some(vec![]), roles: Some(vec![]), everyone: false }),
            nonce: None,
            silent: false,
            attrs: Vec::new(),
        }
    }

    /// With these blocks below the text.
    pub fn blocks(self, blocks: impl Into<Ui>) -> Draft {
        Draft { blocks: Some(blocks.into()), ..self }
    }

    /// In answer to this message.
    pub fn replying_to(mut self, message: Snowflake) -> Draft {
        self.reply_to.push(message);
        self
    }

    /// Notifying these users, where the text names them.
    pub fn mentioning(self, users: Vec<Snowflake>) -> Draft {
        let allowed = AllowedMentions { users: Some(users), roles: Some(vec![]), everyone: false };
        Draft { allowed_mentions: Some(allowed), ..self }
    }

    /// Under the installation's own name for it, so that it is sent once.
    pub fn nonce(self, nonce: impl Into<String>) -> Draft {
        Draft { nonce: Some(nonce.into()), ..self }
    }

    /// Without notifying anybody.
    pub fn silent(self) -> Draft {
        Draft { silent: true, ..self }
    }
}
