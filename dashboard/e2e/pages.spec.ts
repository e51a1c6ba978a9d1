// What people do on the pages, against the fixture that plays the API.
import { expect, shot, test } from './fixture';

test.describe('first start', () => {
  test.use({ words: ['--first'] });
  test('from the link to two live destinations in at most 22 interactions', async ({ page, server }) => {
    let done = 0;
    const press = async (name: string | RegExp, within = page.locator('body')): Promise<void> => { done += 1; await within.getByRole('button', { name }).first().click(); };
    const type = async (label: string, text: string): Promise<void> => { done += 1; await page.getByLabel(label, { exact: true }).fill(text); };
    await page.goto(`${server.base}/setup#first`);
    await expect(page).toHaveURL(`${server.base}/setup`);
    await type('Name', 'Anna Keller');
    await type('Password', 'a long enough sentence');
    await press('Go on');
    await expect(page.getByRole('heading', { name: 'Your first stream' })).toBeVisible();
    await type('Title', 'Sunday service');
    await press('Go on');
    await expect(page.getByText('rtmps://stream.example.org:1936/live', { exact: true })).toBeVisible();
    await press(/Stream key: Copy/);
    await shot(page, 'setup-connect');
    await server.knob({ arrive: 'sunday-service' });
    await expect(page.getByRole('heading', { name: 'We have your picture' })).toBeVisible();
    await press('Choose destinations');
    for (const [service, key] of [['YouTube', 'abcd-efgh-ijkl-mnop'], ['Facebook Live', 'FB-1234567890']] as const) {
      done += 1;
      await page.getByRole('radio', { name: new RegExp(`^${service}`) }).first().check({ force: true });
      await type('Stream key', key);
      await page.getByLabel('Stream key', { exact: true }).blur();
      await expect(page.getByText(/^Passed/)).toBeVisible();
      await press(/^Add/, page.locator('form'));
      await expect(page.locator(`[data-destination^="${service}"]`)).toBeVisible();
      if (service === 'YouTube') await press('Add another one');
    }
    // What went well does not lie over a question.
    await expect(page.locator('.toast')).toHaveCount(1);
    await press('Go on');
    await press('Go live');
    await expect(page.getByRole('dialog')).toBeVisible();
    await expect(page.locator('.toast')).toHaveCount(0);
    await press('Go live', page.getByRole('dialog'));
    await expect(page.locator('[data-state=live]')).toHaveCount(2);
    await shot(page, 'setup-live');
    expect(done).toBeLessThanOrEqual(22);
  });
  test('a used link says where the good one is', async ({ page, server }) => {
    await page.goto(`${server.base}/setup/old`);
    await page.getByLabel('Name').fill('x');
    await page.getByLabel('Password', { exact: true }).fill('a long enough sentence');
    await page.getByRole('button', { name: 'Go on' }).click();
    await expect(page.getByText('This link has been used.')).toBeVisible();
  });
});

test('an encoder that is refused shows on the page where it is connected, with what helps', async ({ page, server }) => {
  await page.goto(`${server.base}/s/youth/connect`);
  const seen = page.getByRole('region', { name: 'What arrives' });
  await expect(seen.getByText('OBS 32.0.2 sent the key of Sound desk, which was withdrawn')).toBeVisible();
  await expect(seen.getByText('What it sent begins with k7m2')).toBeVisible();
  // It is seen without scrolling, also where there is one column.
  await page.setViewportSize({ width: 1024, height: 720 });
  await expect(seen.getByText('OBS 32.0.2 sent the key of Sound desk, which was withdrawn')).toBeInViewport({ ratio: 1 });
  await server.knob({ event: { kind: 'publish.refused', stream: 'youth', address: '203.0.113.9', severity: 'warning', text: 'Larix was refused: another encoder sends this stream already.', data: { reason: 'busy', remedy: 'x', software: 'Larix', times: 1 } } });
  await expect(seen.getByText('Larix found another encoder sending')).toBeVisible();
  await expect(seen.getByText('Stop the other encoder first, or let newcomers take over.')).toBeVisible();
  await expect(seen.getByText('from 203.0.113.9', { exact: false }).first()).toBeVisible();
  await shot(page, 'refused');
  await page.goto(`${server.base}/activity?kind=publish`);
  await expect(page.getByText('Larix found another encoder sending.')).toBeVisible();
});

