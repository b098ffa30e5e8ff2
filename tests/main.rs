//! Stories: what people do with Guildhall, told over the real router, real sockets and real databases.

mod documents;
mod i18n_complete;
mod support;

mod first_message;
