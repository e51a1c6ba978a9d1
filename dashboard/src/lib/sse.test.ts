import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { Connection, Parser, SILENCE_MS, wait, type Message } from './sse';

test('waits 1, 2, 4, 8, then 10 s', () => { expect([0, 1, 2, 3, 4, 20].map(wait)).toEqual([1, 2, 4, 8, 10, 10]); });

describe('parser', () => {
  const text = 'retry: 2000\n: heartbeat\n\nid: 7\nevent: activity\ndata: {"a":1}\n\ndata: one\r\ndata: two\r\n\r\nevent: empty\n\n';
  const whole: Message[] = [{ event: 'activity', data: '{"a":1}', id: '7' }, { event: 'message', data: 'one\ntwo', id: '7' }];
  test.each([1, 2, 3, 7, 1000])('cut into pieces of %d', (size) => {
    const parser = new Parser();
    const got: Message[] = [];
    for (let at = 0; at < text.length; at += size) got.push(...parser.push(text.slice(at, at + size)));
    expect(got).toEqual(whole);
  });
});

describe('connection', () => {
  beforeEach(() => { vi.useFakeTimers(); });
  afterEach(() => { vi.useRealTimers(); });

  function feed(answers: (() => Response | Promise<Response>)[]) {
    const log: string[] = [];
    const asked: Record<string, string>[] = [];
    const connection = new Connection({
      url: () => '/events', open: () => log.push('open'), message: (message) => log.push(`${message.event} ${message.data}`), lost: (seconds) => log.push(`lost ${seconds}`), refused: () => log.push('refused'),
      fetch: ((_url: string, init: RequestInit) => { asked.push(init.headers as Record<string, string>); const next = answers.shift(); return next ? Promise.resolve(next()) : Promise.reject(new TypeError('network')); }) as typeof fetch,
    });
    return { connection, log, asked };
  }
  const stream = (text: string, end = true): Response => new Response(new ReadableStream({ start(controller) { controller.enqueue(new TextEncoder().encode(text)); if (end) controller.close(); } }), { headers: { 'content-type': 'text/event-stream' } });

  test('comes back by itself, later each time, and resumes where it was', async () => {
    const { connection, log, asked } = feed([() => stream('id: 41\nevent: activity\ndata: x\n\n'), () => { throw new TypeError('network'); }, () => new Response('', { status: 502 }), () => stream('data: y\n\n', false)]);
    connection.start();
    await vi.advanceTimersByTimeAsync(0);
    expect(log).toEqual(['open', 'activity x', 'lost 1']);
    await vi.advanceTimersByTimeAsync(999);
    expect(asked).toHaveLength(1);
    await vi.advanceTimersByTimeAsync(1);
    await vi.advanceTimersByTimeAsync(2000);
    await vi.advanceTimersByTimeAsync(4000);
    expect(log.slice(3)).toEqual(['lost 2', 'lost 4', 'open', 'message y'].map((line, i) => (i === 0 ? 'lost 2' : line)));
    expect(asked.map((headers) => headers['last-event-id'])).toEqual([undefined, '41', '41', '41']);
    connection.stop();
  });

  test('does not believe a silence longer than two heartbeats', async () => {
    const { connection, log } = feed([() => stream(': heartbeat\n\n', false)]);
    connection.start();
    await vi.advanceTimersByTimeAsync(0);
    await vi.advanceTimersByTimeAsync(SILENCE_MS + 10);
    expect(log).toEqual(['open', 'lost 1']);
    connection.stop();
  });

  test('asks nobody in who was refused, and stops', async () => {
    const { connection, log, asked } = feed([() => new Response('', { status: 401 })]);
    connection.start();
    await vi.advanceTimersByTimeAsync(60_000);
    expect([log, asked.length]).toEqual([['refused'], 1]);
  });

  test('a page of a portal is not the server', async () => {
    const { connection, log } = feed([() => new Response('<html>', { headers: { 'content-type': 'text/html' } })]);
    connection.start();
    await vi.advanceTimersByTimeAsync(0);
    expect(log).toEqual(['lost 1']);
    connection.stop();
  });
});
