//! Where hostile plugins are let loose: a server, a guild for each of them, and a guild next door that must not
//! notice.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use guildhall::config::Config;
use guildhall::id::{GuildId, InstallationId, UserId};
use guildhall::plugins::engine::{Engine, InUse};
use guildhall::plugins::logs::{self, Line};
use guildhall::plugins::{Installation, trying};

use crate::guilds_cast::{id, number};
use crate::support::{Answer, TestApp, User, Value, json};

/// How often a call that nothing is wrong with is made before it counts as failed: on a busy machine one may miss
/// its deadline.
const TRIES: usize = 4;

/// A server whose marketplace has what stands in a folder.
pub fn settings(config: &mut Config, folder: &Path) {
    config.plugins.bundled = folder.to_owned();
    config.plugins.compiler = env!("CARGO_BIN_EXE_guildhall").into();
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

    /// Sets what a plugin does; its own default if nothing is said.
    pub async fn set(&self, place: &Place, fault: Option<&str>) {
        let path = format!("/installations/{}", place.installation);
        self.ada.patch(&path, json!({"config": {"fault": fault}})).await.expect(200);
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
        let failure = trying::call(&self.app.app, installation, input, Some(actor)).await.unwrap();
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

    /// The newest lines of an installation's log.
    pub async fn log(&self, place: &Place) -> Vec<Line> {
        let installation = InstallationId(number(&place.installation));
        logs::read(&self.app.app, installation, i64::MAX, 1_000).await.unwrap()
    }

    /// The newest line that says why a call came to nothing, but for so many that were there before.
    pub async fn failure(&self, place: &Place, before: usize) -> (String, String) {
        let lines = self.log(place).await;
        let new = lines.len() - before;
        let line = lines.into_iter().take(new).find(|line| !line.code.is_empty());
        line.map_or_else(|| (String::new(), String::new()), |line| (line.code, line.message))
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

    /// Waits until a call runs.
    pub async fn busy(&self) {
        let settings = &self.app.app.config.plugins;
        let engine = Engine::shared(settings).expect("an engine");
        while engine.in_use().slots == settings.instances as usize {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
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
    let made = ada.post(&format!("/marketplace/{plugin}"), json!({"guild_id": guild})).await.expect(201);
    let bot = made["bot_id"].as_str().expect("a bot").to_owned();
    Place { guild, general, plugin: plugin.to_owned(), installation: id(&made), bot }
}
