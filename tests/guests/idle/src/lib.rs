//! A plugin that does nothing at all, so that what is measured is the host; and one that never ends.

use guildhall_sdk::{Context, Message, Outcome, Plugin, Request, Response, Result, Stage, plugin};

/// The plugin.
pub struct Idle;

impl Plugin for Idle {
    fn filter_message(_: &Context, _: Stage, _: &Message) -> Result<Outcome> {
        Ok(Outcome::allow())
    }

    fn http(_: &Context, request: &Request) -> Result<Response> {
        if request.route == "loop" {
            let mut turns = 0_u64;
            loop {
                turns = std::hint::black_box(turns.wrapping_add(1));
            }
        }
        Response::json(200, &"pong")
    }
}

plugin!(Idle: filter_message, http_routes);
