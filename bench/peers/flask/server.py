"""A chat on Flask-SocketIO and SQLite, as its documentation advises: `server.py PORT DATABASE PEOPLE`.

Who has a token may enter; a message is committed to disk before it is acknowledged and broadcast.
"""

import sqlite3
import sys
import time

from flask import Flask, request
from flask_socketio import SocketIO, emit, join_room

port, path, people = int(sys.argv[1]), sys.argv[2], int(sys.argv[3])

database = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
database.execute("pragma journal_mode = wal")
database.execute("pragma synchronous = full")
database.execute("create table people (id integer primary key, token text not null unique)")
database.execute(
    "create table messages (id integer primary key, channel_id text not null, author_id integer not null,"
    " content text not null, created_at integer not null)"
)
database.execute("begin")
database.executemany(
    "insert into people (token) values (?)", ((f"token-of-person-{person:05}",) for person in range(people))
)
database.execute("commit")

app = Flask(__name__)
socketio = SocketIO(app)
persons = {}


@socketio.on("connect")
def connect(auth):
    person = database.execute("select id from people where token = ?", (auth["token"],)).fetchone()
    if person is None:
        raise ConnectionRefusedError("UNAUTHENTICATED")
    persons[request.sid] = person[0]
    if auth.get("subscribe") == "all":
        join_room("1")
    emit("ready", {})


@socketio.on("disconnect")
def disconnect(_reason):
    persons.pop(request.sid, None)


@socketio.on("send_message")
def send_message(body):
    now = int(time.time() * 1000)
    channel_id, author_id, content = body["channel_id"], persons[request.sid], body["content"]
    row = database.execute(
        "insert into messages (channel_id, author_id, content, created_at) values (?, ?, ?, ?)",
        (channel_id, author_id, content, now),
    )
    message = {
        "s": row.lastrowid,
        "id": str(row.lastrowid),
        "channel_id": channel_id,
        "author_id": author_id,
        "content": content,
        "created_at": now,
    }
    emit("message_created", message, to=channel_id)
    return {"ok": True, "d": message}


socketio.run(app, host="127.0.0.1", port=port)
