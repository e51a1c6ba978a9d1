// One way to speak with the server: JSON over same-origin fetch, problems as errors, nothing cached.
import type { Problem } from './types';

const BASE = '/api/v1';

/** What went wrong, in the server's own words where it had any. */
export class ApiError extends Error {
  readonly status: number;
  readonly word: string;
  readonly problem: Problem;
  /** Seconds after which the server will listen again, if it said so. */
  readonly retryAfter: number | null;

  constructor(problem: Problem, retryAfter: number | null = null) {
    super(problem.detail ?? problem.title);
    this.status = problem.status;
    this.word = problem.type.split('/').pop() ?? '';
    this.problem = problem;
    this.retryAfter = retryAfter;
  }
  /** The message for one field of a form, if the server named it. */
  field(name: string): string | undefined { return this.problem.errors?.find((error) => error.field === name)?.message; }
}

interface Options { body?: unknown; version?: number; idempotent?: boolean; signal?: AbortSignal }

/** How far the server's clock is ahead of this browser's, in ms; figured from the Date header of answers. */
export const clock = { ahead: 0 };

/** Told when an answer says that nobody is signed in any more. */
let signedOut: () => void = () => {};
export function onSignedOut(call: () => void): void { signedOut = call; }

export function learnClock(headers: Headers, now = Date.now()): void {
  const date = Date.parse(headers.get('date') ?? '');
  // The header has whole seconds and was on the way: small differences say nothing.
  if (!Number.isNaN(date)) clock.ahead = Math.abs(date - now) > 3000 ? date - now : 0;
}

function problemOf(status: number, text: string): Problem {
  try {
    const said = JSON.parse(text) as Partial<Problem> & { message?: string };
    return { ...said, type: said.type ?? 'about:blank', title: said.title ?? said.message ?? `HTTP ${status}`, status };
  } catch {
    return { type: 'about:blank', title: `HTTP ${status}`, status };
  }
}

async function request<T>(method: string, path: string, options: Options = {}): Promise<T> {
  const headers: Record<string, string> = { accept: 'application/json' };
  const body = options.body === undefined ? undefined : JSON.stringify(options.body);
  if (body !== undefined) headers['content-type'] = 'application/json';
  if (options.version !== undefined) headers['if-match'] = `"${options.version}"`;
  if (options.idempotent) headers['idempotency-key'] = randomKey();
  let response: Response;
  try {
    response = await fetch(BASE + path, {
      method, headers, credentials: 'same-origin', cache: 'no-store',
      ...(body === undefined ? {} : { body }),
      ...(options.signal ? { signal: options.signal } : {}),
    });
  } catch (error) {
    if (options.signal?.aborted) throw error;
    throw new ApiError({ type: '/problems/no-contact', title: 'no contact', status: 0 });
  }
  learnClock(response.headers);
  const text = await response.text();
  if (!response.ok) {
    if (response.status === 401 && path !== '/session' && !path.startsWith('/setup') && !path.startsWith('/invites/accept')) signedOut();
    const after = Number(response.headers.get('retry-after'));
    throw new ApiError(problemOf(response.status, text), after > 0 ? after : null);
  }
  if (text === '') return undefined as T;
  // A proxy's or a captive portal's page is not an answer of the server.
  try { return JSON.parse(text) as T; } catch { throw new ApiError({ type: '/problems/no-contact', title: 'not JSON', status: 0 }); }
}

export function randomKey(): string {
  return [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, '0')).join('');
}

/** One path segment of an address; names come from people. */
export const seg = encodeURIComponent;

export const api = {
  get: <T>(path: string, signal?: AbortSignal): Promise<T> => request<T>('GET', path, signal ? { signal } : {}),
  /** Creates something: a repeated request does it once. */
  create: <T>(path: string, body: unknown): Promise<T> => request<T>('POST', path, { body, idempotent: true }),
  post: <T>(path: string, body?: unknown): Promise<T> => request<T>('POST', path, { body }),
  patch: <T>(path: string, version: number | undefined, body: unknown): Promise<T> => request<T>('PATCH', path, version === undefined ? { body } : { body, version }),
  remove: <T = void>(path: string, version?: number, body?: unknown): Promise<T> => request<T>('DELETE', path, { ...(version === undefined ? {} : { version }), ...(body === undefined ? {} : { body }) }),
};

/** Everything of a list, page by page, at most `limit` things. */
export async function all<T>(path: string, limit = 2000): Promise<T[]> {
  const items: T[] = [];
  let after: string | null = null;
  do {
    const glue: string = path.includes('?') ? '&' : '?';
    const page: { items: T[]; next: string | null } = await api.get(`${path}${glue}limit=200${after ? `&after=${seg(after)}` : ''}`);
    items.push(...page.items);
    after = page.next;
  } while (after && items.length < limit);
  return items;
}
