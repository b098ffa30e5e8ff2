//! What is made from the WIT: the imports in one module, and each hook in a module of its own, so
//! that a plugin exports only those it names.

/// The types, and what a plugin can call.
pub mod imports {
    wit_bindgen::generate!({
        path: "../../wit",
        world: "imports",
        additional_derives: [PartialEq],
        generate_all,
    });
}

macro_rules! hooks {
    ($($module:ident: $world:literal, types of $($interface:literal in $place:ident),+;)+) => {
        $(
            #[doc = concat!("The world `", $world, "`.")]
            pub mod $module {
                wit_bindgen::generate!({
                    path: "../../wit",
                    world: $world,
                    with: { $($interface: crate::bindings::imports::guildhall::plugin::$place),+ },
                    additional_derives: [PartialEq],
                    pub_export_macro: true,
                    export_macro_name: "export",
                });
            }
        )+
    };
}

hooks! {
    filter_message: "hook-filter-message", types of "guildhall:plugin/types@0.1.0" in types;
    on_message: "hook-on-message", types of "guildhall:plugin/types@0.1.0" in types;
    on_messages: "hook-on-messages", types of "guildhall:plugin/types@0.1.0" in types;
    on_reaction: "hook-on-reaction", types of "guildhall:plugin/types@0.1.0" in types;
    on_member: "hook-on-member", types of "guildhall:plugin/types@0.1.0" in types;
    on_voice: "hook-on-voice", types of "guildhall:plugin/types@0.1.0" in types;
    interactions: "hook-interactions", types of "guildhall:plugin/types@0.1.0" in types;
    http_routes: "hook-http-routes", types of "guildhall:plugin/types@0.1.0" in types, "guildhall:plugin/resources@0.1.0" in resources;
    scheduled: "hook-scheduled", types of "guildhall:plugin/types@0.1.0" in types;
    lifecycle: "hook-lifecycle", types of "guildhall:plugin/types@0.1.0" in types;
}
