// Whether an authority signed the server's certificate: encoders that check it refuse one that signed itself.
import type { Server } from './api/types';
import { api } from './api/client';

const state = $state({ selfSigned: false });

/** False too while it is not known, and for those who may not know. */
export function isSelfSigned(): boolean { return state.selfSigned; }

export async function readCertificate(): Promise<void> {
  try { state.selfSigned = (await api.get<Server>('/server')).certificate?.self_signed ?? false; } catch { /* the page says by itself when the server is away */ }
}
