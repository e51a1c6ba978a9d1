import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import type { Activity, Destination, DestinationStatus, LegState, Service, Stream, StreamCard, StreamState } from './api/types';
import { faultOfKey, faultOfUrl, serviceOf, split } from './address';
import { cause, stateMore, stateWord } from './causes';
import { draw } from './chart';
import { ffmpegCommand } from './connect';
import { join } from './events';
import { toCsv } from './export';
import { merge } from './merge';
import { refusal, refusedHere } from './refused';
import { textOf } from './told';
import { plainly } from './words';
import { strength } from './password';
import { match } from './router.svelte';
import { slug } from './slug';
import { shape, slots } from './spark';
import { byUrgency, isSlow, lookOf, stateOf } from './states';
import { gist, heldFor, strip, titleKind } from './strip';
import { summary } from './summary';

const NOW = Date.parse('2026-01-01T12:00:00Z');
const status = (state: LegState, more: Partial<DestinationStatus> = {}): DestinationStatus => ({ state, since: '2026-01-01T11:59:30Z', reason: null, next_dial: null, last_error: null, last_error_kind: null, bitrate: 0, frames: 0, bytes: 0, dropped_gops: 0, lag_ms: null, unacked_bytes: null, rtt_ms: null, left_out: null, dials: 1, failures: 0, ...more });
const dest = (name: string, state: LegState, more: Partial<Destination> = {}, figures: Partial<DestinationStatus> = {}): Destination => ({ id: name, stream: 's', name, service: null, url: 'rtmps://x.example:443/a', managed_by: 'database', enabled: true, position: 0, notes: '', key_set: true, user: null, backup: null, config_change: 'headers', announce: 'auto', video_track: null, audio_track: null, version: 1, status: status(state, figures), backup_status: null, ...more });
const stream = (name: string, state: StreamState, more: Partial<Stream> = {}): Stream => ({ name, title: '', managed_by: 'database', start: 'auto', play: true, takeover: 'when_silent', reconnect_window_s: 30, hold_on_stop: false, notes: '', version: 1, state, state_since: '2026-01-01T11:59:52Z', on_air_since: null, publisher: null, health: null, findings: [], viewers: 0, window_bytes: 0, counts: { live: 0, retrying: 0, need_you: 0, off: 0 }, destinations: [], connect: { rtmp: [], rtmps: [] }, ...more });

describe('encoders that are refused', () => {
  const event = (data: object, more = {}): Activity => ({ id: '1', at: '2026-01-01T12:00:00Z', kind: 'publish.refused', stream: null, destination: null, actor: null, severity: 'warning', text: 'as the server says it', data, ...more });
  const reasons = [...readFileSync('../crates/auth/src/gate/attempt.rs', 'utf8').matchAll(/Self::\w+ => "([a-z_]+)",/g)].map((found) => found[1]!);
  test('each reason of the server has words and a remedy', () => {
    expect(reasons.length).toBeGreaterThan(10);
    for (const reason of [...reasons, 'several']) { const told = refusal(event({ reason, label: 'PC' })); expect([told.what.startsWith('as the'), told.help === null]).toEqual([false, false]); }
  });
  test('what is not known yet is told as the server does', () => { expect(refusal(event({ reason: 'new_one', remedy: 'Do it.' }))).toEqual({ what: 'as the server says it', hint: null, help: 'Do it.', from: null }); });
  test('those that no stream has are shown with every stream, for an hour by the time of the server', () => {
    const tries = [event({}), event({}, { stream: 's' }), event({}, { stream: 'other' }), event({}, { kind: 'stream.started' }), event({}, { at: '2026-01-01T10:00:00Z' })];
    expect(refusedHere(tries, 's', Date.parse('2026-01-01T12:30:00Z'))).toEqual(tries.slice(0, 2));
    expect(refusedHere(tries, 's', Date.parse('2026-01-01T13:00:00Z'))).toEqual([]);
  });
  test('programs go by the names that people know', () => { expect(refusal(event({ reason: 'unknown_key', software: 'FMLE/3.0 (compatible; Lavf59.27.100)' })).what).toBe('ffmpeg sent a key that no stream has'); });
  test('who, how often, from where, and what it may have been', () => {
    expect(refusal(event({ reason: 'unknown_key', software: 'OBS 31', begins: 'k7m2', times: 12 }, { address: '192.0.2.1' }))).toEqual({ what: 'OBS 31 sent a key that no stream has', hint: 'What it sent begins with k7m2', help: 'Copy the key into the encoder again, or make it a new one.', from: 'from 192.0.2.1, 12 times' });
  });
});

