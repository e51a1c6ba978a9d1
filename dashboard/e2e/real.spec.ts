// The built server itself, an encoder, and two platforms that are servers of their own: one show from the first start on.
import type { Browser, Page } from '@playwright/test';
import { expect, inspect, shot, test } from './fixture';
import { House, LONG, type Running } from './house';

const PASSWORD = 'a long enough sentence';
const HOSTILE = '<img src=x onerror=alert(1)>';
const TITLE = 'Sunday <b>service</b>';
const SHOW = '/s/sunday-b-service-b';

test.describe.configure({ mode: 'serial' });
test.setTimeout(240_000);
const house = new House();
let server: Running;
let second: Running;
let encoder: Running;
let key = '';
test.afterAll(() => house.close());

const row = (page: Page, name: string) => page.locator(`[data-destination="${name}"]`);
const tally = (page: Page) => page.locator('.hero').getByText('On air', { exact: true });

async function signIn(page: Page, name = 'anna'): Promise<void> {
  await page.goto(`${house.base}/streams`);
  await page.getByLabel('Name').fill(name);
  await page.getByLabel('Password', { exact: true }).fill(PASSWORD);
  await page.getByLabel('Password', { exact: true }).press('Enter');
  await expect(page.getByRole('heading', { name: 'Streams' })).toBeVisible();
}

/** Asks the API as the page does. */
async function call<T>(page: Page, method: string, path: string, body?: object): Promise<T> {
  const answer = await page.evaluate(async ([how, to, text]) => {
    const said = await fetch(`/api/v1${to}`, { method: how!, ...(text ? { body: text, headers: { 'content-type': 'application/json' } } : {}) });
    return { status: said.status, text: await said.text() };
  }, [method, path, body ? JSON.stringify(body) : '']);
  expect(answer.status, `${method} ${path}: ${answer.text}`).toBeLessThan(300);
  return (answer.text ? JSON.parse(answer.text) : null) as T;
}

interface Shown { publisher: { since: string } | null; viewers: number; destinations: { name: string; status: { state: string; dials: number } | null }[] }
const dials = (stream: Shown): unknown => [stream.publisher?.since, ...stream.destinations.map((each) => [each.name, each.status?.dials])];

async function invited(page: Page, browser: Browser, role: string, name: string): Promise<Page> {
  await page.goto(`${house.base}/users`);
  await page.getByRole('button', { name: 'Invite' }).click();
  await page.getByLabel('Role').selectOption(role);
  await page.getByRole('button', { name: 'Make the link' }).click();
  const link = (await page.locator('#shown-once').textContent())!.trim();
  await page.getByRole('button', { name: 'I have it' }).click();
  const context = await browser.newContext({ locale: 'en-GB', timezoneId: 'Europe/Berlin', viewport: { width: 1440, height: 900 } });
  const other = await context.newPage();
  other.on('dialog', (dialog) => { void dialog.dismiss(); throw new Error(`a dialog: ${dialog.message()}`); });
  await other.goto(link);
  await other.getByLabel('Name').fill(name);
  await other.getByLabel('Password', { exact: true }).fill(PASSWORD);
  await other.getByRole('button', { name: 'Begin' }).click();
  await expect(other.getByRole('heading', { name: 'Streams' })).toBeVisible();
  return other;
}

