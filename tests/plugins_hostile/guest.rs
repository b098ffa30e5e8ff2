//! What the guest `hostile` does wrong: for each fault a component of its own, made from the one that was built.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use crate::support::components::{repacked, test_guests};
use crate::support::{Value, json};

use super::yard::{Place, Yard};

/// How a case is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum By {
    /// By a message that is sent.
    Message,
    /// By a request to its route.
    Request,
    /// By two requests: the first still goes well.
    SecondRequest,
    /// By the hook's own input.
    Hook(&'static str),
}

impl By {
    /// The hook that is called.
    fn hook(self) -> &'static str {
        match self {
            Message => "filter-message",
            Request | SecondRequest => "http-routes",
            Hook("MessageCreated" | "MessageEdited" | "MessageDeleted") => "on-message",
            Hook("Messages") => "on-messages",
            Hook("ReactionAdded" | "ReactionRemoved") => "on-reaction",
            Hook("MemberJoined" | "MemberLeft" | "MemberUpdated") => "on-member",
            Hook("VoiceChanged") => "on-voice",
            Hook("Command" | "Component" | "Form" | "Autocomplete") => "interactions",
            Hook("Scheduled") => "scheduled",
            Hook(_) => "lifecycle",
        }
    }
}

use By::{Hook, Message, Request, SecondRequest};

