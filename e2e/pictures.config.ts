import { defineConfig } from '@playwright/test';
import { chromium } from './support/chromium.js';

/** `make pictures`: not a test, but it uses the same browser and the same world. */
export default defineConfig({
  testDir: 'pictures',
  outputDir: 'results',
  workers: 1,
  timeout: 120_000,
  reporter: [['list']],
  use: { ...chromium, locale: 'es-AR', timezoneId: 'America/Argentina/Buenos_Aires', actionTimeout: 10_000 },
});
