//! Whatever is wrong with a request, the answer says so, and nothing has changed.
//!
//! The routes are those of the OpenAPI document, so a new one is tried without being named here; what
//! each takes when all is well comes from the table of routes.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};

use crate::routes_table::{Row, all_rows};
use crate::story;
use crate::support::world::{Cast, Operation, World, operations};
use crate::support::{Answer, TestApp, User};

/// What can't be an id, and the id of nothing.
const NO_IDS: &[&str] = &["0", "01", "-1", "abc", "9223372036854775808", "%00", "1"];
/// What can't be a code, and the code of nothing.
const NO_CODES: &[&str] = &["nothing-has-this-code", "%00", "%F0%9F%91%8D"];

story!(bodies_that_are_no_json_are_refused, |app| {
    let mut trial = Trial::begin(&app).await;
    let large = format!("{{\"x\": \"{}\"}}", "x".repeat(app.app.config.limits.body_bytes));
    for (operation, row) in trial.operations_with_bodies() {
        for (body, status, code) in [
            ("{", 400, "MALFORMED_BODY"),
            ("not JSON", 400, "MALFORMED_BODY"),
            ("{\"x\": \"\\u0000\"}", 400, "MALFORMED_BODY"),
            ("{\"x\": \"\0\"}", 400, "MALFORMED_BODY"),
            (large.as_str(), 413, "BODY_TOO_LARGE"),
        ] {
            let request = trial.request(&row).await.header("content-type", "application/json").body(body.to_owned());
            trial.refused(&operation, &body.chars().take(20).collect::<String>(), request, status, &[code]).await;
        }
        let request = trial.request(&row).await.header("content-type", "application/json").body(vec![b'"', 0xFF, b'"']);
        trial.refused(&operation, "no UTF-8", request, 400, &["MALFORMED_BODY"]).await;
        for content_type in ["text/plain", "application/x-www-form-urlencoded", "application/jsonp"] {
            let body = trial.body(&row).await;
            let request = trial.request(&row).await.header("content-type", content_type).body(body);
            trial.refused(&operation, content_type, request, 415, &["UNSUPPORTED_MEDIA_TYPE"]).await;
        }
    }
    trial.end(8);
});

story!(fields_that_are_unknown_or_of_the_wrong_type_are_named, |app| {
    let mut trial = Trial::begin(&app).await;
    for (operation, row) in trial.operations_with_bodies() {
        for body in [json!([]), json!("text"), json!(7), json!(true)] {
            let request = trial.request(&row).await.json(&body);
            trial.refused(&operation, &body.to_string(), request, 422, &["INVALID_FIELDS"]).await;
        }
        let good: Value = serde_json::from_str(&trial.body(&row).await).unwrap_or(json!({}));
        let mut unknown = good.clone();
        unknown["no_such_field"] = json!(1);
        let request = trial.request(&row).await.json(&unknown);
        let answer = trial.refused(&operation, "an unknown field", request, 422, &["INVALID_FIELDS"]).await;
        trial.names(&operation, answer, "/no_such_field");
        for field in trial.fields(&operation) {
            // What the options of a command are is for the command to say, and there is none here.
            if (operation.path.as_str(), field.as_str()) == ("/interactions", "args") {
                continue;
            }
            let mut wrong = good.clone();
            wrong[&field] = json!({"wrong": {"type": 1}});
            let request = trial.request(&row).await.json(&wrong);
            let what = format!("an object as `{field}`");
            let answer = trial.refused(&operation, &what, request, 422, &["INVALID_FIELDS"]).await;
            trial.names(&operation, answer, &format!("/{field}"));
        }
    }
    trial.end(8);
});

story!(ids_that_are_none_are_not_found, |app| {
    let mut trial = Trial::begin(&app).await;
    for (operation, row) in trial.operations() {
        let parts: Vec<&str> = row.path.split('/').collect();
        for place in (0..parts.len()).filter(|place| parts[*place].starts_with('{')) {
            let wrong = if parts[place].contains("_id") { NO_IDS } else { NO_CODES };
            for wrong in wrong {
                let mut parts = parts.clone();
                parts[place] = wrong;
                let path = parts.join("/");
                let request = trial.request_to(&row, &path, trial.caller(&row)).await;
                let request = trial.with_body(&row, request).await;
                trial.refused(&operation, &path, request, 404, &["NOT_FOUND"]).await;
            }
        }
    }
    trial.end(10);
});

