import { Console } from '../support/console.js';
import { expect, expectAccessible, test } from '../support/test.js';
import type { Person } from '../support/world.js';

/** Somebody's settings as an administrator changes them. */
async function edit(owner: Person, of: Person, change: object): Promise<void> {
  const user = await owner.get<{ version: number }>(`/users/${of.id}`);
  await owner.send('PATCH', `/users/${of.id}`, change, user.version);
}

test('CP-7 a group is made with a colour, who supervises it, and the group that helps it', async ({ world }) => {
  await world.join('Ana Pérez');
  await world.owner.send('POST', '/groups', { name: 'Soporte' });
  const page = await world.owner.page('/dashboard/groups');
  await page.getByRole('button', { name: 'Crear grupo' }).click();
  const dialog = page.getByRole('dialog');
  await dialog.getByLabel('Nombre').fill('Ventas');
  await dialog.getByRole('button', { name: 'Color #2563eb' }).click();
  await dialog.getByText('Ana Pérez').click();
  await dialog.getByLabel('Grupo que ayuda').selectOption('Soporte');
  await dialog.getByLabel('Después de (minutos)').fill('10');
  await expectAccessible(page);
  await dialog.getByRole('button', { name: 'Guardar' }).click();
  await expect(dialog).toHaveCount(0);
  const card = page.getByRole('listitem').filter({ has: page.getByRole('heading', { name: 'Ventas' }) });
  await expect(card).toContainText('1 persona · ayuda Soporte');
  await expect(page.getByText('Sin integrantes').first()).toBeVisible();
  const groups = await world.owner.get<{ items: { name: string; overflow_seconds: number | null; colour: string }[] }>('/groups');
  expect(groups.items.find((group) => group.name === 'Ventas')).toMatchObject({ overflow_seconds: 600, colour: '#2563eb' });
});

test('AG-17.3 a customer has one agent: shown in the panel, set by oneself, and refused to others', async ({ world }) => {
  const [a, b] = [await world.join('Ana Pérez'), await world.join('Beto Díaz')];
  const ana = await Console.open(a, '/agent/unassigned');
  await (await (await world.shop()).visit()).write('¿Tienen stock?');
  await ana.row('¿Tienen stock?').click();
  const panel = ana.page.getByRole('complementary', { name: 'Cliente' });
  await panel.getByRole('button', { name: 'Atender siempre' }).click();
  await expect(panel.getByText('Atención propia')).toBeVisible();
  await expectAccessible(ana.page);

  const beto = await Console.open(b, '/agent/unassigned');
  await beto.row('¿Tienen stock?').click();
  const other = beto.page.getByRole('complementary', { name: 'Cliente' });
  await expect(other.getByText('Ana Pérez')).toBeVisible();
  await expect(other.getByRole('button', { name: 'Atender siempre' })).toHaveCount(0);
  await beto.button('Asignarme').click();
  await expect(beto.page.getByText('Ana Pérez atiende siempre a este cliente.')).toBeVisible();
  await ana.button('Asignarme').click();
  await expect(ana.composer).toBeVisible();

  // Whoever administers sees whose customers are whose, and gives them to somebody else.
  const page = await world.owner.page('/dashboard/affinities');
  await page.getByRole('button', { name: 'Reasignar los clientes de Ana Pérez' }).click();
  await page.getByRole('dialog').getByLabel('Pasan a').selectOption('Beto Díaz');
  await page.getByRole('dialog').getByRole('button', { name: 'Reasignar', exact: true }).click();
  await expect(page.getByRole('row').filter({ hasText: 'Beto Díaz' })).toBeVisible();
  await expect(panel.getByText('Beto Díaz')).toBeVisible();
});

test('AG-11.3 a transfer that is refused keeps the chat and the note', async ({ world }) => {
  const [a, b] = [await world.join('Ana Pérez'), await world.join('Beto Díaz')];
  const ana = await Console.open(a, '/agent/unassigned');
  await Console.open(b);
  const visit = await (await world.shop()).visit();
  await visit.write('Quiero hablar con Beto');
  await ana.row('Quiero hablar').click();
  await ana.button('Asignarme').click();
  await expect(ana.composer).toBeVisible();
  await ana.button('Derivar').click();
  await ana.dialog.getByRole('option').filter({ hasText: 'Beto Díaz' }).click();
  await ana.dialog.getByLabel('Nota para quien la recibe').fill('Pide descuento.');
  await edit(world.owner, b, { channels: [] });
  await ana.dialog.getByRole('button', { name: 'Derivar', exact: true }).click();
  await expect(ana.dialog.getByText('Esa persona no puede atender este canal.')).toBeVisible();
  await expect(ana.dialog.getByLabel('Nota para quien la recibe')).toHaveValue('Pide descuento.');
  await edit(world.owner, b, { channels: null });
  await ana.confirm('Derivar');
  await expect(ana.row('Quiero hablar')).toHaveCount(0);
});

