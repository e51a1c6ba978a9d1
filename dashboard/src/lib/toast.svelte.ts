// One short answer to one's own action, and what screen readers are told. Never for states.
import { ApiError } from './api/client';
import { t } from './i18n/index.svelte';

export interface Toast { id: number; text: string; remedy?: string; tone: 'ok' | 'err'; undo?: () => void }
const state = $state<{ toast: Toast | null }>({ toast: null });
let timer: ReturnType<typeof setTimeout> | undefined;
let id = 0;

export function toast(): Toast | null { return state.toast; }
/** What can be undone stays twice as long. */
export function say(text: string, more: { undo?: () => void } = {}): void { show({ id: (id += 1), text, tone: 'ok', ...more }, more.undo ? 10_000 : 5000); }
export function dismiss(): void { state.toast = null; }
/** Lets go of what went well; what failed stays to be read. */
export function settle(): void { if (state.toast?.tone === 'ok' && !state.toast.undo) dismiss(); }

function show(what: Toast, ms: number): void {
  clearTimeout(timer);
  state.toast = what;
  timer = setTimeout(() => { if (state.toast?.id === what.id) state.toast = null; }, ms);
}

/** What went wrong, in a sentence. */
export function sentence(error: unknown): string {
  if (error instanceof ApiError) {
    if (error.status === 0) return t('error.no_contact');
    return error.problem.detail || error.problem.title || t('error.status', { status: error.status });
  }
  return typeof error === 'string' ? error : t('error.unexpected');
}
export function remedy(error: unknown): string | undefined { return error instanceof ApiError ? (error.problem.remedy ?? undefined) : undefined; }

export function complain(error: unknown): void {
  const cure = remedy(error);
  show({ id: (id += 1), text: sentence(error), tone: 'err', ...(cure ? { remedy: cure } : {}) }, 10_000);
}
