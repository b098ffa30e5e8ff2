// One person whose public socket.io-client comes back to what it missed: `resume.mjs URL NAME TRANSPORTS`.
//
// resume.py does the same, step for step.

import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { join } from 'node:path';

const require = createRequire(join(process.env.GUILDHALL_TEST_NODE_DIR, 'package.json'));
const { io } = require('socket.io-client');

const PATIENCE = 10_000;
const [url, name, transports] = process.argv.slice(2);

async function rest(method, path, body, token) {
  const headers = { ...(body && { 'content-type': 'application/json' }), ...(token && { authorization: `Bearer ${token}` }) };
  const response = await fetch(url + path, { method, headers, body: body && JSON.stringify(body) });
  const answer = await response.json();
  assert(response.ok, `${method} ${path}: ${response.status} ${JSON.stringify(answer)}`);
  return answer;
}

const password = 'password';
await rest('POST', '/register', { username: name, password, email: `${name}@example.com` });
const { token } = await rest('POST', '/login', { username: name, password });
const guild = (await rest('POST', '/api/v1/guilds', { name: 'Real clients' }, token)).id;
const channel = (await rest('GET', `/api/v1/guilds/${guild}/channels`, undefined, token)).items[0].id;
const say = (content) => rest('POST', `/api/v1/channels/${channel}/messages`, { content }, token);

// What a program keeps to come back: where it stands in each stream, and its session's name.
let cursors;
let session_id;
const heard = [];
let wake = () => {};

const socket = io(url, {
  // Asked anew each time that it connects.
  auth: (answer) => answer({ token, subscribe: 'all', cursors, session_id }),
  reconnectionDelay: 200,
  forceNew: true,
  ...(transports !== 'default' && { transports: transports.split(',') }),
});
socket.on('connect_error', (error) => { throw error; });
const begin = ({ streams, session_id: mine }) => {
  session_id = mine;
  cursors = { ...cursors, ...Object.fromEntries(streams.map(({ id, s }) => [id, s])) };
};
socket.on('ready', begin);
socket.on('resumed', begin);
socket.on('cursors', (moved) => { cursors = { ...cursors, ...moved }; });
socket.onAny((event, body) => {
  if (body?.g && body?.s) {
    assert(body.s > (cursors[body.g] ?? 0), `${event} at ${body.s} after ${cursors[body.g]}`);
    cursors[body.g] = body.s;
  }
  heard.push(event === 'message_created' ? body.content : event);
  wake();
});

async function hear(...expected) {
  const deadline = Date.now() + PATIENCE;
  while (!expected.every((one) => heard.includes(one))) {
    const left = deadline - Date.now();
    assert(left > 0, `${name} waited for ${expected} in vain; there came ${heard}`);
    await new Promise((resolve) => {
      const timer = setTimeout(resolve, left);
      wake = () => { clearTimeout(timer); resolve(); };
    });
  }
  const came = heard.splice(0).filter((one) => one !== 'cursors');
  assert.deepEqual(came, expected);
}

await hear('ready');
await say('one');
await hear('one');

// The line breaks, and the library mends it by itself, after a moment.
socket.io.engine.close();
await say('two');
await say('three');
await hear('two', 'three', 'resumed');
await say('four');
await hear('four');

socket.disconnect();
await say('five');
socket.connect();
await hear('five', 'resumed');
socket.disconnect();
