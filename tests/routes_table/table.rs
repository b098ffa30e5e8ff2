//! The table itself. Columns: anonymous, stranger, member, muted, banned, moderator, owner, administrator, bot.
//!
//! The guild is public, and its one channel has no overwrites. `{name}` in a path and `<name>` in a body are
//! things of the caller's guild, made anew where they are used up: tests/support/world.rs says which.
//! What a caller may not see is 404, what it sees and may not do is 403, without an account all is 401.

/// Areas, each tried by a story of its own.
pub const AREAS: &[(&str, &str)] = &[
    ("accounts", ACCOUNTS),
    ("administration", ADMINISTRATION),
    ("guilds", GUILDS),
    ("roles and members", ROLES_AND_MEMBERS),
    ("channels", CHANNELS),
    ("messages", MESSAGES),
    ("plugins", PLUGINS),
];

#[rustfmt::skip]
const ACCOUNTS: &str = r#"
#      path                                        anon strg memb mute bann mod  own  adm  bot
POST   /register                                   201  201  201  201  201  201  201  201  201 | {"username": "<fresh>", "password": "password", "email": "<fresh>@example.com"}
POST   /login                                      200  200  200  200  200  200  200  200  200 | {"username": "<username>", "password": "correct horse"}
POST   /logout                                     401  200  200  200  200  200  200  200  403
POST   /auth/refresh                               200  200  200  200  200  200  200  200  200 | {"refresh_token": "<refresh_token>"}
GET    /users/@me/sessions                         401  200  200  200  200  200  200  200  200
DELETE /users/@me/sessions/{session_id}            401  204  204  204  204  204  204  204  403
GET    /users/{user_id}/profile                    401  200  200  200  200  200  200  200  200
GET    /users/{user_id:me}/profile                 401  200  200  200  200  200  200  200  200
PUT    /users/{user_id:me}/profile                 401  200  200  200  200  200  200  200  200 | {"bio": "Hello"}
PUT    /users/{user_id}/profile                    401  403  403  403  403  403  403  403  403 | {"bio": "Hello"}
POST   /users/{user_id}/block                      401  200  200  200  200  200  200  200  403
DELETE /users/{user_id}/block                      401  204  204  204  204  204  204  204  403
GET    /users/@me/bots                             401  200  200  200  200  200  200  200  403
POST   /users/@me/bots                             401  201  201  201  201  201  201  201  403 | {"username": "<fresh>"}
POST   /users/@me/bots/{bot_id}/token              401  200  200  200  200  200  200  200  403
POST   /users/@me/bots/{bot_id:others}/token       401  404  404  404  404  404  404  404  403
DELETE /users/@me/bots/{bot_id}                    401  204  204  204  204  204  204  204  403
DELETE /users/@me/bots/{bot_id:others}             401  404  404  404  404  404  404  404  403
PUT    /users/@me/password                         401  204  204  204  204  204  204  204  403 | {"current_password": "correct horse", "new_password": "battery staple"}
POST   /users/@me/totp                             401  200  200  200  200  200  200  200  403 | {"password": "correct horse"}
PUT    /users/@me/totp                             401  404  404  404  404  404  404  404  403 | {"code": "000000"}
DELETE /users/@me/totp                             401  404  404  404  404  404  404  404  403 | {"password": "correct horse", "code": "000000"}
# The tests' servers send no mail.
POST   /auth/password-reset                        503  503  503  503  503  503  503  503  503 | {"email": "somebody@example.com"}
POST   /auth/password-reset                        401  401  401  401  401  401  401  401  401 | {"token": "unknown", "new_password": "battery staple"}
POST   /auth/verify-email                          401  401  401  401  401  401  401  401  401 | {"token": "unknown"}
# There is no link for the first administrator once there are accounts.
POST   /auth/setup                                 401  401  401  401  401  401  401  401  401 | {"token": "unknown", "username": "<fresh>", "password": "password", "email": "<fresh>@example.com"}
"#;

/// Here the administrator is one of the whole server, not of the guild alone.
#[rustfmt::skip]
const ADMINISTRATION: &str = r#"
#      path                                        anon strg memb mute bann mod  own  adm  bot
GET    /admin/users                                401  403  403  403  403  403  403  200  403
PATCH  /admin/users/{user_id}                      401  403  403  403  403  403  403  200  403 | {"disabled": true}
POST   /admin/registration-invitations             401  403  403  403  403  403  403  201  403 | {"uses": 1}
GET    /admin/settings                             401  403  403  403  403  403  403  200  403
PUT    /admin/settings                             401  403  403  403  403  403  403  200  403 | {"registration_mode": "open"}
"#;

