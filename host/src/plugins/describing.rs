//! Plugins' routes in the API's own description.

use serde_json::{Map, Value};

use super::artifact::Artifact;
use super::marketplace::Marketplace;

/// What every described operation may answer, if the plugin doesn't say so itself.
const PROBLEM: &str = "#/components/schemas/Problem";

/// Adds what the plugins at hand say of their routes. Only routes that they have are described, and nothing that
/// stands there already is changed: a plugin describes nobody but itself.
pub fn add_to(document: &mut Value, marketplace: &Marketplace) {
    for plugin in marketplace.all() {
        if let Some(fragment) = &plugin.openapi {
            add_paths(document, plugin, fragment);
            add_schemas(document, plugin, fragment);
        }
    }
}

fn add_paths(document: &mut Value, plugin: &Artifact, fragment: &Value) {
    let Some(paths) = object(document, "/paths") else { return };
    for route in &plugin.manifest.routes {
        let (path, method) = (&route.path.text, route.method.as_str().to_ascii_lowercase());
        let Some(Value::Object(described)) = fragment["paths"][path].get(&method) else { continue };
        let item = paths.entry(path.clone()).or_insert_with(|| Value::Object(Map::new()));
        let Some(item) = item.as_object_mut() else { continue };
        if item.contains_key(&method) {
            tracing::warn!(plugin = %plugin.manifest.plugin.id, %method, %path, "the server has this route itself");
            continue;
        }
        item.insert(method, operation(plugin, described, &fragment["paths"][path]["parameters"]));
    }
}

/// An operation under its plugin's name, with what its path says of parameters and what the server may answer.
fn operation(plugin: &Artifact, described: &Map<String, Value>, shared: &Value) -> Value {
    let mut operation = described.clone();
    operation.insert("tags".to_owned(), vec![plugin.manifest.plugin.id.to_string()].into());
    if let Value::Array(shared) = shared {
        let own = operation.entry("parameters").or_insert_with(|| Value::Array(Vec::new()));
        if let Value::Array(own) = own {
            own.extend(shared.iter().cloned());
        }
    }
    let responses = operation.entry("responses").or_insert_with(|| Value::Object(Map::new()));
    if let Some(responses) = responses.as_object_mut() {
        responses.entry("default").or_insert_with(|| {
            serde_json::json!({
                "description": "A problem",
                "content": {"application/problem+json": {"schema": {"$ref": PROBLEM}}},
            })
        });
    }
    Value::Object(operation)
}

fn add_schemas(document: &mut Value, plugin: &Artifact, fragment: &Value) {
    let Some(schemas) = object(document, "/components/schemas") else { return };
    for (name, schema) in fragment["components"]["schemas"].as_object().into_iter().flatten() {
        if schemas.contains_key(name) {
            tracing::warn!(plugin = %plugin.manifest.plugin.id, %name, "a schema of this name stands there already");
            continue;
        }
        schemas.insert(name.clone(), schema.clone());
    }
}

fn object<'d>(document: &'d mut Value, place: &str) -> Option<&'d mut Map<String, Value>> {
    document.pointer_mut(place)?.as_object_mut()
}
