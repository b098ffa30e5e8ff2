//! The first administrator: a link that a server without one prints when it starts.

use std::time::Duration;

use serde::Deserialize;
use utoipa::ToSchema;

use super::administration::{INSTANCE, store as administration};
use super::one_time::{self, NewToken, Purpose, store as tokens};
use super::{Caller, InstanceRole, User, create, names, password, person, token};
use crate::app::App;
use crate::error::{Code, Result};
use crate::http::body::{Faults, Validate};
use crate::id::UserId;

/// How long the link is good.
const LINK_GOOD: Duration = Duration::from_secs(24 * 3600);

/// `POST /auth/setup`.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct FirstAdministrator {
    /// What the printed link ends with.
    pub token: String,
    /// 2 to 32 letters, digits, `_`, `-` or `.`.
    pub username: String,
    /// At least eight characters.
    pub password: String,
    /// Where to write to them.
    pub email: String,
}

impl Validate for FirstAdministrator {
    fn check(&self, faults: &mut Faults) {
        faults.length("/token", &self.token, 1, token::MAX_CHARS);
        names::check_username("/username", &self.username, faults);
        names::check_email("/email", &self.email, faults);
        password::check_length("/password", &self.password, faults);
    }
}

/// A fresh link if nobody runs this server yet; older ones are worth nothing from here on.
pub async fn link(app: &App) -> Result<Option<String>> {
    let secret = token::random();
    let new = NewToken {
        hash: token::hash(&secret),
        purpose: Purpose::FirstAdministrator,
        user: None,
        subject: String::new(),
        uses: 1,
        expires_at: app.now().after(LINK_GOOD),
    };
    let wanted = app.writer.run(None, None, &[INSTANCE], move |tx| {
        Box::pin(async move {
            tokens::void_all(tx, Purpose::FirstAdministrator).await?;
            let wanted = administration::administrators(tx).await? == 0;
            if wanted {
                let now = tx.now;
                tokens::insert(tx, &new, now).await?;
            }
            Ok(wanted)
        })
    });
    Ok(wanted.await?.then(|| format!("{}/setup/{secret}", app.config.public_url())))
}

/// Makes the first administrator's account.
pub async fn make(app: &App, caller: &Caller, new: FirstAdministrator) -> Result<User> {
    password::require_length(app, "/password", &new.password)?;
    let good = one_time::is_good(app, Purpose::FirstAdministrator, &new.token).await?;
    if !good {
        return Err(Code::TokenExpired.into());
    }
    let hash = password::hash(app, new.password).await?;
    let id = UserId(app.next_id()?);
    let mut account = person(id, &new.username, new.email, hash, caller.locale.clone());
    account.instance_role = InstanceRole::Administrator;
    app.writer
        .run(Some(id), caller.request_id.clone(), &[id.into(), INSTANCE], move |tx| {
            Box::pin(async move {
                one_time::take(tx, Purpose::FirstAdministrator, &new.token).await?;
                if administration::administrators(tx).await? > 0 {
                    return Err(Code::TokenExpired.into());
                }
                create(tx, account).await
            })
        })
        .await
}
