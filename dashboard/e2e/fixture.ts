// A fixture server for each test, and a page that reports what the browser complains about.
import { spawn, type ChildProcess } from 'node:child_process';
import { mkdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { test as base, expect, type Page } from '@playwright/test';
import { freePort } from './ports';

export const SHOTS = fileURLToPath(new URL('../../target/ui-shots/', import.meta.url));
mkdirSync(SHOTS, { recursive: true });

/** `back` ends an absence that a knob began. */
export interface Server { base: string; knob: (turn: object) => Promise<void>; back: () => void }

export async function start(...words: string[]): Promise<Server & { child: ChildProcess }> {
  const port = await freePort();
  const child = spawn('node', [fileURLToPath(new URL('../dev/server.mjs', import.meta.url)), '--port', String(port), ...words], { stdio: ['ignore', 'pipe', 'inherit'] });
  await new Promise((done) => { child.stdout.once('data', done); });
  const root = `http://127.0.0.1:${port}`;
  return { base: root, child, back: () => { child.kill('SIGUSR2'); }, knob: async (turn) => { await fetch(`${root}/api/fixture`, { method: 'POST', body: JSON.stringify(turn) }).catch(() => { /* it may leave before it answers */ }); } };
}

export const test = base.extend<{ words: string[]; server: Server; complaints: string[] }>({
  words: [[], { option: true }],
  server: async ({ words }, use) => {
    const { child, ...server } = await start(...words);
    await use(server);
    child.kill();
  },
  // Scripts that were refused, errors of the page, anything from another host: none of it may happen.
  complaints: [async ({ page }, use) => {
    const said: string[] = [];
    page.on('pageerror', (error) => said.push(String(error)));
    page.on('dialog', (dialog) => { said.push(`dialog: ${dialog.message()}`); void dialog.dismiss(); });
    page.on('console', (line) => { if (line.type() === 'error' && !/status of (4\d\d|503)|ERR_(CONNECTION|INCOMPLETE|EMPTY|NETWORK|ABORTED)/.test(line.text())) said.push(line.text()); });
    page.on('request', (request) => { if (!/^(http:\/\/127\.0\.0\.1|https:\/\/(127\.0\.0\.1|localhost)|blob:)/.test(request.url())) said.push(`asked for ${request.url()}`); });
    await use(said);
    expect(said).toEqual([]);
  }, { auto: true }],
});

const AXE = readFileSync(new URL('../node_modules/axe-core/axe.min.js', import.meta.url), 'utf8');
interface Finding { id: string; impact: string; help: string; nodes: { target: string[] }[] }

/** What axe finds serious or critical in the page as it stands. */
export async function judged(page: Page): Promise<string[]> {
  if (!(await page.evaluate(() => 'axe' in window))) await page.evaluate(AXE);
  const found = await page.evaluate(async () => {
    const { axe } = window as unknown as { axe: { run: (root: Document, options: object) => Promise<{ violations: Finding[] }> } };
    return (await axe.run(document, { runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa'], resultTypes: ['violations'] })).violations;
  });
  return found.filter((each) => each.impact === 'serious' || each.impact === 'critical').map((each) => `${each.impact} ${each.id}: ${each.help}: ${each.nodes.slice(0, 3).map((node) => node.target.join(' ')).join(' | ')}`);
}

/** The ways in which every page is looked at: width, height, theme. */
export const WAYS = [[1440, 900, 'light'], [1440, 900, 'dark'], [360, 740, 'light'], [320, 640, 'dark']] as const;

/** Nothing serious for axe, nothing to scroll sideways for, and a picture, in all ways. */
export async function inspect(page: Page, name: string, whole = true): Promise<void> {
  // A dialog is the same on every page behind it: its extremes are enough.
  for (const [width, height, theme] of whole ? WAYS : [WAYS[0], WAYS[3]]) {
    const at = `${name} ${width} ${theme}`;
    await page.setViewportSize({ width, height });
    await page.emulateMedia({ colorScheme: theme, reducedMotion: 'reduce' });
    await page.evaluate(() => new Promise((done) => { requestAnimationFrame(() => { requestAnimationFrame(done); }); }));
    await page.screenshot({ path: `${SHOTS}e2e-${name}-${theme}-${width}.png`, fullPage: whole });
    expect(await page.evaluate(() => document.documentElement.scrollWidth - innerWidth), `${at}: too wide`).toBeLessThanOrEqual(0);
    expect(await judged(page), at).toEqual([]);
  }
  await page.setViewportSize({ width: 1440, height: 900 });
  await page.emulateMedia({ colorScheme: 'light' });
}

export async function shot(page: Page, name: string): Promise<void> { await page.screenshot({ path: `${SHOTS}e2e-${name}.png`, fullPage: true }); }
export { expect };
