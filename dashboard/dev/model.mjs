// The fixture's world: streams whose figures live, destinations that fail and recover, people and keys.
// For developing and testing pages only; it is never shipped and knows no protocol.
import { readFileSync } from 'node:fs';
import { randomBytes } from 'node:crypto';

export const services = JSON.parse(readFileSync(new URL('./services.json', import.meta.url), 'utf8'));
export const id = () => randomBytes(16).toString('hex');
export const iso = (ago = 0) => new Date(Date.now() - ago * 1000).toISOString();
const wave = (base, swing) => Math.max(0, Math.round(base + (Math.random() - 0.5) * 2 * swing));

const PERMISSIONS = [
  ['viewer', 'read_state own_account'],
  ['operator', 'read_people read_keys run_streams run_destinations rehearse end_sessions edit_streams edit_destinations edit_keys'],
  ['admin', 'create_streams manage_webhooks manage_users manage_tokens read_audit change_settings read_server'],
  ['owner', 'manage_owners manage_vault backup'],
];
export const ROLES = PERMISSIONS.map(([role]) => role);
export function permissions(role) {
  return PERMISSIONS.slice(0, ROLES.indexOf(role) + 1).flatMap(([, words]) => words.split(' '));
}

export function status(state, more = {}) {
  return {
    state, since: iso(more.ago ?? 2822), reason: null, next_dial: null, last_error: null, last_error_kind: null, bitrate: 0, frames: 0, bytes: 0, dropped_gops: 0,
    lag_ms: null, unacked_bytes: null, rtt_ms: null, left_out: null, dials: 1, failures: 0, ...more, ...(state === 'live' ? { bitrate: more.bitrate ?? 6_100_000, lag_ms: more.lag_ms ?? 24, unacked_bytes: 21_000, rtt_ms: 18, bytes: 2_154_000_000, frames: 141_000 } : {}),
  };
}

export function destination(stream, name, more = {}) {
  return {
    id: id(), stream, name, service: null, url: 'rtmps://live.example.com:443/app', managed_by: 'database', enabled: true, position: 0, notes: '', key_set: true, user: null, backup: null,
    config_change: 'headers', announce: 'auto', video_track: null, audio_track: null, version: 1, status: status('live'), backup_status: null, trouble: null, recent: [], ...more,
  };
}

export function stream(name, title, more = {}) {
  const state = more.state ?? 'off_air';
  const out = {
    name, title, managed_by: 'database', file: null, start: 'manual', wanted: state === 'on_air', play: true, takeover: 'when_silent', reconnect_window_s: 30, hold_on_stop: false, notes: '', version: 3,
    state, state_since: iso(2832), on_air_since: state === 'on_air' || state === 'input_lost' ? iso(2832) : null, publisher: null, health: null, findings: [], viewers: 0, window_bytes: 0,
    counts: {}, destinations: [], connect: { rtmps: ['rtmps://stream.example.org:1936/live'], rtmp: ['rtmp://stream.example.org:1935/live'] }, ...more,
  };
  out.destinations.forEach((each, i) => { each.position = i; });
  return out;
}

const track = (kind, more) => ({
  id: kind[0] + '0', kind, codec: kind === 'video' ? 'h264' : 'aac', profile: kind === 'video' ? 'High' : null, level: null, width: null, height: null, fps: null, sample_rate: null, channels: null, bitrate: 0,
  health: { window_s: 10, bitrate: { last: 0, mean: 0, low: 0, peak: 0 }, frame_rate: more.fps ?? null, speed: 1, longest_gap_ms: 21, jitter_ms: 6, late: 0, late_now: 0, still_s: 0, idle_ms: 10, key_frame_interval: kind === 'video' ? { now_ms: more.gop ?? 2000, worst_ms: more.gop ?? 2000, drift_ms: 0 } : null, b_frames: 2 },
  ...more,
});
export function publisher(software, bitrate, more = {}) {
  return {
    address: '198.51.100.7:50211', software, since: iso(3200), bitrate, base: bitrate, trouble: null,
    tracks: [track('video', { width: 1920, height: 1080, fps: 50, bitrate, ...more }), track('audio', { sample_rate: 48000, channels: 2, bitrate: 160_000 })],
  };
}

const FINDING = { id: 'key_frames_far', severity: 'warning', track: 'v0', sentence: 'Key frames are 4.2 s apart: whoever joins waits that long, and platforms want 2 s, 4 s at most.', remedy: 'Set the keyframe interval to 2 s (OBS: Settings, Output, Streaming, Keyframe Interval; ffmpeg: -g with twice the frame rate).' };