test('a destination that nothing can be sent to says what is left out', async ({ page, server }) => {
  await page.goto(`${server.base}/s/sunday/live`);
  const row = page.locator('[data-destination="YouTube"]');
  await expect(row).toHaveAttribute('data-state', 'live');
  await server.knob({ stream: { name: 'sunday', destination: 'YouTube', state: 'unfed', status: { left_out: 'pictures of video0 (h265) not sent: the far end takes no h265; set the encoder to h264' } } });
  await expect(row.getByText('Gets nothing')).toBeVisible();
  await expect(row.getByText('YouTube takes nothing of what the encoder sends.')).toBeVisible();
  await expect(row.getByText('set the encoder to h264', { exact: false }).first()).toBeVisible();
  await shot(page, 'unfed');
});

test('names of twenty letters can be read at every width, in both languages', async ({ browser, server }) => {
  for (const [width, locale] of [[1440, 'en-GB'], [1280, 'en-GB'], [1280, 'de-DE'], [1024, 'de-DE'], [360, 'en-GB'], [360, 'de-DE']] as const) {
    const page = await browser.newPage({ viewport: { width, height: 900 }, locale });
    await page.goto(`${server.base}/s/sunday/live`);
    const name = page.locator('[data-destination="Facebook, parish page"] h3');
    await expect(name).toBeVisible();
    const cut = await page.locator('[data-destination] h3').evaluateAll((all) => all.filter((each) => each.scrollWidth > each.clientWidth || each.scrollHeight > each.clientHeight + 1).map((each) => each.textContent));
    expect(cut, `${width} ${locale}`).toEqual([]);
    expect(await page.locator('.strip .one a').evaluateAll((all) => all.filter((each) => each.checkVisibility() && each.clientWidth < 40).length), `${width} ${locale}: names in the strip`).toBe(0);
    expect(await page.evaluate(() => document.documentElement.scrollWidth - innerWidth), `${width} ${locale}: too wide`).toBeLessThanOrEqual(0);
    await page.close();
  }
});

test('as many services are offered as are said to be', async ({ page, server }) => {
  await page.goto(`${server.base}/destinations/new?stream=sunday`);
  const said = Number(/\d+/.exec((await page.locator('.pick header').textContent())!)![0]);
  await page.getByRole('button', { name: `Show all ${said}` }).click();
  await expect(page.locator('.pick li')).toHaveCount(said + 1);
});

test('a destination that fails says why and recovers on screen', async ({ page, server }) => {
  await page.goto(`${server.base}/s/sunday/live`);
  const row = page.locator('[data-destination="YouTube"]');
  await expect(row).toHaveAttribute('data-state', 'live');
  await server.knob({ stream: { name: 'sunday', destination: 'YouTube', state: 'backoff', status: { last_error: 'reset by peer', last_error_kind: 'reset', next_dial: new Date(Date.now() + 60_000).toISOString(), failures: 1 } } });
  await expect(row.getByText('The connection to YouTube broke.')).toBeVisible();
  await expect(row.getByText(/Retrying in 0:5\d/)).toBeVisible();
  await shot(page, 'failing');
  await row.getByRole('button', { name: 'Try now' }).click();
  await expect(row).toHaveAttribute('data-state', 'live');
  await expect(row.getByText('The connection to YouTube broke.')).toBeHidden();
});

test('a switch shows nothing that the server has not said, and returns with the reason', async ({ page, server }) => {
  let answer = (): void => {};
  const asked = new Promise<void>((done) => { answer = done; });
  await page.route('**/disable', async (route) => { await asked; await route.fulfill({ status: 409, contentType: 'application/problem+json', body: JSON.stringify({ type: '/problems/limit', title: 'no', status: 409, detail: 'Not now.', remedy: 'Wait a moment.', errors: [] }) }); });
  await page.goto(`${server.base}/s/sunday/live`);
  const box = page.getByRole('switch', { name: 'Send to Vimeo' });
  await box.click();
  await expect(box).toHaveAttribute('aria-busy', 'true');
  await expect(box).toBeChecked();
  answer();
  await expect(page.getByText('Not now.')).toBeVisible();
  await expect(box).toBeChecked();
});

test('switching off can be undone', async ({ page, server }) => {
  await page.goto(`${server.base}/s/sunday/live`);
  await page.getByRole('switch', { name: 'Send to Vimeo' }).click();
  await expect(page.locator('[data-destination="Vimeo"]')).toHaveAttribute('data-state', 'stopped');
  await page.getByRole('button', { name: 'Undo' }).click();
  await expect(page.locator('[data-destination="Vimeo"]')).toHaveAttribute('data-state', /connecting|live/);
});