/// What goes wrong, by what, the code that stands in the log then, and what whoever asked is answered: a status
/// and a code for requests, what became of the message for messages.
pub type Case = (&'static str, By, &'static str, &'static str);

/// One for each function of each hook: they don't end, and they end badly.
pub const HOOKS: [&str; 19] = [
    "MessageCreated",
    "MessageEdited",
    "MessageDeleted",
    "Messages",
    "ReactionAdded",
    "ReactionRemoved",
    "MemberJoined",
    "MemberLeft",
    "MemberUpdated",
    "VoiceChanged",
    "Command",
    "Component",
    "Form",
    "Autocomplete",
    "Scheduled",
    "Installed",
    "Upgraded",
    "ConfigChanged",
    "Uninstalling",
];

/// Everything else.
pub const CASES: &[Case] = &[
    // Time, stack and memory.
    ("loop", Request, "CPU_BUDGET", "502 PLUGIN_FAILED"),
    ("loop", Message, "CPU_BUDGET", "storm"),
    ("panic", Request, "TRAPPED", "502 PLUGIN_FAILED"),
    ("panic", Message, "TRAPPED", "storm"),
    ("panic-loud", Request, "TRAPPED", "502 PLUGIN_FAILED"),
    ("recurse", Request, "STACK_OVERFLOW", "502 PLUGIN_FAILED"),
    ("recurse", Hook("MessageCreated"), "STACK_OVERFLOW", ""),
    // Its own stack, in its memory, is used up first.
    ("recurse-wide", Request, "TRAPPED", "502 PLUGIN_FAILED"),
    ("memory", Request, "MEMORY_LIMIT", "502 PLUGIN_FAILED"),
    ("memory", Hook("Installed"), "MEMORY_LIMIT", ""),
    ("memory-at-once", Request, "MEMORY_LIMIT", "502 PLUGIN_FAILED"),
    // Floods.
    ("host-calls", Request, "HOST_CALL_LIMIT", "502 PLUGIN_FAILED"),
    ("host-calls", Hook("Command"), "HOST_CALL_LIMIT", ""),
    ("random", Request, "RANDOM_LIMIT", "502 PLUGIN_FAILED"),
    ("random-huge", Request, "RANDOM_LIMIT", "502 PLUGIN_FAILED"),
    ("kv-writes", Request, "KV_WRITE_LIMIT", "502 PLUGIN_FAILED"),
    ("kv-reads", Request, "KV_READ_LIMIT", "502 PLUGIN_FAILED"),
    ("kv-full", SecondRequest, "REFUSED", "502 PLUGIN_FAILED"),
    ("log-bytes", Request, "LOG_LIMIT", "200 "),
    ("log-lines", Request, "LOG_LIMIT", "200 "),
    ("log-line", Request, "LOG_LIMIT", "200 "),
    ("timers", Request, "ACTION_LIMIT", "502 PLUGIN_FAILED"),
    // Giant texts and lists.
    ("string-huge", Request, "DATA_LIMIT", "502 PLUGIN_FAILED"),
    ("list-huge", Request, "DATA_LIMIT", "502 PLUGIN_FAILED"),
    ("list-long", Request, "FAILED", "422 INVALID_FIELDS"),
    ("log-huge", Request, "DATA_LIMIT", "502 PLUGIN_FAILED"),
    ("kv-value-huge", Request, "DATA_LIMIT", "502 PLUGIN_FAILED"),
    ("kv-value", Request, "FAILED", "422 INVALID_FIELDS"),
    ("kv-key", Request, "FAILED", "422 INVALID_FIELDS"),
    ("kv-no-key", Request, "FAILED", "422 INVALID_FIELDS"),
    ("kv-page", Request, "FAILED", "422 INVALID_FIELDS"),
    ("timer-far", Request, "FAILED", "422 INVALID_FIELDS"),
    ("timer-cron", Request, "FAILED", "422 INVALID_FIELDS"),
    ("timer-payload", Request, "FAILED", "422 INVALID_FIELDS"),
    ("timer-nul", Request, "FAILED", "422 INVALID_FIELDS"),
    ("echo", Request, "", "200 "),
    ("kv-usage", Request, "", "200 "),
    ("kv-nul", Request, "", "200 "),
    // Texts that a database can't store.
    ("log-nul", Request, "TRAPPED", "502 PLUGIN_FAILED"),
    ("error-other", Request, "FAILED", "502 PLUGIN_FAILED"),
    // Counters.
    ("kv-overflow", SecondRequest, "BAD_OUTPUT", "502 PLUGIN_FAILED"),
    ("kv-no-counter", Request, "FAILED", "422 INVALID_FIELDS"),
    // Errors.
    ("error-internal", Request, "FAILED", "502 PLUGIN_FAILED"),
    ("error-huge", Request, "BAD_OUTPUT", "502 PLUGIN_FAILED"),
    ("error-huge-denial", Request, "BAD_OUTPUT", "502 PLUGIN_FAILED"),
    ("error-faults", Request, "BAD_OUTPUT", "502 PLUGIN_FAILED"),
    ("error-quota", Request, "FAILED", "429 RATE_LIMITED"),
    ("error-wait", Request, "FAILED", "429 RATE_LIMITED"),
    ("error-away", Request, "FAILED", "503 UNAVAILABLE"),
    ("error-denied", Request, "FAILED", "403 FORBIDDEN"),
    ("error-refused", Request, "FAILED", "409 CLOSED"),
    ("error-internal", Message, "FAILED", "storm"),
    ("error-huge", Message, "BAD_OUTPUT", "storm"),
    // Answers to requests.
    ("body-large", Request, "BAD_OUTPUT", "502 PLUGIN_FAILED"),
    ("body-huge", Request, "DATA_LIMIT", "502 PLUGIN_FAILED"),
    ("body-page", Request, "BAD_OUTPUT", "502 PLUGIN_FAILED"),
    ("body-none", Request, "BAD_OUTPUT", "502 PLUGIN_FAILED"),
    ("body-unchanged", Request, "BAD_OUTPUT", "502 PLUGIN_FAILED"),
    ("status-99", Request, "BAD_OUTPUT", "502 PLUGIN_FAILED"),
    ("status-1000", Request, "BAD_OUTPUT", "502 PLUGIN_FAILED"),
    ("headers-large", Request, "BAD_OUTPUT", "502 PLUGIN_FAILED"),
    ("headers-many", Request, "BAD_OUTPUT", "502 PLUGIN_FAILED"),
    ("headers-odd", Request, "", "200 "),
    // What filters answer, and what they may not do.
    ("rule-odd", Message, "BAD_OUTPUT", "storm"),
    ("rule-long", Message, "BAD_OUTPUT", "storm"),
    ("block-huge", Message, "BAD_OUTPUT", "storm"),
    ("block-nul", Message, "BAD_OUTPUT", "storm"),
    ("hold-huge", Message, "BAD_OUTPUT", "storm"),
    ("alerts", Message, "BAD_OUTPUT", "storm"),
    ("alert-huge", Message, "BAD_OUTPUT", "storm"),
    ("tags", Message, "BAD_OUTPUT", "storm"),
    ("rewrite-nothing", Message, "", "storm"),
    ("rewrite-huge", Message, "", "storm"),
    ("rewrite-nul", Message, "", "storm"),
    ("score", Message, "", "storm"),
    ("kv-key", Message, "FAILED", "storm"),
    ("timers", Message, "FAILED", "storm"),
];

/// Those that stories of their own are about: what they are called, what they do and where.
const OTHERS: [(&str, &str, &str); 7] = [
    ("none", "none", "http-routes"),
    ("hurried", "none", "http-routes"),
    ("breaks", "breaks", "http-routes"),
    ("wait", "wait", "scheduled"),
    ("begins-badly", "panic", "lifecycle"),
    ("ping", "answer", "on-message"),
    ("pong", "answer", "on-message"),
];

/// Cases of all hooks and all others.
pub fn all() -> impl Iterator<Item = Case> {
    let each = |fault, code| HOOKS.iter().map(move |hook| (fault, Hook(hook), code, ""));
    each("loop", "CPU_BUDGET").chain(each("panic", "TRAPPED")).chain(CASES.iter().copied())
}

/// A folder with a component for each fault and a few more; nothing if the guest wasn't built and the run may do
/// without.
pub fn folder() -> Option<&'static Path> {
    static FOLDER: OnceLock<Option<(tempfile::TempDir, PathBuf)>> = OnceLock::new();
    let made = FOLDER.get_or_init(|| {
        let guest = std::fs::read(test_guests()?.join("hostile.none.wasm")).expect("the guest `hostile` was built");
        let manifest = include_str!("../guests/hostile/plugin.toml");
        let folder = tempfile::tempdir().expect("a folder for plugins");
        let put = |plugin: &str, fault: &str, hook: &str| {
            let manifest = manifest.replace("hostile.none", plugin).replace("\"none\"", &format!("\"{fault}\""));
            let mut manifest = manifest.replace("default = \"http-routes\"", &format!("default = \"{hook}\""));
            if plugin == "hostile.hurried" {
                manifest += "\n[limits.route]\nwall-ms = 250\n";
            }
            let file = folder.path().join(format!("{plugin}.wasm"));
            std::fs::write(file, repacked(&guest, &manifest)).expect("a file");
        };
        let faults = CASES.iter().map(|(fault, ..)| (*fault, *fault, "http-routes"));
        faults.chain(OTHERS).for_each(|(plugin, fault, hook)| put(&format!("hostile.{plugin}"), fault, hook));
        let path = folder.path().to_owned();
        Some((folder, path))
    });
    made.as_ref().map(|(_, path)| path.as_path())
}

