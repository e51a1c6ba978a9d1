// What a page does with a stream, for a test: an effect that watches it.
import { flushSync } from 'svelte';
import { live } from './live.svelte';

export function watching(name: string): () => void {
  const stop = $effect.root(() => { $effect(() => { live.watch(name); return () => live.watch(null); }); });
  flushSync();
  return stop;
}
