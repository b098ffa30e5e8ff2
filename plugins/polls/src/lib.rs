//! x
use guildhall_sdk::*;
/// x
pub struct Polls;
impl Plugin for Polls {
    fn http(ctx: &Context, request: &Request) -> Result<Response> {
        if request.route == "x" { panic!("oh {}", ctx.now) }
        kv::set_json("x", &Id(3))?;
        Response::json(200, "hi")
    }
}
plugin!(Polls: http_routes, scheduled);