/// Goes through one case: without its fault all is well, with it the code stands in the log. Answers what is wrong
/// about that.
pub async fn go_through(yard: &Yard<'_>, (fault, by, code, answer): Case) -> Option<String> {
    let what = format!("{fault} by {by:?}");
    let place = yard.place(&format!("hostile.{fault}")).await;
    yard.set(&place, json!({"hook": by.hook()})).await;
    yard.goes_well(&what, async || control(yard, &place, by).await).await;
    let before = yard.log(&place).await.len();
    yard.unleash(&place, by.hook()).await;

    let answered = match by {
        Message => say(yard, &place).await,
        SecondRequest => {
            yard.ask(&place, "").await.expect(200);
            ask(yard, &place).await
        }
        Request => ask(yard, &place).await,
        Hook(hook) => {
            let failed = yard.call(&place, input(hook)).await.unwrap_or_default();
            if failed == code { String::new() } else { failed }
        }
    };

    let (logged, said) = yard.failure(&place, by.hook(), before).await;
    let lines = yard.log(&place).await;
    let written = lines.len() - before;
    let longest = lines.iter().map(|line| line.to_string().len()).max().unwrap_or_default();
    yard.close(place).await;
    yard.nobody_noticed(&what).await;
    // A filter has so little time that on a busy machine it may be up before a processor was had for it.
    let too_late = by == Message && (code, logged.as_str()) == ("CPU_BUDGET", "DEADLINE");
    let right = answered == answer && (logged == code || too_late) && written <= 102 && longest <= 70_000;
    (!right).then(|| {
        format!("{what}: {answer} {code} is expected, and this is so: {answered} {logged} {said} ({written} lines, {longest} bytes)")
    })
}

