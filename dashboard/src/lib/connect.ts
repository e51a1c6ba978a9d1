// What each encoder has to be told, with the real values.
import type { Stream } from './api/types';
import { isSelfSigned } from './certificate.svelte';

export const ENCODERS = ['obs', 'vmix', 'larix', 'ffmpeg', 'other'] as const;
export type Encoder = (typeof ENCODERS)[number];

/** All addresses that encoders may use: the encrypted ones first, unless most encoders would refuse the certificate. */
export function servers(stream: Stream): string[] {
  const { rtmp, rtmps } = stream.connect;
  return isSelfSigned() ? [...rtmp, ...rtmps] : [...rtmps, ...rtmp];
}

/** Split as encoders ask: the server is what comes before the key. */
export function serverOf(url: string): string { return url.replace(/\/+$/, ''); }

/** The whole command, for a shell: the key is its variable, so that it stays out of the history. */
export function ffmpegCommand(server: string): string {
  return `ffmpeg -re -i INPUT -c:v libx264 -preset veryfast -b:v 6000k -maxrate 6000k -bufsize 12000k -g 60 -pix_fmt yuv420p -c:a aac -b:a 160k -ar 48000 -f flv "${serverOf(server)}/$KEY"`;
}

/** Larix takes a connection from a link of its own kind, shown as a QR code. */
export function larixLink(server: string, key: string, name: string): string {
  const query = new URLSearchParams({ 'conn[][url]': `${serverOf(server)}/${key}`, 'conn[][name]': name, 'conn[][overwrite]': 'on' });
  return `larix://set/v1?${query.toString()}`;
}
