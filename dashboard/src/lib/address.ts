// Addresses and keys as people paste them: taken apart, judged before the server sees them.
import type { Service } from './api/types';
import { host } from './format';

export type Fault = 'empty' | 'scheme' | 'host' | 'space' | 'short';

export function faultOfUrl(text: string): Fault | null {
  const url = text.trim();
  if (!url) return 'empty';
  if (/\s/.test(url)) return 'space';
  if (!/^rtmps?:\/\//i.test(url)) return 'scheme';
  return /^rtmps?:\/\/(?:[^@/]*@)?(?:\[[0-9a-f:]+\]|[^:/?#@]+)(?::\d{1,5})?(?:[/?]|$)/i.test(url) ? null : 'host';
}

export function faultOfKey(text: string, needed: boolean): Fault | null {
  if (!text) return needed ? 'empty' : null;
  if (/\s/.test(text.trim())) return 'space';
  return text.trim().length < 4 ? 'short' : null;
}

/** A whole address with the key at its end, as some platforms show it: server and key apart. */
export function split(text: string, services: Service[]): { url: string; key: string; service: Service | null } {
  const url = text.trim();
  const service = serviceOf(url, services);
  const server = service?.servers.map((each) => each.url.replace(/\/+$/, '')).filter((each) => url.startsWith(`${each}/`)).sort((a, b) => b.length - a.length)[0];
  if (server) return { url: server, key: url.slice(server.length + 1), service };
  return { url, key: '', service };
}

/** The service whose server this is; by the whole address first, else by the host's own domain. */
export function serviceOf(url: string, services: Service[]): Service | null {
  if (!/^rtmps?:\/\//i.test(url.trim())) return null;
  const wanted = url.trim().replace(/\/+$/, '').toLowerCase();
  const exact = services.find((service) => service.servers.some((server) => wanted === server.url.replace(/\/+$/, '').toLowerCase() || wanted.startsWith(`${server.url.replace(/\/+$/, '').toLowerCase()}/`)));
  if (exact) return exact;
  const name = host(url).toLowerCase();
  return services.find((service) => service.servers.some((server) => host(server.url).toLowerCase() === name)) ?? domain(name, services);
}

function domain(name: string, services: Service[]): Service | null {
  const tail = name.split('.').slice(-2).join('.');
  // Co-operators and clouds lend one domain to many: only platforms' own are guessed from.
  const own = ['youtube.com', 'facebook.com', 'live-video.net', 'twitch.tv', 'vimeo.com', 'linkedin.com', 'tiktok.com', 'tiktokcdn.com', 'instagram.com', 'kick.com', 'restream.io'];
  if (!own.includes(tail)) return null;
  return services.find((service) => service.servers.some((server) => host(server.url).toLowerCase().endsWith(tail))) ?? services.find((service) => service.name.toLowerCase().startsWith(tail.split('.')[0]!)) ?? null;
}

export function matches(service: Service, query: string): boolean {
  const text = query.trim().toLocaleLowerCase();
  // Services for adults appear when they are named.
  if (service.adult && text.length < 4) return false;
  return !text || service.name.toLocaleLowerCase().includes(text) || service.key.includes(text);
}
