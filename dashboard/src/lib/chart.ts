// From the server's history to what is drawn: steps of time, gaps as gaps, lowest and highest.
import type { History, Sample } from './api/types';

export type Measure = 'bitrate' | 'fps' | 'key_frame_ms' | 'jitter_ms';
const SCALE: Record<Measure, number> = { bitrate: 1e-6, fps: 1, key_frame_ms: 1e-3, jitter_ms: 1 };

export interface Drawn { xs: number[]; ys: (number | null)[]; low: number | null; high: number | null; last: number | null; gaps: number }

export function draw(history: History, measure: Measure): Drawn {
  const xs: number[] = [];
  const ys: (number | null)[] = [];
  let [low, high, last, gaps] = [null as number | null, null as number | null, null as number | null, 0];
  let open = true;
  const every = Math.max(history.every_s, 0.001);
  const put = (x: number, sample: Sample | null): void => {
    const raw = sample?.[measure] ?? null;
    const value = raw === null ? null : raw * SCALE[measure];
    xs.push(x); ys.push(value);
    if (value === null) { if (!open) { gaps += 1; open = true; } return; }
    open = false;
    low = low === null ? value : Math.min(low, value);
    high = high === null ? value : Math.max(high, value);
    last = value;
  };
  for (const sample of history.samples) {
    const x = Date.parse(sample.at) / 1000;
    const before = xs.at(-1);
    // A hole in time is a gap, however the server leaves it out.
    if (before !== undefined && x - before > every * 2.5) put(before + every, null);
    put(x, sample);
  }
  return { xs, ys, low, high, last, gaps };
}
