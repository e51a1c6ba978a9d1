// The dark theme has one source, the media query in tokens.css; a theme chosen by hand needs the same
// values under a selector. This writes them there.
import type { Plugin } from 'vite';

export function tokensTwice(): Plugin {
  return {
    name: 'manycast-tokens-twice',
    enforce: 'pre',
    transform(code, id) {
      if (!id.split('?')[0]!.endsWith('/tokens.css')) return null;
      const block = /@media \(prefers-color-scheme: dark\) \{\s*:root:not\(\[data-theme="light"\]\) (\{[^}]*\})/.exec(code);
      if (!block) throw new Error('tokens.css: the block of the dark theme is not where it was');
      return { code: `${code}\n:root[data-theme="dark"] ${block[1]}\n`, map: null };
    },
  };
}
