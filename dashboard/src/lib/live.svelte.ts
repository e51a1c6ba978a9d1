// What the server says right now: one store, fed by the event stream, read by every page.
import { untrack } from 'svelte';
import { all, api, learnClock, seg } from './api/client';
import type { Activity, Destination, Stream, StreamCard } from './api/types';
import { merge } from './merge';
import { Connection, type Message } from './sse';

export type Contact = 'connecting' | 'ok' | 'lost' | 'restarting';
const KEPT_EVENTS = 300;

class Live {
  streams = $state.raw<Stream[]>([]);
  loaded = $state(false);
  failed = $state.raw<unknown>(null);
  events = $state.raw<Activity[]>([]);
  contact = $state<Contact>('connecting');
  /** When the server was last heard, in this browser's time. */
  heard = $state(Date.now());
  /** Wait before the next try, and since when. */
  retry = $state.raw<{ seconds: number; at: number } | null>(null);
  /** When contact came back after a loss; shown for some seconds. */
  backAt = $state<number | null>(null);
  interfaceChanged = $state(false);
  /** Rises when events were lost on the way: lists of events are read anew then. */
  missed = $state(0);
  #focus = $state.raw<Stream | null>(null);
  #watched: string | null = null;
  #reading = false;
  readonly #stale = new Set<string>();
  #backTimer: ReturnType<typeof setTimeout> | undefined;
  #connection: Connection | null = null;
  #listeners = new Set<(event: Activity) => void>();
  onrefused: () => void = () => {};

  start(): void {
    if (this.#connection) return;
    void this.fetch();
    this.#connection = new Connection({
      url: () => `/api/v1/events${this.#watched ? `?stream=${encodeURIComponent(this.#watched)}` : ''}`,
      open: () => this.#opened(),
      message: (message) => this.#take(message),
      lost: (seconds) => {
        if (this.contact !== 'restarting') this.contact = 'lost';
        this.retry = { seconds, at: Date.now() };
      },
      refused: () => { this.contact = 'lost'; this.onrefused(); },
      headers: (headers) => learnClock(headers),
    });
    this.#connection.start();
  }

  stop(): void {
    this.#connection?.stop();
    this.#connection = null;
    this.streams = []; this.events = []; this.#focus = null; this.loaded = false; this.contact = 'connecting'; this.retry = null;
  }

  tryNow(): void { this.#connection?.again(); }

  /** Asks for the full figures of one stream, each second, until something else is watched. */
  watch(name: string | null): void {
    if (this.#watched === name) return;
    this.#watched = name;
    // Asked for by effects of pages: they must not depend on what arrives, or each arrival would ask anew.
    untrack(() => {
      if (this.#focus?.name !== name) this.#focus = null;
      this.#connection?.again();
    });
  }

  /** Calls back with each event as it happens; returns how to stop it. */
  listen(call: (event: Activity) => void): () => void {
    this.#listeners.add(call);
    return () => this.#listeners.delete(call);
  }

  find(name: string): Stream | undefined {
    const listed = this.streams.find((stream) => stream.name === name);
    return this.#focus?.name === name && (listed || !this.loaded) ? this.#focus : listed;
  }

  /** Streams whose definition is not the one we know: read one by one, or all when there are many. */
  #refresh(more: string[]): void {
    more.forEach((name) => this.#stale.add(name));
    if (this.#reading || this.#stale.size === 0) return;
    this.#reading = true;
    const names = [...this.#stale];
    this.#stale.clear();
    const one = async (name: string): Promise<void> => { try { this.put(await api.get<Stream>(`/streams/${seg(name)}`)); } catch { /* gone again: the next list says so */ } };
    const work = names.length > 8 || !this.loaded ? this.fetch() : Promise.all(names.map(one));
    void work.finally(() => { setTimeout(() => { this.#reading = false; this.#refresh([]); }, 500); });
  }

  async fetch(): Promise<void> {
    try {
      this.streams = await all<Stream>('/streams');
      this.loaded = true;
      this.failed = null;
    } catch (error) {
      if (!this.loaded) this.failed = error;
    }
  }

  /** A stream as an answer of the server just gave it. */
  put(stream: Stream): void {
    const known = this.streams.some((other) => other.name === stream.name);
    this.streams = known ? this.streams.map((other) => (other.name === stream.name ? stream : other)) : [...this.streams, stream];
    if (this.#focus?.name === stream.name) this.#focus = stream;
  }

  drop(name: string): void { this.streams = this.streams.filter((stream) => stream.name !== name); }

  /** A destination as an answer of the server just gave it. */
  putDestination(destination: Destination): void {
    const place = (stream: Stream): Stream => {
      if (stream.name !== destination.stream) return stream;
      const known = stream.destinations.some((other) => other.id === destination.id);
      return { ...stream, destinations: known ? stream.destinations.map((other) => (other.id === destination.id ? { ...other, ...destination } : other)) : [...stream.destinations, destination] };
    };
    this.streams = this.streams.map(place);
    if (this.#focus) this.#focus = place(this.#focus);
  }

  dropDestination(stream: string, id: string): void {
    const without = (other: Stream): Stream => (other.name === stream ? { ...other, destinations: other.destinations.filter((destination) => destination.id !== id) } : other);
    this.streams = this.streams.map(without);
    if (this.#focus) this.#focus = without(this.#focus);
  }

  #opened(): void {
    const away = this.contact === 'lost' || this.contact === 'restarting';
    this.contact = 'ok';
    this.retry = null;
    this.heard = Date.now();
    if (away) {
      this.backAt = Date.now();
      clearTimeout(this.#backTimer);
      this.#backTimer = setTimeout(() => { this.backAt = null; }, 5000);
      void this.fetch();
      void this.#compareInterface();
    }
  }

  #take(message: Message): void {
    this.heard = Date.now();
    let data: unknown;
    try { data = JSON.parse(message.data); } catch { return; }
    if (message.event === 'streams') {
      const { streams, stale } = merge(this.streams, (data as { streams: StreamCard[] }).streams);
      this.streams = streams;
      if (stale.length > 0) this.#refresh(stale);
    } else if (message.event === 'stream') this.#focus = data as Stream;
    else if (message.event === 'restart') this.contact = 'restarting';
    else if (message.event === 'signed_out') this.onrefused();
    else if (message.event === 'missed') this.missed += 1;
    else if (message.event === 'activity') {
      const event = data as Activity;
      if (this.events.some((other) => other.id === event.id)) return;
      this.events = [event, ...this.events].slice(0, KEPT_EVENTS);
      this.#listeners.forEach((call) => call(event));
    }
  }

  /** After a restart the server may bring another dashboard: its entry file then has another name. */
  async #compareInterface(): Promise<void> {
    const mine = document.querySelector<HTMLScriptElement>('script[type="module"][src*="/assets/"]')?.src;
    if (!mine) return;
    try {
      const text = await (await fetch('/', { cache: 'no-store', headers: { accept: 'text/html' } })).text();
      if (text.includes('/assets/') && !text.includes(new URL(mine).pathname)) this.interfaceChanged = true;
    } catch { /* asked again after the next loss */ }
  }
}

export const live = new Live();
