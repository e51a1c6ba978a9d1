// What arrives, in the few words that fit under a name.
import type { Publisher, Stream, Track } from './api/types';
import { figure } from './format';
import { t } from './i18n/index.svelte';

const CODECS: Record<string, string> = { h264: 'H.264', hevc: 'HEVC', av1: 'AV1', vp9: 'VP9', aac: 'AAC', opus: 'Opus', mp3: 'MP3', flac: 'FLAC', ac3: 'AC-3' };
export function codec(track: Track | undefined): string { return track ? `${CODECS[track.codec] ?? track.codec}${track.kind === 'video' && track.profile ? ` ${track.profile}` : ''}` : ''; }

export function video(publisher: Publisher | null): Track | undefined { return publisher?.tracks.find((track) => track.kind === 'video'); }
export function audio(publisher: Publisher | null): Track | undefined { return publisher?.tracks.find((track) => track.kind === 'audio'); }

/** The frame rate that is measured, else the one that the bitstream declares. */
export function rate(track: Track | undefined): number | null { return track?.health?.frame_rate ?? track?.fps ?? null; }

export function size(track: Track | undefined, locale: string): string {
  if (!track?.width || !track.height) return '';
  const fps = rate(track);
  return fps ? t('input.size_fps', { size: `${track.width}×${track.height}`, fps: figure(fps, locale, Math.abs(fps - Math.round(fps)) < 0.05 ? 0 : 1) }) : `${track.width}×${track.height}`;
}

export function sound(track: Track | undefined, locale: string): string {
  if (!track) return '';
  return [codec(track), track.sample_rate ? `${figure(track.sample_rate / 1000, locale, track.sample_rate % 1000 === 0 ? 0 : 1)} kHz` : ''].filter(Boolean).join(' ');
}

/** The encoder by its own name, made short. */
export function encoder(publisher: Publisher | null): string { return program(publisher?.software ?? ''); }

/** What a program calls itself, as people call it. */
export function program(said: string): string {
  if (/obs/i.test(said)) return /obs[^\d]*(\d+(?:\.\d+)*)/i.exec(said) ? `OBS ${/obs[^\d]*(\d+(?:\.\d+)*)/i.exec(said)![1]}` : 'OBS';
  if (/lavf|ffmpeg/i.test(said)) return 'ffmpeg';
  if (/larix/i.test(said)) return 'Larix';
  if (/vmix/i.test(said)) return 'vMix';
  return said ? said.slice(0, 40) : t('input.encoder');
}

export function line(stream: Stream, locale: string): string {
  if (!stream.publisher) return '';
  return [encoder(stream.publisher), size(video(stream.publisher), locale)].filter(Boolean).join(', ');
}
