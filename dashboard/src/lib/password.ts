// How long a password would hold, said in words while it is typed. The server has the last word.
export type Strength = 'short' | 'weak' | 'fair' | 'good';

export function strength(text: string): Strength {
  if (text.length < 10) return 'short';
  const kinds = [/[a-z]/, /[A-Z]/, /\d/, /[^\w]|_/u].filter((kind) => kind.test(text)).length;
  const distinct = new Set(text).size;
  if (distinct < 5 || /^(.+)\1+$/.test(text)) return 'weak';
  const score = text.length + (kinds - 1) * 2 + Math.min(distinct, 12) / 2;
  return score >= 24 ? 'good' : score >= 17 ? 'fair' : 'weak';
}
