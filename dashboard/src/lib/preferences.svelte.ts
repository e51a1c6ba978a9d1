// What this browser remembers for its person. Nothing secret is kept here.

interface Preferences { theme: 'auto' | 'light' | 'dark'; language: string | null; masked: boolean; compact: boolean; keys: boolean; view: 'cards' | 'table' | null; quick: string[]; notify: boolean }

const START: Preferences = { theme: 'auto', language: null, masked: false, compact: false, keys: true, view: null, quick: [], notify: false };
const PLACE = 'manycast.preferences';

function read(): Preferences {
  try {
    const kept: unknown = JSON.parse(localStorage.getItem(PLACE) ?? '{}');
    return { ...START, ...(kept !== null && typeof kept === 'object' ? kept : {}) };
  } catch { return { ...START }; }
}

export const preferences: Preferences = $state(read());

export function remember<K extends keyof Preferences>(name: K, value: Preferences[K]): void {
  preferences[name] = value;
  try { localStorage.setItem(PLACE, JSON.stringify(preferences)); } catch { /* a browser without storage forgets */ }
  if (name === 'theme') showTheme();
}

export function showTheme(): void {
  const root = document.documentElement;
  if (preferences.theme === 'auto') delete root.dataset.theme; else root.dataset.theme = preferences.theme;
}
