//! Requests to plugins' routes: the server finds the guild and the installation, checks that whoever asks may
//! see what they ask for, and lets the plugin answer.

use std::cmp::Reverse;
use std::sync::Arc;

use futures_util::{StreamExt, stream};
use serde::Deserialize;
use serde_json::Value;

use super::answering::problem;
use super::artifact::Artifact;
use super::commit::Cause;
use super::contract::{http_routes, resources};
use super::input::{Input, Output};
use super::installation::Installation;
use super::invoke::{Request, invoke};
use super::manifest::CallClass;
use super::manifest::paths::{GuildSource, Method, Route};
use super::state::store::{self as state, Resource};
use crate::accounts::Caller;
use crate::app::App;
use crate::channels;
use crate::error::{Code, Error, FieldCode, Result};
use crate::http::page::DEFAULT_LIMIT;
use crate::id::GuildId;
use crate::messaging;

pub mod routes;

/// Guilds that a collection is asked for at once, at most.
const MAX_GUILDS: usize = 20;
/// How many of them are asked beside each other: others need places for their calls, too.
const ASKED_AT_ONCE: usize = 4;
/// What stands between the base and a plugin's own path, where it has no name at the root.
const OWN: &str = "/p/";

/// A request, taken apart.
#[derive(Clone)]
pub struct Asked {
    /// What one wants to do.
    pub method: Method,
    /// The path, without the base.
    pub path: String,
    /// The query's pairs, decoded.
    pub query: Vec<(String, String)>,
    /// The headers that plugins see.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
}

/// A route that a request is for.
pub struct Found {
    plugin: Arc<Artifact>,
    route: usize,
    params: Vec<(String, String)>,
    /// The guild, if the path names it.
    guild: Option<GuildId>,
}

impl Found {
    fn matched(&self) -> &Route {
        &self.plugin.manifest.routes[self.route]
    }
}

/// Finds the route of a plugin that a request is for; a refusal if there is one only for other methods.
pub fn find(app: &App, method: Option<Method>, path: &str) -> Result<Found> {
    let (guild, only, path) = match path.strip_prefix(OWN) {
        None => (None, None, path),
        Some(rest) => {
            let (guild, rest) = rest.split_once('/').ok_or(Code::NotFound)?;
            let (plugin, _) = rest.split_once('/').ok_or(Code::NotFound)?;
            (Some(guild.parse().map_err(|_| Code::NotFound)?), Some(plugin), &rest[plugin.len()..])
        }
    };
    let mut other_method = false;
    for plugin in app.plugins.marketplace.all() {
        let id = plugin.manifest.plugin.id.to_string();
        // At the root stand the routes of those plugins that came with the server: the operator chose them.
        if only.is_some_and(|only| only != id) {
            continue;
        }
        for (at, route) in plugin.manifest.routes.iter().enumerate() {
            let Some(params) = route.path.read(path) else { continue };
            if method != Some(route.method) {
                other_method = true;
                continue;
            }
            let params = params.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
            return Ok(Found { plugin: plugin.clone(), route: at, params, guild });
        }
    }
    Err(if other_method { Code::MethodNotAllowed } else { Code::NotFound }.into())
}

/// Lets a plugin answer a request.
pub async fn serve(app: &App, caller: &Caller, found: Found, mut asked: Asked) -> Result<http_routes::Response> {
    let (guild, resource) = match (&found.matched().guild, found.guild) {
        (GuildSource::Resource(parameter), named) => {
            let (id, resource) = resource(app, caller, &found, parameter, asked.method).await?;
            if named.is_some_and(|named| named != resource.guild_id) {
                return Err(Code::NotFound.into());
            }
            (Some(resource.guild_id), Some((id, resource)))
        }
        (_, Some(named)) => (Some(named), None),
        (GuildSource::Body(field), None) => (Some(guild_in_body(field, &asked.body)?), None),
        (GuildSource::Query(name), None) => (guild_in_query(name, &mut asked.query)?, None),
    };
    let Some(guild) = guild else {
        return match found.matched().collection {
            true => collect(app, caller, &found, asked).await,
            false => Err(Code::InvalidQuery.into()),
        };
    };
    let membership = channels::membership(app, caller, guild).await?;
    if asked.method != Method::Get {
        messaging::refuse_timed_out(&membership, app.now())?;
    }
    let installation = installed(app, &found, guild).await?.ok_or(Code::PluginNotInstalled)?;
    if resource.as_ref().is_some_and(|(_, resource)| resource.installation_id != installation.id) {
        return Err(Code::NotFound.into());
    }
    call(app, caller, &found, &installation, asked, resource).await
}

/// The installation of a plugin in a guild, if it runs.
async fn installed(app: &App, found: &Found, guild: GuildId) -> Result<Option<Arc<Installation>>> {
    let id = found.plugin.manifest.plugin.id.to_string();
    let installed = app.plugins.installed.of(&app.db, guild).await?;
    Ok(installed.iter().find(|one| one.plugin == id && one.is_enabled()).cloned())
}

/// The resource that a path names, if whoever asks may see it, and take part where it stands unless they only look.
async fn resource(
    app: &App,
    caller: &Caller,
    found: &Found,
    parameter: &str,
    method: Method,
) -> Result<(i64, Resource)> {
    let named = found.params.iter().find(|(name, _)| name == parameter).and_then(|(_, value)| value.parse().ok());
    let id: i64 = named.ok_or(Code::NotFound)?;
    let resource = state::resource(&mut app.db.read().await?, id).await?.ok_or(Code::NotFound)?;
    if Some(resource.kind.as_str()) != found.matched().guild.resource_kind() {
        return Err(Code::NotFound.into());
    }
    match resource.channel_id {
        Some(channel) => {
            let access = channels::access(app, caller, channel).await?;
            if method != Method::Get {
                messaging::require_participation(&access, app.now())?;
                access.require_verified(caller.identity()?.email_verified)?;
            }
        }
        None => drop(channels::membership(app, caller, resource.guild_id).await?),
    }
    Ok((id, resource))
}

