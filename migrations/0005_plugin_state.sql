-- What installations keep and wait for. Everything here is written in the transaction of a plugin's call.

-- A value of eight bytes is a counter and stands as a number, so that increments need not read it. Versions are
-- never used twice: whoever compares them notices a key that went and came back.
create table plugin_kv (
    installation_id bigint not null,
    key             bytea  not null,
    value           bytea,
    counter         bigint,
    version         bigint not null,
    expires_at      bigint,
    primary key (installation_id, key)
); -- clustered

create table plugin_usage (
    installation_id bigint primary key,
    kv_bytes        bigint not null default 0,
    timers          bigint not null default 0,
    resources       bigint not null default 0
);

create table plugin_resources (
    id              bigint primary key,
    installation_id bigint not null,
    guild_id        bigint not null,
    channel_id      bigint,
    kind            text   not null
);
create index plugin_resources_by_installation on plugin_resources (installation_id, id);

-- Timers and, under the id `cron:<name>`, the next time of each cron entry. Until `held_until` a node is at it, or
-- it waits to be tried again.
create table plugin_timers (
    installation_id bigint not null,
    id              text   not null,
    at              bigint not null,
    payload         bytea  not null,
    attempt         bigint not null default 0,
    held_until      bigint not null default 0,
    primary key (installation_id, id)
); -- clustered
create index plugin_timers_by_time on plugin_timers (at);

-- What a plugin is to be told of: one after the other within a lane, in the order of the log. Until `held_until` a
-- node is at it.
create table plugin_deliveries (
    id              bigint primary key,
    installation_id bigint not null,
    guild_id        bigint not null,
    hook            text   not null,
    lane            bigint not null,
    position        bigint not null,
    input           text   not null,
    event_id        text   not null,
    actor_id        bigint,
    depth           bigint not null,
    attempt         bigint not null default 0,
    due_at          bigint not null,
    held_until      bigint not null default 0
);
create index plugin_deliveries_by_lane on plugin_deliveries (installation_id, lane, position, id);

-- The last value of each topic; `sent` is the version that clients were told of last, `told` what they were told
-- then, and where: that is what snapshots hold.
create table plugin_topics (
    installation_id bigint not null,
    topic           text   not null,
    guild_id        bigint not null,
    channel_id      bigint,
    payload         text   not null,
    version         bigint not null,
    sent            bigint not null default 0,
    sent_at         bigint not null default 0,
    told            text,
    told_channel_id bigint,
    primary key (installation_id, topic)
); -- clustered
create index plugin_topics_by_guild on plugin_topics (guild_id);
create index plugin_topics_unsent on plugin_topics (installation_id, topic) where sent <> version;

create table plugin_logs (
    id              bigint primary key,
    installation_id bigint not null,
    level           text   not null,
    code            text   not null,
    hook            text   not null,
    event_id        text   not null,
    message         text   not null,
    fields          text   not null
);
create index plugin_logs_by_installation on plugin_logs (installation_id, id);

-- What is needed to see a failed call again, exactly as it was.
create table plugin_bundles (
    id              bigint primary key,
    installation_id bigint not null,
    bundle          text   not null
);
create index plugin_bundles_by_installation on plugin_bundles (installation_id, id);

-- Messages that wait for a moderator, because a filter held them.
create table held_messages (
    id              bigint primary key,
    guild_id        bigint not null,
    channel_id      bigint not null,
    author_id       bigint not null,
    nonce           text,
    installation_id bigint not null,
    draft           text   not null,
    rule            text   not null,
    reason          text   not null
);
create unique index held_messages_by_nonce on held_messages (author_id, channel_id, nonce);
create index held_messages_by_guild on held_messages (guild_id, id);

-- What stands below messages that one person saw, for as long as it can be used.
create table plugin_whispers (
    id              bigint primary key,
    user_id         bigint not null,
    installation_id bigint not null,
    channel_id      bigint not null,
    blocks          text   not null
);
create index plugin_whispers_by_installation on plugin_whispers (installation_id);

create table member_badges (
    guild_id        bigint not null,
    user_id         bigint not null,
    installation_id bigint not null,
    badge           text   not null,
    primary key (guild_id, user_id, installation_id, badge)
); -- clustered
create index member_badges_by_installation on member_badges (installation_id);
