-- Plugins: which guild has installed what, and with which permissions.

-- `version` is the plugin's, `revision` rises with every change, `position` is the order of filters. A removed
-- installation stays for as long as its data does.
create table installations (
    id           bigint primary key,
    guild_id     bigint not null references guilds (id),
    plugin       text   not null,
    version      text   not null,
    digest       text   not null,
    permissions  text   not null,
    channels     text,
    config       text   not null,
    state        text   not null,
    state_reason text   not null default '',
    bot_id       bigint not null references users (id),
    role_id      bigint not null,
    position     bigint not null,
    revision     bigint not null default 1,
    installed_by bigint not null references users (id),
    created_at   bigint not null,
    updated_at   bigint not null,
    removed_at   bigint
);
create unique index installations_by_guild on installations (guild_id, plugin) where removed_at is null;
create index installations_by_bot on installations (bot_id);
create index installations_by_removal on installations (removed_at) where removed_at is not null;