fn guild_in_body(field: &str, body: &[u8]) -> Result<GuildId> {
    let pointer = format!("/{field}");
    let body: Value = serde_json::from_slice(body).map_err(|_| Code::MalformedBody)?;
    match body.get(field) {
        None | Some(Value::Null) => Err(Error::field(pointer, FieldCode::Required)),
        Some(value) => {
            let guild = value.as_str().and_then(|text| text.parse().ok());
            guild.ok_or_else(|| Error::field(pointer, FieldCode::InvalidFormat))
        }
    }
}

/// The guild that a query names, which the plugin needn't read again.
fn guild_in_query(name: &str, query: &mut Vec<(String, String)>) -> Result<Option<GuildId>> {
    let Some(at) = query.iter().position(|(key, _)| key == name) else { return Ok(None) };
    let (_, value) = query.remove(at);
    value.parse().map(Some).map_err(|_| Code::InvalidQuery.into())
}

async fn call(
    app: &App,
    caller: &Caller,
    found: &Found,
    installation: &Arc<Installation>,
    asked: Asked,
    resource: Option<(i64, Resource)>,
) -> Result<http_routes::Response> {
    let route = found.matched();
    let request = http_routes::Request {
        route: route.name.clone(),
        method: asked.method.to_string(),
        path: asked.path,
        params: found.params.clone(),
        query: asked.query,
        headers: asked.headers,
        body: asked.body,
        resource: resource.map(|(id, resource)| resources::Resource {
            id: id as u64,
            kind: resource.kind,
            channel: resource.channel_id.map(|channel| channel.0 as u64),
        }),
        attrs: Vec::new(),
    };
    let request = Request {
        installation: installation.clone(),
        package: None,
        input: Arc::new(Input::Route(request)),
        class: CallClass::Route,
        event_id: caller.request_id.as_deref().unwrap_or_default().to_owned(),
        actor: Some(caller.user),
        locale: caller.locale.clone(),
        depth: 0,
        tried: 0,
        filtered: None,
        cause: Cause::Nothing,
    };
    match invoke(app, request).await.map_err(problem)? {
        Output::Response(response) => Ok(response),
        _ => Err(Code::PluginFailed.into()),
    }
}

/// What a guild's plugin answers when a collection is asked for.
enum Part {
    Items(Collected),
    Refusal(http_routes::Response),
}

fn part(response: http_routes::Response) -> Result<Part> {
    if response.status != 200 {
        return Ok(Part::Refusal(response));
    }
    serde_json::from_slice(&response.body).map(Part::Items).map_err(|_| Code::PluginFailed.into())
}

/// The id of something in a collection.
fn id(item: &Value) -> Option<i64> {
    item.get("id").and_then(Value::as_str).and_then(|id| id.parse().ok())
}

/// A guild's part of a collection.
#[derive(Deserialize)]
struct Collected {
    items: Vec<Value>,
    #[serde(default)]
    has_more: bool,
}

/// Asks the installations of all of the caller's guilds, and puts their answers together.
async fn collect(app: &App, caller: &Caller, found: &Found, asked: Asked) -> Result<http_routes::Response> {
    let guilds = app.related.of(&app.db, caller.user).await?.guilds.clone();
    let mut installations = Vec::new();
    for guild in guilds {
        installations.extend(installed(app, found, guild).await?);
        if installations.len() > MAX_GUILDS {
            break;
        }
    }
    let mut more = installations.len() > MAX_GUILDS;
    installations.truncate(MAX_GUILDS);
    let asked = Asked { body: Vec::new(), ..asked };
    let mut answers = Vec::with_capacity(installations.len());
    for installation in &installations {
        answers.push(call(app, caller, found, installation, asked.clone(), None));
    }
    let answers: Vec<_> = stream::iter(answers).buffered(ASKED_AT_ONCE).collect().await;
    let (mut items, mut refusal, mut answered, mut until) = (Vec::new(), None, false, None);
    for answer in answers {
        match answer.and_then(part) {
            Ok(Part::Items(part)) => {
                answered = true;
                if part.has_more {
                    // What this guild has beyond its part is newer than what others may have there.
                    (more, until) = (true, until.max(part.items.last().and_then(id)));
                }
                items.extend(part.items);
            }
            // What fails in one guild doesn't spoil the others' answers.
            Ok(Part::Refusal(response)) => refusal = Some(Ok(response)),
            Err(error) => refusal = Some(Err(error)),
        }
    }
    if let Some(refusal) = refusal.filter(|_| !answered) {
        return refusal;
    }
    // Ids tell the time: the newest first.
    items.sort_by_key(|item| Reverse(id(item)));
    items.retain(|item| id(item) >= until);
    let limit = asked.query.iter().find(|(name, _)| name == "limit").and_then(|(_, value)| value.parse().ok());
    let limit = limit.unwrap_or(DEFAULT_LIMIT as usize);
    more |= items.len() > limit;
    items.truncate(limit);
    let body = serde_json::json!({"items": items, "has_more": more});
    Ok(http_routes::Response {
        status: 200,
        content_type: "application/json".to_owned(),
        headers: Vec::new(),
        body: serde_json::to_vec(&body)?,
    })
}