#[rustfmt::skip]
const GUILDS: &str = r#"
#      path                                        anon strg memb mute bann mod  own  adm  bot
GET    /guilds                                     401  200  200  200  200  200  200  200  200
POST   /guilds                                     401  201  201  201  201  201  201  201  403 | {"name": "Another one"}
GET    /guilds/{guild_id}                          401  200  200  200  200  200  200  200  200
DELETE /guilds/{guild_id}                          401  404  403  403  404  403  204  403  403
GET    /guilds/{guild_id}/settings                 401  404  200  200  404  200  200  200  200
PUT    /guilds/{guild_id}/settings                 401  404  403  403  404  200  200  200  403 | {"name": "Renamed"}
POST   /guilds/{guild_id}/transfer                 401  404  403  403  404  403  200  403  403 | {"user_id": "<user_id>"}
GET    /guilds/{guild_id}/audit-log                401  404  403  403  404  200  200  200  403
GET    /guilds/{guild_id}/audit-log/verify         401  404  403  403  404  200  200  200  403
GET    /guilds/{guild_id}/emojis                   401  404  200  200  404  200  200  200  200
POST   /guilds/{guild_id}/emojis                   401  404  403  403  404  201  201  201  403 | {"name": "wave", "image": "<png>"}
DELETE /guilds/{guild_id}/emojis/{emoji_id}        401  404  403  403  404  204  204  204  403
# Pictures and invitations are shown to whoever has the link.
GET    /emojis/{emoji_id}                          200  200  200  200  200  200  200  200  200
# Who may only make invitations sees their own.
GET    /guilds/{guild_id}/invites                  401  404  200  403  404  200  200  200  200
POST   /guilds/{guild_id}/invites                  401  404  201  403  404  201  201  201  201 | {}
GET    /invites/{code}                             200  200  200  200  200  200  200  200  200
POST   /invites/{code}                             401  201  409  409  403  409  409  409  403
DELETE /invites/{code}                             401  404  403  403  404  204  204  204  403
"#;

#[rustfmt::skip]
const ROLES_AND_MEMBERS: &str = r#"
#      path                                        anon strg memb mute bann mod  own  adm  bot
GET    /guilds/{guild_id}/members                  401  404  200  200  404  200  200  200  200
GET    /guilds/{guild_id}/members/{user_id}        401  404  200  200  404  200  200  200  200
PUT    /guilds/{guild_id}/members/{user_id:me}     401  201  409  409  403  409  409  409  403
PUT    /guilds/{guild_id}/members/{user_id:newbot} 401  404  403  403  404  201  201  201  403
PATCH  /guilds/{guild_id}/members/{user_id}        401  404  403  403  404  200  200  200  403 | {"nick": "Nick"}
PATCH  /guilds/{guild_id}/members/{user_id:me}     401  404  200  403  404  200  200  200  200 | {"nick": "Nick"}
PATCH  /guilds/{guild_id}/members/{user_id:owner}  401  404  403  403  404  403  200  403  403 | {"nick": "Nick"}
PATCH  /guilds/{guild_id}/members/{user_id}        401  404  403  403  404  200  200  200  403 | {"timed_out_until": "<soon>"}
PATCH  /guilds/{guild_id}/members/{user_id:owner}  401  404  403  403  404  403  403  403  403 | {"timed_out_until": "<soon>"}
PATCH  /guilds/{guild_id}/members/{user_id}        401  404  403  403  404  200  200  200  403 | {"muted": true}
PATCH  /guilds/{guild_id}/members/{user_id:me}     401  404  403  403  404  403  403  403  403 | {"deafened": true}
# Who is in no voice channel can be shown out of none, by whoever may.
PATCH  /guilds/{guild_id}/members/{user_id}        401  404  403  403  404  200  200  200  403 | {"voice_channel_id": null}
PATCH  /guilds/{guild_id}/members/{user_id}        401  404  403  403  404  422  422  422  403 | {"voice_channel_id": "<channel_id>"}
PATCH  /guilds/{guild_id}/members/{user_id:owner}  401  404  403  403  404  403  200  403  403 | {"voice_channel_id": null}
DELETE /guilds/{guild_id}/members/{user_id}        401  404  403  403  404  204  204  204  403
DELETE /guilds/{guild_id}/members/{user_id:me}     401  404  204  204  404  204  403  204  204
DELETE /guilds/{guild_id}/members/{user_id:owner}  401  404  403  403  404  403  403  403  403
PUT    /guilds/{guild_id}/members/{user_id}/roles/{role_id}       401 404 403 403 404 200 200 200 403
PUT    /guilds/{guild_id}/members/{user_id}/roles/{role_id:above} 401 404 403 403 404 403 200 403 403
DELETE /guilds/{guild_id}/members/{user_id}/roles/{role_id}       401 404 403 403 404 200 200 200 403
GET    /guilds/{guild_id}/roles                    401  404  200  200  404  200  200  200  200
POST   /guilds/{guild_id}/roles                    401  404  403  403  404  201  201  201  403 | {"name": "New", "permissions": ["SEND_MESSAGES"]}
POST   /guilds/{guild_id}/roles                    401  404  403  403  404  403  201  201  403 | {"name": "All", "permissions": ["ADMINISTRATOR"]}
GET    /roles?guild_id={guild_id}                  401  404  200  200  404  200  200  200  200
POST   /roles                                      401  404  403  403  404  201  201  201  403 | {"guild_id": "<guild_id>", "name": "New", "permissions": []}
PATCH  /guilds/{guild_id}/roles/{role_id}          401  404  403  403  404  200  200  200  403 | {"name": "Renamed"}
PATCH  /guilds/{guild_id}/roles/{role_id:above}    401  404  403  403  404  403  200  403  403 | {"name": "Renamed"}
DELETE /guilds/{guild_id}/roles/{role_id}          401  404  403  403  404  204  204  204  403
DELETE /guilds/{guild_id}/roles/{role_id:above}    401  404  403  403  404  403  204  403  403
GET    /guilds/{guild_id}/bans                     401  404  403  403  404  200  200  200  403
POST   /guilds/{guild_id}/bans                     401  404  403  403  404  201  201  201  403 | {"user_id": "<user_id>", "reason": "Noise"}
POST   /guilds/{guild_id}/bans                     401  404  403  403  404  403  403  403  403 | {"user_id": "<user_id:owner>"}
POST   /guilds/{guild_id}/bans/bulk                401  404  403  403  404  200  200  200  403 | {"user_ids": ["<user_id>"]}
DELETE /guilds/{guild_id}/bans                     401  404  403  403  404  204  204  204  403 | {"user_id": "<user_id:outcast>"}
DELETE /guilds/{guild_id}/bans/{user_id:outcast}   401  404  403  403  404  204  204  204  403
"#;

