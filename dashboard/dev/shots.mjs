// Looks at every page, wide and narrow, light and dark, in the fixture: a picture of each, and what axe finds.
// usage: node dev/shots.mjs [OUT] [--only WORD]     (after a build; starts fixtures of its own)
import { spawn } from 'node:child_process';
import { mkdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { chromium } from '@playwright/test';

const out = process.argv[2]?.startsWith('--') || !process.argv[2] ? fileURLToPath(new URL('../../target/ui-shots/', import.meta.url)) : process.argv[2];
const only = process.argv.includes('--only') ? process.argv[process.argv.indexOf('--only') + 1] : '';
mkdirSync(out, { recursive: true });
const axe = readFileSync(new URL('../node_modules/axe-core/axe.min.js', import.meta.url), 'utf8');
const WAYS = [[1440, 'light'], [1440, 'dark'], [360, 'light'], [320, 'dark']];
const menu = async (page) => { await page.locator('.acct').click(); };
const PAGES = [
  ['streams', '/streams'], ['streams-table', '/streams', async (page) => { const b = page.getByRole('button', { name: /Table|Tabelle/ }); if (await b.isVisible()) await b.click(); }],
  ['streams-need', '/streams?show=need'], ['stream-live', '/s/sunday/live'], ['stream-lost', '/s/concert/live'], ['stream-ready', '/s/briefing/live'], ['stream-connect', '/s/youth/connect'], ['stream-connect-here', '/s/briefing/connect'],
  ['stream-destinations', '/s/sunday/destinations', async (page) => { await page.locator('[data-destination="YouTube"] button[aria-label^="More"], [data-destination="YouTube"] button[aria-label^="Mehr"]').click(); await page.getByRole('menuitem', { name: /Details|Einzelheiten/ }).click(); }],
  ['stream-activity', '/s/sunday/activity'], ['stream-settings', '/s/sunday/settings'], ['stream-file', '/s/chapel/settings'], ['stream-hostile', '/s/hostile/live'], ['stream-new', '/streams/new'],
  ['go-live', '/s/briefing/live', async (page) => { await page.locator('#main').getByRole('button', { name: /Go live|Auf Sendung/ }).first().click(); await page.getByRole('dialog').waitFor(); }],
  ['end', '/s/sunday/live', async (page) => { await page.getByRole('button', { name: /End stream|Stream beenden/ }).first().click(); await page.getByRole('dialog').waitFor(); }],
  ['key-new', '/s/youth/connect', async (page) => { await page.getByRole('button', { name: 'New key' }).click(); await page.getByLabel('For which device').fill('Hall'); await page.getByRole('button', { name: 'Make the key' }).click(); await page.getByText('shown once').waitFor(); await page.getByRole('button', { name: 'Show QR' }).click(); }],
  ['key-replace', '/s/sunday/connect', async (page) => { await page.getByRole('button', { name: 'Replace' }).first().click(); }],
  ['destinations', '/destinations', async (page) => { await page.locator('[role=row] input[type=checkbox]:not(.sw)').nth(1).check(); }], ['destination-new', '/destinations/new?stream=briefing', async (page) => { await page.getByLabel('Stream key').fill('abcd-efgh-ijkl'); await page.getByLabel('Stream key').blur(); await page.getByText('Passed').waitFor(); }],
  ['destination-live', '/destinations/new?stream=sunday'], ['activity', '/activity'], ['changes', '/activity?view=changes'], ['users', '/users'], ['webhooks', '/webhooks', async (page) => { await page.getByRole('button', { name: 'Deliveries' }).click(); }],
  ['settings', '/settings'], ['about', '/about', async (page) => { await page.getByRole('button', { name: 'Show the list' }).click(); }], ['account', '/account'], ['more', '/more'], ['nothing', '/nothing/here'],
  ['menu', '/streams', async (page) => { const m = page.locator('.acct'); if (await m.isVisible()) await menu(page); }],
  ['german', '/s/sunday/live', null, { language: 'de' }], ['german-streams', '/streams', null, { language: 'de' }], ['german-connect', '/s/youth/connect', null, { language: 'de' }], ['masked', '/s/sunday/live', null, { masked: true }],
  ['viewer', '/s/sunday/live', null, {}, 'viewer'], ['viewer-connect', '/s/youth/connect', null, {}, 'viewer'], ['sign-in', '/streams', null, {}, 'out'],
  ['setup', '/setup#first', null, {}, 'first'], ['setup-2', '/setup#first', async (page) => { await page.getByLabel('Name').fill('Anna Keller'); await page.getByLabel('Password').fill('a long enough sentence'); await page.getByRole('button', { name: 'Go on' }).click(); await page.getByText('Your first stream').waitFor(); }, {}, 'first'],
];
const servers = new Map();
async function fixture(kind) {
  if (servers.has(kind)) return servers.get(kind);
  const port = 8100 + servers.size;
  const words = { first: ['--first'], out: ['--out'], viewer: ['--role', 'viewer'], owner: [] }[kind];
  const child = spawn('node', [fileURLToPath(new URL('./server.mjs', import.meta.url)), '--port', String(port), '--calm', ...words], { stdio: ['ignore', 'pipe', 'inherit'] });
  await new Promise((done) => { child.stdout.once('data', done); });
  const made = { base: `http://127.0.0.1:${port}`, child };
  servers.set(kind, made);
  return made;
}
const launch = () => chromium.launch({ executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', args: ['--no-sandbox', '--disable-gpu'] });
let faults = 0;
for (const [width, theme] of WAYS) {
  const browser = await launch();
  for (const [name, path, act, preferences, kind] of PAGES) {
    if (only && !name.includes(only)) continue;
    const { base } = await fixture(kind ?? 'owner');
    if (kind === 'first') await fetch(`${base}/api/fixture`, { method: 'POST', body: JSON.stringify({ first: true, in: false }) });
    const context = await browser.newContext({ viewport: { width, height: width > 600 ? 900 : 760 }, colorScheme: theme, hasTouch: width < 600, reducedMotion: 'reduce', locale: 'en-GB', timezoneId: 'Europe/Berlin' });
    await context.addInitScript((kept) => { localStorage.setItem('manycast.preferences', JSON.stringify(kept)); }, preferences ?? {});
    const page = await context.newPage();
    const said = [];
    page.setDefaultTimeout(6000);
    page.on('console', (line) => { if (line.type() === 'error') said.push(line.text()); });
    page.on('pageerror', (error) => said.push(String(error)));
    try {
      await page.goto(base + path);
      await page.waitForSelector('main', { timeout: 8000 });
      await page.waitForTimeout(kind === 'out' || kind === 'first' ? 400 : 1400);
      if (act) { await act(page); await page.waitForTimeout(500); }
      await page.screenshot({ path: `${out}/${name}-${theme}-${width}.png`, fullPage: !['go-live', 'end', 'key-new', 'key-replace', 'menu'].includes(name) });
      const wide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
      if (wide > 0) { faults += 1; console.log(`${name} ${theme} ${width}: ${wide} px too wide`); }
      await page.evaluate(axe);
      // A menu is a layer over the page and stands outside of its landmarks.
      const found = await page.evaluate((menu_) => window.axe.run(document, { rules: { region: { enabled: !menu_ } }, runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'] }), name === 'menu');
      for (const each of found.violations) { faults += 1; console.log(`${name} ${theme} ${width}: ${each.impact} ${each.id}: ${each.help} :: ${each.nodes.slice(0, 2).map((node) => node.target.join(' ') + ' ' + (node.any[0]?.message ?? node.failureSummary ?? '').slice(0, 140)).join(' || ')}`); }
    } catch (error) { faults += 1; console.log(`${name} ${theme} ${width}: ${String(error).split('\n').slice(0, 3).join(' ')}`); await page.screenshot({ path: `${out}/${name}-${theme}-${width}.png` }).catch(() => {}); }
    for (const line of new Set(said)) if (!/status of 401|status of 403/.test(line)) { faults += 1; console.log(`${name} ${theme} ${width}: console: ${line.slice(0, 300)}`); }
    await context.close();
  }
  await browser.close();
}
for (const { child } of servers.values()) child.kill();
console.log(`${faults} faults`);
process.exit(faults > 0 ? 1 : 0);
