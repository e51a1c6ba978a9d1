// What people do to streams and destinations: asks the server, and shows what it answers.
import { api, seg } from './api/client';
import type { Destination, Stream } from './api/types';
import { t } from './i18n/index.svelte';
import { live } from './live.svelte';
import { complain, say } from './toast.svelte';

const of = (destination: Destination): string => `/streams/${seg(destination.stream)}/destinations/${seg(destination.id)}`;

export async function goLive(name: string): Promise<void> { live.put(await api.post<Stream>(`/streams/${seg(name)}/go-live`)); }
export async function end(name: string): Promise<void> { live.put(await api.post<Stream>(`/streams/${seg(name)}/end`)); }

export async function enable(destination: Destination, wanted: boolean): Promise<void> {
  live.putDestination(await api.post<Destination>(`${of(destination)}/${wanted ? 'enable' : 'disable'}`));
}

/** Off without a question, but with a way back. */
export async function toggle(destination: Destination, wanted: boolean): Promise<void> {
  await enable(destination, wanted);
  if (!wanted) say(t('dest.switched_off', { name: destination.name }), { undo: () => { enable(destination, true).catch(complain); } });
}

export async function retry(destination: Destination): Promise<void> {
  live.putDestination(await api.post<Destination>(`${of(destination)}/retry`));
}

export async function remove(destination: Destination): Promise<void> {
  await api.remove(of(destination), destination.managed_by === 'database' ? destination.version : undefined);
  live.dropDestination(destination.stream, destination.id);
}

/** Moves it one place up or down among its stream's; the server gets the whole order. */
export async function move(stream: Stream, destination: Destination, by: -1 | 1): Promise<void> {
  const ids = [...stream.destinations].filter((other) => other.managed_by === 'database').sort((a, b) => a.position - b.position).map((other) => other.id);
  const at = ids.indexOf(destination.id);
  const to = at + by;
  if (at < 0 || to < 0 || to >= ids.length) return;
  [ids[at], ids[to]] = [ids[to]!, ids[at]!];
  const answer = await api.post<{ items: Destination[] }>(`/streams/${seg(stream.name)}/destinations/order`, { ids });
  answer.items.forEach((other) => live.putDestination(other));
}

export { of as pathOf };