story!(ids_of_other_guilds_are_not_found, |app| {
    let mut trial = Trial::begin(&app).await;
    let elsewhere = World::new(&app).await;
    for (operation, row) in trial.operations() {
        let inside = ["/guilds/{", "/channels/{"].iter().any(|inside| row.path.starts_with(inside));
        let (before, last) = row.path.rsplit_once("/{").unwrap_or_default();
        let ends_in_one_more = inside && before.contains('{') && !last.starts_with("user_id");
        if ends_in_one_more {
            let (last, after) = last.split_once('}').unwrap_or_default();
            let stranger = elsewhere.fill(&format!("{{{last}}}"), Cast::Owner).await;
            let path = format!("{before}/{stranger}{after}");
            let request = trial.request_to(&row, &path, trial.caller(&row)).await;
            let request = trial.with_body(&row, request).await;
            trial.refused(&operation, &path, request, 404, &["NOT_FOUND"]).await;
        }
        let whole = elsewhere.fill(&row.path, Cast::Owner).await;
        if row.path.contains("{guild_id") || row.path.contains("{channel_id") || row.path.contains("{message_id") {
            // Its guild is public: what of it anybody may see is no secret, and joining is no fault.
            let open = row.method == Method::GET && row.path == "/guilds/{guild_id}" || row.path.ends_with(":me}");
            if !open && !row.path.ends_with("/members/@me") {
                let request = trial.request_to(&row, &whole, Cast::Member).await;
                let request = trial.with_body(&row, request).await;
                trial.refused(&operation, "all of another guild", request, 404, &["NOT_FOUND"]).await;
            }
        }
    }
    trial.end(5);
});

story!(parameters_that_no_route_has_are_refused, |app| {
    let mut trial = Trial::begin(&app).await;
    for (operation, row) in trial.operations() {
        let mut wrong = vec!["no_such_parameter=1".to_owned(), "limit=%00".to_owned()];
        let known = operation.document["parameters"].as_array().cloned().unwrap_or_default();
        let known = known.iter().filter(|parameter| parameter["in"] == "query");
        let names: Vec<&str> = known.filter_map(|parameter| parameter["name"].as_str()).collect();
        if names.contains(&"limit") {
            wrong.extend(["limit=0", "limit=101", "limit=many", "limit=1&limit=2"].map(str::to_owned));
        }
        if names.contains(&"around") {
            wrong.extend(["before=1&after=1", "before=x", "around=1&before=1"].map(str::to_owned));
        }
        for wrong in wrong {
            let path = row.path.split('?').next().unwrap_or_default();
            let request = trial.request_to(&row, &format!("{path}?{wrong}"), trial.caller(&row)).await;
            let request = trial.with_body(&row, request).await;
            trial.refused(&operation, &wrong, request, 400, &["INVALID_QUERY"]).await;
        }
    }
    trial.end(20);
});

story!(stale_versions_are_refused, |app| {
    let mut trial = Trial::begin(&app).await;
    let mut versioned = 0;
    for (operation, row) in trial.operations() {
        if ![Method::PUT, Method::PATCH].contains(&row.method) {
            continue;
        }
        let twin = trial.operations().into_iter().find(|(one, _)| one.method == "GET" && one.path == operation.path);
        let Some((_, twin)) = twin else { continue };
        let read = trial.request(&twin).await.send().await.expect("an answer");
        let Some(current) = read.headers().get("etag").cloned() else { continue };
        versioned += 1;
        for stale in ["\"999999\"", "\"0\"", "W/\"999999\"", "nonsense"] {
            let request = trial.request(&row).await.header("if-match", stale);
            let request = trial.with_body(&row, request).await;
            let answer = trial.refused(&operation, stale, request, 412, &["STALE_VERSION"]).await;
            assert_eq!(answer.headers.get("etag"), Some(&current), "{} tells the current version", operation.path);
        }
    }
    println!("{versioned} routes take a version");
    trial.end(0);
});

