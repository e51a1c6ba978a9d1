import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { de } from './de';
import { en, type Key } from './en';
import { format, names, parse, pieces } from './icu';
import type { ErrorKind, LegState, StreamState } from '../api/types';

const keys = Object.keys(en) as Key[];

describe('catalogues', () => {
  test('each text can be read, and asks for the same names in both languages', () => {
    const faults = keys.filter((key) => [...names(parse(en[key]))].sort().join() !== [...names(parse(de[key]))].sort().join());
    expect(faults).toEqual([]);
  });
  test('no text is empty and none is left in English that is longer than a few words', () => {
    expect(keys.filter((key) => !en[key].trim() || !de[key].trim())).toEqual([]);
    expect(keys.filter((key) => en[key] === de[key] && en[key].replaceAll(/\{[^}]*\}|<b>|<\/b>/g, '').split(/\s+/).length > 5)).toEqual([]);
  });
  test('no text is glued: none begins or ends with a space', () => { expect(keys.filter((key) => [en, de].some((all) => all[key] !== all[key].trim()))).toEqual([]); });
  test('each key is used somewhere', () => {
    const sources: string[] = [];
    const walk = (folder: string): void => { for (const entry of readdirSync(folder, { withFileTypes: true })) { const path = `${folder}/${entry.name}`; if (entry.isDirectory()) { if (entry.name !== 'en' && entry.name !== 'de') walk(path); } else if (/\.(svelte|ts)$/.test(path) && !path.endsWith('.test.ts')) sources.push(readFileSync(path, 'utf8')); } };
    walk('src');
    const all = sources.join('\n');
    const made = new Set([...all.matchAll(/`([a-z]+)\.(?:[a-z]+_)?\$\{/g)].map((found) => found[1]));
    const unused = keys.filter((key) => !all.includes(`'${key}'`) && !all.includes(`"${key}"`) && !made.has(key.split('.')[0]));
    expect(unused).toEqual([]);
  });
});

describe('each word of the server has its words here', () => {
  const legs: LegState[] = ['idle', 'resolving', 'connecting', 'securing', 'handshake', 'publishing', 'live', 'unfed', 'held', 'stalled', 'backoff', 'rejected', 'draining', 'stopped', 'standby'];
  const streams: StreamState[] = ['off_air', 'ready', 'going_live', 'on_air', 'input_lost', 'ending'];
  const kinds: ErrorKind[] = ['dns', 'unreachable', 'connect_timeout', 'tls', 'handshake', 'rejected', 'in_use', 'redirects', 'reset', 'closed', 'stalled', 'configuration', 'internal'];
  test.each([...legs.map((state) => `leg.${state}`), ...streams.flatMap((state) => [`state.${state}`, `live.for_${state}`]), ...kinds.map((kind) => `cause.${kind}`)])('%s', (key) => { expect(en).toHaveProperty([key]); });
  test('each finding of the coach has a heading and a remedy', () => {
    const table = readFileSync('../docs/health.md', 'utf8').split('\n').map((line) => /^\| `([a-z_]+)` \| (?:error|warning|note) \|/.exec(line)?.[1]).filter(Boolean);
    expect(table.length).toBeGreaterThan(20);
    expect(table.filter((id) => !(`find.${id}` in en) || !(`fix.${id}` in en))).toEqual([]);
  });
});

describe('messages', () => {
  test.each([
    ['{n, plural, =0 {none} one {# thing} other {# things}}', { n: 0 }, 'en', 'none'], ['{n, plural, =0 {none} one {# thing} other {# things}}', { n: 1 }, 'en', '1 thing'], ['{n, plural, one {# Ding} other {# Dinge}}', { n: 1200 }, 'de', '1.200 Dinge'],
    ['{x, select, a {A} other {B {y}}}', { x: 'q', y: '{z}' }, 'en', 'B {z}'], ['{missing}', {}, 'en', '–'],
  ])('%s', (message, values, locale, text) => { expect(format(parse(message), values as Record<string, string | number>, locale)).toBe(text); });
  test('what is put in stays text', () => { expect(pieces(parse('<b>{name}</b> is live'), { name: '<b>x</b><img src=x>' }, 'en')).toEqual([{ text: '<b>x</b><img src=x>', bold: true }, { text: ' is live', bold: false }]); });
  test.each(['{', '{n, plural, one {x}}', '}', '<b>x', '{n, ordinal, other {}}'])('%s is refused', (message) => { expect(() => parse(message)).toThrow(); });
});

test('no markup is ever made from text', () => {
  const bad: string[] = [];
  const walk = (folder: string): void => { for (const entry of readdirSync(folder, { withFileTypes: true })) { const path = `${folder}/${entry.name}`; if (entry.isDirectory()) walk(path); else if (!path.endsWith('.test.ts') && /\{@html|innerHTML|outerHTML|insertAdjacentHTML|document\.write|\sstyle="/.test(readFileSync(path, 'utf8'))) bad.push(path); } };
  walk('src');
  expect(bad).toEqual([]);
});
