// Incoming bitrate of the last five minutes for the cards: read once, then carried on from the event stream.
import { api, seg } from './api/client';
import type { History } from './api/types';
import { live } from './live.svelte';
import { slots } from './spark';

const POINTS = 60;
const STEP_MS = 5000;

export class Series {
  values = $state.raw<(number | null)[]>([]);
  #name: string;
  #timer: ReturnType<typeof setInterval> | undefined;

  constructor(name: string) { this.#name = name; }

  start(): () => void {
    void this.#read();
    this.#timer = setInterval(() => {
      const stream = live.find(this.#name);
      this.values = [...this.values, stream?.publisher && stream.state !== 'input_lost' ? stream.publisher.bitrate : null].slice(-POINTS);
    }, STEP_MS);
    return () => clearInterval(this.#timer);
  }

  async #read(): Promise<void> {
    try {
      const history = await api.get<History>(`/streams/${seg(this.#name)}/history?window=300`);
      this.values = slots(history, POINTS, STEP_MS / 1000);
    } catch { /* the card shows what comes from now on */ }
  }
}
