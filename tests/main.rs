//! Stories: what people do with Guildhall, told over the real router, real sockets and real databases.

mod bad_input;
mod databases;
mod documents;
mod faults;
mod i18n_complete;
mod routes_table;
mod support;
mod tidy;

mod channels_directs;
mod channels_overwrites;
mod channels_settings;
mod channels_slowmode;
mod channels_sockets;
mod channels_threads;
mod channels_webhooks;
mod first_message;
mod messages_cast;
mod messages_delete;
mod messages_edit;
mod messages_history;
mod messages_pins;
mod messages_reactions;
mod messages_read;
mod messages_send;
mod permissions;
mod real_clients;
mod sockets_gateway;
mod write_path;
