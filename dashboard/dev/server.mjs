// The fixture server: plays /api/v1 as the real one will, and serves dist with the same headers.
// usage: node dev/server.mjs [--port 8090] [--streams N] [--role owner|admin|operator|viewer] [--first] [--calm] [--out]
import { createServer } from 'node:http';
import { existsSync, readFileSync, statSync } from 'node:fs';
import { extname, join, normalize } from 'node:path';
import { fileURLToPath } from 'node:url';
import { count, destination, id, iso, permissions, services, status, stream, tick, world } from './model.mjs';

const args = process.argv.slice(2);
const flag = (name) => args.includes(`--${name}`);
const option = (name, other) => (flag(name) ? args[args.indexOf(`--${name}`) + 1] : other);
const port = Number(option('port', 8090));
const dist = fileURLToPath(new URL('../dist/', import.meta.url));
const POLICY = "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; object-src 'none'";

const state = {
  first: flag('first'), role: option('role', 'owner'), in: !flag('out') && !flag('first'), name: 'Anna Keller', streams: flag('first') ? [] : world(Number(option('streams', 0))),
  events: [], clients: new Set(), sequence: 1000, totp: false,
  keys: [
    { id: id(), stream: 'sunday', label: 'Sound desk', prefix: 'k7f3qz2m', addresses: [], created_at: iso(9e6), expires_at: null, last_used_at: iso(3200), last_address: '198.51.100.7', in_use: true },
    { id: id(), stream: 'sunday', label: 'Anna’s phone, Larix', prefix: 'w9h2c4xx', addresses: ['10.0.0.0/8'], created_at: iso(9e6), expires_at: iso(-2460), last_used_at: iso(86400), last_address: '10.20.4.18', in_use: false },
  ],
  users: [['Anna Keller', 'owner', true], ['Mehmet Yılmaz', 'operator', false], ['李小龍', 'viewer', false], ['<b>bold</b>', 'admin', false]].map(([name, role, totp]) => ({ id: id(), name, role, totp, disabled: false, created_at: iso(1e6), last_seen_at: iso(600), version: 1 })),
  invites: [], tokens: [{ id: id(), name: 'Stream Deck', role: 'operator', scopes: ['read', 'control'], prefix: 'mc_a81f', created_at: iso(1e6), expires_at: iso(-5e6), last_used_at: iso(900), last_address: '10.0.0.9' }],
  hooks: [{ id: id(), name: 'Ops channel', url: 'https://hooks.example.org/manycast', events: [], streams: [], enabled: true, created_at: iso(1e6), version: 1, old_secret_until: null }],
  deliveries: [['delivered', 200, null], ['failed', 500, 'the receiver answered 500'], ['pending', null, 'connection refused']].map(([state_, code, error], i) => ({ id: id(), event_id: `evt_${i}`, kind: 'destination.rejected', stream: 'sunday', state: state_, attempt: i + 1, status: code, error, answer: code ? 'ok' : null, next_at: state_ === 'pending' ? iso(-30) : null, created_at: iso(60 * i), done_at: null })),
  audit: [], blocks: [], sessions: [{ id: '1', role: 'publisher', protocol: 'rtmps', stream: 'sunday', address: '198.51.100.7', software: 'OBS 32.0.2', since: iso(3200) }, { id: '2', role: 'viewer', protocol: 'rtmp', stream: 'sunday', address: '203.0.113.9', software: 'VLC', since: iso(60) }],
};

