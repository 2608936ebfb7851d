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
];

for (const [name, colorScheme, viewport] of [
  ['a bright desktop', 'light', { width: 1440, height: 900 }],
  ['a dark phone', 'dark', { width: 390, height: 844 }],
] as const) {
  test(`G12 every screen is accessible and whole on ${name}`, async ({ world }) => {
    test.setTimeout(120_000);
    await world.policy({ reassign_seconds: 60 });
    await world.owner.send('POST', '/groups', { name: 'Ventas', description: 'Quien vende' });
    const ana = await Console.open(await world.join('Ana Pérez'));
    await (await (await world.shop()).visit()).write('Hola 👋 شكرا — un mensaje con de todo');
    await expect(ana.row('un mensaje con de todo')).toBeVisible();

    const page = await world.owner.page('/dashboard');
    await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
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
      await expectAccessible(page, true);
    }
    expect(errors).toEqual([]);
  });
}