describe('destinations', () => {
  test('the one that needs you comes first', () => {
    const list = [dest('off', 'live', { enabled: false }), dest('live', 'live'), dest('dial', 'connecting'), dest('slow', 'live', {}, { lag_ms: 9000 }), dest('again', 'backoff'), dest('no', 'rejected'), dest('wait', 'idle')];
    expect(list.sort(byUrgency).map((each) => each.name)).toEqual(['no', 'again', 'slow', 'dial', 'live', 'wait', 'off']);
  });
  test('off is what a person said, whatever the engine still does', () => { expect([stateOf(dest('x', 'live', { enabled: false })), stateOf(dest('x', 'draining', { enabled: false })), stateOf(dest('x', 'idle', { status: null })), stateOf(dest('x', 'stopped'))]).toEqual(['stopped', 'draining', 'idle', 'idle']); });
  test('live and slow is amber, and said so', () => { const slow = dest('V', 'live', {}, { lag_ms: 12_000 }); expect([isSlow(slow.status), lookOf(slow).tone, cause(slow, NOW)?.what]).toEqual([true, 'warn', 'The way to V is too slow: 12 s of picture wait.']); });
  test.each<[LegState, string]>([['backoff', 'Retrying in 0:09'], ['live', 'Live'], ['securing', 'Connecting: securing'], ['rejected', 'Refused'], ['unfed', 'Gets nothing']])('%s reads %s', (state, text) => { expect(stateWord(dest('x', state, {}, { next_dial: '2026-01-01T12:00:09Z' }), NOW)).toBe(text); });
  test('a wait between tries is not a time of trouble', () => { expect([stateMore(dest('x', 'backoff', {}, { failures: 3 }), NOW), stateMore(dest('x', 'backoff'), NOW)]).toEqual(['try 3', '']); });
  test('switched on and off air it waits, and says what for', () => { const x = dest('x', 'stopped', {}, { reason: 'switched off' }); expect([stateWord(x, NOW), stateMore(x, NOW)]).toEqual(['Waiting', 'starts with the stream']); });
  test('a quick connect shows no steps', () => { expect(stateWord(dest('x', 'handshake', {}, { since: '2026-01-01T11:59:59.5Z' }), NOW)).toBe('Connecting'); });
  test('one that nothing can be sent to says what is left out', () => { expect(cause(dest('T', 'unfed', {}, { left_out: 'the far end takes no h265; set the encoder to h264' }), NOW)).toEqual({ what: 'T takes nothing of what the encoder sends.', effect: 'Viewers there see nothing. It goes out by itself as soon as something fits.', quote: 'the far end takes no h265; set the encoder to h264', helps: ['edit'] }); });
  test('a refusal quotes the platform and offers a new key', () => {
    const why = cause(dest('T', 'rejected', {}, { last_error: '<b>BadName</b>', last_error_kind: 'rejected', next_dial: '2026-01-01T12:04:41Z' }), NOW);
    expect([why?.quote, why?.helps, why?.effect]).toEqual(['<b>BadName</b>', ['key', 'try'], 'Viewers there see nothing. Next try in 4:41.']);
  });
});

describe('words', () => {
  test.each([
    ['NetConnection.Connect.AppShutdown: The server stops.', 'its server stops.'], ['First is failing: NetConnection.Connect.AppShutdown: The server stops.. It is tried again.', 'First is failing: its server stops. It is tried again.'],
    ['NetStream.Publish.BadName: No such key', 'No such key'], ['NetStream.Publish.BadName', 'it does not take this key'], ['X refuses: NetStream.Publish.Denied: the key is old.. It is tried again.', 'X refuses: the key is old. It is tried again.'], ['waits ... here', 'waits ... here'],
  ])('%s', (said, plain) => { expect(plainly(said)).toBe(plain); });
  test.each([['The encoder is connected: FMLE/3.0 (compatible; Lavf61.7.100).', null, 'The encoder is connected: ffmpeg.'], ['obs-output module (libobs version 31.0.1) was refused.', { software: 'obs-output module (libobs version 31.0.1)' }, 'OBS 31.0.1 was refused.']])('%s', (text, data, plain) => { expect(textOf({ id: '1', at: '', kind: 'not.known', stream: null, destination: null, actor: null, severity: 'info', text, data })).toBe(plain); });
});

