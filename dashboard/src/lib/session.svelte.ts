// Who is signed in and what they may do. What a role may not do is absent from the pages.
import { api, ApiError, onSignedOut } from './api/client';
import type { Me, Role } from './api/types';
import { live } from './live.svelte';

export type May =
  | 'read_people' | 'read_keys' | 'run_streams' | 'run_destinations' | 'rehearse' | 'end_sessions' | 'edit_streams' | 'edit_destinations'
  | 'edit_keys' | 'create_streams' | 'manage_webhooks' | 'manage_users' | 'manage_tokens' | 'read_audit' | 'change_settings' | 'read_server' | 'manage_owners';

class Session {
  me = $state.raw<Me | null>(null);
  /** Not yet asked, nobody, first start, somebody, or somebody whose session ended under an open page. */
  state = $state<'asking' | 'nobody' | 'setup' | 'somebody' | 'ended' | 'unreachable'>('asking');

  async ask(): Promise<void> {
    // At the first start nobody can be signed in: asking for it would only be refused.
    if (location.pathname.startsWith('/setup')) {
      try { if ((await api.get<{ needed: boolean }>('/setup')).needed) { this.state = 'setup'; return; } } catch { /* the session tells what is the matter */ }
    }
    try {
      this.#in(await api.get<Me>('/session'));
    } catch (error) {
      if (!(error instanceof ApiError) || error.status === 0 || error.status >= 500) { this.state = 'unreachable'; return; }
      try {
        this.state = (await api.get<{ needed: boolean }>('/setup')).needed ? 'setup' : 'nobody';
      } catch { this.state = 'nobody'; }
    }
  }

  #in(me: Me): void {
    this.me = me;
    this.state = 'somebody';
    live.start();
  }

  /** Signed in by an answer of the server. */
  enter(me: Me): void { this.#in(me); }

  async signIn(name: string, password: string, totp?: string): Promise<void> {
    const before = this.me?.user?.id;
    const me = await api.post<Me>('/session', { name, password, ...(totp ? { totp } : {}) });
    live.stop();
    this.#in(me);
    // Somebody else must not find the page of who was here before.
    if (before && before !== me.user?.id) location.reload();
  }

  async signOut(): Promise<void> {
    await api.remove('/session');
    live.stop();
    this.me = null;
    this.state = 'nobody';
  }

  may(permission: May): boolean { return this.me?.permissions.includes(permission) ?? false; }
  get role(): Role { return this.me?.role ?? 'viewer'; }
  get name(): string { return this.me?.user?.name ?? this.me?.token?.name ?? ''; }
}

export const session = new Session();

const ended = (): void => { if (session.state === 'somebody') session.state = 'ended'; };
onSignedOut(ended);
live.onrefused = ended;
