//! One call of one hook: what the guest's instance has beside it while it runs.

use std::sync::Arc;
use std::time::{Duration, Instant};

use aws_lc_rs::hmac;
use rand::SeedableRng;
use rand::rngs::StdRng;
use serde::Serialize;
use serde::de::DeserializeOwned;
use wasmtime::Result;

use super::budget::Meter;
use super::contract::{log::Level, types};
use super::failure::HostFault;
use super::installation::Installation;
use super::manifest::{CallClass, Hook, Permission};
use super::package::Package;
use super::record::{Ground, Trace};
use super::work::Work;
use crate::accounts::{Caller, CallerKind};
use crate::app::App;
use crate::clock::Timestamp;
use crate::db;
use crate::error::{Code, Error};
use crate::id::{ChannelId, MessageId, UserId};

/// What the request id of rows begins with that a plugin has caused; then comes how many led there.
const MARK: &str = "plugin/";

/// How many plugins' doings led to a row of the log, by its request id.
pub fn depth_of(request_id: Option<&str>) -> u8 {
    let marked = request_id.and_then(|id| id.strip_prefix(MARK));
    marked.and_then(|rest| rest.split('/').next()?.parse().ok()).unwrap_or(0)
}

/// Who is called, and why.
#[derive(Clone)]
pub struct Job {
    /// Who is called.
    pub installation: Arc<Installation>,
    /// Its code.
    pub package: Arc<Package>,
    /// The hook.
    pub hook: Hook,
    /// What it is for.
    pub class: CallClass,
    /// What caused it; the same at each attempt.
    pub event_id: String,
    /// Whoever caused it; nobody for timers.
    pub actor: Option<UserId>,
    /// The language to answer in.
    pub locale: String,
    /// The moment of the call.
    pub now: Timestamp,
    /// 1 the first time.
    pub attempt: u8,
    /// How many plugins' doings led here.
    pub depth: u8,
}

/// What a filter is asked about, which some imports tell it of.
pub struct Filtered {
    /// Where the message is to stand.
    pub channel: ChannelId,
    /// The message: it is counted once, however often it is checked.
    pub message: MessageId,
}

/// A line of an installation's log.
#[derive(Debug, Clone)]
pub struct Line {
    /// How much it matters.
    pub level: Level,
    /// What it says.
    pub message: String,
    /// What there is beside it.
    pub fields: Vec<(String, String)>,
}

/// What an instance has beside it: what it is about, what it used, and what it wants to be done.
pub struct Call {
    /// Who is called, and why.
    pub job: Job,
    /// What it has used.
    pub meter: Meter,
    /// What it has read and wants to be done.
    pub work: Work,
    /// What it has logged.
    pub lines: Vec<Line>,
    /// Lines that were too much.
    pub dropped_lines: u32,
    /// When it began.
    pub(super) begun: Instant,
    /// The message, for filters.
    pub filtered: Option<Filtered>,
    /// Every answer of the host, for whoever wants to see the call again.
    pub trace: Trace,
    /// Where answers come from.
    pub(super) ground: Ground,
    /// Where its randomness comes from, once it has asked for some.
    chance: Option<Box<StdRng>>,
}

impl Job {
    /// Whoever the plugin acts for, whose rights then bound its own: the one who asked it for something.
    pub fn acts_for(&self) -> Option<UserId> {
        match self.class {
            CallClass::Interaction | CallClass::Route => self.actor,
            CallClass::Filter | CallClass::Event | CallClass::Scheduled | CallClass::Lifecycle => None,
        }
    }

    /// What the rows of the log say that they are caused by, so that plugins don't answer each other for ever.
    pub fn mark(&self) -> String {
        format!("{MARK}{}/{}", self.depth + 1, self.event_id)
    }

    /// The context that the guest is given.
    pub fn context(&self, wall: Duration) -> types::Context {
        types::Context {
            event_id: self.event_id.clone(),
            installation: self.installation.id.0 as u64,
            guild: self.installation.guild_id.0 as u64,
            bot: self.installation.bot_id.0 as u64,
            plugin_version: self.installation.version.clone(),
            actor: self.actor.map(|actor| actor.0 as u64),
            locale: self.locale.clone(),
            now: self.now.0 as u64,
            attempt: self.attempt,
            deadline_ms: u32::try_from(wall.as_millis()).unwrap_or(u32::MAX),
            depth: self.depth,
            attrs: Vec::new(),
        }
    }
}

impl Call {
    /// A call that hasn't begun.
    pub fn new(job: Job, meter: Meter, ground: Ground, filtered: Option<Filtered>) -> Call {
        Call {
            job,
            meter,
            work: Work::default(),
            lines: Vec::new(),
            dropped_lines: 0,
            begun: Instant::now(),
            filtered,
            trace: Trace::default(),
            ground,
            chance: None,
        }
    }