describe('events in the words of the catalogue', () => {
  const event = (kind: string, destination: string | null, data: object) => textOf({ id: '1', at: '', kind, stream: 's', destination, actor: null, severity: 'info', text: 'as the server says it', data });
  test.each<[string, string | null, object, string]>([
    ['stream.started', null, { software: 'FMLE/3.0 (compatible; Lavf61.7.100)' }, 'The encoder is connected: ffmpeg.'],
    ['stream.stopped', null, { reason: 'the encoder ended the stream', lasted_s: 65, times: 1 }, 'The input ended after 1 min 5 s: the encoder stopped.'],
    ['stream.stopped', null, { reason: 'the encoder did not come back within 30 s', lasted_s: 7320, times: 4 }, 'The input ended: the encoder did not come back within 30 s. It had started 4 times in 2 h 2 min.'],
    ['stream.input_lost', null, { reason: 'the encoder vanished', held_for_s: 30 }, 'The input was lost: the encoder vanished. Destinations are held for 30 s.'],
    ['stream.input_back', null, { away_ms: 4900, times: 1 }, 'The input is back after 4 s.'],
    ['destination.failing', '<b>A</b>', { reason: 'NetStream.Publish.Denied: no such event.', backup: true }, '<b>A</b> (backup) is failing: no such event. It is tried again.'],
    ['destination.rejected', 'A', { reason: 'it takes none of it', error_kind: 'unfed' }, 'A gets nothing: it takes none of it.'],
    ['destination.recovered', 'A', { away_ms: 61_000, times: 3 }, 'A is live again. It failed 3 times in 1 min 1 s.'],
    ['finding.mended', null, { rule: 'silent', lasted_s: 9 }, 'Mended after 9 s: Nothing comes'],
    ['finding.new', null, { rule: 'silent' }, 'as the server says it'],
    ['destination.failing', 'A', {}, 'as the server says it'],
    ['something.new', 'A', { reason: 'x' }, 'as the server says it'],
  ])('%s', (kind, destination, data, text) => { expect(event(kind, destination, data)).toBe(text); });
});

describe('strip', () => {
  test.each<[StreamState[], string, number, number]>([[[], 'off', 0, 0], [['off_air'], 'off', 0, 0], [['ready', 'off_air'], 'ready', 1, 0], [['on_air', 'input_lost', 'on_air', 'ready'], 'on', 2, 1], [['input_lost', 'ready'], 'hold', 1, 0], [['going_live', 'ready'], 'going', 1, 0], [['ending'], 'ending', 1, 0]])('%s', (states, kind, shown, more) => {
    const seen = strip(states.map((state, i) => stream(`s${i}`, state)));
    expect([seen.kind, seen.shown.length, seen.more]).toEqual([kind, shown, more]);
  });
  test('counts the seconds that destinations are held', () => { expect(heldFor(stream('s', 'input_lost'), NOW)).toBe(22); });
  test('is spoken when it changes in kind, not each second', () => {
    const before = gist([stream('s', 'on_air', { publisher: { address: null, software: null, since: '', bitrate: 1, tracks: [], trouble: null } })]);
    expect(gist([stream('s', 'on_air', { viewers: 9 })])).toBe(before);
    expect(gist([stream('s', 'on_air', { counts: { live: 1, retrying: 0, need_you: 0, off: 0 } })])).not.toBe(before);
  });
  test('titles lead with state', () => { expect([titleKind([], stream('a', 'input_lost')).kind, titleKind([], stream('a', 'on_air')).kind, titleKind([stream('a', 'on_air'), stream('b', 'on_air')], undefined)]).toEqual(['trouble', 'on', { kind: 'many', count: 2 }]); });
});

describe('cards over streams', () => {
  const card = (more: Partial<StreamCard> = {}): StreamCard => ({ name: 's', title: 'S', managed_by: 'database', start: 'auto', wanted: true, version: 1, state: 'on_air', state_since: '', on_air_since: '', publisher: null, findings: [], viewers: 3, counts: { live: 1, retrying: 0, need_you: 0, off: 0 }, destinations: [{ id: 'd', name: 'd', service: null, enabled: true, status: { state: 'live', since: '', bitrate: 5, next_dial: null, last_error: null } }], ...more });
  const known = stream('s', 'ready', { notes: 'kept', destinations: [dest('d', 'idle', { url: 'rtmp://kept/x' })] });
  test('states come from the card, what was set up stays', () => { const { streams, stale } = merge([known], [card()]); expect([streams[0]!.state, streams[0]!.notes, streams[0]!.destinations[0]!.url, streams[0]!.destinations[0]!.status?.bitrate, stale]).toEqual(['on_air', 'kept', 'rtmp://kept/x', 5, []]); });
  test.each<[string, StreamCard[], number]>([['a new stream', [card(), card({ name: 'new' })], 1], ['another version', [card({ version: 2 })], 1], ['a destination more', [card({ destinations: [] })], 1], ['one less', [], 0]])('%s is read anew', (_what, cards, stale) => { expect(merge([known], cards).stale).toHaveLength(stale); });
  test('streams that are gone are gone', () => { expect(merge([known], []).streams).toEqual([]); });
});

