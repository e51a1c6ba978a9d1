// The geometry of a sparkline on a field of 120 by 28.
import type { History } from './api/types';

export interface Shape { line: string; gaps: { x: number; width: number }[] }

/** `top` is the value at the upper edge; 0 takes 1.5 times the largest. */
export function shape(values: (number | null)[], top: number): Shape {
  const known = values.filter((value): value is number => value !== null);
  const ceiling = top > 0 ? top : Math.max(1, ...known) * 1.5;
  const step = values.length > 1 ? 120 / (values.length - 1) : 120;
  const round = (n: number): number => Math.round(n * 10) / 10;
  let line = '';
  const gaps: Shape['gaps'] = [];
  values.forEach((value, i) => {
    if (value === null) {
      const last = gaps.at(-1);
      const from = Math.max(0, (i - 0.5) * step);
      const to = Math.min(120, (i + 0.5) * step);
      if (last && round(last.x + last.width) >= round(from)) last.width = round(to - last.x);
      else gaps.push({ x: round(from), width: round(to - from) });
      return;
    }
    const start = i === 0 || values[i - 1] === null;
    const y = 27 - Math.min(1, value / ceiling) * 26;
    line += `${start ? 'M' : 'L'}${round(i * step)} ${round(y)}`;
    if (start && (i === values.length - 1 || values[i + 1] === null)) line += 'h.1';
  });
  return { line, gaps };
}

/** The last `count` steps of a history: times without a sample, or without an encoder, are gaps. */
export function slots(history: History, count: number, step: number): (number | null)[] {
  const end = Date.parse(history.end) / 1000;
  const values: (number | null)[] = Array.from({ length: count }, () => null);
  for (const sample of history.samples) {
    const at = count - 1 - Math.floor((end - Date.parse(sample.at) / 1000) / step);
    if (at >= 0 && at < count) values[at] = sample.bitrate;
  }
  const first = values.findIndex((value) => value !== null);
  return first < 0 ? [] : values.slice(first);
}
