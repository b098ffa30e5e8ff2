//! What can be wrong with an answer.

use guildhall_sdk::{Action, Message, Outcome, Response, Result, Verdict, kv, serde_json};

const MIB: usize = 1 << 20;

/// The answer to a request. Without a fault it says how often that was asked for.
pub fn response(fault: &str) -> Result<Response> {
    kv::increment("calls", 1)?;
    let calls = kv::peek_counters(&["calls".to_owned()])?.first().copied().unwrap_or_default();
    let good = Response::json(200, &serde_json::json!({"calls": calls}))?;
    let text = |status: u16, content_type: &str, size: usize| Response {
        status,
        content_type: content_type.to_owned(),
        headers: Vec::new(),
        body: vec![b' '; size],
    };
    Ok(match fault {
        "body-large" => text(200, "text/plain", MIB + 1),
        "body-huge" => text(200, "text/plain", 3 * MIB),
        "body-page" => text(200, "text/html", 10),
        "body-none" => text(204, "text/plain", 10),
        "body-unchanged" => text(304, "text/plain", 10),
        "status-99" => text(99, "text/plain", 10),
        "status-1000" => text(1_000, "text/plain", 10),
        "headers-large" => good.header("etag", "x".repeat(MIB)),
        "headers-many" => (0..10_000).fold(good, |good, _| good.header("link", "x")),
        "headers-odd" => good.header("set-cookie", "a=b").header("etag", "a\nb").header("\0", "\0"),
        _ => good,
    })
}

/// What becomes of a message. Without a fault it says that `calm` stands where `storm` stood.
pub fn outcome(fault: &str, message: &Message) -> Outcome {
    let long = "x".repeat(MIB);
    let named = |rule: String| Outcome { rule: Some(rule), ..Outcome::allow() };
    let verdict = |verdict: Verdict| Outcome { verdict, ..Outcome::allow() };
    match fault {
        "rule-odd" => named("no rule\n".to_owned()),
        "rule-long" => named("r".repeat(65)),
        "block-huge" => verdict(Verdict::Block(long)),
        "block-nul" => verdict(Verdict::Block("a\0b".to_owned())),
        "hold-huge" => verdict(Verdict::Hold(long)),
        "rewrite-nothing" => verdict(Verdict::Rewrite(String::new())),
        "rewrite-nul" => verdict(Verdict::Rewrite("a\0b".to_owned())),
        "rewrite-huge" => verdict(Verdict::Rewrite(long)),
        "alerts" => Outcome { actions: vec![Action::Alert("look".into()); 10_000], ..Outcome::allow() },
        "alert-huge" => Outcome { actions: vec![Action::Alert(long)], ..Outcome::allow() },
        "tags" => Outcome { tags: vec![("tag".into(), "x".into()); 10_000], ..Outcome::allow() },
        "score" => Outcome { score: Some(f32::NAN), ..Outcome::allow() },
        _ if message.content.contains("storm") => verdict(Verdict::Rewrite(message.content.replace("storm", "calm"))),
        _ => Outcome::allow(),
    }
}