#[rustfmt::skip]
const CHANNELS: &str = r#"
#      path                                        anon strg memb mute bann mod  own  adm  bot
GET    /guilds/{guild_id}/channels                 401  404  200  200  404  200  200  200  200
POST   /guilds/{guild_id}/channels                 401  404  403  403  404  201  201  201  403 | {"name": "new", "kind": "text"}
POST   /guilds/{guild_id}/channels                 401  404  403  403  404  201  201  201  403 | {"name": "new", "kind": "voice", "user_limit": 2}
GET    /channels/{channel_id}                      401  404  200  200  404  200  200  200  200
PATCH  /channels/{channel_id}                      401  404  403  403  404  200  200  200  403 | {"topic": "Steam"}
DELETE /channels/{channel_id}                      401  404  403  403  404  204  204  204  403
PUT    /channels/{channel_id}/overwrites/{target_id:role} 401 404 403 403 404 200 200 200 403 | {"kind": "role", "allow": [], "deny": ["SEND_MESSAGES"]}
DELETE /channels/{channel_id}/overwrites/{target_id:overwritten} 401 404 403 403 404 204 204 204 403
GET    /channels/{channel_id}/permissions/{user_id}    401 404 403 403 404 200 200 200 403
GET    /channels/{channel_id}/permissions/{user_id:me} 401 404 200 200 404 200 200 200 200
GET    /channels/{channel_id}/threads              401  404  200  200  404  200  200  200  200
POST   /channels/{channel_id}/threads              401  404  201  403  404  201  201  201  201 | {"name": "A thread", "message_id": "<message_id>"}
GET    /channels/{channel_id}/webhooks             401  404  403  403  404  200  200  200  403
POST   /channels/{channel_id}/webhooks             401  404  403  403  404  201  201  201  403 | {"name": "Hook"}
DELETE /webhooks/{webhook_id}                      401  404  403  403  404  204  204  204  403
POST   /webhooks/{webhook_id}/{token}              201  201  201  201  201  201  201  201  201 | {"content": "Hello"}
GET    /users/@me/channels                         401  200  200  200  200  200  200  200  200
POST   /users/@me/channels                         401  201  201  201  201  201  201  201  201 | {"recipient_ids": ["<user_id>"]}
# The group's owner is the guild's, and the member is in it.
PUT    /channels/{channel_id:group}/recipients/{user_id:outcast} 401 404 200 404 404 404 200 404 404
DELETE /channels/{channel_id:group}/recipients/{user_id}         401 404 403 404 404 404 204 404 404
DELETE /channels/{channel_id:group}/recipients/{user_id:self}    401 404 204 404 404 404 204 404 404
"#;

