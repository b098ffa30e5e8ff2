//! What people say of themselves.

use serde::Deserialize;
use utoipa::ToSchema;

use super::{Caller, User, announce, email, names, store};
use crate::app::App;
use crate::error::{Code, FieldCode, Result};
use crate::http::body::{Faults, Validate};
use crate::id::{FileId, UserId};
use crate::log::Tx;

/// The longest text about oneself, in characters.
const MAX_BIO: usize = 1_000;

/// `PUT /users/{user_id}/profile`. What is missing or null stays as it is.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ProfileUpdate {
    /// The name that is shown, 1 to 32 characters.
    pub display_name: Option<String>,
    /// What they say of themselves, 1,000 characters at most.
    pub bio: Option<String>,
    /// Their picture.
    pub avatar_file_id: Option<FileId>,
    /// The language of messages to them.
    pub locale: Option<String>,
    /// Where to write to them; it must be verified anew.
    pub email: Option<String>,
}

impl Validate for ProfileUpdate {
    fn check(&self, faults: &mut Faults) {
        if let Some(name) = &self.display_name {
            names::check_display_name("/display_name", name, faults);
        }
        faults.length("/bio", self.bio.as_deref().unwrap_or_default(), 0, MAX_BIO);
        if self.avatar_file_id.is_some() {
            faults.note("/avatar_file_id", FieldCode::UnknownReference);
        }
        names::check_locale("/locale", self.locale.as_deref(), faults);
        if let Some(email) = &self.email {
            names::check_email("/email", email, faults);
        }
    }
}

impl ProfileUpdate {
    fn is_empty(&self) -> bool {
        self.display_name.is_none() && self.bio.is_none() && self.locale.is_none() && self.email.is_none()
    }
}

/// An account's profile, for whoever signed in; its private part for its owner.
pub async fn get(app: &App, caller: &Caller, user: UserId) -> Result<User> {
    let mut conn = app.db.read().await?;
    let row = store::user(&mut conn, user).await?.ok_or(Code::NotFound)?;
    Ok(if caller.user == user { row.own() } else { row.public() })
}

/// Changes one's own profile; answers the whole of it.
pub async fn update(app: &App, caller: &Caller, user: UserId, update: ProfileUpdate) -> Result<User> {
    let profile = get(app, caller, user).await?;
    if user != caller.user {
        return Err(Code::Forbidden.into());
    }
    if update.email.is_some() {
        caller.require_person()?;
    }
    if update.is_empty() {
        return Ok(profile);
    }
    let proof = email::Proof::new(app);
    let letter = proof.clone();
    let (user, moved) = caller
        .write(app, &[user.into()], move |tx| Box::pin(async move { apply(tx, user, update, &proof).await }))
        .await?;
    if moved {
        letter.send(app, &user);
    }
    Ok(user)
}

/// Writes the changes; answers the profile, and whether its address is another one now.
async fn apply(tx: &mut Tx, user: UserId, update: ProfileUpdate, proof: &email::Proof) -> Result<(User, bool)> {
    let row = store::user(tx, user).await?.ok_or(Code::NotFound)?;
    let name = update.display_name.map_or(row.display_name, |name| names::tidy(&name));
    let (bio, locale) = (update.bio.unwrap_or(row.bio), update.locale.unwrap_or(row.locale));
    store::set_profile(tx, user, &name, &bio, &locale).await?;
    let another = |email: &String| row.email.as_ref() != Some(email);
    let moved = match update.email.filter(another) {
        Some(email) => {
            let same_address = row.email.is_some_and(|old| names::email_key(&old) == names::email_key(&email));
            if !same_address && store::email_taken(tx, &names::email_key(&email)).await? {
                return Err(Code::EmailTaken.into());
            }
            store::set_email(tx, user, &email).await?;
            proof.issue(tx, user, &email).await?;
            true
        }
        None => false,
    };
    Ok((announce(tx, user).await?, moved))
}