function event(what) {
  state.sequence += 1;
  const made = { id: String(state.sequence), at: iso(), stream: null, destination: null, actor: null, severity: 'info', data: {}, ...what };
  state.events.unshift(made);
  broadcast('activity', made, made.id);
}
for (const [ago, kind, severity, dest, text] of [[9000, 'stream.started', 'info', null, 'OBS 32 connected with the key of Sound desk'], [2832, 'stream.went_live', 'good', null, 'Sunday service went live'], [2822, 'destination.live', 'good', 'YouTube', 'YouTube is live'], [2010, 'stream.input_lost', 'warning', null, 'Input lost, the encoder went away'], [1980, 'stream.input_back', 'good', null, 'OBS is back after 30 s, no destination ended'], [75, 'destination.rejected', 'act', 'Town hall', 'Town hall refuses: stream key not found'], [41, 'destination.failing', 'warning', 'Twitch', 'Twitch went quiet, retrying']]) {
  if (state.first) break;
  state.sequence += 1;
  state.events.unshift({ id: String(state.sequence), at: iso(ago), kind, stream: 'sunday', destination: dest, actor: kind === 'stream.went_live' ? 'Anna Keller' : null, severity, text, data: {} });
}
for (const [ago, stream, text, data] of [[200, 'youth', 'OBS 32 was refused: the key was withdrawn.', { reason: 'revoked_key', remedy: 'Give the encoder a key of the stream that holds.', software: 'OBS 32.0.2', label: 'Sound desk', times: 1 }], [90, null, 'An encoder was refused 12 times more in 1 min: no stream has this key.', { reason: 'unknown_key', remedy: 'Copy the key again.', software: '', begins: 'k7m2', times: 12 }]]) {
  if (state.first) break;
  state.sequence += 1;
  state.events.unshift({ id: String(state.sequence), at: iso(ago), kind: 'publish.refused', stream, destination: null, actor: null, address: '203.0.113.9', severity: stream ? 'warning' : 'info', text, data });
}
state.streams.forEach(count);

const card = ({ name, title, managed_by, start, wanted, version, state: at, state_since, on_air_since, publisher, findings, viewers, counts, destinations }) => ({
  name, title, managed_by, start, wanted, version, state: at, state_since, on_air_since, publisher: publisher && { software: publisher.software, since: publisher.since, bitrate: publisher.bitrate }, findings: findings.map(({ id: i, severity, sentence }) => ({ id: i, severity, sentence })), viewers, counts,
  destinations: destinations.map((d) => ({ id: d.id, name: d.name, service: d.service, enabled: d.enabled, status: d.status && { state: d.status.state, since: d.status.since, bitrate: d.status.bitrate, next_dial: d.status.next_dial, last_error: d.status.last_error } })),
});

function send(client, name, data, number) {
  client.response.write(`${number ? `id: ${number}\n` : ''}event: ${name}\ndata: ${JSON.stringify(data)}\n\n`);
}
function broadcast(name, data, number) { for (const client of state.clients) send(client, name, data, number); }
setInterval(() => {
  tick(state.streams, flag('calm')).forEach(event);
  for (const client of state.clients) {
    send(client, 'streams', { streams: state.streams.map(card) });
    const full = state.streams.find((each) => each.name === client.stream);
    if (full) send(client, 'stream', full);
  }
}, 1000);
setInterval(() => { for (const client of state.clients) client.response.write(': heartbeat\n\n'); }, 15_000);

