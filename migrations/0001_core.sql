-- The core: accounts, guilds, channels, messages, and the log that orders every change.
--
-- One text for SQLite and PostgreSQL, in the subset both share: bigint, text, boolean, bytea,
-- double precision. Times are milliseconds since 1970, ids come from the host, JSON is text.
-- db.rs changes two things for SQLite alone: `bigint primary key` becomes the row id, and a table
-- that ends in `-- clustered` is stored in the order of its primary key.

create table log_shards (
    shard    bigint primary key,
    position bigint not null
);

create table log (
    shard      bigint not null,
    position   bigint not null,
    stream_id  bigint not null,
    channel_id bigint,
    kind       text   not null,
    payload    text   not null,
    actor_id   bigint,
    request_id text,
    at         bigint not null,
    primary key (shard, position)
); -- clustered
create index log_by_stream on log (stream_id, position);

create table cursors (
    reader   text   not null,
    shard    bigint not null,
    position bigint not null,
    primary key (reader, shard)
); -- clustered

create table instance_settings (
    name  text not null primary key,
    value text not null
);

create table signing_keys (
    id         text   not null primary key,
    secret     bytea  not null,
    created_at bigint not null,
    retired_at bigint
);

-- Accounts -----------------------------------------------------------------

create table users (
    id               bigint primary key,
    kind             text    not null,
    username         text    not null,
    username_key     text    not null,
    email            text,
    email_key        text,
    email_verified   boolean not null default false,
    password_hash    text,
    display_name     text    not null,
    bio              text    not null default '',
    avatar_file_id   bigint,
    locale           text    not null,
    owner_id         bigint references users (id),
    instance_role    text    not null default 'none',
    totp_secret      text,
    totp_enabled     boolean not null default false,
    totp_last_step   bigint  not null default 0,
    disabled_at      bigint,
    created_at       bigint  not null
);
create unique index users_by_username on users (username_key);
create unique index users_by_email on users (email_key) where email_key is not null;
create index users_by_owner on users (owner_id) where owner_id is not null;

create table sessions (
    id           bigint primary key,
    user_id      bigint not null references users (id),
    user_agent   text   not null,
    address      text   not null,
    created_at   bigint not null,
    last_used_at bigint not null,
    expires_at   bigint not null,
    revoked_at   bigint
);
create index sessions_by_user on sessions (user_id);
create index sessions_by_revocation on sessions (revoked_at) where revoked_at is not null;

create table refresh_tokens (
    hash       text   not null primary key,
    session_id bigint not null references sessions (id),
    created_at bigint not null,
    used_at    bigint
);
create index refresh_tokens_by_session on refresh_tokens (session_id);

create table one_time_tokens (
    hash       text   not null primary key,
    purpose    text   not null,
    user_id    bigint references users (id),
    subject    text   not null default '',
    uses_left  bigint not null,
    created_at bigint not null,
    expires_at bigint not null
);
create index one_time_tokens_by_user on one_time_tokens (user_id, purpose) where user_id is not null;

create table recovery_codes (
    user_id bigint not null references users (id),
    hash    text   not null,
    primary key (user_id, hash)
); -- clustered

create table bot_tokens (
    bot_id     bigint primary key references users (id),
    hash       text   not null,
    created_at bigint not null
);
create unique index bot_tokens_by_hash on bot_tokens (hash);

create table blocks (
    user_id    bigint not null references users (id),
    target_id  bigint not null references users (id),
    created_at bigint not null,
    primary key (user_id, target_id)
); -- clustered
create index blocks_by_target on blocks (target_id);

create table idempotency_keys (
    principal  bigint not null,
    key        text   not null,
    request    text   not null,
    status     bigint not null,
    response   text   not null,
    created_at bigint not null,
    primary key (principal, key)
); -- clustered
create index idempotency_keys_by_age on idempotency_keys (created_at);

-- Guilds ---------------------------------------------------------------------

create table guilds (
    id                bigint primary key,
    name              text    not null,
    description       text    not null default '',
    public            boolean not null default false,
    owner_id          bigint  not null references users (id),
    icon_file_id      bigint,
    default_locale    text    not null,
    system_channel_id bigint,
    verification      text    not null default 'none',
    version           bigint  not null default 1,
    access_version    bigint  not null default 1,
    member_count      bigint  not null default 0,
    created_at        bigint  not null,
    deleted_at        bigint
);
create index guilds_discoverable on guilds (member_count, id) where public and deleted_at is null;
create index guilds_deleted on guilds (deleted_at) where deleted_at is not null;
create index guilds_by_owner on guilds (owner_id);

create table roles (
    id          bigint primary key,
    guild_id    bigint  not null references guilds (id),
    name        text    not null,
    permissions bigint  not null,
    color       bigint  not null default 0,
    hoist       boolean not null default false,
    mentionable boolean not null default false,
    position    bigint  not null,
    version     bigint  not null default 1,
    managed_by  bigint,
    created_at  bigint  not null
);
create index roles_by_guild on roles (guild_id, position);

create table members (
    guild_id        bigint not null references guilds (id),
    user_id         bigint not null references users (id),
    nick            text,
    joined_at       bigint not null,
    timed_out_until bigint,
    primary key (guild_id, user_id)
); -- clustered
create index members_by_user on members (user_id, guild_id);

create table member_roles (
    guild_id bigint not null,
    user_id  bigint not null,
    role_id  bigint not null references roles (id),
    primary key (guild_id, user_id, role_id)
); -- clustered
create index member_roles_by_role on member_roles (role_id);

