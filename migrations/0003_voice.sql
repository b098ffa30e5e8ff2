-- Voice: who is in which voice channel, and through which socket.

-- One is in one voice channel at a time, on whichever node the socket is open. A row is touched only by
-- transactions that have taken the shard of its stream.
create table voice_states (
    user_id     bigint primary key references users (id),
    stream_id   bigint  not null,
    channel_id  bigint  not null references channels (id),
    session_id  bigint  not null,
    node        bigint  not null,
    incarnation bigint  not null,
    muted       boolean not null default false,
    deafened    boolean not null default false,
    position    bigint  not null,
    joined_at   bigint  not null
);
create index voice_states_by_stream on voice_states (stream_id, channel_id);
create index voice_states_by_channel on voice_states (channel_id);
create index voice_states_by_node on voice_states (node, incarnation);

-- By moderators, wherever in the guild the member speaks and hears.
alter table members add column muted boolean not null default false;
alter table members add column deafened boolean not null default false;

-- What moderators took from people who left since: whoever comes back finds it again.
create table absent_mutes (
    guild_id bigint  not null references guilds (id),
    user_id  bigint  not null references users (id),
    muted    boolean not null,
    deafened boolean not null,
    primary key (guild_id, user_id)
); -- clustered

-- How many may be in a voice channel at once; 0 for any number.
alter table channels add column user_limit bigint not null default 0;
