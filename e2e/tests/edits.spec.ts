import type { Page } from '@playwright/test';
import { expect, expectAccessible, test } from '../support/test.js';

const NEWER = 'Otra persona cambió esto.';
const WEEK = Array.from({ length: 7 }, () => [{ from: '09:00', to: '18:00' }]);

const bar = (page: Page) => page.getByRole('region', { name: 'Cambios sin guardar' });
const asked = (page: Page) => page.getByRole('dialog', { name: 'Hay cambios sin guardar' });
const save = async (page: Page) => bar(page).getByRole('button', { name: 'Guardar', exact: true }).click();

test("CP-11 G2 another person's save does not take away what is being edited", async ({ world }) => {
  await world.policy({ reassign_seconds: 600 });
  const page = await world.owner.page('/dashboard/assignment');
  const minutes = page.getByLabel('Minutos para responder');
  await minutes.fill('3');
  await world.policy({ reassign_seconds: 900, max_transfers: 9 });
  await expect(bar(page)).toContainText(NEWER);
  await expect(minutes).toHaveValue('3');
  await expectAccessible(page);

  // Mine goes on top of what the other person saved.
  await bar(page).getByRole('button', { name: 'Conservar lo mío' }).click();
  await expect(minutes).toHaveValue('3');
  await save(page);
  await expect(page.getByText('Guardada la versión 3')).toBeVisible();
  await expect(bar(page)).toHaveCount(0);
  const { policy } = await world.owner.get<{ policy: object }>('/routing-policies/current');
  expect(policy).toMatchObject({ reassign_seconds: 180, max_transfers: 9 });

  await minutes.fill('4');
  await world.policy({ reassign_seconds: 1_200 });
  await bar(page).getByRole('button', { name: 'Ver lo de la otra persona' }).click();
  await expect(minutes).toHaveValue('20');
  await expect(bar(page)).toHaveCount(0);

  // Who edits nothing sees the new values.
  await world.policy({ reassign_seconds: 300 });
  await expect(minutes).toHaveValue('5');
  await expect(page.getByText(NEWER)).toHaveCount(0);
});

test("PLAT-1 G2 edits of the workspace and of a channel outlive another person's save", async ({ world }) => {
  const page = await world.owner.page('/dashboard/settings');
  const name = page.getByLabel('Nombre de la empresa');
  const first = await world.owner.get<{ version: number }>('/workspace');
  await page.getByLabel('País').selectOption('UY');
  await world.owner.send('PATCH', '/workspace', { name: 'Aurora y Cía.' }, first.version);
  await expect(bar(page)).toContainText(NEWER);
  await bar(page).getByRole('button', { name: 'Conservar lo mío' }).click();
  await save(page);
  await expect(bar(page)).toHaveCount(0);
  await expect(name).toHaveValue('Aurora y Cía.');
  expect(await world.owner.get('/workspace')).toMatchObject({ name: 'Aurora y Cía.', country: 'UY' });

  const shop = await world.shop();
  await page.goto(`${world.server.url}/dashboard/channels/${shop.id}`);
  await page.getByLabel('Ventaja en la cola').fill('30');
  const { version } = await world.owner.get<{ version: number }>(`/channel-accounts/${shop.id}`);
  await world.owner.send('PATCH', `/channel-accounts/${shop.id}`, { name: 'Tienda nueva' }, version);
  await expect(bar(page)).toContainText(NEWER);
  await expect(page.getByLabel('Ventaja en la cola')).toHaveValue('30');
  await bar(page).getByRole('button', { name: 'Ver lo de la otra persona' }).click();
  await expect(page.getByLabel('Ventaja en la cola')).toHaveValue('0');
  await expect(page.getByRole('textbox', { name: 'Nombre', exact: true })).toHaveValue('Tienda nueva');
});

test('CP-9 G2 a refused message stays with its error while the hours beside it are saved', async ({ world }) => {
  const shop = await world.shop();
  const page = await world.owner.page(`/dashboard/hours?scope=channel-${shop.id}`);
  await page.getByRole('button', { name: 'Definir uno propio' }).first().click();
  await page.getByRole('button', { name: 'Definir uno propio' }).click();
  await page.getByRole('switch', { name: 'Mensaje fuera de horario' }).check();
  const message = page.getByRole('textbox', { name: 'Texto' });
  await message.fill('Hola {{customer.nombre}}');
  await save(page);
  await expect(page.getByRole('alert').filter({ hasText: 'customer.nombre' })).toBeVisible();
  await expect(message).toHaveValue('Hola {{customer.nombre}}');
  await expect(bar(page)).toContainText('1 cambio');
  expect(await world.owner.get(`/business-hours/channel-${shop.id}`)).toMatchObject({ from: `channel-${shop.id}` });

  await message.fill('Hola {{customer.name}}');
  await save(page);
  await expect(bar(page)).toHaveCount(0);
  expect(await world.owner.get(`/after-hours-messages/channel-${shop.id}`)).toMatchObject({ texts: { es: 'Hola {{customer.name}}' } });
});

