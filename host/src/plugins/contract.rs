//! The contract with plugins, as Rust: generated from `wit/`, so that both can't differ.

mod generated {
    #![allow(missing_docs)]

    wasmtime::component::bindgen!({
        path: "../wit",
        world: "guildhall:plugin/host-all",
        imports: { default: async | trappable },
        exports: { default: async },
        additional_derives: [serde::Serialize, serde::Deserialize],
    });
}

pub use generated::HostAll;
pub use generated::exports::guildhall::plugin::{
    filter_message, http_routes, interactions, lifecycle, on_member, on_message, on_messages, on_reaction, on_voice,
    scheduled,
};
pub use generated::guildhall::plugin::{
    badges, channels, clock, config, filter_read, i18n, kv, log, members, messages_read, messages_write, moderation,
    random, realtime, resources, roles, schedule, types,
};