#[rustfmt::skip]
const MESSAGES: &str = r#"
#      path                                        anon strg memb mute bann mod  own  adm  bot
GET    /channels/{channel_id}/messages             401  404  200  200  404  200  200  200  200
POST   /channels/{channel_id}/messages             401  404  201  403  404  201  201  201  201 | {"content": "Hello"}
POST   /channels/{channel_id}/messages/bulk-delete 401  404  403  403  404  200  200  200  403 | {"ids": ["<message_id>"]}
GET    /messages/{message_id}                      401  404  200  200  404  200  200  200  200
PATCH  /messages/{message_id}                      401  404  403  403  404  403  403  403  403 | {"content": "Changed"}
PATCH  /messages/{message_id:own}                  401  404  200  403  404  200  200  200  200 | {"content": "Changed"}
DELETE /messages/{message_id}                      401  404  403  403  404  204  204  204  403
DELETE /messages/{message_id:own}                  401  404  204  403  404  204  204  204  204
GET    /messages/{message_id}/revisions            401  404  403  403  404  200  200  200  403
GET    /messages/{message_id:own}/revisions        401  404  200  403  404  200  200  200  200
GET    /messages/{message_id:reacted}/reactions?emoji=%F0%9F%91%8D 401  404  200  200  404  200  200  200  200
POST   /messages/{message_id}/reactions            401  404  201  403  404  201  201  201  201 | {"emoji": "👍"}
DELETE /messages/{message_id:reacted}/reactions    401  404  200  404  404  200  200  200  200 | {"emoji": "👍"}
DELETE /messages/{message_id:reacted}/reactions    401  404  403  403  404  200  200  200  403 | {"emoji": "👍", "user_id": "<user_id>"}
GET    /channels/{channel_id}/pins                 401  404  200  200  404  200  200  200  200
POST   /channels/{channel_id}/pins                 401  404  403  403  404  201  201  201  403 | {"message_id": "<message_id>"}
DELETE /channels/{channel_id}/pins                 401  404  403  403  404  204  204  204  403 | {"message_id": "<message_id:pinned>"}
DELETE /channels/{channel_id}/pins/{message_id:pinned} 401 404 403 403 404 204  204  204  403
PUT    /channels/{channel_id}/read                 401  404  200  200  404  200  200  200  200 | {"message_id": "<message_id>"}
GET    /users/@me/read-states                      401  200  200  200  200  200  200  200  200
"#;

#[rustfmt::skip]
const PLUGINS: &str = r#"
#      path                                        anon strg memb mute bann mod  own  adm  bot
GET    /marketplace                                401  200  200  200  200  200  200  200  200
GET    /marketplace?guild_id={guild_id}            401  404  200  200  404  200  200  200  200
POST   /marketplace/{integration_id}               401  404  403  403  404  201  201  201  403 | {"guild_id": "<guild_id>"}
GET    /guilds/{guild_id}/installations            401  404  403  403  404  200  200  200  403
POST   /guilds/{guild_id}/installations            401  404  403  403  404  201  201  201  403 | {"plugin": "tests.greeter"}
GET    /installations/{installation_id}            401  404  403  403  404  200  200  200  403
PATCH  /installations/{installation_id}            401  404  403  403  404  200  200  200  403 | {"enabled": false}
DELETE /installations/{installation_id}            401  404  403  403  404  204  204  204  403
GET    /installations/{installation_id}/logs       401  404  403  403  404  200  200  200  403
# Nothing has failed here.
GET    /installations/{installation_id}/logs/{line_id}/bundle 401 404 403 403 404 404 404 404 403
GET    /guilds/{guild_id}/commands                 401  404  200  200  404  200  200  200  200
# What is installed here takes no commands.
POST   /interactions                               401  404  404  403  404  404  404  404  403 | {"kind": "command", "guild_id": "<guild_id>", "channel_id": "<channel_id>", "installation_id": "<installation_id>", "path": ["poll"]}
GET    /guilds/{guild_id}/held-messages            401  404  403  403  404  200  200  200  403
POST   /held-messages/{message_id:held}/approve    401  404  403  403  404  204  204  204  403
POST   /held-messages/{message_id:held}/reject     401  404  403  403  404  204  204  204  403
"#;