test("CP-9 G2 hours that are edited outlive another person's save", async ({ world }) => {
  await world.owner.send('PUT', '/business-hours/workspace', { week: WEEK }, 0);
  const page = await world.owner.page('/dashboard/hours');
  const until = page.getByRole('group', { name: 'lunes' }).getByRole('textbox', { name: 'lunes, hasta' });
  await until.fill('17:00');
  await world.owner.send('PUT', '/business-hours/workspace', { week: WEEK.map(() => [{ from: '10:00', to: '20:00' }]) }, 1);
  await expect(bar(page)).toContainText(NEWER);
  await expect(until).toHaveValue('17:00');
  await bar(page).getByRole('button', { name: 'Ver lo de la otra persona' }).click();
  await expect(until).toHaveValue('20:00');
});

test('CP-1 G7 without a line a page that was not opened yet says so in its place, and comes with the line', async ({ world }) => {
  const page = await world.owner.page('/dashboard/groups');
  await expect(page.getByRole('heading', { name: 'Grupos', exact: true })).toBeVisible();
  await page.context().setOffline(true);
  const nav = page.getByRole('navigation', { name: 'Panel de control' });
  await nav.getByRole('link', { name: 'Horarios' }).click();
  await expect(page.getByText('Esta página todavía no se cargó en este equipo.')).toBeVisible();
  await expectAccessible(page);
  await page.getByRole('main').getByRole('button', { name: 'Reintentar' }).click();
  await expect(page.getByText('Esta página todavía no se cargó en este equipo.')).toBeVisible();
  await nav.getByRole('link', { name: 'Grupos' }).click();
  await expect(page.getByRole('heading', { name: 'Grupos', exact: true })).toBeVisible();
  await nav.getByRole('link', { name: 'Horarios' }).click();
  await page.context().setOffline(false);
  await expect(page.getByRole('heading', { name: 'Horarios', exact: true })).toBeVisible();
  await expect(page.getByRole('button', { name: 'Definir un horario' })).toBeVisible();
});

test('CP-3 a refused value is told at its field', async ({ world }) => {
  const shop = await world.shop();
  const page = await world.owner.page(`/dashboard/channels/${shop.id}`);
  await page.getByLabel('Dominios permitidos').fill('no es un dominio');
  await page.getByRole('checkbox', { name: /saludo/i }).check();
  await page.getByLabel('Texto del saludo').fill('');
  await save(page);
  const told = (field: string) => page.locator('.field').filter({ has: page.getByLabel(field) }).getByRole('alert');
  await expect(told('Dominios permitidos')).toBeVisible();
  await expect(told('Texto del saludo')).toBeVisible();
  await expect(bar(page).getByRole('alert')).toHaveCount(0);
  await expect(page.getByLabel('Dominios permitidos'), 'one goes on where it is wrong').toBeFocused();
});

test('CP-7 a description that is too long is told, and unsaved edits of a group are not lost by Escape', async ({ world }) => {
  await world.owner.send('POST', '/groups', { name: 'Soporte' });
  const page = await world.owner.page('/dashboard/groups');
  const card = page.getByRole('listitem').filter({ has: page.getByRole('heading', { name: 'Soporte' }) });
  await card.getByRole('button', { name: 'Editar' }).click();
  const dialog = page.getByRole('dialog', { name: 'Soporte' });
  const description = dialog.getByLabel('Descripción');
  await description.fill('x'.repeat(3_000));
  await dialog.getByRole('button', { name: 'Guardar' }).click();
  await expect(dialog.getByRole('alert')).toBeVisible();
  for (const press of [1, 2]) {
    await page.keyboard.press('Escape');
    await expect(asked(page), `Escape ${press}`).toBeVisible();
    await asked(page).getByRole('button', { name: 'Seguir editando' }).click();
    await expect(description).toHaveValue('x'.repeat(3_000));
  }
  // In a row the browser closes dialogs by itself; what is edited comes back with its question.
  for (let press = 0; press < 3; press += 1) await page.keyboard.press('Escape');
  await asked(page).getByRole('button', { name: 'Seguir editando' }).click();
  await expect(description).toHaveValue('x'.repeat(3_000));
  await page.mouse.click(5, 5);
  await asked(page).getByRole('button', { name: 'Salir sin guardar' }).click();
  await expect(dialog).toHaveCount(0);
});

