// One person who chats with the public socket.io-client: `chat.mjs URL NAME TRANSPORTS [GUILD CHANNEL]`.
//
// Without a guild it makes one, says where on a line of JSON, and hosts; with one it is the guest.
// chat.py plays the same two parts, step for step.

import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { join } from 'node:path';

const require = createRequire(join(process.env.GUILDHALL_TEST_NODE_DIR, 'package.json'));
const { io } = require('socket.io-client');

const PATIENCE = 10_000;
const [url, name, transports, guild, channel] = process.argv.slice(2);

async function rest(method, path, body, token) {
  const headers = { ...(body && { 'content-type': 'application/json' }), ...(token && { authorization: `Bearer ${token}` }) };
  const response = await fetch(url + path, { method, headers, body: body && JSON.stringify(body) });
  const answer = await response.json();
  assert(response.ok, `${method} ${path}: ${response.status} ${JSON.stringify(answer)}`);
  return answer;
}

// A socket whose events wait until they are asked for.
class Client {
  constructor(token) {
    this.events = [];
    this.wake = () => {};
    this.socket = io(url, { auth: { token }, forceNew: true, ...(transports !== 'default' && { transports: transports.split(',') }) });
    this.socket.on('connect_error', (error) => { throw error; });
    this.socket.onAny((event, body) => {
      this.events.push({ event, body });
      this.wake();
    });
  }

  // The next event of this name that fits; what came before it stays for others.
  async next(event, fits = () => true) {
    const deadline = Date.now() + PATIENCE;
    for (;;) {
      const found = this.events.findIndex((one) => one.event === event && fits(one.body));
      if (found >= 0) return this.events.splice(found, 1)[0].body;
      const left = deadline - Date.now();
      assert(left > 0, `${name} waited for ${event} in vain; there came ${JSON.stringify(this.events)}`);
      await new Promise((resolve) => {
        const timer = setTimeout(resolve, left);
        this.wake = () => { clearTimeout(timer); resolve(); };
      });
    }
  }

  message(content) {
    return this.next('message_created', (message) => message.content === content);
  }

  async ask(event, body) {
    const answer = await this.socket.timeout(PATIENCE).emitWithAck(event, body);
    assert.equal(answer.ok, true, JSON.stringify(answer));
    return answer.d;
  }

  say(channel_id, content) {
    return this.ask('send_message', { channel_id, content, nonce: `${name}: ${content}` });
  }

  async travelsBy(wanted) {
    const deadline = Date.now() + PATIENCE;
    while (this.socket.io.engine.transport.name !== wanted) {
      assert(Date.now() < deadline, `${name} still travels by ${this.socket.io.engine.transport.name}`);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
}

async function enter(client, me) {
  const ready = await client.next('ready');
  assert.equal(ready.user.id, me.id);
  await client.travelsBy(transports === 'polling' ? 'polling' : 'websocket');
}

async function host(me, token) {
  const guild = (await rest('POST', '/api/v1/guilds', { name: 'Real clients', public: true }, token)).id;
  const channel = (await rest('GET', `/api/v1/guilds/${guild}/channels`, undefined, token)).items[0].id;
  const voice = (await rest('POST', `/api/v1/guilds/${guild}/channels`, { name: 'Voice', kind: 'voice' }, token)).id;
  const client = new Client(token);
  await enter(client, me);
  assert.deepEqual(await client.ask('join_room', { room: `guild:${guild}` }), { room: `guild:${guild}` });
  console.log(JSON.stringify({ guild, channel }));

  const here = await client.message('I am here');
  client.socket.emit('typing', { channel_id: channel });
  client.socket.emit('stop_typing', { channel_id: channel });
  await client.say(channel, 'Welcome');
  await client.message('Thank you');

  assert.equal((await client.ask('join_voice', { channel_id: voice })).channel_id, voice);
  assert.equal((await client.ask('voice_state', { channel_id: voice, muted: true })).muted, true);
  await client.ask('leave_voice', { channel_id: voice });

  await client.message('I leave the room');
  await client.say(channel, 'Nobody hears this');
  await client.message('I am back in the room');

  await client.message('I am back from a nap');
  // The line breaks, and the library mends it by itself.
  client.socket.io.engine.close();
  await enter(client, me);
  await client.ask('join_room', { room: `channel:${channel}` });
  await client.say(channel, 'Farewell');
  await client.message('Farewell to you');
  client.socket.disconnect();
  return here;
}

async function guest(me, token) {
  await rest('PUT', `/api/v1/guilds/${guild}/members/@me`, {}, token);
  const client = new Client(token);
  await enter(client, me);
  await client.ask('join_room', { room: `guild:${guild}` });
  const said = await client.say(channel, 'I am here');
  assert.equal(said.author.id, me.id);
  assert.equal((await client.message('I am here')).id, said.id);

  const typing = await client.next('typing');
  assert.equal(typing.channel_id, channel);
  assert.equal((await client.next('stop_typing')).user_id, typing.user_id);
  const welcome = await client.message('Welcome');
  assert.equal(welcome.author.id, typing.user_id);
  await client.say(channel, 'Thank you');

  const states = [];
  for (let i = 0; i < 3; i += 1) states.push(await client.next('voice_state'));
  assert(states.every((state) => state.user_id === typing.user_id));
  assert.deepEqual(states.map((state) => [state.channel_id !== null, state.muted]), [[true, false], [true, true], [false, true]]);

  const refused = await client.socket.timeout(PATIENCE).emitWithAck('send_message', { channel_id: '1', content: 'x' });
  assert.equal(refused.ok, false);
  assert.equal(refused.problem.code, 'NOT_FOUND');

  await client.ask('leave_room', { room: `guild:${guild}` });
  await client.say(channel, 'I leave the room');
  const unheard = async () => (await rest('GET', `/api/v1/channels/${channel}/messages`, undefined, token)).items[0].content;
  while (await unheard() !== 'Nobody hears this') await new Promise((resolve) => setTimeout(resolve, 50));
  await client.ask('join_room', { room: `channel:${channel}` });
  await client.say(channel, 'I am back in the room');
  await client.message('I am back in the room');
  assert(!client.events.some((one) => one.body?.content === 'Nobody hears this'));

  client.socket.disconnect();
  client.socket.connect();
  await enter(client, me);
  await client.ask('join_room', { room: `channel:${channel}` });
  await client.say(channel, 'I am back from a nap');
  await client.message('Farewell');
  await client.say(channel, 'Farewell to you');
  client.socket.disconnect();
}

const account = { username: name, password: 'password', email: `${name}@example.com` };
const me = await rest('POST', '/register', account);
const { token } = await rest('POST', '/login', { username: name, password: 'password' });
await (guild ? guest(me, token) : host(me, token));
