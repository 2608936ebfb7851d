import { mkdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Page } from '@playwright/test';
import { test } from '../support/test.js';
import { World } from '../support/world.js';

const FOLDER = join(dirname(fileURLToPath(import.meta.url)), '../../docs/pictures');
const SIZES = [
  { width: 1440, height: 900 },
  { width: 390, height: 844 },
];

/** The same page at both widths, light and dark. */
async function take(page: Page, name: string): Promise<void> {
  await mkdir(FOLDER, { recursive: true });
  for (const size of SIZES) {
    for (const scheme of ['light', 'dark'] as const) {
      await page.setViewportSize(size);
      await page.emulateMedia({ colorScheme: scheme, reducedMotion: 'reduce' });
      await page.evaluate(async () => document.fonts.ready);
      await page.screenshot({ path: join(FOLDER, `${name}-${size.width}-${scheme}.png`) });
    }
  }
}

test('sign-in', async ({ page, server, browser }) => {
  const world = await World.begin(server, browser);
  await page.goto('/login');
  await page.getByLabel('Correo').fill(world.owner.email);
  await take(page, 'login');
});
