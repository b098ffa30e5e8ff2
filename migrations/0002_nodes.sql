-- The servers that share this database, each under a number that its ids carry.
--
-- A server raises `renewed` every few seconds. Whoever sees that it no longer moves removes the row,
-- and with it what was the server's: clocks of different machines are never compared.

create table nodes (
    id          bigint primary key,
    incarnation bigint not null,
    renewed     bigint not null,
    started_at  bigint not null,
    address     text   not null
);
