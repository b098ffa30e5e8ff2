//! Automod: checks messages before others see them.
//!
//! `folding` sees through disguises; `words` and `links` find what is forbidden; `rules` goes
//! through all rules; `judgement` says what becomes of the message; `settings` is what the admin
//! has set.

mod folding;
mod judgement;
mod links;
mod rules;
mod settings;
mod words;

use guildhall_sdk::permissions::{MANAGE_MESSAGES, may};
use guildhall_sdk::{
    Argument, Context, Error, Message, Outcome, Plugin, Result, Stage, config, filter_read, i18n, plugin,
};

use judgement::Audience;
use settings::Settings;

/// The plugin.
pub struct Automod;

impl Plugin for Automod {
    fn filter_message(ctx: &Context, stage: Stage, message: &Message) -> Result<Outcome> {
        let settings = Settings(config::all());
        if is_exempt(&settings, message)? {
            return Ok(Outcome::allow());
        }
        let breaches = rules::breaches(&settings, stage, message, filter_read::count);
        let time_out_ms = u64::from(settings.number("time-out-minutes")) * 60_000;
        Ok(judgement::judge(&breaches, time_out_ms, |audience, rule, detail| {
            explain(ctx, &settings, audience, rule, detail)
        }))
    }
}

/// Whether a message isn't checked: by its channel, or by its author's roles or permissions.
fn is_exempt(settings: &Settings, message: &Message) -> Result<bool> {
    if settings.ids("exempt-channels").contains(&message.channel) {
        return Ok(true);
    }
    let author = match filter_read::author() {
        // A webhook's messages have no member behind them.
        Err(Error::NotFound) => return Ok(false),
        author => author?,
    };
    let roles = settings.ids("exempt-roles");
    let moderates = settings.flag("exempt-moderators") && may(author.permissions, MANAGE_MESSAGES);
    Ok(moderates || author.roles.iter().any(|role| roles.contains(role)))
}

/// Says which rule a message broke: to its author in their language, to the moderators in theirs.
fn explain(ctx: &Context, settings: &Settings, audience: Audience, rule: &str, detail: &Argument) -> String {
    let locale = match audience {
        Audience::Author => ctx.locale.as_str(),
        Audience::Moderators => settings.text("language").unwrap_or("en"),
    };
    i18n::t(locale, &format!("{}-{rule}", audience.prefix()), &[("detail".to_owned(), detail.clone())])
}

plugin!(Automod: filter_message);