test('a key is shown once, and replaced with time for the old one', async ({ page, server }) => {
  await page.goto(`${server.base}/s/sunday/connect`);
  await page.locator('[data-key="Sound desk"]').getByRole('button', { name: 'Replace' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Replace' }).click();
  await expect(page.getByText('r0tat3d2hjkm4npqrstvwxyz56')).toBeVisible();
  await page.getByRole('button', { name: 'I have it' }).click();
  await expect(page.getByText('r0tat3d2hjkm4npqrstvwxyz56')).toHaveCount(0);
  await expect(page.locator('[data-key="Sound desk"]').getByText(/The old key works for 0:59/)).toBeVisible();
});

test('the server restarts: said, and back by itself', async ({ page, server }) => {
  await page.goto(`${server.base}/streams`);
  await expect(page.getByText('Sunday service').first()).toBeVisible();
  await server.knob({ restart: 3_600_000 });
  await expect(page.getByText('Server restarts, back in a few seconds.')).toBeVisible();
  server.back();
  await expect(page.getByText(/^Back since/)).toBeVisible();
  await server.knob({ drop: 3_600_000 });
  await expect(page.getByText(/No contact with the server since/)).toBeVisible();
  await shot(page, 'no-contact');
  await page.getByRole('button', { name: /Try now/ }).click();
  await expect(page.getByText(/No contact with the server since/)).toBeVisible();
  server.back();
  await expect(page.getByText(/^Back since/)).toBeVisible();
});

test('a session that ended leaves the page and what was typed', async ({ page, server }) => {
  await page.goto(`${server.base}/streams/new`);
  await page.getByLabel('Title').fill('Half typed');
  await server.knob({ in: false });
  await page.getByRole('button', { name: 'Create stream' }).click();
  const dialog = page.getByRole('dialog', { name: 'Please sign in again' });
  await dialog.getByLabel('Password', { exact: true }).fill('wrong');
  await dialog.getByRole('button', { name: 'Sign in' }).click();
  await expect(dialog.getByText('Name or password is not right.')).toBeVisible();
  await dialog.getByLabel('Password', { exact: true }).fill('right');
  await dialog.getByLabel('Password', { exact: true }).press('Enter');
  await expect(dialog).toBeHidden();
  await expect(page.getByLabel('Title')).toHaveValue('Half typed');
});

test.describe('roles', () => {
  test.use({ words: ['--role', 'viewer'] });
  test('a viewer sees states, and neither keys nor switches', async ({ page, server }) => {
    await page.goto(`${server.base}/s/sunday/live`);
    await expect(page.locator('[data-destination="YouTube"]')).toBeVisible();
    await expect(page.getByRole('switch')).toHaveCount(0);
    await expect(page.getByRole('button', { name: 'End stream' })).toBeDisabled();
    await expect(page.getByText('Only operators may do this.')).toBeVisible();
    await expect(page.getByRole('link', { name: 'Users and tokens' })).toHaveCount(0);
    await page.goto(`${server.base}/s/sunday/connect`);
    await expect(page.getByText('Keys and addresses are for operators.')).toBeVisible();
    await expect(page.getByText('Sound desk')).toHaveCount(0);
    await page.goto(`${server.base}/users`);
    await expect(page.getByText('Only admins may see this.')).toBeVisible();
    await shot(page, 'viewer');
  });
});

test('hostile names are text everywhere (I9)', async ({ page, server }) => {
  for (const path of ['/streams', '/s/hostile/live', '/s/hostile/settings', '/s/hostile/destinations', '/destinations', '/users', '/activity']) {
    await page.goto(server.base + path);
    await expect(page.locator('#main h1').first()).toBeVisible();
    await expect(page.locator('.skel')).toHaveCount(0);
    expect(await page.locator('#app img, #app script, #app main b:text("bold")').count(), path).toBe(0);
  }
  await page.goto(`${server.base}/streams`);
  await expect(page.getByText('<img src=x onerror=alert(1)>').first()).toBeVisible();
});

test('going live and ending ask once, and Enter alone does nothing', async ({ page, server }) => {
  await page.goto(`${server.base}/s/briefing/live`);
  await expect(page.getByRole('heading', { name: 'Staff briefing' })).toBeVisible();
  await page.keyboard.press('l');
  await expect(page.getByRole('heading', { name: 'Go live to 2 destinations?' })).toBeFocused();
  await page.keyboard.press('Enter');
  await expect(page.getByRole('dialog')).toBeVisible();
  await page.getByRole('dialog').getByRole('button', { name: 'Go live' }).click();
  await expect(page.locator('.hero').getByText('On air', { exact: true })).toBeVisible();
  await page.keyboard.press('e');
  await page.getByRole('dialog').getByRole('button', { name: 'Stay on air' }).click();
  await expect(page.locator('.hero').getByText('On air', { exact: true })).toBeVisible();
});

test('keys of the keyboard lead about and stay out of fields', async ({ page, server }) => {
  await page.goto(`${server.base}/streams`);
  await page.getByRole('searchbox').fill('gd?');
  await expect(page).toHaveURL(/streams$/);
  await page.locator('h1').click();
  await page.keyboard.press('g'); await page.keyboard.press('d');
  await expect(page).toHaveURL(/destinations$/);
  await page.keyboard.press('?');
  await expect(page.getByRole('dialog', { name: 'Keys' })).toBeVisible();
});

test('Screen-share mode hides at once and shows only after a question', async ({ page, server }) => {
  await page.goto(`${server.base}/s/sunday/live`);
  await expect(page.getByText('198.51.100.7')).toBeVisible();
  await page.locator('.acct').click();
  await page.getByRole('menuitemcheckbox', { name: /Screen-share mode/ }).click();
  await expect(page.getByText('198.51.100.7')).toHaveCount(0);
  await expect(page.getByText('Anna Keller')).toHaveCount(0);
  await page.goto(`${server.base}/s/youth/connect`);
  await expect(page.getByText('Connect an encoder')).toBeVisible();
  await expect(page.locator('#main')).not.toContainText('stream.example.org');
  await page.goto(`${server.base}/s/sunday/live`);
  await page.locator('.acct').click();
  await page.getByRole('menuitemcheckbox', { name: /Screen-share mode/ }).click();
  await expect(page.getByText('198.51.100.7')).toHaveCount(0);
  await page.getByRole('button', { name: 'Show again' }).click();
  await expect(page.getByText('198.51.100.7')).toBeVisible();
});

test('language and appearance are chosen in the menu and stay', async ({ page, server }) => {
  await page.goto(`${server.base}/streams`);
  await page.locator('.acct').click();
  await page.getByRole('menuitemradio', { name: 'Deutsch' }).click();
  await page.getByRole('menuitemradio', { name: 'Dunkel' }).click();
  await page.reload();
  await expect(page.getByText('Auf Sendung').first()).toBeVisible();
  expect(await page.evaluate(() => [document.documentElement.lang, document.documentElement.dataset.theme, getComputedStyle(document.body).backgroundColor])).toEqual(['de', 'dark', 'rgb(12, 15, 19)']);
});

test('a change that met another says so', async ({ page, server }) => {
  await page.goto(`${server.base}/s/football/settings`);
  await page.getByLabel('Title').fill('Football');
  await server.knob({ stream: { name: 'football', change: { version: 99 } } });
  await page.route('**/api/v1/events*', (route) => route.abort());
  await page.getByRole('button', { name: 'Save' }).click();
  await expect(page.getByText(/Somebody else changed this meanwhile|Saved/)).toBeVisible();
});

test.describe('many streams', () => {
  test.use({ words: ['--streams', '500'] });
  test('500 streams stay smooth: only rows in view are in the document', async ({ page, server }) => {
    await page.goto(`${server.base}/streams`);
    await expect(page.getByRole('table')).toHaveAttribute('aria-rowcount', '501');
    expect(await page.getByRole('row').count()).toBeLessThan(60);
    await page.evaluate(() => scrollTo(0, document.body.scrollHeight));
    await expect(page.locator('[aria-rowindex="501"]')).toBeVisible();
    // Frames go on while the figures of all streams arrive each second.
    const longest = await page.evaluate(() => new Promise<number>((done) => { let last = performance.now(); let worst = 0; const until = last + 4000; const step = (now: number): void => { worst = Math.max(worst, now - last); last = now; if (now < until) requestAnimationFrame(step); else done(worst); }; requestAnimationFrame(step); }));
    test.info().annotations.push({ type: 'longest frame', description: `${Math.round(longest)} ms` });
    await page.getByRole('searchbox').fill('Room 77');
    await expect(page.getByRole('table')).toHaveAttribute('aria-rowcount', '2');
  });
});

test.describe('phone', () => {
  test.use({ viewport: { width: 320, height: 640 }, hasTouch: true, colorScheme: 'dark' });
  test('nothing scrolls sideways, and all pages are reached', async ({ page, server }) => {
    for (const path of ['/streams', '/s/sunday/live', '/s/youth/connect', '/s/sunday/settings', '/destinations', '/destinations/new?stream=briefing', '/activity', '/users', '/webhooks', '/settings', '/account', '/about', '/more']) {
      await page.goto(server.base + path);
      await expect(page.locator('#main h1').first()).toBeVisible();
      await expect(page.locator('.skel')).toHaveCount(0);
      expect(await page.evaluate(() => document.documentElement.scrollWidth - innerWidth), path).toBeLessThanOrEqual(0);
    }
    await page.getByRole('navigation', { name: 'Main' }).getByRole('link', { name: 'Streams' }).tap();
    await expect(page).toHaveURL(/streams$/);
    await shot(page, 'phone');
  });
});
