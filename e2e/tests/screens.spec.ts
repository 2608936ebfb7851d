import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { Page } from '@playwright/test';
import { Console } from '../support/console.js';
import { expect, expectAccessible, test } from '../support/test.js';

const SCREENS = [
  '/agent/mine',
  '/agent/unassigned',
  '/agent/agents?state=closed',
  '/dashboard/home',
  '/dashboard/wall',
  '/dashboard/users',
  '/dashboard/groups',
  '/dashboard/skills',
  '/dashboard/affinities',
  '/dashboard/channels',
  '/dashboard/channels/1',
  '/dashboard/channels/new/web_chat',
  '/dashboard/channels/new/whatsapp',
  '/dashboard/hours',
  '/dashboard/assignment',
  '/dashboard/settings',
  '/dashboard/service-levels',
  '/dashboard/incidents',
  '/dashboard/incidents?tab=failed',
  '/dashboard/reports/fairness',
  '/dashboard/reports/fairness/items?figure=decisions',
  '/dashboard/decisions',
  '/dashboard/account',
  '/email/a-link-of-nobody',
  '/reset',
  '/reset/a-link-of-nobody',
  '/invitation/a-link-of-nobody',
  '/wall/a-link-of-nobody',
];

test('CP-1 every page of the panel stands in the list of screens that are looked at', () => {
  const panel = readFileSync(fileURLToPath(new URL('../../web/src/app/dashboard.tsx', import.meta.url)), 'utf8');
  const pages = [...panel.matchAll(/path: '(\/dashboard\/[^']+)'/gu)].map((match) => match[1] ?? '');
  expect(pages.length).toBeGreaterThan(10);
  expect(pages.filter((page) => !SCREENS.includes(page))).toEqual([]);
});

/** What a finger can hit: WCAG 2.5.5 asks for 44 px, of which the space around may be a part. */
const FINGER_PX = 40;

for (const [name, viewport] of [
  ['a desktop', { width: 1440, height: 900 }],
  ['a phone', { width: 390, height: 844 }],
] as const) {
  test(`G12 every screen is accessible and whole on ${name}, light and dark`, async ({ world }) => {
    test.setTimeout(240_000);
    await world.policy({ reassign_seconds: 60 });
    await world.owner.send('POST', '/groups', { name: 'Ventas', description: 'Quien vende' });
    const ana = await Console.open(await world.join('Ana Pérez'));
    await (await (await world.shop()).visit()).write('Hola 👋 شكرا — un mensaje con de todo');
    await expect(ana.row('un mensaje con de todo')).toBeVisible();

    const page = await world.owner.page('/dashboard');
    await page.setViewportSize(viewport);
    const errors: string[] = [];
    page.on('pageerror', (error) => errors.push(`${page.url()}: ${error.message}`));
    page.on('response', (response) => {
      if (response.status() >= 500) errors.push(`${response.url()}: ${response.status()}`);
    });
    for (const path of SCREENS) {
      await page.goto(world.server.url + path);
      await expect(page.getByRole('heading', { level: 1 }).first()).toBeVisible();
      await expect(page.getByRole('status', { name: 'Cargando' })).toHaveCount(0);
      await expect.soft(page.getByText('No se pudo cargar'), path).toHaveCount(0);
      const wide = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
      expect.soft(wide, `${path} scrolls sideways`).toBeLessThanOrEqual(0);
      for (const colorScheme of ['light', 'dark'] as const) {
        await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
        await expectAccessible(page, true);
      }
      if (viewport.width < 640) expect.soft(await small(page), `${path}: too small for a finger`).toEqual([]);
    }
    expect(errors).toEqual([]);
  });
}

test('CP-1 without a network the panel says so, keeps what is typed and saves it afterwards', async ({ world }) => {
  const page = await world.owner.page('/dashboard/groups');
  await page.getByRole('button', { name: 'Crear grupo' }).click();
  const dialog = page.getByRole('dialog');
  await dialog.getByLabel('Nombre').fill('Ventas');
  await page.context().setOffline(true);
  await expect(page.getByText(/^Sin conexión\. Lo que se ve es de antes/)).toBeVisible();
  await dialog.getByRole('button', { name: 'Guardar' }).click();
  await expect(dialog.getByText(/conexión/)).toBeVisible();
  await expect(dialog.getByLabel('Nombre')).toHaveValue('Ventas');
  await expectAccessible(page);
  await page.context().setOffline(false);
  await dialog.getByRole('button', { name: 'Guardar' }).click();
  await expect(page.getByRole('heading', { name: 'Ventas' })).toBeVisible();
  await expect(page.getByText(/^Sin conexión/)).toHaveCount(0);

  // What the server refuses is said at its field, in the language of the page.
  await page.getByRole('button', { name: 'Crear grupo' }).click();
  await dialog.getByLabel('Nombre').fill('Ventas');
  await dialog.getByRole('button', { name: 'Guardar' }).click();
  await expect(dialog.getByText('Ya está en uso.')).toBeVisible();
  await expect(dialog.getByLabel('Nombre')).toHaveAttribute('aria-invalid', 'true');
});

/** Buttons and fields that are lower than a finger needs; links in a sentence and what reaches beyond its box are not meant. */
async function small(page: Page): Promise<string[]> {
  return page.evaluate((least) => {
    const shown = Array.from(document.querySelectorAll<HTMLElement>('.btn, .ibtn, .input:not(textarea), .chip, .seg > *, .tabs > *, .item, .option'));
    return shown
      .filter((e) => e.getClientRects().length > 0 && e.getBoundingClientRect().height < least - 8 * Number(e.matches('.option')))
      .map((e) => `${e.className} ${e.ariaLabel ?? e.textContent?.slice(0, 40)} ${Math.round(e.getBoundingClientRect().height)} px`);
  }, FINGER_PX);
}
