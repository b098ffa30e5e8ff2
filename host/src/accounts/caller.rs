//! On whose behalf an operation runs, whichever door it came through.

use std::net::IpAddr;
use std::sync::Arc;

use crate::accounts::{Identity, InstanceRole};
use crate::app::App;
use crate::error::{Code, Error, Result};
use crate::id::{SessionId, StreamId, UserId};
use crate::log::{OperationFuture, Tx};

/// How a caller proved who it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CallerKind {
    /// Not at all.
    Anonymous,
    /// A person with an access token of this session.
    Session(SessionId),
    /// A bot with its token.
    Bot,
}

/// Whoever asks for something.
#[derive(Debug, Clone)]
pub struct Caller {
    /// The account; 0 for nobody.
    pub user: UserId,
    /// How it proved that.
    pub kind: CallerKind,
    /// The account as it is now; nothing for nobody.
    pub identity: Option<Arc<Identity>>,
    /// The request, as it stands in logs and answers.
    pub request_id: Option<Arc<str>>,
    /// The language to answer in.
    pub locale: String,
    /// Where it comes from, behind trusted proxies.
    pub address: IpAddr,
    /// The program it uses, as that says itself.
    pub user_agent: String,
    /// Why, for the audit log: `X-Audit-Log-Reason`.
    pub reason: String,
}

impl Caller {
    /// An account that the server acts for by itself: no request stands behind it.
    pub fn nobody(user: UserId, kind: CallerKind) -> Caller {
        Caller {
            user,
            kind,
            identity: None,
            request_id: None,
            locale: crate::i18n::DEFAULT.to_owned(),
            address: IpAddr::V4(std::net::Ipv4Addr::UNSPECIFIED),
            user_agent: String::new(),
            reason: String::new(),
        }
    }

    /// Who it is; a refusal for nobody.
    pub fn identity(&self) -> Result<&Arc<Identity>> {
        self.identity.as_ref().ok_or(Error::Refused(Code::Unauthenticated))
    }

    /// Whether it is a bot.
    pub fn is_bot(&self) -> bool {
        self.kind == CallerKind::Bot
    }

    /// The session that it came with.
    pub fn session(&self) -> Option<SessionId> {
        match self.kind {
            CallerKind::Session(session) => Some(session),
            CallerKind::Anonymous | CallerKind::Bot => None,
        }
    }

    /// Refuses programs.
    pub fn require_person(&self) -> Result<()> {
        if self.is_bot() { Err(Code::BotsForbidden.into()) } else { Ok(()) }
    }

    /// Refuses whoever doesn't run this server.
    pub fn require_administrator(&self) -> Result<()> {
        match self.identity()?.instance_role {
            InstanceRole::Administrator => Ok(()),
            InstanceRole::Moderator | InstanceRole::None => Err(Code::Forbidden.into()),
        }
    }

    /// Runs `work` in a transaction on this caller's behalf; see [`crate::log::Writer::run`].
    pub async fn write<T, F>(&self, app: &App, streams: &[StreamId], work: F) -> Result<T>
    where
        T: Send + 'static,
        F: for<'t> FnOnce(&'t mut Tx) -> OperationFuture<'t, T> + Send + 'static,
    {
        app.writer.run(Some(self.user), self.request_id.clone(), streams, work).await
    }
}
