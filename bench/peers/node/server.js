// A chat on socket.io and better-sqlite3, as their documentation advises: `server.js PORT DATABASE PEOPLE`.
//
// Who has a token may enter; a message is committed to disk before it is acknowledged and broadcast.

const { createServer } = require('node:http');
const Database = require('better-sqlite3');
const { Server } = require('socket.io');

const [port, path, people] = process.argv.slice(2);

const database = new Database(path);
database.pragma('journal_mode = WAL');
database.pragma('synchronous = FULL');
database.exec(`
  create table people (id integer primary key, token text not null unique);
  create table messages (id integer primary key, channel_id text not null, author_id integer not null,
    content text not null, created_at integer not null);
`);
const addPerson = database.prepare('insert into people (token) values (?)');
database.transaction(() => {
  for (let person = 0; person < Number(people); person++) {
    addPerson.run(`token-of-person-${String(person).padStart(5, '0')}`);
  }
})();
const findPerson = database.prepare('select id from people where token = ?');
const addMessage = database.prepare(
  'insert into messages (channel_id, author_id, content, created_at) values (?, ?, ?, ?)',
);

const http = createServer();
const io = new Server(http, { transports: ['websocket'], serveClient: false });
// The documentation's advice for memory: forget the request that opened a connection.
io.engine.on('connection', (socket) => {
  socket.request = null;
});

io.use((socket, next) => {
  const person = findPerson.get(String(socket.handshake.auth.token));
  if (!person) return next(new Error('UNAUTHENTICATED'));
  socket.data.person = person.id;
  next();
});

io.on('connection', (socket) => {
  socket.on('send_message', ({ channel_id, content }, acknowledge) => {
    const author_id = socket.data.person;
    const created_at = Date.now();
    const { lastInsertRowid: id } = addMessage.run(channel_id, author_id, content, created_at);
    const message = { s: id, id: String(id), channel_id, author_id, content, created_at };
    acknowledge({ ok: true, d: message });
    io.to(channel_id).emit('message_created', message);
  });
  if (socket.handshake.auth.subscribe === 'all') socket.join('1');
  socket.emit('ready', {});
});

http.listen(Number(port), '127.0.0.1', 4096);