class Refusal extends Error {
  constructor(code, word, detail, more = {}) { super(detail); Object.assign(this, { code, body: { type: `/problems/${word}`, title: detail, status: code, detail, remedy: null, errors: [], ...more } }); }
}
const gone = (what) => new Refusal(404, 'not-found', `There is no ${what} of that name.`);
const invalid = (field, message) => new Refusal(422, 'invalid', message, { errors: [{ field, message, remedy: null }] });
const page = (items, query) => {
  const limit = Number(query.get('limit') ?? 50);
  const from = Number(query.get('after') ?? 0);
  return { items: items.slice(from, from + limit), next: from + limit < items.length ? String(from + limit) : null };
};
const me = () => ({ user: { ...state.users[0], name: state.name, role: state.role, totp: state.totp }, token: null, role: state.role, scopes: ['read', 'control', 'edit', 'admin'], permissions: permissions(state.role), needs_totp: !state.totp && ['owner', 'admin'].includes(state.role) });
const byName = (name) => state.streams.find((each) => each.name === name) ?? (() => { throw gone('stream'); })();
const within = (name, which) => byName(name).destinations.find((d) => d.id === which || d.name === which) ?? (() => { throw gone('destination'); })();
const audited = (action, subject, before, after) => state.audit.unshift({ id: String(state.audit.length + 1), at: iso(), actor_kind: 'user', actor_id: '1', actor: state.name, address: '198.51.100.7', action, subject, before: before ?? null, after: after ?? null });
function seen(thing, headers) { if (headers['if-match'] === undefined) throw new Refusal(428, 'version-needed', 'Say which version you saw: If-Match is missing.'); if (headers['if-match'] !== `"${thing.version}"`) throw new Refusal(412, 'conflict', 'Somebody else changed this meanwhile.', { remedy: 'Look at it again and repeat your change.' }); }
const history = (each, window) => ({ every_s: window > 900 ? 10 : 1, end: iso(), samples: Array.from({ length: Math.min(window, 900) }, (_, i, n = Math.min(window, 900)) => { const ago = (n - i) * (window > 900 ? 10 : 1); const hole = ago > 760 && ago < 800; const dip = ago > 410 && ago < 425; const base = each.publisher?.base ?? 0; return { at: iso(ago), bitrate: !each.publisher || hole ? null : Math.round(base * (dip ? 0.4 : 0.95 + Math.random() * 0.1)), fps: !each.publisher || hole ? null : 50, key_frame_ms: !each.publisher || hole ? null : each.publisher.tracks[0].health.key_frame_interval.now_ms, jitter_ms: !each.publisher || hole ? null : 4 + Math.random() * 5, viewers: each.viewers }; }) });
const rehearsal = (url) => { const bad = /fail|invalid/.test(url); return { steps: [{ step: 'resolve', state: bad ? 'failed' : 'ok', ms: 12, detail: bad ? 'the name does not exist' : '4 addresses' }, ...['connect', 'tls', 'handshake', 'connect_app'].map((step, i) => ({ step, state: bad ? 'skipped' : step === 'tls' && url.startsWith('rtmp:') ? 'skipped' : 'ok', ms: 18 + 9 * i, detail: bad ? '' : ['142.250.186.110, port 443', 'TLS 1.3, certificate valid for 61 days', 'answered in time', 'connect accepted'][i] })), { step: 'publish', state: 'not_tried', ms: 0, detail: '' }], verdict: bad ? 'failed' : 'ok', sentence: bad ? 'The address was not found.' : 'Everything answers.', remedy: bad ? 'Look at the address again.' : null }; };
const go = (each, wanted) => {
  each.wanted = wanted;
  each.state_since = iso();
  if (wanted) { each.state = each.publisher ? 'going_live' : 'off_air'; each.destinations.filter((d) => d.enabled).forEach((d) => { d.status = status('connecting', { ago: 0 }); }); } else { each.state = 'ending'; each.destinations.forEach((d) => { if (d.status.state !== 'stopped') d.status = status('draining', { ago: 0 }); }); }
  return count(each);
};

