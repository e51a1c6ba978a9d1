// What servers and programs call things, in words for people. What was said to the letter stays one step below.
import { t } from './i18n/index.svelte';

const SHUTDOWN = /NetConnection\.Connect\.AppShutdown(?:: [^.]*\.?)?/g;
const BAD_NAME = /NetStream\.Publish\.BadName(?!: )/g;
const CODE = /\bNet(?:Connection|Stream)(?:\.\w+)+: /g;

/** A reason without the codes of RTMP in front of it; those that stand alone become a sentence. */
export function plainly(words: string): string {
  return words.replace(SHUTDOWN, () => t('said.shutdown')).replace(BAD_NAME, () => t('said.bad_name')).replace(CODE, '').replace(/([^.])\.\.(?!\.)/g, '$1.');
}
