//! The cast of the stories: a running server, people with tokens, their sockets.

mod app;
mod asyncapi;
mod channels;
pub mod components;
mod fallback;
mod mailbox;
pub mod plugins;
mod program;
mod resuming;
mod socket;
mod socketio;
pub mod source;
mod user;
pub mod world;

pub use app::{Database, TestApp, create_database, drop_database, may_skip, nats_url};
pub use asyncapi::{check, check_frame};
pub use channels::id_of;
pub use fallback::{Events, Fallback};
pub use mailbox::{Mailbox, link};
pub use program::binary;
pub use resuming::{Back, Cursors};
pub use socket::Socket;
pub use socketio::{SocketIo, Travel};
pub use user::{Answer, PASSWORD, User};

pub use serde_json::{Value, json};

/// Tells a story on both databases, each with a server of its own.
///
/// `story!(name, |app| { … });` or, with settings, `story!(name, |config| { … }, |app| { … });`
#[macro_export]
macro_rules! story {
    ($(#[$doc:meta])* $name:ident, |$app:ident| $body:block) => {
        $crate::story!($(#[$doc])* $name, |_config| {}, |$app| $body);
    };
    ($(#[$doc:meta])* $name:ident, |$config:ident| $settings:block, |$app:ident| $body:block) => {
        $(#[$doc])*
        mod $name {
            #[allow(unused_imports)]
            use super::*;

            async fn tell(database: $crate::support::Database) {
                // Some stories start it again.
                #[allow(unused_mut)]
                let Some(mut $app) = $crate::support::TestApp::start(database, |$config| $settings).await else { return };
                let story = async { $body };
                story.await;
                $app.stop().await;
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn sqlite() {
                tell($crate::support::Database::Sqlite).await;
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn postgres() {
                tell($crate::support::Database::Postgres).await;
            }
        }
    };
}

/// The same on a server that has every plugin that was built.
#[macro_export]
macro_rules! plugin_story {
    ($(#[$doc:meta])* $name:ident, |$app:ident| $body:block) => {
        $crate::story!($(#[$doc])* $name, |config| {
            config.plugins.bundled = $crate::support::plugins::built().to_owned();
        }, |$app| $body);
    };
}