    /// Whether the guest has written to its log.
    pub fn has_logged(&self) -> bool {
        !self.lines.is_empty() || self.dropped_lines > 0
    }

    /// The installation's bot, as the operations of the house know their callers.
    pub async fn bot(&self) -> Result<Caller> {
        let (app, bot) = (self.app()?, self.job.installation.bot_id);
        bot_caller(&app, &self.job, bot).await.map_err(|error| HostFault(error.to_string()).into())
    }

    /// The server. A call that is seen again has none: its answers are those of the first time.
    pub fn app(&self) -> Result<App> {
        match &self.ground {
            Ground::Live(app) => Ok(app.clone()),
            Ground::Seen(_) => Err(HostFault("this call is seen again: it reaches no server".into()).into()),
        }
    }

    /// Where random numbers come from: the same whenever this attempt is made, and what nobody can foresee.
    pub fn chance(&mut self) -> Result<&mut StdRng> {
        if self.chance.is_none() {
            let (app, job) = (self.app()?, &self.job);
            let key = app.plugins.chance(&app.config).map_err(|error| HostFault(format!("{error:#}")))?;
            let seed = format!("{} {} {}", job.event_id, job.installation.id, job.attempt);
            let tag = hmac::sign(key, seed.as_bytes());
            let mut bytes = [0; 32];
            bytes.copy_from_slice(&tag.as_ref()[..32]);
            self.chance = Some(Box::new(StdRng::from_seed(bytes)));
        }
        self.chance.as_deref_mut().ok_or_else(|| HostFault("no chance".into()).into())
    }

    /// The answer that the host gave at this point the first time, if this call is seen again.
    pub fn seen<T: DeserializeOwned>(&mut self, name: &str) -> Result<Option<T>> {
        match &mut self.ground {
            Ground::Live(_) => Ok(None),
            Ground::Seen(answers) => answers.next(name).map(Some),
        }
    }

    /// Remembers an answer of the host.
    pub fn note<T: Serialize>(&mut self, name: &'static str, answer: &T) {
        self.trace.note(name, answer);
    }

    /// Refuses what the installation wasn't granted, and what filters may not do.
    pub fn require(&self, permission: Permission) -> Result<(), types::Error> {
        self.outside_filters()?;
        if self.job.installation.may(permission) {
            Ok(())
        } else {
            Err(types::Error::Denied(permission.as_str().to_owned()))
        }
    }

    /// Refuses what filters may not do.
    pub fn outside_filters(&self) -> Result<(), types::Error> {
        match self.job.class {
            CallClass::Filter => Err(types::Error::Denied("not while a message is filtered".into())),
            _ => Ok(()),
        }
    }
}

/// An installation's bot, on whose behalf its plugin acts.
pub async fn bot_caller(app: &App, job: &Job, bot: UserId) -> crate::error::Result<Caller> {
    let identity = app.identities.get(&app.db, bot).await?.ok_or(Code::NotFound)?;
    Ok(Caller {
        identity: Some(identity),
        request_id: Some(job.mark().into()),
        locale: job.locale.clone(),
        ..Caller::nobody(bot, CallerKind::Bot)
    })
}

/// What a guest is told of an error of the house: a refusal is an answer, a fault ends the call.
pub fn told<T>(result: Result<T, Error>) -> Result<Result<T, types::Error>> {
    let error = match result {
        Ok(value) => return Ok(Ok(value)),
        Err(error) => error,
    };
    let text = error.to_string();
    Ok(Err(match error.code() {
        Code::NotFound => types::Error::NotFound,
        // By its name, so that whoever asked the plugin can be told which.
        Code::MissingPermission => types::Error::Denied(error.argument("permission").unwrap_or(&text).to_owned()),
        Code::Forbidden | Code::RoleTooHigh | Code::OwnerProtected => types::Error::Denied(text),
        Code::Unavailable | Code::ReadOnly => types::Error::Unavailable(text),
        Code::Internal => return Err(HostFault(text).into()),
        code => types::Error::Refused(types::Refusal { code: code.as_str().to_owned(), text }),
    }))
}

/// The same for what only a database can do wrong.
pub fn read<T>(result: db::Result<T>) -> Result<T> {
    result.map_err(|error| HostFault(error.to_string()).into())
}

/// Answers a guest: from what it was answered the first time, or else by `$live`, which is remembered.
macro_rules! answer {
    ($call:ident, $name:literal, $live:expr) => {{
        $call.meter.host_call()?;
        match $call.seen($name)? {
            Some(answer) => Ok(answer),
            None => {
                // What is answered early is an answer, too: it is remembered all the same.
                let answer = async { Result::<_>::Ok($live) }.await?;
                $call.note($name, &answer);
                Ok(answer)
            }
        }
    }};
}
pub(super) use answer;
