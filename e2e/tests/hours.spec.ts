import { Console } from '../support/console.js';
import { expect, expectAccessible, test } from '../support/test.js';
import type { World } from '../support/world.js';

const NEVER = Array.from({ length: 7 }, () => []);
const ALWAYS = Array.from({ length: 7 }, () => [{ from: '00:00', to: '24:00' }]);

/** Sets the hours of the whole company, whatever they were. */
async function set(world: World, week: unknown, more: object = {}): Promise<void> {
  const { version } = await world.owner.get<{ version: number }>('/business-hours/workspace');
  await world.owner.send('PUT', '/business-hours/workspace', { week, ...more }, version);
}

/** The date in the zone of the workspace, days from today. */
function date(ahead: number): string {
  return new Intl.DateTimeFormat('en-CA', { timeZone: 'America/Argentina/Buenos_Aires' }).format(Date.now() + ahead * 86_400_000);
}

test('CP-9.1 the week is typed, drawn and copied, and saved with its holidays', async ({ world }) => {
  const page = await world.owner.page('/dashboard/hours');
  await expect(page.getByRole('status').filter({ hasText: 'Siempre abierto' })).toBeVisible();
  await page.getByRole('button', { name: 'Definir un horario' }).click();
  const monday = page.getByRole('group', { name: 'lunes' });
  await monday.getByRole('textbox', { name: 'lunes, hasta' }).fill('13');
  await monday.getByRole('button', { name: 'Agregar un tramo a lunes' }).click();
  await expect(monday.getByRole('textbox', { name: 'lunes, desde' }).nth(1)).toHaveValue('14:00');
  await monday.getByRole('button', { name: 'Opciones de lunes' }).click();
  await page.getByRole('menuitem', { name: 'Copiar a todos los días' }).click();
  const sunday = page.getByRole('group', { name: 'domingo' });
  await expect(sunday.getByRole('textbox')).toHaveCount(4);
  // Drawn with the pointer: Sunday's afternoon is pulled by its end, two hours further.
  const grip = (await sunday.locator('.wk-bar').nth(1).locator('.wk-grip').last().boundingBox())!;
  const day = (await sunday.locator('.wk-track').boundingBox())!;
  const [x, y] = [grip.x + grip.width / 2, grip.y + grip.height / 2];
  await page.mouse.move(x, y);
  await page.mouse.down();
  await page.mouse.move(x + (day.width * 2) / 24, y, { steps: 4 });
  await page.mouse.up();
  await expect(sunday.getByRole('textbox', { name: 'domingo, hasta' }).nth(1)).toHaveValue('20:00');

  await page.getByRole('button', { name: 'Importar feriados' }).click();
  const dialog = page.getByRole('dialog');
  await expect(dialog.getByText('Navidad')).toBeVisible();
  await expect(dialog.getByText('puentes que se decretan cada año')).toBeVisible();
  await expectAccessible(page);
  await dialog.getByRole('button', { name: 'Agregar', exact: true }).click();
  await expect(page.getByRole('listitem').filter({ hasText: 'Navidad' })).toBeVisible();
  await page.getByRole('button', { name: 'Guardar', exact: true }).click();
  await expect(page.getByRole('region', { name: 'Cambios sin guardar' })).toHaveCount(0);
  await page.reload();
  await expect(page.getByRole('group', { name: 'domingo' }).getByRole('textbox', { name: 'domingo, hasta' }).nth(1)).toHaveValue('20:00');
  const saved = await world.owner.get<{ week: unknown[]; exceptions: unknown[] }>('/business-hours/workspace');
  expect(saved.week[0]).toEqual([
    { from: '09:00', to: '13:00' },
    { from: '14:00', to: '18:00' },
  ]);
  expect(saved.exceptions.length).toBeGreaterThan(10);
});

test('CP-9.5 a night asks before it is saved, and a group has hours of its own', async ({ world }) => {
  const group = await world.owner.send<{ id: number }>('POST', '/groups', { name: 'Guardia' });
  await set(world, ALWAYS);
  const page = await world.owner.page('/dashboard/hours');
  await page.getByRole('navigation', { name: 'De quién es el horario' }).getByRole('button', { name: /Guardia/ }).click();
  await expect(page.getByText('Usa el horario de: Toda la empresa')).toBeVisible();
  await page.getByRole('button', { name: 'Definir uno propio' }).first().click();
  const saturday = page.getByRole('group', { name: 'sábado' });
  await saturday.getByRole('textbox', { name: 'sábado, desde' }).fill('22:00');
  await saturday.getByRole('textbox', { name: 'sábado, hasta' }).fill('6');
  await saturday.getByRole('textbox', { name: 'sábado, hasta' }).blur();
  await expect(saturday.getByText('del día siguiente')).toBeVisible();
  await page.getByRole('button', { name: 'Guardar', exact: true }).click();
  await expect(page.getByRole('dialog').getByText('sábado 22:00 – 06:00')).toBeVisible();
  await expectAccessible(page);
  await page.getByRole('button', { name: 'Sí, es de noche' }).click();
  await expect(page.getByRole('dialog')).toHaveCount(0);
  const saved = await world.owner.get<{ week: unknown[]; from: string }>(`/business-hours/group-${group.id}`);
  expect([saved.from, saved.week[5]]).toEqual([`group-${group.id}`, [{ from: '22:00', to: '06:00' }]]);
});

