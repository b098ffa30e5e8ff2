//! The people a load acts as: a guild on the server under test, its channel, and who is signed in.

use std::net::SocketAddr;

use anyhow::{Context, Result};
use serde_json::{Value, json};

use crate::http::Client;
use crate::server::Seed;

const PASSWORD: &str = "correct horse battery staple";

/// A guild's text channel, and people signed in who may read and write there.
pub struct Community {
    pub channel_id: String,
    pub user_names: Vec<String>,
    pub password: String,
    /// One for each session that was asked for.
    pub tokens: Vec<String>,
}

impl Community {
    /// Registers `members` people on an empty server; the first founds a public guild and the others join it.
    pub fn found(address: SocketAddr, members: usize) -> Result<Community> {
        let mut client = Client::connect(address)?;
        let user_names: Vec<String> = (0..members).map(|member| format!("member{member:05}")).collect();
        for name in &user_names {
            let person = json!({ "username": name, "password": PASSWORD, "email": format!("{name}@example.org") });
            client.json("POST", "/api/v1/register", None, Some(person))?;
        }
        let tokens = sign_in(&mut client, user_names.iter(), PASSWORD)?;

        let guild = json!({ "name": "Benchmark", "public": true });
        let guild = client.json("POST", "/api/v1/guilds", Some(&tokens[0]), Some(guild))?;
        let guild_id = text(&guild, "id")?;
        for token in &tokens[1..] {
            client.json("PUT", &format!("/api/v1/guilds/{guild_id}/members/@me"), Some(token), None)?;
        }
        let channels = client.json("GET", &format!("/api/v1/guilds/{guild_id}/channels"), Some(&tokens[0]), None)?;
        let channels = channels["items"].as_array().context("a guild's channels have no items")?;
        let general = channels.iter().find(|channel| channel["kind"] == "text").context("no text channel")?;
        Ok(Community { channel_id: text(general, "id")?, user_names, password: PASSWORD.to_owned(), tokens })
    }

    /// Opens `sessions` on a server that runs on `seed`, its people taking turns if they are fewer.
    pub fn enter(address: SocketAddr, seed: &Seed, sessions: usize) -> Result<Community> {
        let contents = &seed.contents;
        let people = contents.user_names.iter().cycle().take(sessions);
        let tokens = sign_in(&mut Client::connect(address)?, people, &contents.password)?;
        Ok(Community {
            channel_id: contents.channel_id.clone(),
            user_names: contents.user_names.clone(),
            password: contents.password.clone(),
            tokens,
        })
    }
}

fn sign_in<'a>(
    client: &mut Client,
    user_names: impl Iterator<Item = &'a String>,
    password: &str,
) -> Result<Vec<String>> {
    let mut tokens = Vec::new();
    for name in user_names {
        let login = json!({ "username": name, "password": password });
        tokens.push(text(&client.json("POST", "/api/v1/login", None, Some(login))?, "token")?);
    }
    Ok(tokens)
}

fn text(value: &Value, name: &str) -> Result<String> {
    Ok(value[name].as_str().with_context(|| format!("no {name} in {value}"))?.to_owned())
}