const routes = [
  ['GET', 'setup', () => ({ needed: state.first })],
  ['POST', 'setup', ({ body }) => { if (body.token !== 'first') throw new Refusal(410, 'link-used', 'This link has been used.'); if (body.password.length < 10) throw invalid('password', 'At least 10 characters are needed.'); state.name = body.name; state.first = false; state.in = true; return me(); }],
  ['POST', 'session', ({ body }) => { if (body.password === 'slow') throw new Refusal(429, 'busy', 'Too many tries.', { retry_after: 41 }); if (body.password === 'totp' && !body.totp) throw new Refusal(401, 'code-needed', 'A code is needed.'); if (body.password === 'totp' && body.totp !== '123456') throw new Refusal(401, 'code-wrong', 'This code is not right.'); if (!['right', 'totp'].includes(body.password)) throw new Refusal(401, 'wrong-login', 'Name or password is not right.'); state.in = true; return me(); }],
  ['GET', 'session', me], ['DELETE', 'session', () => { state.in = false; }],
  ['GET', 'session/list', () => ({ items: [{ id: '1', created_at: iso(9000), seen_at: iso(5), expires_at: iso(-9e5), address: '198.51.100.7', agent: 'Firefox 140 on Linux', current: true }, { id: '2', created_at: iso(9e5), seen_at: iso(9000), expires_at: iso(-9e5), address: '203.0.113.20', agent: 'Mobile Safari on iPhone', current: false }], next: null })],
  ['DELETE', 'session/list/:id', () => {}], ['POST', 'session/password', ({ body }) => { if (body.current !== 'right') throw invalid('current', 'This is not your password.'); }],
  ['GET', 'streams', ({ query }) => page(state.streams, query)],
  ['POST', 'streams', ({ body }) => { if (state.streams.some((each) => each.name === body.name)) throw new Refusal(409, 'name-taken', `There is a stream called ${body.name} already.`); const made = count(stream(body.name, body.title ?? body.name, { start: body.start ?? 'auto', version: 1, state_since: iso() })); state.streams.push(made); audited('stream.create', body.name, null, body); return made; }, 201],
  ['GET', 'streams/:stream', ({ params }) => byName(params.stream)],
  ['PATCH', 'streams/:stream', ({ params, body, headers }) => { const each = byName(params.stream); if (each.managed_by === 'file') throw new Refusal(409, 'managed-by-file', 'This stream is defined in the configuration file.', { remedy: `Change it in ${each.file}.` }); seen(each, headers); audited('stream.edit', each.name, { title: each.title }, body); Object.assign(each, body, { version: each.version + 1 }); return each; }],
  ['DELETE', 'streams/:stream', ({ params }) => { state.streams.splice(state.streams.indexOf(byName(params.stream)), 1); }],
  ['POST', 'streams/:stream/go-live', ({ params }) => go(byName(params.stream), true)], ['POST', 'streams/:stream/end', ({ params }) => go(byName(params.stream), false)],
  ['GET', 'streams/:stream/history', ({ params, query }) => history(byName(params.stream), Number(query.get('window') ?? 900))],
  ['GET', 'streams/:stream/keys', ({ params }) => ({ items: state.keys.filter((key) => key.stream === params.stream), next: null })],
  ['POST', 'streams/:stream/keys', ({ params, body }) => { if (!body.label) throw invalid('label', 'Say for which device.'); const made = { id: id(), stream: params.stream, label: body.label, prefix: 'n3wk3y22', addresses: body.addresses ?? [], created_at: iso(), expires_at: null, last_used_at: null, last_address: null, in_use: false }; state.keys.push(made); return { ...made, key: 'n3wk3y22hjkm4npqrstvwxyz56' }; }, 201],
  ['PATCH', 'streams/:stream/keys/:key', ({ params, body }) => Object.assign(state.keys.find((key) => key.id === params.key) ?? {}, body)],
  ['POST', 'streams/:stream/keys/:key/rotate', ({ params, body }) => { const old = state.keys.find((key) => key.id === params.key); old.expires_at = iso(-body.grace_s); const made = { ...old, id: id(), prefix: 'r0tat3d2', expires_at: null, last_used_at: null, last_address: null, in_use: false }; state.keys.push(made); return { ...made, key: 'r0tat3d2hjkm4npqrstvwxyz56' }; }, 201],
  ['DELETE', 'streams/:stream/keys/:key', ({ params }) => { state.keys = state.keys.filter((key) => key.id !== params.key); }],
  ['GET', 'destinations', ({ query }) => page(state.streams.flatMap((each) => each.destinations), query)],
  ['GET', 'streams/:stream/destinations', ({ params }) => ({ items: byName(params.stream).destinations, next: null })],
  ['POST', 'streams/:stream/destinations', ({ params, body }) => { const each = byName(params.stream); if (each.destinations.some((d) => d.name === body.name)) throw new Refusal(409, 'name-taken', `${body.name} is there already.`); const { key, password, ...shown } = body; const made = destination(each.name, body.name, { ...shown, key_set: !!key, position: each.destinations.length, status: status(each.state === 'on_air' && body.enabled ? 'connecting' : body.enabled === false ? 'stopped' : 'idle', { ago: 0 }) }); each.destinations.push(made); count(each); void password; return made; }, 201],
  ['POST', 'streams/:stream/destinations/order', ({ params, body }) => { const each = byName(params.stream); each.destinations.forEach((d) => { d.position = body.ids.indexOf(d.id); }); return { items: each.destinations }; }],
  ['GET', 'streams/:stream/destinations/:destination', ({ params }) => within(params.stream, params.destination)],
  ['PATCH', 'streams/:stream/destinations/:destination', ({ params, body, headers }) => { const each = within(params.stream, params.destination); seen(each, headers); const { key, password, ...shown } = body; Object.assign(each, shown, { version: each.version + 1, key_set: each.key_set || !!key }); void password; return each; }],
  ['DELETE', 'streams/:stream/destinations/:destination', ({ params }) => { const each = byName(params.stream); each.destinations = each.destinations.filter((d) => d.id !== params.destination); count(each); }],
  ['POST', 'streams/:stream/destinations/:destination/enable', ({ params }) => { const each = within(params.stream, params.destination); each.enabled = true; each.status = status(byName(params.stream).state === 'on_air' ? 'connecting' : 'idle', { ago: 0 }); return each; }],
  ['POST', 'streams/:stream/destinations/:destination/disable', ({ params }) => { const each = within(params.stream, params.destination); each.enabled = false; each.status = status('stopped', { ago: 0 }); return each; }],
  ['POST', 'streams/:stream/destinations/:destination/retry', ({ params }) => { const each = within(params.stream, params.destination); each.status = status('connecting', { ago: 0, failures: each.status.failures }); return each; }],
  ['POST', 'streams/:stream/destinations/:destination/rehearse', ({ params }) => rehearsal(within(params.stream, params.destination).url)], ['POST', 'rehearsals', ({ body }) => rehearsal(body.url)],
  ['GET', 'services', () => ({ items: services, next: null })],
  ['GET', 'sessions', ({ query }) => page(state.sessions, query)], ['DELETE', 'sessions/:id', ({ params }) => { state.sessions = state.sessions.filter((each) => each.id !== params.id); }],
  ['POST', 'sessions/:id/block', ({ params }) => { const each = state.sessions.find((other) => other.id === params.id); const made = { address: each.address, until: iso(-3600), reason: null }; state.blocks.push(made); state.sessions = state.sessions.filter((other) => other !== each); return made; }, 201],
  ['GET', 'blocks', () => ({ items: state.blocks, next: null })], ['DELETE', 'blocks/:address', ({ params }) => { state.blocks = state.blocks.filter((each) => each.address !== params.address); }],
  ['GET', 'activity', ({ query }) => page(state.events.filter((each) => (!query.get('kind') || each.kind.startsWith(query.get('kind'))) && (!query.get('stream') || each.stream === query.get('stream'))), query)],
  ['GET', 'audit', ({ query }) => page(state.audit, query)],
  ['GET', 'users', ({ query }) => page(state.users, query)],
  ['PATCH', 'users/:user', ({ params, body, headers }) => { const each = state.users.find((user) => user.id === params.user); seen(each, headers); return Object.assign(each, body, { version: each.version + 1 }); }], ['DELETE', 'users/:user', ({ params }) => { state.users = state.users.filter((user) => user.id !== params.user); }],
  ['POST', 'users/me/totp', ({ body }) => { if (body.password !== 'right') throw invalid('password', 'This is not your password.'); return { expires_at: iso(-600),  secret: 'JBSWY3DPEHPK3PXP', uri: 'otpauth://totp/Manycast:anna?secret=JBSWY3DPEHPK3PXP&issuer=Manycast' }; }],
  ['POST', 'users/me/totp/confirm', ({ body }) => { if (body.code !== '123456') throw invalid('code', 'This code is not right.'); state.totp = true; return { recovery_codes: Array.from({ length: 10 }, () => id().slice(0, 10)) }; }], ['DELETE', 'users/me/totp', () => { state.totp = false; }], ['DELETE', 'users/:user/totp', () => {}],
  ['GET', 'invites', () => ({ items: state.invites, next: null })], ['POST', 'invites', ({ body }) => { const made = { id: id(), role: body.role, created_at: iso(), expires_at: iso(-604800) }; state.invites.push(made); return { ...made, token: id() }; }, 201], ['DELETE', 'invites/:id', ({ params }) => { state.invites = state.invites.filter((each) => each.id !== params.id); }],
  ['POST', 'invites/accept', ({ body }) => { state.name = body.name; state.in = true; return me(); }, 201],
  ['GET', 'tokens', ({ query }) => page(state.tokens, query)], ['POST', 'tokens', ({ body }) => { const made = { id: id(), name: body.name, role: body.role, scopes: body.scopes, prefix: 'mc_9f2c', created_at: iso(), expires_at: body.expires_at ?? null, last_used_at: null, last_address: null }; state.tokens.push(made); return { ...made, token: `mc_${id()}` }; }, 201], ['DELETE', 'tokens/:id', ({ params }) => { state.tokens = state.tokens.filter((each) => each.id !== params.id); }],
  ['GET', 'webhooks', () => ({ items: state.hooks, next: null })], ['POST', 'webhooks', ({ body }) => { if (!/^https?:/.test(body.url)) throw invalid('url', 'It begins with https:// or http://'); const made = { id: id(), enabled: true, created_at: iso(), version: 1, old_secret_until: null, ...body }; state.hooks.push(made); return { ...made, secret: 'whsec_c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0' }; }, 201],
  ['PATCH', 'webhooks/:id', ({ params, body }) => { const each = state.hooks.find((hook) => hook.id === params.id); return Object.assign(each, body, { version: each.version + 1 }); }], ['DELETE', 'webhooks/:id', ({ params }) => { state.hooks = state.hooks.filter((hook) => hook.id !== params.id); }],
  ['POST', 'webhooks/:id/test', () => ({ ok: true, status: 200, error: null, answer: 'ok', took_ms: 31 })], ['POST', 'webhooks/:id/rotate', ({ params }) => ({ ...state.hooks.find((hook) => hook.id === params.id), secret: 'whsec_bmV3c2VjcmV0bmV3c2VjcmV0bmV3' })],
  ['GET', 'webhooks/:id/deliveries', () => ({ items: state.deliveries, next: null })], ['POST', 'webhooks/:id/deliveries/:d/redeliver', () => {}, 202],
  ['GET', 'server', () => ({ version: '0.1.0', started: iso(86_400), uptime_s: 86_400, ready: true, not_ready_reason: null, listeners: [['rtmp', '0.0.0.0:1935'], ['rtmps', '0.0.0.0:1936'], ['https', '0.0.0.0:8443'], ['http', '127.0.0.1:8080']].map(([protocol, address]) => ({ protocol, address })), certificate: { fingerprint: 'SHA256:4f:1d:aa:09:7e:55:13:c8:20:be:7b:6a:90:1c:d4:3e:11:22:33:44:55:66:77:88:99:aa:bb:cc:dd:ee:ff:01', names: ['stream.example.org', '10.0.0.4'], not_after: iso(-17 * 86_400), self_signed: true, problem: null }, findings: [{ code: 'shadowed', sentence: 'The stream "chapel" of the database is hidden by one of the same name in the file.', remedy: 'Rename one of them.' }], config: { loaded_at: iso(86_400), last_error: null, needs_restart: ['rtmp.listen'] }, ui: 'built' })],
];
const compiled = routes.map(([method, path, call, code]) => ({ method, call, code: code ?? 200, names: [...path.matchAll(/:(\w+)/g)].map((m) => m[1]), pattern: new RegExp(`^/api/v1/${path.replace(/:\w+/g, '([^/]+)')}$`) }));
const PUBLIC = /^\/api\/v1\/(setup|session|invites\/accept)$/;

