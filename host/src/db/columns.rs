//! How the house's own types stand in a column: ids and times as `bigint`, closed sets as `text`.

use sqlx::encode::IsNull;
use sqlx::error::BoxDynError;
use sqlx::{Database, Decode, Encode, Type};

use crate::channels::Permissions;
use crate::clock::Timestamp;
use crate::id::{
    AuditId, ChannelId, EmojiId, FileId, GuildId, InstallationId, MessageId, RoleId, SessionId, StreamId, TargetId,
    UserId, WebhookId,
};

macro_rules! stored_as_bigint {
    ($($name:ident),+ $(,)?) => {$(
        impl<DB: Database> Type<DB> for $name where i64: Type<DB> {
            fn type_info() -> DB::TypeInfo { <i64 as Type<DB>>::type_info() }
            fn compatible(ty: &DB::TypeInfo) -> bool { <i64 as Type<DB>>::compatible(ty) }
        }
        impl<'q, DB: Database> Encode<'q, DB> for $name where i64: Encode<'q, DB> {
            fn encode_by_ref(&self, buffer: &mut DB::ArgumentBuffer) -> Result<IsNull, BoxDynError> {
                self.0.encode_by_ref(buffer)
            }
        }
        impl<'r, DB: Database> Decode<'r, DB> for $name where i64: Decode<'r, DB> {
            fn decode(value: DB::ValueRef<'r>) -> Result<Self, BoxDynError> { i64::decode(value).map($name) }
        }
    )+};
}

stored_as_bigint!(
    AuditId,
    ChannelId,
    EmojiId,
    FileId,
    GuildId,
    InstallationId,
    MessageId,
    Permissions,
    RoleId,
    SessionId,
    StreamId,
    TargetId,
    Timestamp,
    UserId,
    WebhookId,
);

/// Stores a closed set of words as `text`; a word that isn't in the set is a decoding error.
macro_rules! stored_as_text {
    ($name:ty) => {
        impl<DB: sqlx::Database> sqlx::Type<DB> for $name
        where
            String: sqlx::Type<DB>,
        {
            fn type_info() -> DB::TypeInfo {
                <String as sqlx::Type<DB>>::type_info()
            }
            fn compatible(ty: &DB::TypeInfo) -> bool {
                <String as sqlx::Type<DB>>::compatible(ty)
            }
        }
        impl<'q, DB: sqlx::Database> sqlx::Encode<'q, DB> for $name
        where
            &'static str: sqlx::Encode<'q, DB>,
        {
            fn encode_by_ref(
                &self,
                buffer: &mut DB::ArgumentBuffer,
            ) -> Result<sqlx::encode::IsNull, sqlx::error::BoxDynError> {
                self.as_str().encode_by_ref(buffer)
            }
        }
        impl<'r, DB: sqlx::Database> sqlx::Decode<'r, DB> for $name
        where
            &'r str: sqlx::Decode<'r, DB>,
        {
            fn decode(value: DB::ValueRef<'r>) -> Result<Self, sqlx::error::BoxDynError> {
                <&'r str as sqlx::Decode<'r, DB>>::decode(value)?.parse().map_err(|error: String| error.into())
            }
        }
    };
}
pub(crate) use stored_as_text;