story!(tokens_that_nobody_gave_prove_nothing, |app| {
    let mut trial = Trial::begin(&app).await;
    let forged = forged(trial.world.person(Cast::Owner));
    for (operation, row) in trial.operations() {
        for (what, authorization) in &forged {
            let owner = trial.world.person(Cast::Owner).with_authorization(authorization);
            let path = trial.world.fill(&row.path, Cast::Owner).await;
            let request = trial.with_body(&row, owner.request(row.method.clone(), &path)).await;
            trial.refused(&operation, what, request, 401, &["UNAUTHENTICATED"]).await;
        }
    }
    app.advance(std::time::Duration::from_secs(16 * 60));
    for (operation, row) in trial.operations() {
        let request = trial.world.person(Cast::Owner).request(row.method.clone(), &row.path.replace(['{', '}'], ""));
        trial.refused(&operation, "an expired token", request, 401, &["UNAUTHENTICATED"]).await;
    }
    trial.end(20);
});

/// Values of `Authorization` that look like something.
fn forged(owner: &User) -> Vec<(&'static str, String)> {
    let token = owner.token.trim_start_matches("Bearer ");
    let [header, claims, signature] = token.split('.').collect::<Vec<_>>()[..] else { panic!("no JWT: {token}") };
    let decoded = URL_SAFE_NO_PAD.decode(header).expect("base64");
    let kid = serde_json::from_slice::<Value>(&decoded).expect("JSON")["kid"].as_str().expect("a key").to_owned();
    let encode = |header: Value| URL_SAFE_NO_PAD.encode(header.to_string());
    let none = encode(json!({"alg": "none", "typ": "JWT", "kid": kid}));
    let other = encode(json!({"alg": "HS256", "typ": "JWT", "kid": "another"}));
    let nameless = encode(json!({"alg": "HS256", "typ": "JWT"}));
    let mut header_of_ours = jsonwebtoken::Header::new(jsonwebtoken::Algorithm::HS256);
    header_of_ours.kid = Some(kid);
    let said: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(claims).expect("base64")).expect("JSON");
    let key = jsonwebtoken::EncodingKey::from_secret(b"a guess at the secret");
    let guessed = jsonwebtoken::encode(&header_of_ours, &said, &key).expect("a token");
    let mut later = said.clone();
    later["exp"] = json!(said["exp"].as_i64().expect("a time") + 1);
    vec![
        ("no algorithm", format!("Bearer {none}.{claims}.")),
        ("no algorithm, and a signature", format!("Bearer {none}.{claims}.{signature}")),
        ("another key's name", format!("Bearer {other}.{claims}.{signature}")),
        ("no key's name", format!("Bearer {nameless}.{claims}.{signature}")),
        ("a guessed secret", format!("Bearer {guessed}")),
        ("changed claims", format!("Bearer {header}.{}.{signature}", encode(later))),
        ("no signature", format!("Bearer {header}.{claims}")),
        ("rubbish", "Bearer rubbish".to_owned()),
        ("a bot's token that is none", "Bot rubbish".to_owned()),
        ("a session's token as a bot's", format!("Bot {token}")),
        ("another scheme", "Basic YTpi".to_owned()),
        ("a bare token", token.to_owned()),
    ]
}

/// Every route with a request that would be fine, and what was found wrong with the answers so far.
struct Trial<'a> {
    world: World<'a>,
    known: Vec<(Operation, Row)>,
    schemas: Value,
    tried: usize,
    faults: Vec<String>,
}

