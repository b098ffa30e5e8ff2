//! The contract with plugins and the REST API say the same of the same things.

use std::collections::BTreeSet;

use guildhall::accounts::UserKind;
use guildhall::channels::{ChannelKind, Permissions};
use guildhall::error::FieldCode;
use guildhall::messaging::MessageKind;
use serde_json::Value;
use wit_parser::{Resolve, TypeDefKind};

use crate::support::source::root;

/// A record of the contract, and the schema of what clients see of the same thing. `renamed` are fields with another
/// name, for which `-` means that clients have no such field; `only_rest` are those that plugins don't need.
struct Pair {
    record: &'static str,
    schema: &'static str,
    renamed: &'static [(&'static str, &'static str)],
    only_rest: &'static [&'static str],
}

const PAIRS: &[Pair] = &[
    Pair {
        record: "message",
        schema: "Message",
        renamed: &[("channel", "channel_id"), ("attrs", "-")],
        // The guild is in the context of the call; whether clients notify anybody is nothing to a plugin.
        only_rest: &["guild_id", "silent"],
    },
    Pair {
        record: "draft",
        schema: "Draft",
        // People have no buttons.
        renamed: &[("blocks", "-"), ("attrs", "-")],
        only_rest: &[],
    },
    Pair { record: "allowed-mentions", schema: "AllowedMentions", renamed: &[], only_rest: &[] },
    Pair { record: "user", schema: "Author", renamed: &[("attrs", "-")], only_rest: &["avatar_file_id"] },
    Pair {
        record: "member",
        schema: "Member",
        // Computed, and asked for by another route.
        renamed: &[("permissions", "-"), ("attrs", "-")],
        only_rest: &["muted", "deafened", "badges"],
    },
    Pair {
        record: "role",
        schema: "Role",
        renamed: &[("attrs", "-")],
        only_rest: &[
            "permission_names",
            "guild_id",
            "permission_names",
            "color",
            "hoist",
            "mentionable",
            "managed_by",
            "version",
            "created_at",
        ],
    },
    Pair {
        record: "channel",
        schema: "Channel",
        renamed: &[("parent", "parent_id"), ("attrs", "-")],
        only_rest: &[
            "guild_id",
            "inherits",
            "slowmode_seconds",
            "owner_id",
            "starter_message_id",
            "archived",
            "locked",
            "user_limit",
            "overwrites",
            "recipients",
            "version",
            "created_at",
        ],
    },
    Pair { record: "reaction-count", schema: "ReactionCount", renamed: &[], only_rest: &["me"] },
];

fn contract() -> Resolve {
    let mut contract = Resolve::default();
    contract.push_dir(root().join("wit")).expect("the contract is WIT");
    contract
}

/// The names of a type's fields or cases.
fn names(contract: &Resolve, name: &str) -> BTreeSet<String> {
    let (_, found) = contract
        .types
        .iter()
        .find(|(_, one)| one.name.as_deref() == Some(name) && !matches!(one.kind, TypeDefKind::Type(_)))
        .unwrap_or_else(|| panic!("the contract has no {name}"));
    let names: Vec<&str> = match &found.kind {
        TypeDefKind::Record(record) => record.fields.iter().map(|field| field.name.as_str()).collect(),
        TypeDefKind::Variant(variant) => variant.cases.iter().map(|case| case.name.as_str()).collect(),
        TypeDefKind::Enum(cases) => cases.cases.iter().map(|case| case.name.as_str()).collect(),
        other => panic!("{name} is {other:?}"),
    };
    names.into_iter().map(|name| name.replace('-', "_")).collect()
}

fn schemas() -> Value {
    let (_, document) = guildhall::http::api().split_for_parts();
    serde_json::to_value(document).expect("a document")["components"]["schemas"].clone()
}

#[test]
fn plugins_see_the_fields_that_clients_see() {
    let (contract, schemas) = (contract(), schemas());
    for Pair { record, schema, renamed, only_rest } in PAIRS {
        let properties = schemas[*schema]["properties"].as_object().unwrap_or_else(|| panic!("no schema {schema}"));
        let clients: BTreeSet<&str> =
            properties.keys().map(String::as_str).filter(|name| !only_rest.contains(name)).collect();
        let fields = names(&contract, record);
        let plugins: BTreeSet<&str> = fields
            .iter()
            .map(|field| renamed.iter().find(|(old, _)| old == field).map_or(field.as_str(), |(_, new)| *new))
            .filter(|name| *name != "-")
            .collect();
        assert_eq!(plugins, clients, "{record} and {schema}");
    }
}

#[test]
fn plugins_know_the_words_that_clients_know() {
    let contract = contract();
    let words = |name: &str| {
        let mut words = names(&contract, name);
        // Room to grow.
        words.remove("other");
        words
    };
    let known = |all: &[&str]| all.iter().map(|word| (*word).to_owned()).collect::<BTreeSet<String>>();
    assert_eq!(words("channel-kind"), ChannelKind::ALL.iter().map(|kind| kind.to_string()).collect());
    assert_eq!(words("message-kind"), MessageKind::ALL.iter().map(|kind| kind.to_string()).collect());
    assert_eq!(words("user-kind"), known(&["user", "bot", "webhook", "plugin", "deleted"]));
    assert!(UserKind::ALL.iter().all(|kind| words("user-kind").contains(kind.as_str())));
    // What plugins say of fields is what clients can read.
    let docs = std::fs::read_to_string(root().join("docs/PLUGINS.md")).expect("the document");
    for code in ["REQUIRED", "TOO_LONG", "TOO_SHORT", "OUT_OF_RANGE", "INVALID_FORMAT"] {
        assert!(code.parse::<FieldCode>().is_ok(), "{code}");
    }
    assert!(docs.contains("refused"), "the document tells how errors become answers");
}

#[test]
fn every_interface_says_its_permission_cost_and_quota() {
    let contract = contract();
    for (_, interface) in contract.interfaces.iter().filter(|(_, one)| one.name.is_some()) {
        let name = interface.name.as_deref().unwrap_or_default();
        let docs = interface.docs.contents.as_deref().unwrap_or_default();
        for word in ["Permission:", "Cost:", "Quota:"] {
            assert!(docs.contains(word), "{name} doesn't say its {word}");
        }
        for (function, one) in &interface.functions {
            assert!(one.docs.contents.is_some(), "{name}.{function} isn't described");
        }
    }
}

#[test]
fn plugins_know_the_permissions_of_people() {
    let source = std::fs::read_to_string(root().join("sdk/rust/src/permissions.rs")).expect("the SDK");
    let bits = source.lines().filter_map(|line| line.trim().strip_suffix(';')?.split_once(" = "));
    let bits: Vec<(&str, u32)> = bits.filter_map(|(name, bit)| Some((name, bit.parse().ok()?))).collect();
    assert!(bits.len() > 10, "the constants of the SDK are found");
    for (name, bit) in bits {
        let known = Permissions::NAMED.iter().find(|(known, _)| *known == name);
        assert_eq!(known.map(|(_, permission)| permission.0 as u64), Some(1 << bit), "{name}");
    }
}