async fn control(yard: &Yard<'_>, place: &Place, by: By) -> Result<(), String> {
    let (good, answered) = match by {
        Message => ("calm".to_owned(), say(yard, place).await),
        Request | SecondRequest => ("200 ".to_owned(), ask(yard, place).await),
        Hook(hook) => (String::new(), yard.call(place, input(hook)).await.unwrap_or_default()),
    };
    if answered == good { Ok(()) } else { Err(answered) }
}

/// What a message says once it has gone through the filter.
async fn say(yard: &Yard<'_>, place: &Place) -> String {
    let said = yard.ada.post(&format!("/channels/{}/messages", place.general), json!({"content": "storm"})).await;
    said.body["content"].as_str().map_or(said.text, str::to_owned)
}

/// Status and code of what a request is answered.
pub async fn ask(yard: &Yard<'_>, place: &Place) -> String {
    let answer = yard.ask(place, "").await;
    assert!(answer.text.len() < 10_000, "{} gives {} bytes to whoever asks", place.plugin, answer.text.len());
    format!("{} {}", answer.status, answer.body["code"].as_str().unwrap_or_default())
}

/// What a hook is called with.
fn input(hook: &str) -> Value {
    let user = json!({"id": 5, "username": "eve", "display_name": "Eve", "kind": "User", "attrs": []});
    let member = json!({"user": user, "nick": null, "roles": [], "joined_at": 1, "timed_out_until": null,
        "permissions": 0, "attrs": []});
    let message = json!({"id": 1, "channel": 2, "kind": "Default", "author": user, "content": "hi", "reply_to": [],
        "attachments": [], "mentions": [], "mention_roles": [], "mention_everyone": false, "reactions": [],
        "pinned": false, "nonce": null, "blocks": null, "created_at": 1, "edited_at": null, "attrs": []});
    let reaction = json!({"channel": 2, "message": 1, "user": 5, "emoji": "👍"});
    let command = json!({"path": ["do"], "args": [], "channel": 2});
    let with = match hook {
        "MessageCreated" => message,
        "MessageEdited" => json!([message, "before"]),
        "MessageDeleted" => json!([2, 1]),
        "Messages" => json!([message, message]),
        "ReactionAdded" | "ReactionRemoved" => reaction,
        "MemberJoined" | "MemberUpdated" => member,
        "MemberLeft" => user,
        "VoiceChanged" => json!([5, null, 2]),
        "Command" => command,
        "Component" => json!({"id": "b", "values": [], "message": 1, "channel": 2}),
        "Form" => json!({"id": "f", "fields": [], "channel": 2}),
        "Autocomplete" => json!([command, "o"]),
        "Scheduled" => json!(["t", []]),
        "Upgraded" => json!("0.0.1"),
        "ConfigChanged" => json!(["fault"]),
        _ => return json!(hook),
    };
    json!({ (hook): with })
}
