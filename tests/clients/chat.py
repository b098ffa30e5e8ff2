"""One person who chats with the public python-socketio: `chat.py URL NAME TRANSPORTS [GUILD CHANNEL]`.

Without a guild it makes one, says where on a line of JSON, and hosts; with one it is the guest.
chat.mjs plays the same two parts, step for step.
"""

import json
import sys
import threading
import time

import requests
import socketio

PATIENCE = 10
url, name, transports, *place = sys.argv[1:]


def rest(method, path, body=None, token=None):
    headers = {"authorization": f"Bearer {token}"} if token else {}
    response = requests.request(method, url + path, json=body, headers=headers, timeout=PATIENCE)
    assert response.ok, f"{method} {path}: {response.status_code} {response.text}"
    return response.json()


class Client:
    """A socket whose events wait until they are asked for."""

    def __init__(self, token):
        self.token = token
        self.events = []
        self.news = threading.Condition()
        self.socket = socketio.Client()
        self.socket.on("*", self.came)
        self.connect()

    def connect(self):
        chosen = None if transports == "default" else transports.split(",")
        self.socket.connect(url, auth={"token": self.token}, transports=chosen, wait_timeout=PATIENCE)

    def lose_line(self):
        """The line breaks, and the library mends it by itself; a polling client has none that could break."""
        if self.socket.transport() == "websocket":
            self.socket.eio.ws.close()
        else:
            self.socket.disconnect()
            self.connect()

    def came(self, event, body):
        with self.news:
            self.events.append((event, body))
            self.news.notify_all()

    def next(self, event, fits=lambda body: True):
        """The next event of this name that fits; what came before it stays for others."""

        def find():
            return next((one for one in self.events if one[0] == event and fits(one[1])), None)

        with self.news:
            found = self.news.wait_for(find, timeout=PATIENCE)
            assert found, f"{name} waited for {event} in vain; there came {self.events}"
            self.events.remove(found)
            return found[1]

    def message(self, content):
        return self.next("message_created", lambda message: message["content"] == content)

    def ask(self, event, body):
        answer = self.socket.call(event, body, timeout=PATIENCE)
        assert answer["ok"] is True, answer
        return answer["d"]

    def say(self, channel, content):
        return self.ask("send_message", {"channel_id": channel, "content": content, "nonce": f"{name}: {content}"})


def enter(client, me):
    ready = client.next("ready")
    assert ready["user"]["id"] == me["id"]
    wanted = "polling" if transports == "polling" else "websocket"
    assert client.socket.transport() == wanted, client.socket.transport()
    # The library says that it is connected a moment after the first event.
    while not client.socket.connected:
        time.sleep(0.01)


def host(me, token):
    guild = rest("POST", "/api/v1/guilds", {"name": "Real clients", "public": True}, token)["id"]
    channel = rest("GET", f"/api/v1/guilds/{guild}/channels", token=token)["items"][0]["id"]
    voice = rest("POST", f"/api/v1/guilds/{guild}/channels", {"name": "Voice", "kind": "voice"}, token)["id"]
    client = Client(token)
    enter(client, me)
    assert client.ask("join_room", {"room": f"guild:{guild}"}) == {"room": f"guild:{guild}"}
    print(json.dumps({"guild": guild, "channel": channel}), flush=True)

    client.message("I am here")
    client.socket.emit("typing", {"channel_id": channel})
    client.socket.emit("stop_typing", {"channel_id": channel})
    client.say(channel, "Welcome")
    client.message("Thank you")

    assert client.ask("join_voice", {"channel_id": voice})["channel_id"] == voice
    assert client.ask("voice_state", {"channel_id": voice, "muted": True})["muted"] is True
    client.ask("leave_voice", {"channel_id": voice})

    client.message("I leave the room")
    client.say(channel, "Nobody hears this")
    client.message("I am back in the room")

    client.message("I am back from a nap")
    client.lose_line()
    enter(client, me)
    client.ask("join_room", {"room": f"channel:{channel}"})
    client.say(channel, "Farewell")
    client.message("Farewell to you")
    client.socket.disconnect()


def guest(me, token, guild, channel):
    rest("PUT", f"/api/v1/guilds/{guild}/members/@me", {}, token)
    client = Client(token)
    enter(client, me)
    client.ask("join_room", {"room": f"guild:{guild}"})
    said = client.say(channel, "I am here")
    assert said["author"]["id"] == me["id"]
    assert client.message("I am here")["id"] == said["id"]

    typing = client.next("typing")
    assert typing["channel_id"] == channel
    assert client.next("stop_typing")["user_id"] == typing["user_id"]
    welcome = client.message("Welcome")
    assert welcome["author"]["id"] == typing["user_id"]
    client.say(channel, "Thank you")

    states = [client.next("voice_state") for _ in range(3)]
    assert all(state["user_id"] == typing["user_id"] for state in states)
    seen = [(state["channel_id"] is not None, state["muted"]) for state in states]
    assert seen == [(True, False), (True, True), (False, True)], states

    refused = client.socket.call("send_message", {"channel_id": "1", "content": "x"}, timeout=PATIENCE)
    assert refused["ok"] is False and refused["problem"]["code"] == "NOT_FOUND", refused

    client.ask("leave_room", {"room": f"guild:{guild}"})
    client.say(channel, "I leave the room")
    while rest("GET", f"/api/v1/channels/{channel}/messages", token=token)["items"][0]["content"] != "Nobody hears this":
        time.sleep(0.05)
    client.ask("join_room", {"room": f"channel:{channel}"})
    client.say(channel, "I am back in the room")
    client.message("I am back in the room")
    assert not any(body.get("content") == "Nobody hears this" for _, body in client.events)

    client.socket.disconnect()
    client.connect()
    enter(client, me)
    client.ask("join_room", {"room": f"channel:{channel}"})
    client.say(channel, "I am back from a nap")
    client.message("Farewell")
    client.say(channel, "Farewell to you")
    client.socket.disconnect()


account = {"username": name, "password": "password", "email": f"{name}@example.com"}
response = requests.post(f"{url}/register", json=account)
assert response.status_code == 201, response.text
me = response.json()
token = rest("POST", "/login", {"username": name, "password": "password"})["token"]
if place:
    guest(me, token, *place)
else:
    host(me, token)
