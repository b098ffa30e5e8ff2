"""One person whose public python-socketio comes back to what it missed: `resume.py URL NAME TRANSPORTS`.

resume.mjs does the same, step for step.
"""

import sys
import threading

import requests
import socketio

PATIENCE = 10
url, name, transports = sys.argv[1:]


def rest(method, path, body=None, token=None):
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    answer = requests.request(method, url + path, json=body, headers=headers, timeout=PATIENCE)
    assert answer.ok, f"{method} {path}: {answer.status_code} {answer.text}"
    return answer.json()


password = "password"
rest("POST", "/register", {"username": name, "password": password, "email": f"{name}@example.com"})
token = rest("POST", "/login", {"username": name, "password": password})["token"]
guild = rest("POST", "/api/v1/guilds", {"name": "Real clients"}, token)["id"]
channel = rest("GET", f"/api/v1/guilds/{guild}/channels", token=token)["items"][0]["id"]

# What a program keeps to come back: where it stands in each stream, and its session's name.
kept = {"cursors": None, "session_id": None}
heard = []
news = threading.Condition()
client = socketio.Client(reconnection_delay=0.2, randomization_factor=0)


def say(content):
    rest("POST", f"/api/v1/channels/{channel}/messages", {"content": content}, token)


def auth():
    """Asked anew each time that it connects."""
    return {"token": token, "subscribe": "all", **kept}


def came(event, body):
    with news:
        if event in ("ready", "resumed"):
            kept["session_id"] = body["session_id"]
            kept["cursors"] = {**(kept["cursors"] or {}), **{one["id"]: one["s"] for one in body["streams"]}}
        elif event == "cursors":
            kept["cursors"].update(body)
        elif "g" in body and "s" in body:
            assert body["s"] > kept["cursors"].get(body["g"], 0), (event, body, kept)
            kept["cursors"][body["g"]] = body["s"]
        heard.append(body["content"] if event == "message_created" else event)
        news.notify_all()


def hear(*expected):
    with news:
        there = news.wait_for(lambda: all(one in heard for one in expected), timeout=PATIENCE)
        assert there, f"{name} waited for {expected} in vain; there came {heard}"
        before, heard[:] = [one for one in heard if one != "cursors"], []
        assert before == list(expected), f"{expected} was expected, not {before}"


def connect():
    chosen = None if transports == "default" else transports.split(",")
    client.connect(url, auth=auth, transports=chosen, wait_timeout=PATIENCE)


client.on("*", came)
connect()
hear("ready")
say("one")
hear("one")

# The line breaks, and the library mends it by itself, after a moment; by polling it has none that could break.
if client.transport() == "websocket":
    client.eio.ws.close()
    say("two")
    say("three")
else:
    client.disconnect()
    say("two")
    say("three")
    connect()
hear("two", "three", "resumed")
say("four")
hear("four")

client.disconnect()
say("five")
connect()
hear("five", "resumed")
client.disconnect()
