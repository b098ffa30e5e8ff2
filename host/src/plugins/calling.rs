//! Calls hooks of an installation directly, for tests of hooks that nothing else calls at will.

use std::sync::Arc;

use serde_json::Value;

use super::commit::Cause;
use super::failure::Failure;
use super::input::Input;
use super::installation::Installation;
use super::invoke::{Request, invoke};
use super::manifest::{CallClass, Hook};
use crate::app::App;
use crate::id::UserId;

/// Calls a hook with an input as replay bundles have it, on behalf of somebody or of nobody; answers why it came
/// to nothing, if it did.
pub async fn call(
    app: &App,
    installation: Arc<Installation>,
    input: Value,
    actor: Option<UserId>,
) -> anyhow::Result<Option<Failure>> {
    let input: Input = serde_json::from_value(input)?;
    let class = match input.hook() {
        Hook::FilterMessage => CallClass::Filter,
        Hook::OnMessage | Hook::OnMessages | Hook::OnReaction | Hook::OnMember | Hook::OnVoice => CallClass::Event,
        Hook::Interactions => CallClass::Interaction,
        Hook::HttpRoutes => CallClass::Route,
        Hook::Scheduled => CallClass::Scheduled,
        Hook::Lifecycle => CallClass::Lifecycle,
    };
    let request = Request {
        installation,
        package: None,
        input: Arc::new(input),
        class,
        event_id: format!("trying/{}", app.next_id()?),
        actor,
        locale: "en".to_owned(),
        depth: 0,
        tried: 0,
        filtered: None,
        cause: Cause::Nothing,
    };
    Ok(invoke(app, request).await.err())
}