function files(request, response, path) {
  const safe = normalize(path).replace(/^\/+/, '');
  const wanted = join(dist, safe);
  const found = safe && wanted.startsWith(dist) && existsSync(wanted) && statSync(wanted).isFile() && !/\.(br|gz)$/.test(wanted) ? wanted : null;
  const page_ = (request.headers.accept ?? '').includes('text/html') || path === '/';
  if (!found && !page_) { response.writeHead(404).end(); return; }
  const file = found ?? join(dist, 'index.html');
  const packed = existsSync(`${file}.br`) && (request.headers['accept-encoding'] ?? '').includes('br');
  const kind = { '.html': 'text/html; charset=utf-8', '.js': 'text/javascript', '.css': 'text/css', '.svg': 'image/svg+xml', '.json': 'application/json' }[extname(file)] ?? 'application/octet-stream';
  const bytes = readFileSync(packed ? `${file}.br` : file);
  response.writeHead(200, { 'content-type': kind, 'content-security-policy': POLICY, 'x-content-type-options': 'nosniff', 'cache-control': safe.startsWith('assets/') ? 'public, max-age=31536000, immutable' : 'no-cache', ...(packed ? { 'content-encoding': 'br' } : {}) });
  response.end(bytes);
}

const server = createServer(async (request, response) => {
  const url = new URL(request.url, 'http://x');
  const json = (code, body) => { response.writeHead(code, { 'content-type': code >= 400 ? 'application/problem+json' : 'application/json', 'cache-control': 'no-store', ...(body?.retry_after ? { 'retry-after': body.retry_after } : {}) }); response.end(body === undefined ? undefined : JSON.stringify(body)); };
  if (!url.pathname.startsWith('/api/')) { try { files(request, response, decodeURIComponent(url.pathname)); } catch { response.writeHead(404).end(); } return; }
  try {
    // Tests turn the fixture's knobs here: {role, in, restart, drop, stream: {name, change}, event}.
    if (url.pathname === '/api/fixture') { knob(JSON.parse(await text(request))); json(200, {}); return; }
    if (!state.in && !PUBLIC.test(url.pathname)) throw new Refusal(401, 'not-signed-in', 'Please sign in.');
    if (!state.in && url.pathname === '/api/v1/session' && request.method === 'GET') throw new Refusal(401, 'not-signed-in', 'Please sign in.');
    if (url.pathname === '/api/v1/events') { feed(request, response, url.searchParams.get('stream')); return; }
    const matching = compiled.filter((route) => route.pattern.test(url.pathname));
    const route = matching.find((each) => each.method === request.method);
    if (!route) throw new Refusal(matching.length ? 405 : 404, 'no-such-route', 'There is no such route.');
    const found = route.pattern.exec(url.pathname).slice(1).map(decodeURIComponent);
    const params = Object.fromEntries(route.names.map((name, i) => [name, found[i]]));
    const raw = request.method === 'GET' ? '' : await text(request);
    await new Promise((done) => { setTimeout(done, Number(option('delay', 30))); });
    const answer = route.call({ params, query: url.searchParams, body: raw ? JSON.parse(raw) : {}, headers: request.headers });
    json(answer === undefined ? 204 : route.code, answer);
  } catch (error) {
    if (error instanceof Refusal) json(error.code, error.body); else { console.error(error); json(500, { type: '/problems/internal', title: 'The fixture failed', status: 500, detail: String(error), remedy: null, errors: [] }); }
  }
});
async function text(request) { let all = ''; for await (const part of request) all += part; return all; }
function feed(request, response, name) {
  response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' });
  const client = { response, stream: name };
  state.clients.add(client);
  send(client, 'streams', { streams: state.streams.map(card) });
  request.on('close', () => state.clients.delete(client));
}
function knob(turn) {
  for (const key of ['role', 'in', 'first']) if (key in turn) state[key] = turn[key];
  if (turn.event) event(turn.event);
  if (turn.stream) { const each = byName(turn.stream.name); Object.assign(each, turn.stream.change ?? {}); if (turn.stream.destination) { const d = within(each.name, turn.stream.destination); d.status = status(turn.stream.state, { ago: 0, ...turn.stream.status }); } count(each); }
  if (turn.arrive) { const each = byName(turn.arrive); Object.assign(each, stream(each.name, each.title, { ...each, state: 'ready', state_since: iso(), on_air_since: null })); const made = world()[2].publisher; each.publisher = { ...made, since: iso() }; }
  if (turn.restart) { broadcast('restart', {}); for (const client of state.clients) client.response.end(); away(turn.restart); }
  if (turn.drop) { for (const client of state.clients) client.response.destroy(); away(turn.drop); }
}
// Nobody listens for so many ms, or until SIGUSR2.
let absent;
function away(ms) { server.close(); server.closeAllConnections(); absent = setTimeout(back, ms); }
function back() { if (!absent) return; clearTimeout(absent); absent = undefined; server.listen(port, '127.0.0.1'); }
process.on('SIGUSR2', back);
server.listen(port, '127.0.0.1', () => console.log(`fixture on http://127.0.0.1:${port}`));
