import { describe, expect, test } from 'vitest';
import { bytes, clock, figure, host, initials, kbit, mbit, port, since, until } from './format';

describe('figures', () => {
  test.each([[null, '–'], [undefined, '–'], [Number.NaN, '–'], [0, '0'], [6121, '6,121']])('%s is %s', (value, text) => { expect(figure(value, 'en')).toBe(text); });
  test('rates', () => { expect([kbit(6_121_400, 'en'), mbit(6_121_400, 'en'), mbit(6_121_400, 'de'), kbit(null, 'en')]).toEqual(['6,121', '6.1', '6,1', '–']); });
  test('bytes', () => { expect([bytes(null, 'en'), bytes(512, 'en'), bytes(2_154_000_000, 'en')]).toEqual(['–', '512 byte', '2.2 GB']); });
});

describe('spans', () => {
  test.each([[0, '0:00'], [9, '0:09'], [22.9, '0:22'], [599, '9:59'], [760, '0:12:40'], [2832, '0:47:12'], [3600 * 25 + 62, '1 d 1:01:02'], [-3, '0:00']])('%d s is %s', (seconds, text) => { expect(clock(seconds)).toBe(text); });
  test('since and until never go below nothing', () => {
    const now = Date.parse('2026-01-01T00:00:10Z');
    expect([since('2026-01-01T00:00:00Z', now), since('2026-01-01T00:01:00Z', now), since(null, now), since('never', now)]).toEqual([10, 0, null, null]);
    expect([until('2026-01-01T00:00:18.2Z', now), until('2026-01-01T00:00:00Z', now), until(null, now)]).toEqual([9, 0, null]);
  });
});

test.each([['YouTube', 'YT'], ['Twitch', 'TW'], ['Facebook, parish page', 'FP'], ['', '–'], ['李小龍', '李小'], ['<b>', '<B'], ['Über uns', 'ÜU']])('initials of %s are %s', (name, letters) => { expect(initials(name)).toBe(letters); });

test.each([['rtmps://a.example:8443/live', 'a.example', '8443'], ['rtmp://u:p@h/x', 'h', '1935'], ['rtmps://[2001:db8::1]/x', '[2001:db8::1]', '443'], ['nonsense', 'nonsense', '1935']])('%s', (url, name, number) => { expect([host(url), port(url)]).toEqual([name, number]); });