export function world(count = 0) {
  const retry = (seconds) => new Date(Date.now() + seconds * 1000).toISOString();
  const sunday = stream('sunday', 'Sunday service', {
    state: 'on_air', viewers: 218, publisher: publisher('obs-output module (libobs version 32.0.2)', 6_121_000, { gop: 4200 }), health: { age_s: 3200, av_offset_ms: 12 }, findings: [FINDING],
    destinations: [
      destination('sunday', 'Twitch', { service: 'twitch', url: 'rtmps://fra05.contribute.live-video.net:443/app', status: status('backoff', { ago: 41, next_dial: retry(9), last_error: 'nothing was acknowledged for 10 s', last_error_kind: 'stalled', failures: 4, dials: 5 }) }),
      destination('sunday', 'YouTube', { service: 'youtube', url: 'rtmps://a.rtmps.youtube.com:443/live2', backup: { url: 'rtmps://b.rtmps.youtube.com:443/live2?backup=1', mode: 'failover', key_set: true }, backup_status: status('standby') }),
      destination('sunday', 'Facebook, parish page', { service: 'facebook', url: 'rtmps://live-api-s.facebook.com:443/rtmp' }),
      destination('sunday', 'Vimeo', { url: 'rtmps://rtmp-global.cloud.vimeo.com:443/live', status: status('live', { failures: 1, ago: 1904 }) }),
      destination('sunday', 'Town hall', { url: 'rtmp://203.0.113.40/live', status: status('rejected', { ago: 75, next_dial: retry(240), last_error: 'NetStream.Publish.BadName: stream key not found', last_error_kind: 'rejected', failures: 2 }) }),
      destination('sunday', 'Instagram', { enabled: false, status: status('stopped', { ago: 400 }) }),
    ],
  });
  const concert = stream('concert', 'Spring concert, rehearsal', {
    state: 'input_lost', state_since: iso(8), viewers: 31, publisher: publisher('vMix', 0),
    destinations: [destination('concert', 'YouTube', { status: status('held', { ago: 8 }) }), destination('concert', 'Radio', { status: status('held', { ago: 8 }) })],
  });
  const briefing = stream('briefing', 'Staff briefing', { state: 'ready', state_since: iso(200), publisher: publisher('Lavf60.16.100', 2_800_000, { width: 1280, height: 720, fps: 30 }), destinations: [destination('briefing', 'LinkedIn', { status: status('idle') }), destination('briefing', 'Intranet', { status: status('idle') })] });
  const list = [
    sunday, concert, briefing,
    stream('youth', 'Youth evening', { destinations: [destination('youth', 'YouTube', { status: status('rejected', { last_error: 'The key is not valid', last_error_kind: 'rejected' }) }), destination('youth', 'Twitch', { status: status('idle') })] }),
    stream('football', 'Football, home games', { destinations: ['YouTube', 'TikTok', 'Club page'].map((name) => destination('football', name, { status: status('idle') })) }),
    stream('chapel', 'Wedding chapel', { managed_by: 'file', file: '/etc/manycast/manycast.toml', version: 0, destinations: [destination('chapel', 'Archive', { managed_by: 'file', status: status('idle') })] }),
    stream('hostile', '<img src=x onerror=alert(1)> "quotes" & \u202Eright to left', { destinations: [destination('hostile', '<script>alert(2)</script>', { notes: '{{7*7}} ${7*7}', status: status('idle') })] }),
  ];
  for (let i = list.length; i < count; i += 1) {
    const up = i % 5 === 0;
    const name = `room-${String(i).padStart(3, '0')}`;
    list.push(stream(name, `Room ${i}`, {
      state: up ? 'on_air' : 'off_air', viewers: up ? i : 0, publisher: up ? publisher('OBS 31', 4_000_000 + i * 1000) : null,
      destinations: ['YouTube', 'Twitch', 'Facebook', 'Vimeo', 'Kick'].map((each) => destination(name, each, { status: status(up ? 'live' : 'idle') })),
    }));
  }
  return list;
}

export function count(each) {
  const of = (...states) => each.destinations.filter((d) => d.enabled && states.includes(d.status?.state)).length;
  each.counts = { live: of('live'), retrying: of('stalled', 'backoff'), need_you: of('rejected', 'unfed'), off: each.destinations.filter((d) => !d.enabled).length };
  return each;
}

/** One second passes. Returns the events that it brought. */
export function tick(streams, calm) {
  const events = [];
  for (const each of streams) {
    if (each.publisher && each.state !== 'input_lost') {
      each.publisher.bitrate = wave(each.publisher.base, each.publisher.base * 0.05);
      each.publisher.tracks[0].bitrate = each.publisher.bitrate - 160_000;
      each.publisher.tracks[0].health.jitter_ms = wave(6, 3);
    }
    for (const d of each.destinations) {
      const s = d.status;
      if (!s) continue;
      if (s.state === 'live') { s.bitrate = wave(each.publisher?.base ?? 6e6, 3e5); s.bytes += s.bitrate / 8; }
      if (['live', 'backoff', 'stalled', 'held'].includes(s.state)) d.recent = [...d.recent, s.state === 'live' ? s.bitrate : 0].slice(-60);
      if (calm) { if (s.next_dial && Date.parse(s.next_dial) < Date.now()) s.next_dial = new Date(Date.now() + 9000).toISOString(); continue; }
      if (s.state === 'backoff' && s.next_dial && Date.parse(s.next_dial) < Date.now()) Object.assign(s, { state: 'connecting', since: iso(), next_dial: null });
      else if (s.state === 'connecting' && Date.now() - Date.parse(s.since) > 1500) { Object.assign(s, status('live', { ago: 0, failures: s.failures })); events.push({ kind: 'destination.live', stream: each.name, destination: d.name, severity: 'good', text: `${d.name} is live` }); }
    }
    if (each.state === 'going_live' && each.destinations.some((d) => d.enabled && d.status.state === 'live')) { each.state = 'on_air'; each.state_since = iso(); each.on_air_since = iso(); events.push({ kind: 'stream.went_live', stream: each.name, severity: 'good', text: `${each.title} is on air` }); }
    if (each.state === 'ending' && Date.now() - Date.parse(each.state_since) > 1500) { each.state = 'ready'; each.state_since = iso(); each.on_air_since = null; each.destinations.forEach((d) => { d.status = status('idle', { ago: 0 }); }); events.push({ kind: 'stream.ended', stream: each.name, severity: 'info', text: `${each.title} has ended` }); }
    count(each);
  }
  return events;
}
