import { flushSync } from 'svelte';
import { afterEach, expect, test, vi } from 'vitest';
import { live } from './live.svelte';
import type { Stream } from './api/types';
import { watching } from './watching.test-help.svelte';

afterEach(() => { live.stop(); vi.unstubAllGlobals(); });

test('watching a stream asks once, however often its figures arrive', async () => {
  const asked: string[] = [];
  let push: (text: string) => void = () => {};
  vi.stubGlobal('fetch', (url: string) => {
    if (!url.includes('/events')) return Promise.resolve(new Response('{"items":[],"next":null}', { headers: { 'content-type': 'application/json' } }));
    asked.push(url);
    return Promise.resolve(new Response(new ReadableStream({ start(controller) { push = (text) => controller.enqueue(new TextEncoder().encode(text)); } }), { headers: { 'content-type': 'text/event-stream' } }));
  });
  live.start();
  const stop = watching('s');
  await new Promise((done) => { setTimeout(done, 20); });
  for (let i = 0; i < 3; i += 1) {
    push(`event: stream\ndata: ${JSON.stringify({ name: 's', viewers: i } as Partial<Stream>)}\n\n`);
    await new Promise((done) => { setTimeout(done, 10); });
    flushSync();
  }
  expect(asked.filter((url) => url.endsWith('?stream=s'))).toHaveLength(1);
  stop();
});