-- Timeouts of people who left before these ended: whoever comes back finds them again.
create table absent_timeouts (
    guild_id bigint not null references guilds (id),
    user_id  bigint not null references users (id),
    until    bigint not null,
    primary key (guild_id, user_id)
); -- clustered
create index absent_timeouts_by_end on absent_timeouts (until);

create table bans (
    guild_id   bigint not null references guilds (id),
    user_id    bigint not null references users (id),
    reason     text   not null,
    actor_id   bigint not null,
    created_at bigint not null,
    expires_at bigint,
    primary key (guild_id, user_id)
); -- clustered
create index bans_by_expiry on bans (expires_at) where expires_at is not null;

create table invites (
    code       text   not null primary key,
    guild_id   bigint not null references guilds (id),
    channel_id bigint,
    inviter_id bigint not null,
    max_uses   bigint,
    uses       bigint not null default 0,
    expires_at bigint,
    created_at bigint not null
);
create index invites_by_guild on invites (guild_id);
create index invites_by_expiry on invites (expires_at) where expires_at is not null;

create table emojis (
    id           bigint primary key,
    guild_id     bigint not null references guilds (id),
    name         text   not null,
    content_type text   not null,
    image        bytea  not null,
    creator_id   bigint not null,
    created_at   bigint not null
);
create unique index emojis_by_name on emojis (guild_id, name);

create table audit_entries (
    guild_id      bigint not null,
    sequence      bigint not null,
    id            bigint not null,
    action        text   not null,
    target_id     bigint,
    details_hash  text   not null,
    previous_hash text   not null,
    hash          text   not null,
    at            bigint not null,
    primary key (guild_id, sequence)
); -- clustered
create unique index audit_entries_by_id on audit_entries (id);
create index audit_entries_by_target on audit_entries (target_id) where target_id is not null;
create index audit_entries_by_age on audit_entries (at);

create table audit_details (
    id         bigint primary key,
    salt       text   not null,
    actor_id   bigint,
    actor_kind text   not null,
    changes    text   not null,
    reason     text   not null,
    request_id text   not null
);
create index audit_details_by_actor on audit_details (actor_id);

-- Channels -------------------------------------------------------------------

create table channels (
    id                 bigint primary key,
    guild_id           bigint references guilds (id),
    kind               text    not null,
    name               text    not null,
    topic              text    not null default '',
    parent_id          bigint references channels (id),
    position           bigint  not null default 0,
    inherits           boolean not null default true,
    nsfw               boolean not null default false,
    slowmode_seconds   bigint  not null default 0,
    owner_id           bigint,
    starter_message_id bigint,
    archived           boolean not null default false,
    locked             boolean not null default false,
    version            bigint  not null default 1,
    created_at         bigint  not null,
    deleted_at         bigint
);
create index channels_by_guild on channels (guild_id, position);

create table overwrites (
    channel_id bigint not null references channels (id),
    target_id  bigint not null,
    kind       text   not null,
    allow      bigint not null,
    deny       bigint not null,
    primary key (channel_id, target_id)
); -- clustered
create index overwrites_by_target on overwrites (target_id);

create table recipients (
    channel_id bigint not null references channels (id),
    user_id    bigint not null references users (id),
    primary key (channel_id, user_id)
); -- clustered
create index recipients_by_user on recipients (user_id, channel_id);

-- Two people share one direct channel, whoever opened it.
create table direct_pairs (
    low_id     bigint not null,
    high_id    bigint not null,
    channel_id bigint not null references channels (id),
    primary key (low_id, high_id)
); -- clustered

create table slowmodes (
    channel_id bigint not null,
    user_id    bigint not null,
    until      bigint not null,
    primary key (channel_id, user_id)
); -- clustered

create table webhooks (
    id         bigint primary key,
    guild_id   bigint not null references guilds (id),
    channel_id bigint not null references channels (id),
    name       text   not null,
    token_hash text   not null,
    creator_id bigint not null,
    created_at bigint not null
);
create index webhooks_by_channel on webhooks (channel_id);

-- Messages -------------------------------------------------------------------

create table messages (
    id          bigint primary key,
    channel_id  bigint  not null,
    position    bigint  not null,
    kind        text    not null,
    author_id   bigint  not null,
    author_kind text    not null,
    content     text    not null,
    extras      text,
    nonce       text,
    flags       bigint  not null default 0,
    edited_at   bigint,
    deleted_at  bigint
);
create index messages_by_channel on messages (channel_id, position);
create unique index messages_by_nonce on messages (author_id, channel_id, nonce) where nonce is not null;

create table revisions (
    message_id bigint not null,
    revision   bigint not null,
    content    text   not null,
    written_at bigint not null,
    primary key (message_id, revision)
); -- clustered

create table reactions (
    message_id bigint not null,
    emoji      text   not null,
    user_id    bigint not null,
    created_at bigint not null,
    primary key (message_id, emoji, user_id)
); -- clustered

create table pins (
    channel_id bigint not null,
    message_id bigint not null,
    pinned_by  bigint not null,
    pinned_at  bigint not null,
    primary key (channel_id, message_id)
); -- clustered

-- Whom a message mentions, a person, a role or (as the guild's own id) everyone: what unread
-- mentions are counted from.
create table mentions (
    target_id  bigint not null,
    channel_id bigint not null,
    position   bigint not null,
    author_id  bigint not null,
    primary key (target_id, channel_id, position)
); -- clustered

create table read_states (
    user_id    bigint not null,
    channel_id bigint not null,
    position   bigint not null,
    message_id bigint not null,
    updated_at bigint not null,
    primary key (user_id, channel_id)
); -- clustered