test('CP-9.3 CP-10.2 an agent sees the clock stand still, and the customer is told once', async ({ world }) => {
  await world.policy({ reassign_seconds: 600 });
  await set(world, ALWAYS);
  const text = 'Cerrado. Volvemos {{next_opening}}.';
  await world.owner.send('PUT', '/after-hours-messages/workspace', { enabled: true, texts: { es: text } }, 0);
  const ana = await Console.open(await world.join('Ana Pérez'));
  const visit = await (await world.shop()).visit();
  await visit.write('¿Hacen envíos?');
  await ana.row('¿Hacen envíos?').click();
  await expect(ana.page.getByText(/^Rota en/)).toBeVisible();
  // Today turns out to be a holiday: the open page knows without a reload.
  await set(world, ALWAYS, { exceptions: [{ name: 'Asueto', date: date(0) }] });
  await expect(ana.page.locator('.clocks').getByText(/^Fuera de horario, sigue/)).toBeVisible();
  await expect(ana.row('¿Hacen envíos?').locator('.ring-paused')).toBeVisible();
  await expectAccessible(ana.page);
  await visit.write('¿Hay alguien?');
  await visit.write('¿Hola?');
  await expect(visit.messages.getByText('Cerrado. Volvemos mañana a las 00:00.')).toHaveCount(1);
  await set(world, ALWAYS);
  await expect(ana.page.getByText(/^Rota en/)).toBeVisible();
});

test('AG-11.2 whoever transfers to a closed group is told until when it waits', async ({ world }) => {
  const [a, b] = [await world.join('Ana Pérez'), await world.join('Beto Díaz')];
  const group = await world.owner.send<{ id: number }>('POST', '/groups', { name: 'Noche', members: [b.id] });
  const opening = { name: 'Apertura', date: date(2), spans: [{ from: '09:00', to: '18:00' }] };
  await world.owner.send('PUT', `/business-hours/group-${group.id}`, { week: NEVER, exceptions: [opening] }, 0);
  const ana = await Console.open(a, '/agent/unassigned');
  await (await (await world.shop()).visit()).write('¿Abren de noche?');
  await ana.row('¿Abren de noche?').click();
  await ana.button('Asignarme').click();
  await expect(ana.composer).toBeVisible();
  await ana.button('Derivar').click();
  await ana.dialog.getByRole('option', { name: /^Noche/ }).click();
  await ana.confirm('Derivar');
  await expect(ana.page.getByText(/^Noche: Fuera de horario, se reparte .*09:00/)).toBeVisible();
});

test('CP-3.5 while closed a form stands for the chat, and says when somebody answers', async ({ world }) => {
  const shop = await world.shop();
  const [chat] = (await world.owner.get<{ items: { id: number; version: number; settings: object }[] }>('/channel-accounts')).items;
  const settings = { ...chat!.settings, when_closed: 'form' };
  await world.owner.send('PATCH', `/channel-accounts/${chat!.id}`, { settings }, chat!.version);
  await set(world, NEVER, { exceptions: [{ name: 'Apertura', date: date(2), spans: [{ from: '09:00', to: '18:00' }] }] });
  const visit = await shop.visit();
  const { page } = visit;
  await expect(page.getByText(/Una persona del equipo responde desde: .*09:00/)).toBeVisible();
  await expectAccessible(page);
  await page.getByRole('textbox', { name: /^Nombre/ }).fill('Rita');
  await page.getByRole('textbox', { name: /^Correo/ }).fill('rita@example.com');
  await page.getByRole('textbox', { name: 'Mensaje' }).fill('¿Tienen yerba orgánica?');
  await page.getByRole('button', { name: 'Enviar' }).click();
  await expect(visit.messages.getByText('¿Tienen yerba orgánica?')).toBeVisible();
  await expect(page.getByText(/^Responde una persona del equipo: .*09:00/)).toBeVisible();
  const console_ = await Console.open(await world.join('Ana Pérez'), '/agent/unassigned');
  await expect(console_.row('Rita')).toBeVisible();
  await console_.row('Rita').click();
  await expect(console_.page.locator('.clocks').getByText(/^Fuera de horario, se reparte/)).toBeVisible();

  // Nothing at all, when it is set so.
  const now = (await world.owner.get<{ items: { version: number }[] }>('/channel-accounts')).items[0]!;
  await world.owner.send('PATCH', `/channel-accounts/${chat!.id}`, { settings: { ...settings, when_closed: 'hide' } }, now.version);
  await page.evaluate(() => localStorage.clear());
  await page.reload();
  await page.waitForLoadState('networkidle');
  await expect(page.getByRole('button', { name: 'Abrir el chat' })).toHaveCount(0);
});
