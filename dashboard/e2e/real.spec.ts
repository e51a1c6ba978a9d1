// The built server itself, an encoder, and two platforms that are servers of their own.
// Runs with MANYCAST_BIN (default: target/debug/manycast); without it there is nothing to drive, and that is said.
import { spawn, type ChildProcess } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, judged, shot, test } from './fixture';

const target = process.env.CARGO_TARGET_DIR ?? fileURLToPath(new URL('../../target', import.meta.url));
const BIN = process.env.MANYCAST_BIN ?? join(target, 'debug/manycast');
const PASSWORD = 'a long enough sentence';

async function port(): Promise<number> {
  const probe = createServer();
  await new Promise<void>((done) => probe.listen(0, '127.0.0.1', done));
  const { port: found } = probe.address() as AddressInfo;
  await new Promise((done) => probe.close(done));
  return found;
}

// What is set for other servers is not for these.
const plain = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('MANYCAST_')));

interface Running { child: ChildProcess; said: () => string; stop: () => Promise<void> }
function run(command: string, args: string[]): Running {
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'], env: { ...plain, NO_COLOR: '1' } });
  let text = '';
  child.stdout.on('data', (part: Buffer) => { text += part.toString(); });
  child.stderr.on('data', (part: Buffer) => { text += part.toString(); });
  return { child, said: () => text, stop: async () => { if (child.exitCode !== null || child.signalCode !== null) return; const gone = new Promise((done) => { child.once('exit', done); }); child.kill('SIGKILL'); await gone; } };
}

const folder = mkdtempSync(join(tmpdir(), 'manycast-e2e-'));
const all: Running[] = [];
function serve(name: string, config: string): Running {
  const file = join(folder, `${name}.toml`);
  writeFileSync(file, config);
  const made = run(BIN, ['serve', '--config', file]);
  all.push(made);
  return made;
}
/** A platform: takes whatever is published. */
const platform = (name: string, rtmp: number): Running => serve(name, `[server]\ndata_dir = "${join(folder, name)}"\n[rtmp]\nlisten = "127.0.0.1:${rtmp}"\nopen = true\n[http]\nlisten = "off"\n[https]\nlisten = "off"\n`);
function publish(rtmp: number, key: string): Running {
  const made = run('ffmpeg', ['-hide_banner', '-loglevel', 'error', '-re', '-f', 'lavfi', '-i', 'testsrc2=s=640x360:r=25', '-f', 'lavfi', '-i', 'sine=f=440:r=48000', '-c:v', 'libx264', '-preset', 'ultrafast', '-tune', 'zerolatency', '-g', '50', '-b:v', '800k', '-pix_fmt', 'yuv420p', '-c:a', 'aac', '-f', 'flv', `rtmp://127.0.0.1:${rtmp}/live/${key}`]);
  all.push(made);
  return made;
}
async function settled<T>(look: () => T | undefined, what: string): Promise<T> {
  for (let i = 0; i < 200; i += 1) { const found = look(); if (found !== undefined) return found; await new Promise((done) => { setTimeout(done, 100); }); }
  throw new Error(`${what} did not come`);
}

test.describe.configure({ mode: 'serial' });
test.afterAll(async () => { await Promise.all(all.map((each) => each.stop())); rmSync(folder, { recursive: true, force: true }); });

const ports = { http: 0, rtmp: 0, first: 0, second: 0 };
const base = (): string => `http://127.0.0.1:${ports.http}`;
let second: Running;
let encoder: Running;
let server: Running;

async function signIn(page: import('@playwright/test').Page, name = 'anna'): Promise<void> {
  await page.goto(`${base()}/streams`);
  await page.getByLabel('Name').fill(name);
  await page.getByLabel('Password', { exact: true }).fill(PASSWORD);
  await page.getByRole('button', { name: 'Sign in' }).click();
  await expect(page.getByRole('heading', { name: 'Streams' })).toBeVisible();
}

