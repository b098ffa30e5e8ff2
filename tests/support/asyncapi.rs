//! The AsyncAPI document as a judge: whether a frame is what the document says.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock};

use jsonschema::Validator;
use parking_lot::Mutex;
use serde_json::{Value, json};

/// The document, in which no object may have fields that it doesn't name.
static STRICT: LazyLock<Value> = LazyLock::new(|| {
    let mut document = guildhall::sockets::asyncapi::document();
    close(&mut document["components"]["messages"], false);
    // A schema may be a part of another: whoever refers to it closes it.
    for schema in document["components"]["schemas"].as_object_mut().expect("schemas").values_mut() {
        close(schema, true);
    }
    document
});
static VALIDATORS: LazyLock<Mutex<HashMap<String, Option<Arc<Validator>>>>> = LazyLock::new(Mutex::default);

/// Refuses fields that nobody knows. What is put together by `allOf` is looked at as a whole.
fn close(value: &mut Value, is_part: bool) {
    match value {
        Value::Object(fields) => {
            let is_schema = ["$ref", "properties", "allOf"].iter().any(|word| fields.contains_key(*word));
            for (name, field) in fields.iter_mut().filter(|(name, _)| *name != "required") {
                close(field, name == "allOf" || (is_part && matches!(name.as_str(), "oneOf" | "anyOf")));
            }
            if is_schema && !is_part && !fields.contains_key("additionalProperties") {
                fields.insert("unevaluatedProperties".into(), json!(false));
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| close(item, is_part)),
        _ => {}
    }
}

fn validator(key: &str) -> Option<Arc<Validator>> {
    let mut validators = VALIDATORS.lock();
    let validator = validators.entry(key.to_owned()).or_insert_with(|| {
        STRICT["components"]["messages"].get(key)?;
        let schema = json!({
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "$ref": format!("#/components/messages/{key}/payload"),
            "components": STRICT["components"],
        });
        Some(Arc::new(jsonschema::validator_for(&schema).expect("a schema")))
    });
    validator.clone()
}

/// Checks what a message holds; false if the document has no such message.
#[track_caller]
pub fn check(key: &str, payload: &Value) -> bool {
    let Some(validator) = validator(key) else { return false };
    let faults: Vec<String> =
        validator.iter_errors(payload).map(|fault| format!("{fault} at {}", fault.instance_path())).collect();
    assert!(faults.is_empty(), "{key} isn't what the document says: {faults:#?}\n{payload:#}");
    true
}

/// Checks a frame of the native gateway, but for acknowledgements, which don't say of what; answers its message.
#[track_caller]
pub fn check_frame(frame: &Value) -> String {
    let text = |value: &Value| value.as_str().expect("a word").to_owned();
    let keys = match frame["op"].as_str() {
        Some("event") => vec![format!("event.{}", text(&frame["t"])), format!("moment.{}", text(&frame["t"]))],
        Some("ack") => return "ack".to_owned(),
        _ => vec![format!("frame.{}", text(&frame["op"]))],
    };
    // The same word may tell of a moment, and of what the log holds: then the place makes the difference.
    let keys = keys.into_iter().filter(|key| !key.starts_with("event.") || frame.get("g").is_some());
    keys.into_iter().find(|key| check(key, frame)).unwrap_or_else(|| panic!("the document doesn't know {frame}"))
}
