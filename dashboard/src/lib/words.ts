// What servers and programs call things, in words for people. What was said to the letter stays one step below.
import type { Activity } from './api/types';
import { t } from './i18n/index.svelte';
import { program } from './picture';

const SHUTDOWN = /NetConnection\.Connect\.AppShutdown(?:: [^.]*\.?)?/g;
const BAD_NAME = /NetStream\.Publish\.BadName(?!: )/g;
const CODE = /\bNet(?:Connection|Stream)(?:\.\w+)+: /g;
const FFMPEG = /FMLE\/3\.0 \(compatible; Lavf[\d.]*\)/g;

/** A reason without the codes of RTMP in front of it; those that stand alone become a sentence. */
export function plainly(words: string): string {
  return words.replace(SHUTDOWN, () => t('said.shutdown')).replace(BAD_NAME, () => t('said.bad_name')).replace(CODE, '').replace(/([^.])\.\.(?!\.)/g, '$1.');
}

/** The sentence of an event. */
export function textOf(event: Activity): string {
  const said = (event.data as { software?: unknown } | null)?.software;
  const text = typeof said === 'string' && said ? event.text.replace(said, () => program(said)) : event.text;
  return plainly(text.replace(FFMPEG, 'ffmpeg'));
}
