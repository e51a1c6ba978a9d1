// The shapes of /api/v1, as the server's OpenAPI document gives them. No logic here.

export type Role = 'viewer' | 'operator' | 'admin' | 'owner';
export type ManagedBy = 'file' | 'database' | 'open';
export type StreamState = 'off_air' | 'ready' | 'going_live' | 'on_air' | 'input_lost' | 'ending';
export type LegState =
  | 'idle' | 'resolving' | 'connecting' | 'securing' | 'handshake' | 'publishing' | 'live' | 'unfed' | 'held' | 'stalled'
  | 'backoff' | 'rejected' | 'draining' | 'stopped' | 'standby';
export type ErrorKind =
  | 'dns' | 'unreachable' | 'connect_timeout' | 'tls' | 'handshake' | 'rejected' | 'in_use' | 'redirects' | 'reset'
  | 'closed' | 'stalled' | 'configuration' | 'internal';
export type Severity = 'info' | 'good' | 'warning' | 'act';

export interface Page<T> { items: T[]; next: string | null }

export interface TrackHealth {
  window_s: number;
  bitrate: { last: number; mean: number; low: number; peak: number };
  frame_rate: number | null; speed: number | null; longest_gap_ms: number | null; jitter_ms: number | null;
  late: number; late_now: number; still_s: number; idle_ms: number;
  key_frame_interval: { now_ms: number; worst_ms: number; drift_ms: number } | null;
  b_frames: number | null;
}
export interface Track {
  id: string; kind: 'video' | 'audio' | 'data'; codec: string; profile: string | null; level: string | null;
  width: number | null; height: number | null; fps: number | null; sample_rate: number | null; channels: number | null;
  bitrate: number; health: TrackHealth | null;
}
export interface Publisher {
  address: string | null; software: string | null; since: string; bitrate: number; tracks: Track[];
  protocol?: string | null; key?: string | null; trouble: { code: string; advice: string } | null;
}
export interface Finding { id: string; severity: 'error' | 'warning' | 'note'; track: string | null; sentence: string; remedy: string }
export interface Counts { live: number; retrying: number; need_you: number; off: number }

export interface DestinationStatus {
  state: LegState; since: string; reason: string | null; next_dial: string | null;
  last_error: string | null; last_error_kind: ErrorKind | null;
  bitrate: number; frames: number; bytes: number; dropped_gops: number; lag_ms: number | null;
  unacked_bytes: number | null; rtt_ms: number | null; left_out: string | null; dials: number; failures: number;
}
export interface Destination {
  id: string; stream: string; name: string; service: string | null; url: string; managed_by: ManagedBy; enabled: boolean;
  position: number; notes: string; key_set: boolean; user: string | null;
  backup: { url: string; mode: string; key_set: boolean } | null;
  config_change: string; announce: string; video_track: string | null; audio_track: string | null; version: number;
  status: DestinationStatus | null; backup_status: DestinationStatus | null; trouble?: { code: string; advice: string } | null; recent?: number[];
}
export interface Stream {
  name: string; title: string; managed_by: ManagedBy; file?: string | null; wanted?: boolean; start: 'auto' | 'manual'; play: boolean;
  takeover: string; reconnect_window_s: number; hold_on_stop: boolean; notes: string; version: number;
  state: StreamState; state_since: string; on_air_since: string | null;
  publisher: Publisher | null; health: { age_s: number; av_offset_ms: number | null } | null; findings: Finding[];
  viewers: number; window_bytes: number; counts: Counts; destinations: Destination[];
  connect: { rtmp: string[]; rtmps: string[] };
}
export interface StreamKey {
  id: string; stream: string; label: string; prefix: string; addresses: string[]; created_at: string; expires_at: string | null;
  last_used_at: string | null; last_address: string | null; in_use: boolean; key?: string;
}
export interface Activity {
  id: string; at: string; kind: string; stream: string | null; destination: string | null; actor: string | null;
  address?: string | null; severity: Severity; text: string; data: unknown;
}
export interface AuditEntry {
  id: string; at: string; actor: string | null; actor_kind: string; address: string | null; action: string; subject: string;
  before: unknown; after: unknown;
}
export interface Sample { at: string; bitrate: number | null; fps: number | null; key_frame_ms: number | null; jitter_ms: number | null; viewers: number }
export interface History { every_s: number; end: string; samples: Sample[] }