test('first start to a stream that is live at two places', async ({ page }) => {
  test.setTimeout(120_000);
  expect(existsSync(BIN), `${BIN} is not built`).toBe(true);
  for (const name of ['http', 'rtmp', 'first', 'second'] as const) ports[name] = await port();
  platform('first', ports.first);
  second = platform('second', ports.second);
  server = serve('server', `[server]\ndata_dir = "${join(folder, 'server')}"\n[rtmp]\nlisten = "127.0.0.1:${ports.rtmp}"\n[http]\nlisten = "127.0.0.1:${ports.http}"\n[https]\nlisten = "off"\n[egress]\nallow = ["127.0.0.0/8"]\n`);
  const token = await settled(() => /\/setup#([0-9a-f]+)/.exec(server.said())?.[1], 'the setup link');
  await page.goto(`${base()}/setup#${token}`);
  await page.getByLabel('Name').fill('anna');
  await page.getByLabel('Password', { exact: true }).fill(PASSWORD);
  await page.getByRole('button', { name: 'Go on' }).click();
  await page.getByLabel('Title').fill('Sunday <b>service</b>');
  await page.getByRole('button', { name: 'Go on' }).click();
  await page.getByRole('button', { name: /Stream key: Show/ }).click();
  const key = (await page.locator('.copy code').last().textContent())!.trim();
  expect(key.length).toBeGreaterThan(20);
  encoder = publish(ports.rtmp, key);
  await expect(page.getByRole('heading', { name: 'We have your picture' })).toBeVisible({ timeout: 20_000 });
  await shot(page, 'real-picture');
  await page.getByRole('button', { name: 'Choose destinations' }).click();
  for (const [name, at] of [['First', ports.first], ['Second', ports.second]] as const) {
    await page.getByRole('radio', { name: /^Any RTMP address/ }).check({ force: true });
    await page.getByLabel('Name', { exact: true }).fill(name);
    await page.getByLabel('Address', { exact: true }).fill(`rtmp://127.0.0.1:${at}/live`);
    await page.getByLabel('Stream key', { exact: true }).fill(`to-${name.toLowerCase()}`);
    await page.getByLabel('Stream key', { exact: true }).blur();
    await expect(page.getByText(/^Passed/)).toBeVisible({ timeout: 20_000 });
    await page.locator('form').getByRole('button', { name: /^Add/ }).click();
    await expect(page.locator(`[data-destination="${name}"]`)).toBeVisible();
    if (name === 'First') await page.getByRole('button', { name: 'Add another one' }).click();
  }
  await page.getByRole('button', { name: 'Go on' }).click();
  await page.getByRole('button', { name: 'Go live' }).first().click();
  await page.getByRole('dialog').getByRole('button', { name: 'Go live' }).click();
  await expect(page.locator('[data-state=live]')).toHaveCount(2, { timeout: 30_000 });
  await page.getByRole('button', { name: 'To the stream' }).click();
  await expect(page.locator('.hero').getByText('On air', { exact: true })).toBeVisible();
  await expect(page.getByText('Sunday <b>service</b>').first()).toBeVisible();
  await shot(page, 'real-live');
});

test('a destination that dies says so, and recovers on screen', async ({ page }) => {
  test.setTimeout(120_000);
  await signIn(page);
  await page.getByRole('link', { name: /Sunday/ }).first().click();
  const row = page.locator('[data-destination="Second"]');
  await expect(row).toHaveAttribute('data-state', 'live');
  await second.stop();
  await expect(row).toHaveAttribute('data-state', 'backoff', { timeout: 30_000 });
  await expect(row.getByText(/We keep trying; others are unaffected/)).toBeVisible();
  await expect(page.locator('[data-destination="First"]')).toHaveAttribute('data-state', 'live');
  await shot(page, 'real-failing');
  second = platform('second', ports.second);
  await row.getByRole('button', { name: 'Try now' }).click();
  await expect(row).toHaveAttribute('data-state', 'live', { timeout: 40_000 });
});

test('a key is replaced while it sends, and no frame is missing', async ({ page }) => {
  // a viewer of the first platform, who counts what does not come
  const watching = run(BIN, ['play', `rtmp://127.0.0.1:${ports.first}/live/to-first`, '--seconds', '12', '--json']);
  all.push(watching);
  const began = Date.now();
  await signIn(page);
  await page.getByRole('link', { name: /Sunday/ }).first().click();
  await page.getByRole('link', { name: 'Connect' }).first().click();
  await page.getByRole('button', { name: 'Replace' }).first().click();
  await page.getByRole('dialog').getByRole('button', { name: 'Replace' }).click();
  await expect(page.locator('#new-key')).toHaveText(/^[a-z0-9]{26}$/i);
  await page.getByRole('button', { name: 'I have it' }).click();
  await expect(page.getByText(/The old key works for/)).toBeVisible();
  const replaced = (Date.now() - began) / 1000;
  await page.getByRole('link', { name: 'Live', exact: true }).click();
  await expect(page.locator('[data-state=live]')).toHaveCount(2);
  await settled(() => (watching.child.exitCode !== null ? true : undefined), 'what the viewer saw');
  expect(encoder.child.exitCode).toBeNull();
  const seen = JSON.parse(watching.said().trim().split('\n').at(-1)!) as { ok: boolean; frames: number; seconds: number; gaps: { missing_frames: number } };
  expect(seen.ok, watching.said()).toBe(true);
  expect(seen.gaps.missing_frames, watching.said()).toBe(0);
  expect(replaced, 'it was replaced while the viewer watched').toBeLessThan(10);
});

test('roles: an invited viewer sees states and nothing else', async ({ page, browser }) => {
  await signIn(page);
  await page.goto(`${base()}/users`);
  await page.getByRole('button', { name: 'Invite' }).click();
  await page.getByLabel('Role').selectOption('viewer');
  await page.getByRole('button', { name: 'Make the link' }).click();
  const link = (await page.locator('#shown-once').textContent())!.trim();
  const other = await (await browser.newContext()).newPage();
  await other.goto(link);
  await other.getByLabel('Name').fill('<img src=x onerror=alert(1)>');
  await other.getByLabel('Password', { exact: true }).fill(PASSWORD);
  await other.getByRole('button', { name: 'Begin' }).click();
  const refused = other.getByText(/letters|characters|name/i).first();
  if (await refused.isVisible().catch(() => false)) { await other.getByLabel('Name').fill('viewer'); await other.getByRole('button', { name: 'Begin' }).click(); }
  await expect(other.getByRole('heading', { name: 'Streams' })).toBeVisible();
  await other.getByRole('link', { name: /Sunday/ }).first().click();
  await expect(other.locator('[data-destination="First"]')).toBeVisible();
  await expect(other.getByRole('switch')).toHaveCount(0);
  await expect(other.getByRole('button', { name: 'End stream' })).toBeDisabled();
  await other.goto(`${base()}/users`);
  await expect(other.getByText('Only admins may see this.')).toBeVisible();
  await other.close();
});

const PAGES = ['/streams', '/s/STREAM/live', '/s/STREAM/connect', '/s/STREAM/destinations', '/s/STREAM/activity', '/s/STREAM/settings', '/destinations', '/activity', '/activity?view=changes', '/users', '/webhooks', '/settings', '/account', '/about', '/more'];
for (const [look, width, colorScheme] of [['phone-dark', 360, 'dark'], ['phone-light', 320, 'light'], ['wide-light', 1440, 'light'], ['wide-dark', 1440, 'dark']] as const) {
  test(`${look}: every page of the real server`, async ({ page }) => {
    test.setTimeout(150_000);
    await page.setViewportSize({ width, height: 800 });
    await page.emulateMedia({ colorScheme });
    await signIn(page);
    const name = /\/s\/([^/]+)/.exec((await page.getByRole('link', { name: /Sunday/ }).first().getAttribute('href'))!)![1]!;
    for (const path of PAGES.map((each) => each.replace('STREAM', name))) {
      await page.goto(base() + path);
      await expect(page.getByRole('heading').first()).toBeVisible();
      await expect(page.locator('[aria-busy=true]')).toHaveCount(0);
      expect(await page.getByText(/^Could not be read/).count(), path).toBe(0);
      expect(await page.evaluate(() => document.documentElement.scrollWidth - innerWidth), path).toBeLessThanOrEqual(0);
      expect(await judged(page), path).toEqual([]);
      await shot(page, `real-${look}${path.replaceAll(/[/?=]/g, '-')}`);
    }
  });
}

test('the server restarts under an open page', async ({ page }) => {
  test.setTimeout(90_000);
  await signIn(page);
  await expect(page.getByText('On air', { exact: true }).first()).toBeVisible();
  server.child.kill('SIGTERM');
  await expect(page.getByText(/Server restarts|No contact with the server/).first()).toBeVisible({ timeout: 20_000 });
  await settled(() => (server.child.exitCode !== null || server.child.signalCode !== null ? true : undefined), 'the end of the server');
  server = run(BIN, ['serve', '--config', join(folder, 'server.toml')]);
  all.push(server);
  await expect(page.getByText(/^Back since/)).toBeVisible({ timeout: 30_000 });
  await shot(page, 'real-back');
});
