//! Where hostile plugins are let loose: a server, a guild for each of them, and a guild next door that must not
//! notice.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use guildhall::config::Config;
use guildhall::id::{GuildId, InstallationId, UserId};
use guildhall::plugins::engine::{Engine, InUse};
use guildhall::plugins::{Installation, calling};

use crate::guilds_cast::{id, number};
use crate::support::{Answer, TestApp, User, Value, json};

/// How many times the time of a server's calls calls have here, on a machine that is shared.
const PATIENCE: u32 = 2;
/// How often a call that nothing is wrong with is made before it counts as failed: on a busy machine one may miss
/// its deadline.
const TRIES: usize = 4;

/// A server whose marketplace has what stands in a folder.
pub fn settings(config: &mut Config, folder: &Path) {
    config.plugins.bundled = folder.to_owned();
    // Here it is about limits: they are nearly those of a server.
    config.plugins.patience = PATIENCE;
}

/// The server, whoever owns all guilds, and the guild next door.
pub struct Yard<'a> {
    pub app: &'a TestApp,
    pub ada: User,
    next_door: Place,
    /// How often the plugin next door was asked.
    asked: std::cell::Cell<i64>,
}

/// A plugin in a guild of its own.
#[derive(Clone)]
pub struct Place {
    pub guild: String,
    pub general: String,
    pub plugin: String,
    pub installation: String,
    pub bot: String,
}

impl<'a> Yard<'a> {
    /// Opens the yard; `neighbour` behaves well.
    pub async fn open(app: &'a TestApp, neighbour: &str) -> Yard<'a> {
        let [ada] = app.users(["ada"]).await;
        let next_door = place(&ada, neighbour).await;
        let yard = Yard { app, ada, next_door, asked: 0.into() };
        yard.nobody_noticed("nothing").await;
        yard
    }

    /// Gives a plugin a guild of its own.
    pub async fn place(&self, plugin: &str) -> Place {
        place(&self.ada, plugin).await
    }

    /// Takes a guild away again: nobody may have too many.
    pub async fn close(&self, place: Place) {
        self.ada.delete(&format!("/guilds/{}", place.guild)).await.expect(204);
    }

    /// Lets a plugin do in a hook what it is there for.
    pub async fn unleash(&self, place: &Place, hook: &str) {
        self.set(place, json!({"fault": null, "hook": hook})).await;
    }

    /// Sets what a plugin does, and where.
    pub async fn set(&self, place: &Place, config: Value) {
        let path = format!("/installations/{}", place.installation);
        self.ada.patch(&path, json!({ "config": config })).await.expect(200);
    }

    /// The installation as it is now.
    pub async fn installation(&self, place: &Place) -> Arc<Installation> {
        let app = &self.app.app;
        let installed = app.plugins.installed.of(&app.db, GuildId(number(&place.guild))).await.unwrap();
        let wanted = InstallationId(number(&place.installation));
        installed.iter().find(|one| one.id == wanted).expect("it is installed").clone()
    }

    /// Asks a plugin's route.
    pub async fn ask(&self, place: &Place, query: &str) -> Answer {
        self.ada.post(&format!("/p/{}/{}/do{query}", place.guild, place.plugin), json!({})).await
    }

    /// Calls a hook directly; answers the code of its failure, or nothing if all went well.
    pub async fn call(&self, place: &Place, input: Value) -> Option<String> {
        let actor = UserId(number(&self.ada.id));
        let installation = self.installation(place).await;
        let failure = calling::call(&self.app.app, installation, input, Some(actor)).await.unwrap();
        failure.map(|failure| failure.code.to_string())
    }

    /// Makes a call until it goes well.
    pub async fn goes_well(&self, what: &str, mut call: impl AsyncFnMut() -> Result<(), String>) {
        for left in (0..TRIES).rev() {
            match call().await {
                Ok(()) => return,
                Err(why) => assert!(left > 0, "{what} fails without its fault: {why}"),
            }
        }
    }

    /// What stands in an installation's log, the newest first.
    pub async fn log(&self, place: &Place) -> Vec<Value> {
        let path = format!("/installations/{}/logs?limit=100", place.installation);
        let (mut lines, mut before) = (Vec::new(), String::new());
        loop {
            let page = self.ada.get(&format!("{path}{before}")).await.expect(200);
            lines.extend(page["items"].as_array().unwrap().iter().cloned());
            if page["has_more"] == false {
                return lines;
            }
            before = format!("&before={}", id(lines.last().expect("a line")));
        }
    }

    /// The newest line that says why a call of a hook came to nothing, but for so many lines that were there
    /// before.
    pub async fn failure(&self, place: &Place, hook: &str, before: usize) -> (String, String) {
        let lines = self.log(place).await;
        let new = lines.len() - before;
        let line = lines.iter().take(new).find(|line| line["code"] != "" && line["hook"] == hook);
        let text = |key: &str| line.and_then(|line| line[key].as_str()).unwrap_or_default().to_owned();
        (text("code"), text("message"))
    }

    /// The server lives, the plugin next door answers as it should, and everything was given back.
    pub async fn nobody_noticed(&self, what: &str) {
        self.goes_well(&format!("the plugin next door, after {what},"), async || {
            let answer = self.ask(&self.next_door, "").await;
            match (answer.status, answer.body["calls"].as_i64()) {
                (204, None) => Ok(()),
                (200, Some(calls)) => {
                    self.asked.set(self.asked.get() + 1);
                    assert_eq!(calls, self.asked.get(), "its storage is its own, after {what}");
                    Ok(())
                }
                _ => Err(answer.text),
            }
        })
        .await;
        self.idle(what).await;
    }

    /// Waits until nothing is in use any more. Other stories may run meanwhile, on the same engine.
    pub async fn idle(&self, what: &str) {
        let settings = &self.app.app.config.plugins;
        let engine = Engine::shared(settings).expect("an engine");
        let nothing = InUse { slots: settings.instances as usize, ..InUse::default() };
        for _ in 0..6_000 {
            if engine.in_use() == nothing {
                return;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        panic!("after {what} the pool still has {:?}", engine.in_use());
    }
}

async fn place(ada: &User, plugin: &str) -> Place {
    let (guild, general) = ada.guild("Engines").await;
    // It begins well: what it does wrong it does when it is set to.
    let config = if plugin.starts_with("hostile.") { json!({"fault": "none"}) } else { json!({}) };
    let made = ada.post(&format!("/marketplace/{plugin}"), json!({"guild_id": guild, "config": config})).await;
    let made = made.expect(201);
    let bot = made["bot_id"].as_str().expect("a bot").to_owned();
    Place { guild, general, plugin: plugin.to_owned(), installation: id(&made), bot }
}
