// Server-sent events over fetch: the status of the answer is seen, the wait before each try is ours.

export interface Message { event: string; data: string; id: string | null }

/** Takes the stream apart as the HTML standard says (9.2.6), piece by piece, however it is cut. */
export class Parser {
  #rest = '';
  #event = '';
  #data: string[] = [];
  #id: string | null = null;

  push(text: string): Message[] {
    const messages: Message[] = [];
    this.#rest += text;
    for (;;) {
      const end = /\r\n|\n|\r(?!$)/.exec(this.#rest);
      if (!end) break;
      const line = this.#rest.slice(0, end.index);
      this.#rest = this.#rest.slice(end.index + end[0].length);
      if (line === '') {
        if (this.#data.length > 0) messages.push({ event: this.#event || 'message', data: this.#data.join('\n'), id: this.#id });
        this.#event = ''; this.#data = [];
        continue;
      }
      if (line.startsWith(':')) continue;
      const colon = line.indexOf(':');
      const field = colon < 0 ? line : line.slice(0, colon);
      const value = colon < 0 ? '' : line.slice(colon + 1).replace(/^ /, '');
      if (field === 'event') this.#event = value;
      else if (field === 'data') this.#data.push(value);
      else if (field === 'id' && !value.includes('\0')) this.#id = value;
    }
    return messages;
  }
}

/** Seconds to wait before try number `n` (from 0): 1, 2, 4, 8, then 10. */
export function wait(n: number): number { return Math.min(10, 2 ** n); }

export interface Feed {
  /** What is asked for now; read before each try. */
  url: () => string;
  open: () => void;
  message: (message: Message) => void;
  /** Contact was lost; the next try comes in so many seconds. */
  lost: (seconds: number) => void;
  /** The server says that nobody is signed in. */
  refused: () => void;
  headers?: (headers: Headers) => void;
  fetch?: typeof fetch;
}

/** Longest silence that is believed: the server says something every 15 s. */
export const SILENCE_MS = 40_000;

/** Holds one feed open until `stop`. */
export class Connection {
  #feed: Feed;
  #tries = 0;
  #lastId: string | null = null;
  #abort: AbortController | null = null;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #watch: ReturnType<typeof setTimeout> | undefined;
  #stopped = false;

  constructor(feed: Feed) { this.#feed = feed; }

  start(): void { this.#stopped = false; void this.#run(); }

  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer); clearTimeout(this.#watch);
    this.#abort?.abort();
  }

  /** Tries at once, by a person's wish or because something else is asked for now. */
  again(): void {
    if (this.#stopped) return;
    clearTimeout(this.#timer); clearTimeout(this.#watch);
    this.#tries = 0;
    this.#abort?.abort();
    void this.#run();
  }

  async #run(): Promise<void> {
    const abort = new AbortController();
    this.#abort = abort;
    const mine = (): boolean => !this.#stopped && this.#abort === abort;
    const quiet = (): void => {
      clearTimeout(this.#watch);
      this.#watch = setTimeout(() => { if (mine()) { abort.abort(); this.#again(); } }, SILENCE_MS);
    };
    try {
      quiet();
      const response = await (this.#feed.fetch ?? fetch)(this.#feed.url(), {
        credentials: 'same-origin', cache: 'no-store', signal: abort.signal,
        headers: { accept: 'text/event-stream', ...(this.#lastId === null ? {} : { 'last-event-id': this.#lastId }) },
      });
      if (!mine()) return;
      if (response.status === 401) { this.stop(); this.#feed.refused(); return; }
      if (!response.ok || !response.body || !(response.headers.get('content-type') ?? '').startsWith('text/event-stream')) throw new Error(`HTTP ${response.status}`);
      this.#feed.headers?.(response.headers);
      this.#tries = 0;
      this.#feed.open();
      const parser = new Parser();
      const decoder = new TextDecoder();
      const reader = response.body.getReader();
      for (;;) {
        const { done, value } = await reader.read();
        if (!mine()) return;
        if (done) break;
        quiet();
        for (const message of parser.push(decoder.decode(value, { stream: true }))) {
          if (message.id !== null) this.#lastId = message.id;
          this.#feed.message(message);
        }
      }
    } catch {
      if (!mine()) return;
    }
    this.#again();
  }

  #again(): void {
    clearTimeout(this.#watch);
    const seconds = wait(this.#tries);
    this.#tries += 1;
    this.#feed.lost(seconds);
    this.#timer = setTimeout(() => void this.#run(), seconds * 1000);
  }
}
