import { mkdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Browser, expect, type Page, test } from '@playwright/test';
import { crowd, customers } from '../support/crowd.js';
import { Demo } from '../support/demo.js';
import { Server } from '../support/server.js';
import { World } from '../support/world.js';

const FOLDER = join(dirname(fileURLToPath(import.meta.url)), '../../docs/pictures');
const SIZES = [
  { width: 1440, height: 900 },
  { width: 390, height: 844 },
];
/** How long the round turns before the first picture: something should wait, be rotated, and be answered. */
const WARM_MS = 45_000;

/** The pages of the control panel, by the name of their picture. */
const PANEL = [
  ['home', '/dashboard/home'],
  ['wall', '/dashboard/wall'],
  ['assignment', '/dashboard/assignment'],
  ['decisions', '/dashboard/decisions'],
  ['hours', '/dashboard/hours'],
  ['fairness', '/dashboard/reports/fairness'],
  ['groups', '/dashboard/groups'],
  ['users', '/dashboard/users'],
  ['skills', '/dashboard/skills'],
  ['channels', '/dashboard/channels'],
  ['incidents', '/dashboard/incidents'],
  ['service-levels', '/dashboard/service-levels'],
  ['settings', '/dashboard/settings'],
  ['account', '/dashboard/account'],
] as const;

/** How a small team and a large one look, by the suffix of the picture. */
const TEAMS = [
  ['3', 3, 12],
  ['200', 200, 60],
] as const;

let demo: Demo;
test.describe.configure({ timeout: 300_000 });
test.beforeAll(async () => {
  test.setTimeout(300_000);
  demo = await Demo.start(10, 4);
  await new Promise((resolve) => setTimeout(resolve, WARM_MS));
});
test.afterAll(async () => demo.stop());

/** The page as it is, at both widths, light and dark. */
async function take(page: Page, name: string): Promise<void> {
  await mkdir(FOLDER, { recursive: true });
  for (const size of SIZES) {
    for (const scheme of ['light', 'dark'] as const) {
      await page.setViewportSize(size);
      await page.emulateMedia({ colorScheme: scheme, reducedMotion: 'reduce' });
      await page.evaluate(async () => document.fonts.ready);
      await expect(page.getByRole('status', { name: 'Cargando' })).toHaveCount(0);
      await page.screenshot({ path: join(FOLDER, `${name}-${size.width}-${scheme}.png`) });
    }
  }
}

async function signIn(browser: Browser, who: string, path: string): Promise<Page> {
  const context = await browser.newContext({ viewport: { width: 1440, height: 900 } });
  const page = await context.newPage();
  await page.goto(`${demo.url}/login`);
  await page.getByLabel('Correo').fill(`${who}@tiendadelsur.example`);
  await page.getByRole('textbox', { name: 'Contraseña' }).fill(demo.password);
  await page.getByRole('button', { name: 'Entrar' }).click();
  await page.waitForURL(/\/(agent|dashboard)/);
  await page.goto(demo.url + path);
  return page;
}

test('sign-in', async ({ page }) => {
  await page.goto(`${demo.url}/login`);
  await page.getByLabel('Correo').fill('nicolas@tiendadelsur.example');
  await take(page, 'login');
});

test('console', async ({ browser }) => {
  const page = await signIn(browser, 'martin', '/agent/mine');
  await take(page, 'list');
  await page.setViewportSize({ width: 1440, height: 900 });
  await page.getByRole('option').first().click();
  await expect(page.getByRole('region', { name: /^Conversación/ })).toBeVisible();
  await take(page, 'conversation');
});

test('control panel', async ({ browser }) => {
  const page = await signIn(browser, 'duena', '/dashboard');
  for (const [name, path] of PANEL) {
    await page.setViewportSize({ width: 1440, height: 900 });
    await page.goto(demo.url + path);
    await expect(page.getByRole('heading', { level: 1 }).first()).toBeVisible();
    await take(page, name);
  }
});

for (const [suffix, many, chats] of TEAMS) {
  test(`a team of ${many}`, async ({ browser }) => {
    const server = await Server.start();
    try {
      const world = await World.begin(server, browser, 'Mates del Litoral');
      await crowd(world, many);
      await world.policy({ presence: 'any', reassign_seconds: 60, limit: 8, excluded: [world.owner.id] });
      await customers(world, (await world.shop()).id, chats);
      // Nobody answers: some have been passed on by now.
      await server.advance(80);
      const page = await world.owner.page('/dashboard');
      for (const name of ['wall', 'assignment', 'decisions'] as const) {
        await page.setViewportSize({ width: 1440, height: 900 });
        await page.goto(`${server.url}/dashboard/${name}`);
        await expect(page.getByRole('heading', { level: 1 }).first()).toBeVisible();
        await take(page, `${name}-${suffix}`);
      }
      await world.end();
    } finally {
      await server.stop();
    }
  });
}

test('telephone of the simulator and chat of the shop', async ({ page }) => {
  await page.goto(demo.phone);
  await take(page, 'telephone');
  await page.setViewportSize({ width: 1440, height: 900 });
  await page.goto(`${demo.url}/demo/`);
  await page.getByRole('button', { name: '¿Te ayudamos?' }).click();
  await page.getByRole('textbox', { name: 'Mensaje' }).fill('Hola, ¿tienen el mate torpedo?');
  await page.getByRole('button', { name: 'Enviar' }).click();
  await take(page, 'shop');
});
