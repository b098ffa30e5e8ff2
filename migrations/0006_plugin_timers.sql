-- How many plugins' doings led to a timer: two that answer each other through timers come to an end, too.
alter table plugin_timers add column depth bigint not null default 0;
-- What of plugins' storage has expired is found by its time.
create index plugin_kv_by_expiry on plugin_kv (expires_at) where expires_at is not null;
