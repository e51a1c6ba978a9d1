// The language of the page: which one, its catalogue, and `t`.
import { preferences } from '../preferences.svelte';
import { en, type Catalogue, type Key } from './en';
import { format, parse, pieces, type Node, type Piece, type Values } from './icu';

export const LANGUAGES = { en: 'English', de: 'Deutsch' } as const;
export type Language = keyof typeof LANGUAGES;

const state = $state({ language: 'en' as Language, catalogue: en as Catalogue });
let parsed = new Map<Key, Node[]>();

function chosen(): Language {
  const wanted = [preferences.language, ...navigator.languages].map((tag) => tag?.slice(0, 2));
  return (wanted.find((tag) => tag && tag in LANGUAGES) as Language | undefined) ?? 'en';
}

/** Loads the language that the person or the browser asks for. */
export async function useLanguage(): Promise<void> {
  const language = chosen();
  const catalogue = language === 'de' ? (await import('./de')).de : en;
  parsed = new Map();
  state.catalogue = catalogue;
  state.language = language;
  document.documentElement.lang = language;
}

export function language(): Language { return state.language; }

/** What `Intl` is asked for: the browser's own variant of the language where it has one. */
export function locale(): string {
  return navigator.languages.find((tag) => tag.startsWith(state.language)) ?? state.language;
}

function nodes(key: Key): Node[] {
  const message = state.catalogue[key];
  let found = parsed.get(key);
  if (!found) parsed.set(key, (found = parse(message)));
  return found;
}

/** The text for a key. */
export function t(key: Key, values: Values = {}): string { return format(nodes(key), values, locale()); }

/** The same in pieces, for texts with <b>. */
export function rich(key: Key, values: Values = {}): Piece[] { return pieces(nodes(key), values, locale()); }

/** Whether the catalogue knows a key that was made from a word of the server. */
export function has(key: string): key is Key { return key in en; }

export type { Key, Values };
