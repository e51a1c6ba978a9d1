// One sentence about a stream: for its card, and "Nothing to do right now" on its page.
import type { Stream } from './api/types';
import { clock, until } from './format';
import type { IconName } from './icons';
import { t } from './i18n/index.svelte';
import { encoder } from './picture';
import { heldFor, namesWith, nextTry, wanted } from './strip';

export interface Summary { tone: '' | 'warn' | 'err'; icon: IconName | null; text: string; calm: boolean }

export function summary(stream: Stream, now: number): Summary {
  const refused = namesWith(stream, 'err');
  const trying = namesWith(stream, 'warn');
  if (stream.state === 'input_lost') return { tone: 'warn', icon: 'pause', text: t('sum.held', { time: clock(heldFor(stream, now)), encoder: encoder(stream.publisher) }), calm: false };
  if (refused.length > 0) return { tone: 'err', icon: 'octagon', text: t('sum.refused', { n: refused.length, who: refused.join(', ') }), calm: false };
  if (trying.length > 0) {
    const next = until(nextTry(stream), now);
    return { tone: 'warn', icon: 'turn', text: next === null ? t('sum.trying', { n: trying.length, who: trying.join(', ') }) : t('sum.trying_in', { n: trying.length, who: trying.join(', '), time: clock(next) }), calm: true };
  }
  const bad = stream.findings.filter((finding) => finding.severity === 'error').length;
  if (bad > 0) return { tone: 'warn', icon: 'triangle', text: t('sum.coach', { n: bad }), calm: false };
  if (stream.state === 'ready') return { tone: '', icon: null, text: wanted(stream) === 0 ? t('sum.ready_none') : t('sum.ready'), calm: true };
  if (stream.state === 'going_live') return { tone: '', icon: 'ring', text: t('sum.going', { n: stream.counts.live, all: wanted(stream) }), calm: true };
  if (stream.state === 'ending') return { tone: '', icon: 'ring', text: t('sum.ending'), calm: true };
  if (stream.state === 'off_air') return { tone: '', icon: null, text: t('sum.off'), calm: true };
  return { tone: '', icon: null, text: t('sum.well', { n: stream.counts.live }), calm: true };
}