test('CP-7 CP-5 G2 a conflict in a dialog has two ways on', async ({ world }) => {
  const group = await world.owner.send<{ id: number; version: number }>('POST', '/groups', { name: 'Soporte' });
  const page = await world.owner.page('/dashboard/groups');
  const card = page.getByRole('listitem').filter({ has: page.getByRole('button', { name: 'Editar' }) }).filter({ hasText: 'soporte' });
  await card.getByRole('button', { name: 'Editar' }).click();
  const dialog = page.getByRole('dialog');
  await dialog.getByLabel('Descripción').fill('Lo mío');
  await world.owner.send('PATCH', `/groups/${group.id}`, { name: 'Soporte técnico', description: 'Lo de otra' }, group.version);
  await expect(dialog).toContainText(NEWER);
  await expect(dialog.getByRole('button', { name: 'Guardar' })).toBeDisabled();
  await dialog.getByRole('button', { name: 'Conservar lo mío' }).click();
  await dialog.getByRole('button', { name: 'Guardar' }).click();
  await expect(dialog).toHaveCount(0);
  expect((await world.owner.get<{ items: object[] }>('/groups')).items).toContainEqual(expect.objectContaining({ name: 'Soporte técnico', description: 'Lo mío' }));

  const ana = await world.join('Ana Pérez');
  await page.goto(`${world.server.url}/dashboard/users`);
  await page.getByRole('button', { name: 'Acciones para Ana Pérez' }).click();
  await page.getByRole('menuitem', { name: 'Editar' }).click();
  await dialog.getByLabel('Teléfono').fill('+54 11 5555 1234');
  const user = await world.owner.get<{ version: number }>(`/users/${ana.id}`);
  await world.owner.send('PATCH', `/users/${ana.id}`, { signature: 'Ana, de ventas' }, user.version);
  await dialog.getByRole('button', { name: 'Ver lo de la otra persona' }).click();
  await expect(dialog.getByLabel('Firma')).toHaveValue('Ana, de ventas');
  await expect(dialog.getByLabel('Teléfono')).toHaveValue('');
});

test('CP-1 G10 nothing that is edited goes without a question', async ({ world }) => {
  await world.policy({ reassign_seconds: 600 });
  const page = await world.owner.page('/dashboard/home');
  const nav = page.getByRole('navigation', { name: 'Panel de control' });
  await nav.getByRole('link', { name: 'Asignación automática' }).click();
  const minutes = page.getByLabel('Minutos para responder');
  await minutes.fill('3');

  await nav.getByRole('link', { name: 'Grupos' }).click();
  await expectAccessible(page);
  await asked(page).getByRole('button', { name: 'Seguir editando' }).click();
  await page.evaluate(() => history.back());
  await asked(page).getByRole('button', { name: 'Seguir editando' }).click();
  await expect(page).toHaveURL(/assignment$/);
  await expect(minutes).toHaveValue('3');

  const question = page.waitForEvent('dialog');
  const reload = page.evaluate(() => location.reload());
  const reloading = await question;
  expect(reloading.type()).toBe('beforeunload');
  await reloading.dismiss();
  await reload;
  await expect(minutes).toHaveValue('3');

  await nav.getByRole('link', { name: 'Grupos' }).click();
  await asked(page).getByRole('button', { name: 'Salir sin guardar' }).click();
  await expect(page.getByRole('heading', { name: 'Grupos', exact: true })).toBeVisible();
  await nav.getByRole('link', { name: 'Asignación automática' }).click();
  await expect(minutes).toHaveValue('10');
});

test('CP-11 what is wrong in a group that is not on the screen is named, and who may not open users sees no link to them', async ({ world }) => {
  await world.policy({ limit: 10 });
  await world.owner.send('POST', '/groups', { name: 'Ventas' });
  await world.owner.send('POST', '/groups', { name: 'Soporte' });
  const page = await world.owner.page('/dashboard/assignment');
  await expect(page.getByRole('link', { name: 'Ver usuarios' })).toBeVisible();
  await page.getByLabel('Reglas de').selectOption('Ventas');
  await page.getByRole('spinbutton', { name: 'Limitar conversaciones por agente' }).fill('500');
  await page.getByLabel('Reglas de').selectOption('Soporte');
  await expect(bar(page)).toContainText('Fuera de rango en: Ventas');
  await expect(bar(page).getByRole('button', { name: 'Guardar', exact: true })).toBeDisabled();

  const marta = await world.join('Marta Gil', 'supervisor');
  const hers = await marta.page('/dashboard/assignment');
  await expect(hers.getByRole('spinbutton', { name: 'Limitar conversaciones por agente' })).toBeVisible();
  await expect(hers.getByRole('link', { name: 'Ver usuarios' })).toHaveCount(0);
  await hers.goto(`${world.server.url}/dashboard/users`);
  await expect(hers.getByRole('heading', { name: 'Esta página no está entre tus permisos' })).toBeVisible();
  await expect(hers).toHaveURL(/dashboard\/users$/);
});

test('CP-7 long names of groups break no page', async ({ world }) => {
  const name = 'AtencionPreferencialDeClientesMayoristas';
  await world.policy({});
  await world.owner.send('POST', '/groups', { name, key: 'atencion-preferencial-de-clientes' });
  const page = await world.owner.page('/dashboard/groups');
  for (const path of ['groups', 'assignment', 'hours']) {
    await page.goto(`${world.server.url}/dashboard/${path}`);
    await expect(page.getByText(name).first()).toBeAttached();
    for (const width of [1440, 390]) {
      await page.setViewportSize({ width, height: 900 });
      expect(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), `${path} at ${width}`).toBe(true);
    }
    await page.setViewportSize({ width: 1440, height: 900 });
  }
  const list = (await page.locator('.scopes').boundingBox())!;
  const part = (await page.getByRole('button', { name: new RegExp(name) }).boundingBox())!;
  expect(part.x + part.width).toBeLessThanOrEqual(list.x + list.width + 1);
});