test('AG-11 a transfer that nobody answers comes back to its sender, who had asked for it', async ({ world, server }) => {
  const [a, b] = [await world.join('Ana Pérez'), await world.join('Beto Díaz')];
  await world.join('Carla Gil');
  const ana = await Console.open(a, '/agent/unassigned');
  const beto = await Console.open(b);
  await (await (await world.shop()).visit()).write('¿Hacen envíos?');
  await ana.row('¿Hacen envíos?').click();
  await ana.button('Asignarme').click();
  await expect(ana.composer).toBeVisible();
  await world.policy({ reassign_seconds: 60, limit: 5, excluded: [world.owner.id] });
  await ana.button('Derivar').click();
  await expect(ana.dialog.getByRole('checkbox', { name: 'Que vuelva a mí si no responde' })).toHaveCount(0);
  await ana.dialog.getByRole('option').filter({ hasText: 'Beto Díaz' }).click();
  await ana.dialog.getByRole('checkbox', { name: 'Que vuelva a mí si no responde' }).check();
  await expectAccessible(ana.page);
  await ana.confirm('Derivar');
  await expect(beto.row('¿Hacen envíos?')).toBeVisible();
  await server.advance(65);
  await ana.tray('Yo');
  await ana.row('¿Hacen envíos?').click();
  await expect(ana.thread.getByText('Volvió de Beto Díaz a Ana Pérez, que la derivó: no respondió en')).toBeVisible();
  await expect(beto.row('¿Hacen envíos?')).toHaveCount(0);
});

test('row 5: whoever is on it asks for more time, once, by the button or the keys', async ({ world }) => {
  const ana = await Console.open(await world.join('Ana Pérez'));
  await world.join('Beto Díaz');
  await world.policy({ reassign_seconds: 600, limit: 5, excluded: [world.owner.id], presence: 'online' });
  const shop = await world.shop();
  await (await shop.visit()).write('¿Tienen azul?');
  await ana.row('¿Tienen azul?').click();
  const asks = ana.button('Estoy en eso');
  await expect(asks).toBeVisible();
  await expectAccessible(ana.page);
  // The answer is shown before it is there, and then what the server says.
  let free: () => void = () => undefined;
  const held = new Promise<void>((resolve) => (free = resolve));
  await ana.page.route('**/extend', async (route) => {
    await held;
    await route.continue();
  });
  await asks.focus();
  await ana.page.keyboard.press('Enter');
  await expect(ana.page.locator('.clocks').getByText(/10:[2-5]\d/)).toBeVisible();
  await expect(asks).toHaveCount(0);
  free();
  await expect.poll(async () => (await world.owner.get<{ items: { act: string }[] }>('/routing-decisions?act=extend')).items.length).toBe(1);
  await expect(asks).toHaveCount(0);

  // Refused, the screen is as it was.
  await (await shop.visit()).write('¿Y verde?');
  await ana.row('¿Y verde?').click();
  await expect(asks).toBeVisible();
  await ana.page.unroute('**/extend');
  await ana.page.route('**/extend', (route) => route.fulfill({ status: 409, contentType: 'application/problem+json', body: JSON.stringify({ code: 'no_clock', status: 409, title: 'no_clock', detail: '' }) }));
  await ana.page.keyboard.press('Alt+x');
  await expect(ana.page.getByText('Este chat no tiene un reloj en marcha.')).toBeVisible();
  await expect(asks).toBeVisible();
  await ana.page.unroute('**/extend');
  await ana.page.keyboard.press('Alt+x');
  await expect(asks).toHaveCount(0);

  // Somebody else's clock is not mine to stretch.
  const owner = await Console.open(world.owner, '/agent/agents');
  await owner.row('¿Y verde?').click();
  await expect(owner.page.locator('.clocks')).toContainText('10:');
  await expect(owner.button('Estoy en eso')).toHaveCount(0);
});

test('AG-5 an absence has a reason and an end, and whoever signs out says what becomes of the chats', async ({ world, server }) => {
  await world.policy({ limit: 5 });
  const ana = await Console.open(await world.join('Ana Pérez'));
  const visit = await (await world.shop()).visit();
  await visit.write('¿Hacen grabados?');
  await expect(ana.row('¿Hacen grabados?')).toBeVisible();

  await ana.page.getByRole('button', { name: 'Estado y preferencias' }).first().click();
  await ana.page.getByRole('menuitem', { name: 'Ausente por un tiempo' }).click();
  await ana.dialog.getByLabel('Motivo').selectOption('almuerzo');
  await ana.dialog.getByLabel('De vuelta Online').selectOption('en 30 minutos');
  await expectAccessible(ana.page);
  await ana.confirm('Pasar a Ausente');
  await expect(ana.page.getByText(/^almuerzo · hasta las/)).toBeVisible();

  const beto = await Console.open(await world.join('Beto Díaz'));
  await ana.page.goto(`${server.url}/dashboard/account`);
  await ana.page.getByRole('button', { name: 'Salir' }).click();
  await expect(ana.dialog.getByText('espera respuesta')).toBeVisible();
  await ana.dialog.getByText('Pasarlos a una persona').click();
  await ana.dialog.getByLabel('Persona', { exact: true }).selectOption({ label: 'Beto Díaz · Online · 0/5' });
  await expectAccessible(ana.page);
  await ana.dialog.getByRole('button', { name: 'Salir' }).click();
  await expect(ana.page).toHaveURL(/login/);
  await expect(beto.row('¿Hacen grabados?')).toBeVisible();
});

test('AG-8.2 whoever takes in order is told which one is first', async ({ world }) => {
  const a = await world.join('Ana Pérez');
  await edit(world.owner, a, { options: { take_any: false } });
  const shop = await world.shop();
  await (await shop.visit()).write('Primera consulta');
  const ana = await Console.open(a, '/agent/unassigned');
  await expect(ana.row('Primera consulta')).toBeVisible();
  await (await shop.visit()).write('Segunda consulta');
  await ana.row('Segunda consulta').click();
  await ana.button('Asignarme').click();
  await expect(ana.page.getByText('Solo se puede tomar el primero de la cola: #1.')).toBeVisible();
  await ana.row('Primera consulta').click();
  await ana.button('Asignarme').click();
  await expect(ana.composer).toBeVisible();
});
