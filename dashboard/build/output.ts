// What is done with the finished files: the budget of the first page, and packed copies beside each.
import { brotliCompressSync, constants, gzipSync } from 'node:zlib';
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Plugin } from 'vite';

const brotli = (bytes: Buffer): Buffer =>
  brotliCompressSync(bytes, { params: { [constants.BROTLI_PARAM_QUALITY]: 11, [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length } });

interface Chunk { type: 'chunk'; isEntry: boolean; name: string; code: string; imports: string[]; viteMetadata?: { importedCss: Set<string> } }

/** Fails the build when the shell and the heaviest of the first pages together weigh more than `limit` bytes, packed. */
export function budget(limit: number): Plugin {
  return {
    name: 'manycast-budget',
    apply: 'build',
    writeBundle(_options, bundle) {
      const size = (file: string): number => {
        const part = bundle[file];
        if (!part) return 0;
        return brotli(Buffer.from(part.type === 'chunk' ? part.code : part.source)).length;
      };
      const closure = (file: string, seen: Set<string>): Set<string> => {
        const part = bundle[file];
        if (seen.has(file) || !part) return seen;
        seen.add(file);
        if (part.type === 'chunk') {
          const chunk = part as unknown as Chunk;
          chunk.imports.forEach((next) => closure(next, seen));
          chunk.viteMetadata?.importedCss.forEach((css) => closure(css, seen));
        }
        return seen;
      };
      const chunks = Object.entries(bundle).filter(([, part]) => part.type === 'chunk').map(([file, part]) => ({ file, chunk: part as unknown as Chunk }));
      const shell = chunks.filter(({ chunk }) => chunk.isEntry).map(({ file }) => file);
      const first = chunks.filter(({ chunk }) => ['SignIn', 'Setup', 'Streams', 'Stream'].includes(chunk.name));
      if (shell.length === 0 || first.length < 4) this.error('the chunks of the first pages were not found');
      for (const { file, chunk } of first) {
        const files = closure(file, new Set());
        shell.forEach((entry) => closure(entry, files));
        // The charts and the second language may come with the page as well.
        if (chunk.name === 'Stream') chunks.filter((other) => other.chunk.name === 'HealthChart').forEach((other) => closure(other.file, files));
        chunks.filter((other) => other.chunk.name === 'de').forEach((other) => closure(other.file, files));
        const total = [...files].reduce((sum, name) => sum + size(name), size('index.html'));
        this.info(`first page ${chunk.name}: ${(total / 1000).toFixed(1)} kB packed, in ${files.size} files`);
        if (total > limit) this.error(`the first page ${chunk.name} weighs ${total} bytes packed, the limit is ${limit}`);
      }
    },
  };
}

/** Writes `file.br` and `file.gz` beside each file that gets smaller by it. */
export function packed(): Plugin {
  let out = 'dist';
  return {
    name: 'manycast-packed',
    apply: 'build',
    enforce: 'post',
    configResolved(config) { out = join(config.root, config.build.outDir); },
    closeBundle() {
      const walk = (folder: string): void => {
        for (const name of readdirSync(folder)) {
          const path = join(folder, name);
          if (statSync(path).isDirectory()) { walk(path); continue; }
          if (!/\.(js|css|html|svg|json|txt|webmanifest)$/.test(name)) continue;
          const bytes = readFileSync(path);
          for (const [ending, small] of [['br', brotli(bytes)], ['gz', gzipSync(bytes, { level: 9 })]] as const) {
            if (small.length < bytes.length * 0.95) writeFileSync(`${path}.${ending}`, small);
          }
        }
      };
      walk(out);
    },
  };
}