impl<'a> Trial<'a> {
    async fn begin(app: &'a TestApp) -> Trial<'a> {
        let (operations, document) = operations(app).await;
        let mut rows: BTreeMap<String, Row> = BTreeMap::new();
        for row in all_rows() {
            rows.entry(format!("{} {}", row.method, row.route())).or_insert(row);
        }
        let known = operations.into_iter().filter_map(|operation| {
            let row = rows.remove(&format!("{} {}", operation.method, operation.path))?;
            Some((operation, row))
        });
        let known = known.collect();
        let schemas = document["components"]["schemas"].clone();
        let world = World::new(app).await;
        world.promote(Cast::Administrator).await;
        Trial { world, known, schemas, tried: 0, faults: Vec::new() }
    }

    fn operations(&self) -> Vec<(Operation, Row)> {
        self.known.clone()
    }

    fn operations_with_bodies(&self) -> Vec<(Operation, Row)> {
        let json =
            |operation: &Operation| operation.document["requestBody"]["content"].get("application/json").is_some();
        self.operations().into_iter().filter(|(operation, _)| json(operation)).collect()
    }

    /// The fields that the document says an operation takes.
    fn fields(&self, operation: &Operation) -> Vec<String> {
        let mut schema = &operation.document["requestBody"]["content"]["application/json"]["schema"];
        if let Some(one) =
            schema["oneOf"].as_array().and_then(|several| several.iter().find(|one| one.get("$ref").is_some()))
        {
            schema = one;
        }
        if let Some(name) = schema["$ref"].as_str().and_then(|path| path.rsplit('/').next()) {
            schema = &self.schemas[name];
        }
        let properties = schema["properties"].as_object();
        properties.map(|fields| fields.keys().cloned().collect()).unwrap_or_default()
    }

    /// Somebody for whom the request is fine.
    fn caller(&self, row: &Row) -> Cast {
        let order = [Cast::Owner, Cast::Member, Cast::Stranger, Cast::Administrator, Cast::Anonymous];
        order.into_iter().find(|cast| row.status(*cast) < 400).unwrap_or(Cast::Owner)
    }

    async fn request(&self, row: &Row) -> RequestBuilder {
        self.request_to(row, &row.path, self.caller(row)).await
    }

    async fn request_to(&self, row: &Row, path: &str, cast: Cast) -> RequestBuilder {
        let path = self.world.fill(path, cast).await;
        self.world.person(cast).request(row.method.clone(), &path)
    }

    async fn body(&self, row: &Row) -> String {
        self.world.fill(row.body.as_deref().unwrap_or("{}"), self.caller(row)).await
    }

    async fn with_body(&self, row: &Row, request: RequestBuilder) -> RequestBuilder {
        match row.body {
            Some(_) => request.header("content-type", "application/json").body(self.body(row).await),
            None => request,
        }
    }

    /// Sends what is to be refused, and notes what is wrong with the answer.
    async fn refused(
        &mut self,
        operation: &Operation,
        what: &str,
        request: RequestBuilder,
        status: u16,
        codes: &[&str],
    ) -> Answer {
        self.tried += 1;
        let before = self.world.log_position().await;
        let answer = self.world.person(Cast::Anonymous).answer(request).await;
        let place = format!("{} {} with {what}", operation.method, operation.path);
        let code = answer.body["code"].as_str().unwrap_or_default();
        if answer.status != status || !codes.contains(&code) {
            self.faults.push(format!("{place}: {status} {codes:?} was expected: {} {}", answer.status, answer.text));
        }
        if let Some(flaw) = flaw(&answer) {
            self.faults.push(format!("{place}: {flaw}: {}", answer.text));
        }
        if self.world.log_position().await != before {
            self.faults.push(format!("{place}: refused, and yet the log moved"));
        }
        answer
    }

    /// Notes if a refusal doesn't name the field.
    fn names(&mut self, operation: &Operation, answer: Answer, pointer: &str) {
        let faults = answer.body["errors"].as_array().cloned().unwrap_or_default();
        let named = |fault: &Value| fault["pointer"].as_str().is_some_and(|found| found.starts_with(pointer));
        if !faults.iter().any(named) {
            self.faults
                .push(format!("{} {} doesn't name {pointer}: {}", operation.method, operation.path, answer.text));
        }
    }

    fn end(self, at_least: usize) {
        println!("{} bad requests", self.tried);
        assert!(self.faults.is_empty(), "{} faults:\n{}", self.faults.len(), self.faults.join("\n"));
        assert!(self.tried >= at_least, "only {} were tried", self.tried);
    }
}

/// What an answer lacks that every problem has.
fn flaw(answer: &Answer) -> Option<&'static str> {
    let header = |name: &str| answer.headers.get(name).and_then(|value| value.to_str().ok());
    let text = |name: &str| answer.body[name].as_str().is_some_and(|text| !text.is_empty());
    if header("content-type") != Some("application/problem+json") {
        return Some("it is no problem+json");
    }
    if answer.body["status"] != answer.status || !["type", "title", "code", "detail"].into_iter().all(text) {
        return Some("the problem lacks a part");
    }
    (header("x-request-id") != answer.body["request_id"].as_str()).then_some("the request's id is another")
}
