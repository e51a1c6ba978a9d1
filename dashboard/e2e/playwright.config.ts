// Browser tests on the system's Chromium. `real.spec.ts` drives the built server (MANYCAST_BIN), the others a fixture.
import { defineConfig } from '@playwright/test';

export default defineConfig({
  testDir: '.', workers: 2, timeout: 120_000, retries: 0, forbidOnly: !!process.env.CI, reporter: [['list']],
  outputDir: '../../target/ui-shots/failures',
  // What a test waits for comes in a second; a machine that is busy with other things may take many.
  expect: { timeout: 20_000 },
  use: {
    launchOptions: { executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', args: ['--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage'] },
    viewport: { width: 1440, height: 900 }, locale: 'en-GB', timezoneId: 'Europe/Berlin', screenshot: 'only-on-failure', actionTimeout: 20_000, ignoreHTTPSErrors: true,
  },
});