describe('addresses', () => {
  const services: Service[] = [{ key: 'yt', name: 'YouTube', featured: true, schemes: ['rtmps'], servers: [{ name: 'a', url: 'rtmps://a.rtmps.youtube.com:443/live2' }], key_link: null, key_help: null, limits: null }];
  test.each([['', 'empty'], ['http://x/y', 'scheme'], ['rtmp://', 'host'], ['rtmp://a b/c', 'space'], ['rtmps://live.example.com:443/app', null], ['rtmp://u:p@h/x', null], ['rtmp://[::1]:1935/live', null]])('%s', (url, fault) => { expect(faultOfUrl(url)).toBe(fault); });
  test.each([['', true, 'empty'], ['', false, null], ['ab', true, 'short'], ['a b c d', true, 'space'], ['abcd-efgh', true, null]])('key %s', (key, needed, fault) => { expect(faultOfKey(key, needed)).toBe(fault); });
  test('a pasted address picks its service and gives up its key', () => { expect(split('rtmps://a.rtmps.youtube.com:443/live2/abcd-efgh', services)).toMatchObject({ url: 'rtmps://a.rtmps.youtube.com:443/live2', key: 'abcd-efgh', service: { key: 'yt' } }); });
  test('another server of the same platform is known too, strangers are not', () => { expect([serviceOf('rtmps://b.rtmps.youtube.com/live2', services)?.key, serviceOf('rtmp://example.com/live2', services)]).toEqual(['yt', null]); });
});

describe('charts', () => {
  const at = (second: number): string => new Date(NOW + second * 1000).toISOString();
  const sample = (second: number, bitrate: number | null) => ({ at: at(second), bitrate, fps: null, key_frame_ms: null, jitter_ms: null, viewers: 0 });
  test('a hole is a gap, never a line across and never 0', () => { const drawn = draw({ every_s: 1, end: at(9), samples: [sample(0, 1e6), sample(1, 3e6), sample(6, 2e6), sample(7, null), sample(8, 2e6)] }, 'bitrate'); expect([drawn.gaps, drawn.low, drawn.high, drawn.last, drawn.ys]).toEqual([2, 1, 3, 2, [1, 3, null, 2, null, 2]]); });
  test('sparklines break at gaps', () => { const drawn = shape([1, 1, null, 1], 2); expect([drawn.gaps.length, (drawn.line.match(/M/g) ?? []).length]).toEqual([1, 2]); });
  test('a history with holes keeps its times', () => { expect(slots({ every_s: 1, end: at(19), samples: [sample(0, 9), sample(6, 1), sample(8, 2), sample(19, 3)] }, 4, 5)).toEqual([9, 2, null, 3]); });
  test('nothing draws nothing', () => { expect(shape([], 0)).toEqual({ line: '', gaps: [] }); });
});

test.each([['Gottesdienst am Sonntag', 'gottesdienst-am-sonntag'], ['Größe & Übung', 'groesse-uebung'], ['  ..a--  ', 'a'], ['日本', 'stream'], ['', ''], ['x'.repeat(90), 'x'.repeat(64)]])('%s is %s in addresses', (title, name) => { expect(slug(title)).toBe(name); });
test.each([['short', 'short'], ['aaaaaaaaaaaaaa', 'weak'], ['a long enough sentence', 'good'], ['Tr0ub4dor&3', 'fair']])('%s is %s', (text, word) => { expect(strength(text)).toBe(word); });
test('exports keep spreadsheets from running names', () => { expect(toCsv(['a', 'b'], [{ a: '=1+1', b: 'x,"y"' }, { a: null, b: '-2' }])).toBe("a,b\r\n'=1+1,\"x,\"\"y\"\"\"\r\n,'-2\r\n"); });
test('events come once, newest first', () => { const event = (id: string) => ({ id, at: '', kind: '', stream: null, destination: null, actor: null, severity: 'info' as const, text: '', data: null }); expect(join([event('12')], [event('9'), event('12'), event('10')]).map((each) => each.id)).toEqual(['12', '10', '9']); });
test('the command keeps the key out of itself', () => { expect(ffmpegCommand('rtmps://h/live/')).toContain('"rtmps://h/live/$KEY"'); });
test.each([['/', 'Streams', {}], ['/s/my.stream', 'Stream', { stream: 'my.stream' }], ['/s/a%2Fb/connect', 'Stream', { stream: 'a/b', tab: 'connect' }], ['/s/x/destinations/7', 'DestinationEdit', { stream: 'x', id: '7' }], ['/setup/TOKEN', 'Setup', { token: 'TOKEN' }], ['/s/%', 'Stream', { stream: '%' }], ['/nope', 'NotFound', {}]])('%s', (path, page, params) => { expect(match(path, '')).toMatchObject({ page, params }); });
test.each([[1, 'One destination is live and well.'], [2, 'Both destinations are live and well.'], [3, 'All 3 destinations are live and well.']])('%s that are well', (n, text) => { expect(summary(stream('s', 'on_air', { counts: { live: n, retrying: 0, need_you: 0, off: 0 } }), NOW).text).toBe(text); });
