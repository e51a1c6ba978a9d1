// The list of what is shipped and under which licence, for the page About: the npm packages that are in
// the bundle, and the crates of the server if `cargo xtask ui` has written them down.
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Plugin } from 'vite';

interface Entry { name: string; version: string; licence: string; text?: string }

function packageOf(id: string): Entry | null {
  const at = id.lastIndexOf('/node_modules/');
  if (at < 0) return null;
  const rest = id.slice(at + '/node_modules/'.length).split('/');
  const name = rest[0]!.startsWith('@') ? `${rest[0]}/${rest[1]}` : rest[0]!;
  const folder = join(id.slice(0, at), 'node_modules', name);
  const manifest = join(folder, 'package.json');
  if (!existsSync(manifest)) return null;
  const said = JSON.parse(readFileSync(manifest, 'utf8')) as { name: string; version: string; license?: string };
  const file = readdirSync(folder).find((entry) => /^licen[cs]e/i.test(entry));
  const text = file ? readFileSync(join(folder, file), 'utf8') : undefined;
  // Some forget to name it and bring its text.
  const licence = said.license ?? (text && /^\s*(?:The )?MIT License/i.test(text) ? 'MIT' : 'unknown');
  return { name: said.name, version: said.version, licence, ...(text ? { text } : {}) };
}

export function licences(): Plugin {
  let root = '.';
  return {
    name: 'manycast-licences',
    apply: 'build',
    configResolved(config) { root = config.root; },
    generateBundle(_options, bundle) {
      const found = new Map<string, Entry>();
      for (const part of Object.values(bundle)) {
        if (part.type !== 'chunk') continue;
        for (const id of Object.keys(part.modules)) {
          const entry = packageOf(id.split('?')[0]!.replaceAll('\0', ''));
          if (entry) found.set(entry.name, entry);
        }
      }
      const crates = join(root, '.generated', 'crates.json');
      const server: Entry[] = existsSync(crates) ? (JSON.parse(readFileSync(crates, 'utf8')) as Entry[]) : [];
      const dashboard = [...found.values()].sort((a, b) => a.name.localeCompare(b.name));
      const unknown = dashboard.filter((entry) => entry.licence === 'unknown');
      if (unknown.length > 0) this.error(`no licence is stated by ${unknown.map((entry) => `${entry.name} in ${dirname(root)}`).join(', ')}`);
      this.emitFile({ type: 'asset', fileName: 'licences.json', source: JSON.stringify({ dashboard, server }) });
    },
  };
}