export interface Service {
  key: string; name: string; featured: boolean; schemes: string[]; servers: { name: string; url: string }[];
  key_link: string | null; key_help: string | null; per_account?: boolean; supported?: boolean; adult?: boolean;
  limits: Record<string, unknown> | null;
}
export interface RehearsalStep {
  step: 'resolve' | 'connect' | 'tls' | 'handshake' | 'connect_app' | 'publish';
  state: 'ok' | 'failed' | 'skipped' | 'not_tried'; ms: number; detail: string | null;
}
export interface Rehearsal { steps: RehearsalStep[]; verdict: 'ok' | 'failed'; sentence: string; remedy: string | null }

export interface User { id: string; name: string; role: Role; totp: boolean; disabled: boolean; created_at: string; last_seen_at: string | null; version: number }
export interface Me { user: User | null; token: { id: string; name: string } | null; role: Role; scopes: string[]; permissions: string[]; needs_totp: boolean }
export interface Token {
  id: string; name: string; role: Role; scopes: string[]; prefix: string; created_at: string; expires_at: string | null;
  last_used_at: string | null; last_address: string | null; token?: string;
}
export interface Invitation { id: string; role: Role; token?: string; created_at?: string; expires_at: string }
export interface OwnSession { id: string; created_at: string; seen_at: string; expires_at: string; address: string; agent: string; current: boolean }
export interface Webhook {
  id: string; name: string; url: string; events: string[]; streams: string[]; enabled: boolean; created_at: string; version: number;
  old_secret_until: string | null; secret?: string;
}
export interface WebhookDelivery {
  id: string; event_id: string | null; kind: string; stream: string | null; attempt: number; state: 'pending' | 'delivered' | 'failed' | 'given_up' | 'dropped';
  status: number | null; error: string | null; answer: string | null; next_at: string | null; created_at: string; done_at: string | null; body?: unknown;
}
export interface WebhookTest { ok: boolean; status: number | null; error: string | null; answer: string | null; took_ms: number }
export interface ServerFinding { code: string; sentence: string; remedy: string | null }
export interface Server {
  version: string; started: string; uptime_s: number; ready: boolean; not_ready_reason: string | null;
  listeners: { protocol: string; address: string }[];
  certificate: { fingerprint: string; names: string[]; not_after: string; self_signed: boolean; problem: string | null } | null;
  findings: ServerFinding[]; config: { loaded_at: string; last_error: string | null; needs_restart: string[] } | null; ui: 'built' | 'missing';
}
export interface Session {
  id: string; role: 'publisher' | 'viewer'; stream: string | null; address: string | null; software: string | null; since: string; protocol: string;
}
export interface Block { address: string; since?: string; until: string; reason: string | null; by?: string }

export interface Problem {
  type: string; title: string; status: number; detail?: string | null; remedy?: string | null;
  errors?: { field: string; message: string; remedy?: string | null }[]; retry_after_s?: number;
}

/** What the event stream tells of each stream, each second: lean, since there may be hundreds. */
export interface StreamCard {
  name: string; title: string; managed_by: ManagedBy; start: 'auto' | 'manual'; wanted: boolean; version: number;
  state: StreamState; state_since: string; on_air_since: string | null;
  publisher: { software: string | null; since: string; bitrate: number } | null;
  findings: { id: string; severity: Finding['severity']; sentence: string }[];
  viewers: number; counts: Counts;
  destinations: { id: string; name: string; service: string | null; enabled: boolean; status: Pick<DestinationStatus, 'state' | 'since' | 'bitrate' | 'next_dial' | 'last_error'> | null }[];
}
