// Figures, spans and times as people read them. Absent is a dash, never 0.

export const DASH = '–';

const cache = new Map<string, Intl.NumberFormat>();
function number(locale: string, digits: number): Intl.NumberFormat {
  const key = `${locale}/${digits}`;
  let found = cache.get(key);
  if (!found) cache.set(key, (found = new Intl.NumberFormat(locale, { minimumFractionDigits: digits, maximumFractionDigits: digits })));
  return found;
}

export function figure(value: number | null | undefined, locale: string, digits = 0): string {
  return value === null || value === undefined || !Number.isFinite(value) ? DASH : number(locale, digits).format(value);
}

/** Bits per second as whole kbit/s. */
export function kbit(bits: number | null | undefined, locale: string): string { return figure(bits == null ? null : bits / 1000, locale); }

/** Bits per second as Mbit/s with one decimal. */
export function mbit(bits: number | null | undefined, locale: string): string { return figure(bits == null ? null : bits / 1e6, locale, 1); }

/** Seconds as 0:09, 12:40, 0:47:12 from ten minutes on, or with days as 3 d 4:05:06. */
export function clock(seconds: number): string {
  const whole = Math.max(0, Math.floor(seconds));
  const two = (n: number): string => String(n).padStart(2, '0');
  const [d, h, m, s] = [Math.floor(whole / 86400), Math.floor(whole / 3600) % 24, Math.floor(whole / 60) % 60, whole % 60];
  if (d > 0) return `${d} d ${h}:${two(m)}:${two(s)}`;
  return whole >= 600 ? `${h}:${two(m)}:${two(s)}` : `${m}:${two(s)}`;
}

/** Seconds from then to now, or null without a time. */
export function since(then: string | null | undefined, now: number): number | null {
  const at = Date.parse(then ?? '');
  return Number.isNaN(at) ? null : Math.max(0, (now - at) / 1000);
}

/** Seconds until then, rounded up so that 0 means now; null without a time. */
export function until(then: string | null | undefined, now: number): number | null {
  const at = Date.parse(then ?? '');
  return Number.isNaN(at) ? null : Math.max(0, Math.ceil((at - now) / 1000));
}

const stamps = new Map<string, Intl.DateTimeFormat>();
function stamp(locale: string, options: Intl.DateTimeFormatOptions): Intl.DateTimeFormat {
  const key = locale + JSON.stringify(options);
  let found = stamps.get(key);
  if (!found) stamps.set(key, (found = new Intl.DateTimeFormat(locale, options)));
  return found;
}

export function timeOfDay(at: string | number | null | undefined, locale: string, seconds = true): string {
  const date = new Date(at ?? NaN);
  if (Number.isNaN(date.getTime())) return DASH;
  return stamp(locale, { hour: '2-digit', minute: '2-digit', ...(seconds ? { second: '2-digit' } : {}) }).format(date);
}

export function day(at: string | null | undefined, locale: string): string {
  const date = new Date(at ?? NaN);
  return Number.isNaN(date.getTime()) ? DASH : stamp(locale, { day: 'numeric', month: 'short', year: 'numeric' }).format(date);
}

/** Time of day today, else day and time. */
export function moment(at: string | null | undefined, locale: string, now: number): string {
  const date = new Date(at ?? NaN);
  if (Number.isNaN(date.getTime())) return DASH;
  if (new Date(now).toDateString() === date.toDateString()) return timeOfDay(at, locale, false);
  return stamp(locale, { day: 'numeric', month: 'short', hour: '2-digit', minute: '2-digit' }).format(date);
}

/** Bytes in the unit that leaves one to three digits before the point. */
export function bytes(value: number | null | undefined, locale: string): string {
  if (value == null) return DASH;
  const units = ['byte', 'kilobyte', 'megabyte', 'gigabyte', 'terabyte'];
  let step = 0;
  let left = value;
  while (left >= 1000 && step < units.length - 1) { left /= 1000; step += 1; }
  return new Intl.NumberFormat(locale, { style: 'unit', unit: units[step]!, maximumFractionDigits: left < 10 && step > 0 ? 1 : 0 }).format(left);
}

/** Two letters for a neutral tile. */
export function initials(name: string): string {
  const words = name.trim().split(/[\s,._-]+/).filter(Boolean);
  if (words.length === 0) return '–';
  const caps = words[0]!.match(/\p{Lu}/gu);
  if (caps && caps.length > 1) return caps.slice(0, 2).join('');
  const letters = words.length > 1 && /^[\p{L}\p{N}]/u.test(words[1]!) ? [...words[0]!][0]! + [...words[1]!][0]! : [...words[0]!].slice(0, 2).join('');
  return letters.toLocaleUpperCase();
}

/** The host of an address, for sentences; the address itself if it has none. */
export function host(url: string): string { return /^[a-z]+:\/\/(?:[^@/]*@)?(\[[^\]]+\]|[^:/?#]+)/i.exec(url)?.[1] ?? url; }
export function port(url: string): string {
  const found = /^[a-z]+:\/\/(?:[^@/]*@)?(?:\[[^\]]+\]|[^:/?#]+):(\d+)/i.exec(url)?.[1];
  return found ?? (/^rtmps:/i.test(url) ? '443' : '1935');
}

/** A time as people say it: `5 s`, `1 min 5 s`, `2 h 3 min`. */
export function spell(seconds: number): string {
  const whole = Math.floor(seconds);
  if (whole < 60) return `${whole} s`;
  return whole < 3600 ? `${Math.floor(whole / 60)} min ${whole % 60} s` : `${Math.floor(whole / 3600)} h ${Math.floor((whole % 3600) / 60)} min`;
}