test('first start to a stream that is live at two places, in at most 22 interactions', async ({ page }) => {
  await house.open();
  house.platform('first');
  second = house.platform('second');
  server = house.server();
  await expect.poll(() => server.said(), { timeout: LONG, message: 'the setup link' }).toMatch(/\/setup#[0-9a-f]+\s/);
  const token = /\/setup#([0-9a-f]+)/.exec(server.said())![1]!;
  let weight = 0;
  const weighed: Promise<void>[] = [];
  page.on('requestfinished', (request) => { weighed.push(request.sizes().then((size) => { weight += size.responseBodySize + size.responseHeadersSize; }, () => { /* a stream that goes on */ })); });
  let done = 0;
  const unwanted: string[] = [];
  page.on('response', (answer) => { if (answer.status() >= 400) unwanted.push(`${answer.status()} ${answer.url()}`); });
  const type = async (label: string, text: string): Promise<void> => { done += 1; await page.getByLabel(label, { exact: true }).fill(text); };
  const press = async (name: string | RegExp, within = page.locator('body')): Promise<void> => { done += 1; await within.getByRole('button', { name }).first().click(); };
  await page.goto(`${house.base}/setup#${token}`);
  await expect(page).toHaveURL(`${house.base}/setup`);
  expect(unwanted, 'answers that the browser complains about').toEqual([]);
  await type('Name', 'anna');
  await Promise.all(weighed);
  expect(weight, 'the first page, packed').toBeLessThan(250_000);
  await inspect(page, 'real-setup-account');
  await type('Password', PASSWORD);
  await press('Go on');
  await type('Title', TITLE);
  await press('Go on');
  // A wrong key shows up while one waits.
  const stranger = house.encoder('wrongkey123456');
  await expect(page.getByText('ffmpeg sent a key that no stream has')).toBeVisible({ timeout: LONG });
  await expect(page.getByText('it has 14 characters; the keys of this server have 26')).toBeVisible();
  await expect(page.getByText(/a firewall stands between/)).toHaveCount(0);
  await page.setViewportSize({ width: 1280, height: 620 });
  await expect(page.getByText('ffmpeg sent a key that no stream has')).toBeInViewport({ ratio: 1 });
  await page.setViewportSize({ width: 1440, height: 900 });
  await expect.poll(() => stranger.gone(), { timeout: LONG }).toBe(true);
  // Whoever reads the page anew finds what was told, and a way to a key that can be copied.
  await page.reload();
  await expect(page.getByText('ffmpeg sent a key that no stream has')).toBeVisible({ timeout: LONG });
  await page.getByRole('button', { name: 'Make another key' }).click();
  await press(/Stream key: Show/);
  key = (await page.locator('.copy code').last().textContent())!.trim();
  expect(key).toMatch(/^[a-z0-9]{26}$/);
  await inspect(page, 'real-setup-connect');
  encoder = house.encoder(key);
  await expect(page.getByRole('heading', { name: 'We have your picture' })).toBeVisible({ timeout: LONG });
  await shot(page, 'real-setup-picture');
  await press('Choose destinations');
  for (const [name, at] of [['First', house.ports.first], ['Second', house.ports.second]] as const) {
    done += 1;
    await page.getByRole('radio', { name: /^Any RTMP address/ }).check({ force: true });
    await type('Name', name);
    await type('Address', `rtmp://127.0.0.1:${at}/live`);
    await type('Stream key', `to-${name.toLowerCase()}`);
    await page.getByLabel('Stream key', { exact: true }).blur();
    await expect(page.getByText(/^Passed/)).toBeVisible({ timeout: LONG });
    if (name === 'First') await inspect(page, 'real-setup-destination');
    await press(/^Add/, page.locator('form'));
    await expect(row(page, name)).toBeVisible();
    if (name === 'First') await press('Add another one');
  }
  await press('Go on');
  await expect(page.getByText('Waiting', { exact: true })).toHaveCount(2);
  await expect(page.getByText('those that need attention come first')).toHaveCount(0);
  await press('Go live');
  await expect(page.getByRole('dialog').getByText('Waiting', { exact: true })).toHaveCount(2);
  await inspect(page, 'real-setup-question', false);
  await press('Go live', page.getByRole('dialog'));
  await expect(page.locator('[data-state=live]')).toHaveCount(2, { timeout: LONG });
  expect(done).toBeLessThanOrEqual(22);
  await inspect(page, 'real-setup-live');
  await page.getByRole('button', { name: 'To the stream' }).click();
  await expect(tally(page)).toBeVisible();
  await expect(page.getByText(TITLE).first()).toBeVisible();
  // Destinations are no viewers.
  await expect(page.locator('.sum p').last()).toHaveText('0viewers');
});

test('a destination that dies says so, and recovers on screen', async ({ page }) => {
  await signIn(page);
  await page.getByRole('link', { name: /Sunday/ }).first().click();
  await expect(row(page, 'Second')).toHaveAttribute('data-state', 'live', { timeout: LONG });
  await second.stop();
  await expect(row(page, 'Second')).toHaveAttribute('data-state', 'backoff', { timeout: LONG });
  await expect(row(page, 'Second').getByText(/We keep trying; others are unaffected/)).toBeVisible();
  await expect(page.locator('.strip').getByText(/1 retrying/)).toBeVisible();
  await expect(row(page, 'First')).toHaveAttribute('data-state', 'live');
  await inspect(page, 'real-failing');
  second = house.platform('second');
  await expect.poll(() => second.said(), { timeout: LONG }).toContain('ready');
  // It may have come back by itself meanwhile.
  await row(page, 'Second').getByRole('button', { name: 'Try now' }).click({ timeout: 1000 }).catch(() => {});
  await expect(row(page, 'Second')).toHaveAttribute('data-state', 'live', { timeout: LONG });
  await expect(row(page, 'Second').getByText(/We keep trying/)).toBeHidden();
  await expect(page.locator('.strip').getByText('2 live')).toBeVisible();
});

test('a key is replaced while it sends, and no platform misses a frame', async ({ page }) => {
  await signIn(page);
  const recorders = [house.recorder('first', 'to-first'), house.recorder('second', 'to-second')];
  const fewest = (): number => Math.min(...recorders.map((each) => each.frames().length));
  await expect.poll(fewest, { timeout: LONG, message: 'pictures at both platforms' }).toBeGreaterThan(25);
  const before = await call<Shown>(page, 'GET', '/streams/sunday-b-service-b');
  await page.goto(`${house.base}${SHOW}/connect`);
  await page.locator('[data-key="Another encoder"]').getByRole('button', { name: 'Replace' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Replace' }).click();
  await expect(page.locator('#new-key')).toHaveText(/^[a-z0-9]{26}$/);
  const fresh = (await page.locator('#new-key').textContent())!.trim();
  const replacedAt = recorders.map((each) => each.frames().length);
  expect(fresh).not.toBe(key);
  key = fresh;
  await page.getByRole('button', { name: 'I have it' }).click();
  await expect(page.getByText(fresh)).toHaveCount(0);
  await expect(page.getByText(/The old key works for/)).toBeVisible();
  await inspect(page, 'real-connect');
  await expect.poll(fewest, { timeout: LONG, message: 'pictures after the replacement' }).toBeGreaterThan(Math.max(...replacedAt) + 75);
  const after = await call<Shown>(page, 'GET', '/streams/sunday-b-service-b');
  expect(dials(after), 'nothing was connected anew').toEqual(dials(before));
  const taken = recorders.map((each) => each.frames());
  await Promise.all(recorders.map((each) => each.stop()));
  for (const [i, frames] of taken.entries()) {
    expect(frames.length, 'pictures before and after').toBeGreaterThan(replacedAt[i]! + 75);
    const gaps = frames.slice(1).map((frame, n) => frame.at - frames[n]!.at).filter((step) => step !== 40);
    expect(gaps, `steps other than 40 ms at platform ${i + 1}`).toEqual([]);
    expect(new Set(frames.map((frame) => frame.sum)).size, 'no picture came twice').toBe(frames.length);
  }
  // Both got the same pictures: each of the shorter record's is in the longer one's, in order.
  const sums = taken.map((frames) => frames.map((frame) => frame.sum).join(' '));
  const start = sums[0]!.indexOf(taken[1]![0]!.sum) >= 0 ? [sums[0]!, sums[1]!] : [sums[1]!, sums[0]!];
  const rest = start[0]!.slice(start[0]!.indexOf(start[1]!.slice(0, 10)));
  expect(rest.startsWith(start[1]!) || start[1]!.startsWith(rest), 'the same pictures at both').toBe(true);
  expect(encoder.gone()).toBe(false);
});

test('an encoder that vanishes is said so, and its new key brings it back', async ({ page }) => {
  await signIn(page);
  await page.goto(`${house.base}${SHOW}/live`);
  await expect(tally(page)).toBeVisible();
  await encoder.stop();
  await expect(page.locator('.hero').getByText('Input lost', { exact: true })).toBeVisible({ timeout: LONG });
  await inspect(page, 'real-input-lost');
  encoder = house.encoder(key);
  await expect(tally(page)).toBeVisible({ timeout: LONG });
  await expect(page.locator('[data-state=live]')).toHaveCount(2, { timeout: LONG });
});

test('roles: a viewer sees states and nothing else, an operator runs the show', async ({ page, browser }) => {
  await signIn(page);
  const viewer = await invited(page, browser, 'viewer', HOSTILE);
  await viewer.getByRole('link', { name: /Sunday/ }).first().click();
  await expect(row(viewer, 'First')).toBeVisible();
  await expect(viewer.getByRole('switch')).toHaveCount(0);
  await expect(viewer.getByRole('button', { name: 'End stream' })).toBeDisabled();
  await expect(viewer.getByText('Only operators may do this.')).toBeVisible();
  await inspect(viewer, 'real-viewer');
  await viewer.goto(`${house.base}${SHOW}/connect`);
  await expect(viewer.getByText('Keys and addresses are for operators.')).toBeVisible();
  await expect(viewer.getByText('First encoder')).toHaveCount(0);
  for (const path of ['/users', '/webhooks']) {
    await viewer.goto(house.base + path);
    await expect(viewer.getByText('Only admins may see this.')).toBeVisible();
  }
  await viewer.context().close();
  const operator = await invited(page, browser, 'operator', 'otto');
  await operator.getByRole('link', { name: /Sunday/ }).first().click();
  await operator.getByRole('switch', { name: 'Send to Second' }).click();
  await expect(row(operator, 'Second')).toHaveAttribute('data-state', 'stopped', { timeout: LONG });
  await operator.getByRole('switch', { name: 'Send to Second' }).click();
  await expect(row(operator, 'Second')).toHaveAttribute('data-state', 'live', { timeout: LONG });
  await expect(operator.getByRole('link', { name: 'Users and tokens' })).toHaveCount(0);
  await operator.context().close();
});

test('every page with hostile names in it: text, no serious finding of axe, wide and narrow, light and dark', async ({ page }) => {
  await signIn(page);
  await call(page, 'POST', '/streams', { name: 'hostile', title: HOSTILE, notes: HOSTILE });
  await call(page, 'POST', '/streams/hostile/destinations', { name: `"><script>alert(2)</script>${HOSTILE}`, url: 'rtmp://127.0.0.1:1/live', key: 'k', enabled: false, notes: HOSTILE });
  await call(page, 'POST', '/streams/hostile/keys', { label: HOSTILE });
  await call(page, 'POST', '/webhooks', { name: HOSTILE, url: 'http://127.0.0.1:1/hook', events: [], streams: [] });
  await call(page, 'POST', '/tokens', { name: HOSTILE, role: 'viewer', scopes: ['read'] });
  const refused = house.encoder(`${HOSTILE.replaceAll(' ', '%20')}`);
  await expect.poll(() => refused.gone(), { timeout: LONG, message: 'the refused encoder ends' }).toBe(true);
  const pages: [string, string, string | RegExp][] = [
    ['streams', '/streams', HOSTILE], ['live', `${SHOW}/live`, 'What happened'], ['destinations-of', `${SHOW}/destinations`, 'Second'], ['activity-of', `${SHOW}/activity`, /on air/], ['settings-of', `${SHOW}/settings`, 'Keys for this stream'],
    ['hostile-live', '/s/hostile/live', 'What happened'], ['hostile-connect', '/s/hostile/connect', HOSTILE], ['hostile-settings', '/s/hostile/settings', HOSTILE], ['hostile-destinations', '/s/hostile/destinations', HOSTILE],
    ['destinations', '/destinations', HOSTILE], ['destination-new', '/destinations/new?stream=hostile', 'Where to'], ['activity', '/activity', /on air/], ['changes', '/activity?view=changes', 'webhook.create'],
    ['users', '/users', HOSTILE], ['webhooks', '/webhooks', HOSTILE], ['settings', '/settings', 'Connections'], ['about', '/about', /Manycast 0/], ['account', '/account', 'this browser'], ['more', '/more', 'Sign out'], ['stream-new', '/streams/new', 'Title'], ['not-found', '/nothing/here', /./],
  ];
  for (const [name, path, seen] of pages) {
    await page.goto(house.base + path);
    await expect(page.locator('#main').getByText(seen).filter({ visible: true }).first(), path).toBeVisible({ timeout: LONG });
    await expect(page.locator('.skel'), path).toHaveCount(0);
    await expect(page.getByText(/^Could not be read/), path).toHaveCount(0);
    expect(await page.locator('#app img, #app script').count(), `${path}: markup made of a name`).toBe(0);
    await inspect(page, `real-${name}`);
  }
});

test('dialogs: focus on the heading, nothing serious for axe, Escape leaves', async ({ page }) => {
  await signIn(page);
  const dialogs: [string, string, () => Promise<void>][] = [
    ['end', `${SHOW}/live`, () => page.getByRole('button', { name: 'End stream' }).click()],
    ['key-new', '/s/hostile/connect', () => page.getByRole('button', { name: 'New key' }).click()],
    ['invite', '/users', () => page.getByRole('button', { name: 'Invite' }).click()],
    ['token-new', '/users', () => page.getByRole('button', { name: 'New token' }).click()],
    ['webhook-new', '/webhooks', () => page.getByRole('button', { name: 'New webhook' }).first().click()],
    ['stream-remove', '/s/hostile/settings', () => page.locator('#main').getByRole('button', { name: 'Remove this stream' }).click()],
  ];
  for (const [name, path, open] of dialogs) {
    await page.goto(house.base + path);
    await open();
    await expect(page.getByRole('dialog').or(page.getByRole('alertdialog')).getByRole('heading').first(), name).toBeVisible();
    await inspect(page, `real-dialog-${name}`, false);
    await page.keyboard.press('Escape');
    await expect(page.getByRole('dialog').or(page.getByRole('alertdialog')), name).toHaveCount(0);
  }
});

test('what is wrong is said at its field, or in a sentence with what helps', async ({ page }) => {
  await page.goto(`${house.base}/streams`);
  await inspect(page, 'real-sign-in');
  await page.getByLabel('Name').fill('anna');
  await page.getByLabel('Password', { exact: true }).fill('not this one');
  await page.getByRole('button', { name: 'Sign in' }).click();
  await expect(page.getByText('Name or password is not right.')).toBeVisible();
  await page.getByLabel('Password', { exact: true }).fill(PASSWORD);
  await expect(page.getByRole('button', { name: 'Sign in' })).toBeEnabled({ timeout: LONG });
  await page.getByRole('button', { name: 'Sign in' }).click();
  await expect(page.getByRole('heading', { name: 'Streams' })).toBeVisible();
  await page.goto(`${house.base}/streams/new`);
  await page.getByLabel('Title').fill(TITLE);
  await page.getByRole('button', { name: 'Create stream' }).click();
  await expect(page.locator('.ferr:not(.fok)')).toBeVisible();
  await inspect(page, 'real-stream-new-taken');
  await page.goto(`${house.base}/destinations/new?stream=sunday-b-service-b`);
  await page.getByRole('radio', { name: /^Any RTMP address/ }).check({ force: true });
  await page.getByLabel('Address', { exact: true }).fill('http://example.org');
  await page.getByLabel('Address', { exact: true }).blur();
  await expect(page.getByText('It begins with rtmp:// or rtmps://')).toBeVisible();
  await page.getByLabel('Name', { exact: true }).fill('First');
  await page.getByLabel('Address', { exact: true }).fill('rtmp://127.0.0.1:1/live');
  await page.getByLabel('Stream key', { exact: true }).fill('some-key');
  await page.getByLabel('Stream key', { exact: true }).blur();
  await expect(page.getByText(/^Failed/)).toBeVisible({ timeout: LONG });
  await page.getByRole('button', { name: 'Add, switched off' }).click();
  await expect(page.locator('.ferr:not(.fok)')).toBeVisible();
  await inspect(page, 'real-destination-wrong');
  await page.goto(`${house.base}${SHOW}/connect`);
  await page.getByRole('button', { name: 'New key' }).click();
  await page.getByLabel('For which device').fill('Hall');
  await page.getByLabel('Only from these addresses').fill('not an address');
  await page.getByRole('button', { name: 'Make the key' }).click();
  await expect(page.getByRole('dialog').locator('.ferr:not(.fok)')).toBeVisible();
  await page.goto(`${house.base}/webhooks`);
  await page.getByRole('button', { name: 'New webhook' }).first().click();
  await page.getByLabel('Name', { exact: true }).fill('Bad');
  await page.getByRole('dialog').getByLabel('Address', { exact: true }).fill('ftp://nowhere');
  await page.getByRole('dialog').getByRole('button', { name: 'Save' }).click();
  await expect(page.getByRole('dialog').locator('.ferr:not(.fok)')).toBeVisible();
  await page.goto(`${house.base}/account`);
  await page.getByLabel('Current password').fill('not this one');
  await page.getByLabel('New password').fill('a new and long sentence');
  await page.getByRole('button', { name: 'Change password' }).click();
  await expect(page.locator('.ferr:not(.fok)')).toBeVisible();
});

test('the server goes away under an open page: said, nothing pretended, and back by itself', async ({ page }) => {
  await signIn(page);
  await page.goto(`${house.base}${SHOW}/live`);
  await expect(tally(page)).toBeVisible();
  await server.stop('SIGTERM');
  await expect(page.locator('.strip').getByText(/Server restarts|No contact with the server/)).toBeVisible({ timeout: LONG });
  const box = page.getByRole('switch', { name: 'Send to First' });
  await box.click();
  await expect(page.getByText('No contact with the server. Nothing was changed.')).toBeVisible();
  await expect(box).toBeChecked();
  await inspect(page, 'real-away');
  server = house.server();
  await expect(page.getByText(/^Back since/)).toBeVisible({ timeout: LONG });
  await expect(page.locator('.hero')).toBeVisible();
  await shot(page, 'real-back');
});
