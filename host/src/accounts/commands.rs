//! Accounts and keys from the command line, for whoever sits at the server itself.

use std::io::{BufRead, IsTerminal};

use clap::{Args, Subcommand};

use super::administration::{self, AccountUpdate};
use super::store::{self, NewUser};
use super::{InstanceRole, NewAccount, create, password, person, recovery, token};
use crate::app::App;
use crate::error::{Code, Error, Result};
use crate::http::body::{Faults, Validate};
use crate::i18n;
use crate::id::UserId;

/// `guildhall user …`.
#[derive(Debug, Subcommand)]
pub enum UserCommand {
    /// Make an account; its password is read from standard input.
    Create(NewPerson),
    /// Give an account a new password, read from standard input; its sessions end.
    ResetPassword(Name),
    /// Close an account: its sessions end, and nobody can sign in to it.
    Disable(Name),
    /// Open an account that was closed.
    Enable(Name),
}

/// Who is to be made.
#[derive(Debug, Args)]
pub struct NewPerson {
    /// The name to sign in with.
    #[arg(long)]
    username: String,
    /// Where to write to them.
    #[arg(long)]
    email: String,
    /// Make them an administrator of this server.
    #[arg(long)]
    admin: bool,
}

/// Whom a command is about.
#[derive(Debug, Args)]
pub struct Name {
    /// The account's user name.
    name: String,
}

/// `guildhall keys …`.
#[derive(Debug, Subcommand)]
pub enum KeysCommand {
    /// Let a new key sign access tokens. The one before it proves for another 24 hours, so nobody is
    /// signed out; a running server notices by itself.
    Rotate,
    /// List the keys that sign or still prove.
    List,
}

/// Runs `guildhall user …`; what it prints is for people.
pub async fn user(app: &App, command: UserCommand) -> anyhow::Result<()> {
    let done = match command {
        UserCommand::Create(new) => create_person(app, new, &read_password()?).await,
        UserCommand::ResetPassword(who) => reset_password(app, &who.name, &read_password()?).await,
        UserCommand::Disable(who) => set_disabled(app, &who.name, true).await,
        UserCommand::Enable(who) => set_disabled(app, &who.name, false).await,
    };
    println!("{}", done.map_err(in_words)?);
    Ok(())
}

/// Runs `guildhall keys …`; what it prints is for people.
pub async fn keys(app: &App, command: KeysCommand) -> anyhow::Result<()> {
    match command {
        KeysCommand::Rotate => println!("{} signs from here on", token::rotate(app).await.map_err(in_words)?),
        KeysCommand::List => {
            for key in token::list(app).await.map_err(in_words)? {
                match key.retired_at {
                    None => println!("{}  made {}  signs", key.id, key.created_at),
                    Some(at) => println!("{}  made {}  proves, retired {at}", key.id, key.created_at),
                }
            }
        }
    }
    Ok(())
}

async fn create_person(app: &App, new: NewPerson, password: &str) -> Result<String> {
    let account = NewAccount {
        username: new.username,
        password: password.to_owned(),
        email: new.email,
        locale: None,
        invitation: None,
    };
    let mut faults = Faults::default();
    account.check(&mut faults);
    faults.into_result()?;
    password::require_length(app, "/password", &account.password)?;
    let id = UserId(app.next_id()?);
    let hash = password::hash(app, account.password).await?;
    let mut stored: NewUser = person(id, &account.username, account.email, hash, i18n::DEFAULT.to_owned());
    if new.admin {
        stored.instance_role = InstanceRole::Administrator;
    }
    let streams = [id.into(), administration::INSTANCE];
    let user = app.writer.run(None, None, &streams, move |tx| create(tx, stored)).await?;
    let role = if new.admin { ", an administrator" } else { "" };
    Ok(format!("made {}{role}, with the id {}", user.username, user.id))
}

async fn reset_password(app: &App, name: &str, password: &str) -> Result<String> {
    let user = named(app, name).await?;
    password::require_length(app, "/password", password)?;
    let hash = password::hash(app, password.to_owned()).await?;
    let user = app
        .writer
        .run(None, None, &[user.into()], move |tx| {
            Box::pin(async move { recovery::replace(tx, user, &hash, None).await })
        })
        .await?;
    Ok(format!("{} has a new password, and every session has ended", user.username))
}

async fn set_disabled(app: &App, name: &str, disabled: bool) -> Result<String> {
    let user = named(app, name).await?;
    let update = AccountUpdate { instance_role: None, disabled: Some(disabled) };
    let account = administration::change(app, None, None, user, update).await?;
    let state = if disabled { "disabled" } else { "enabled" };
    Ok(format!("{} is {state}", account.user.username))
}

async fn named(app: &App, name: &str) -> Result<UserId> {
    store::user_named(&mut app.db.read().await?, name).await?.ok_or(Code::NotFound.into())
}

fn read_password() -> anyhow::Result<String> {
    let input = std::io::stdin();
    if input.is_terminal() {
        eprint!("Password: ");
    }
    let mut line = String::new();
    input.lock().read_line(&mut line)?;
    let password = line.trim_end_matches(['\r', '\n']).to_owned();
    anyhow::ensure!(!password.is_empty(), "a password is wanted on standard input");
    Ok(password)
}

/// What went wrong, for somebody at a terminal.
fn in_words(error: Error) -> anyhow::Error {
    match error {
        Error::Internal(cause) => cause,
        Error::Invalid(faults) => {
            let each = faults.iter().map(|fault| {
                let why = i18n::detail(i18n::DEFAULT, &format!("FIELD_{}", fault.code), &fault.args);
                format!("{}: {why}", fault.pointer.trim_start_matches('/'))
            });
            anyhow::anyhow!("{}", each.collect::<Vec<_>>().join("\n"))
        }
        error => anyhow::anyhow!("{}", i18n::detail(i18n::DEFAULT, error.code().as_str(), &[])),
    }
}
