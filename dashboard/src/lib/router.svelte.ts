// Addresses of the dashboard and which page each is. The browser's history, nothing else.

export type PageName =
  | 'Setup' | 'Invite' | 'Streams' | 'StreamNew' | 'Stream' | 'Destinations' | 'DestinationEdit' | 'Activity' | 'Users' | 'Webhooks'
  | 'Settings' | 'About' | 'Account' | 'More' | 'NotFound';
export interface Place { page: PageName; params: Record<string, string>; query: URLSearchParams; path: string }

const TABLE: [RegExp, PageName, string[]][] = [
  [/^\/setup(?:\/([^/]+))?$/, 'Setup', ['token']],
  [/^\/invite(?:\/([^/]+))?$/, 'Invite', ['token']],
  [/^\/(?:streams)?$/, 'Streams', []],
  [/^\/streams\/new$/, 'StreamNew', []],
  [/^\/s\/([^/]+)\/destinations\/([^/]+)$/, 'DestinationEdit', ['stream', 'id']],
  [/^\/s\/([^/]+)(?:\/(live|connect|destinations|activity|settings))?$/, 'Stream', ['stream', 'tab']],
  [/^\/destinations$/, 'Destinations', []],
  [/^\/destinations\/new$/, 'DestinationEdit', []],
  [/^\/activity$/, 'Activity', []],
  [/^\/users$/, 'Users', []],
  [/^\/webhooks$/, 'Webhooks', []],
  [/^\/settings$/, 'Settings', []],
  [/^\/account$/, 'Account', []],
  [/^\/about$/, 'About', []],
  [/^\/more$/, 'More', []],
];

function decode(text: string): string { try { return decodeURIComponent(text); } catch { return text; } }

export function match(path: string, search: string): Place {
  for (const [pattern, page, names] of TABLE) {
    const found = pattern.exec(path.length > 1 ? path.replace(/\/$/, '') : path);
    if (!found) continue;
    const params: Record<string, string> = {};
    names.forEach((name, i) => { const part = found[i + 1]; if (part !== undefined) params[name] = decode(part); });
    return { page, params, query: new URLSearchParams(search), path };
  }
  return { page: 'NotFound', params: {}, query: new URLSearchParams(search), path };
}

const state = $state({ place: match(location.pathname, location.search) });
let guard: (() => boolean) | null = null;

/** Where we are. */
export function place(): Place { return state.place; }

/** Asks `may` before this page is left; returns how to stop asking. */
export function beforeLeaving(may: () => boolean): () => void {
  guard = may;
  return () => { if (guard === may) guard = null; };
}

export function go(to: string, how: { replace?: boolean } = {}): void {
  if (guard && !guard()) return;
  const url = new URL(to, location.origin);
  const samePath = url.pathname === location.pathname;
  history[how.replace ? 'replaceState' : 'pushState'](null, '', url);
  state.place = match(url.pathname, url.search);
  if (!samePath) scrollTo(0, 0);
}

export const href = {
  stream: (name: string, tab?: string): string => `/s/${encodeURIComponent(name)}${tab ? `/${tab}` : ''}`,
  destination: (stream: string, id: string): string => `/s/${encodeURIComponent(stream)}/destinations/${encodeURIComponent(id)}`,
};

addEventListener('popstate', () => { state.place = match(location.pathname, location.search); });

// Ordinary links stay ordinary: opened here when pressed plainly, in a tab of their own when asked for.
addEventListener('click', (event) => {
  if (event.defaultPrevented || event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
  const link = (event.target as Element | null)?.closest?.('a');
  if (!link || link.target || link.origin !== location.origin || link.hasAttribute('download') || link.pathname.startsWith('/api/')) return;
  const hash = link.getAttribute('href') ?? '';
  if (hash.startsWith('#')) return;
  event.preventDefault();
  go(link.pathname + link.search);
});
