import { Console } from '../support/console.js';
import { expect, expectAccessible, test } from '../support/test.js';

interface Held {
  id: number;
  place: string;
  owner: { id: number; name: string } | null;
}

test('AG-9 a dialog goes away with the conversation it was opened for', async ({ world }) => {
  const person = await world.join('Ana Pérez');
  const shop = await world.shop();
  for (const text of ['Consulta de Marta', 'Consulta de Pablo']) await (await shop.visit()).write(text);
  const ana = await Console.open(person, '/agent/unassigned');
  await ana.row('de Marta').click();
  await expect(ana.thread.getByText('Consulta de Marta')).toBeVisible();
  await ana.row('de Pablo').click();
  await expect(ana.thread.getByText('Consulta de Pablo')).toBeVisible();
  await ana.page.keyboard.press('Alt+KeyE');
  await expect(ana.dialog).toBeVisible();
  await ana.page.goBack();
  await expect(ana.thread.getByText('Consulta de Marta')).toBeVisible();
  await expect(ana.dialog).toHaveCount(0);
  await ana.page.keyboard.press('Enter');

  await ana.page.keyboard.press('Alt+KeyT');
  await expect(ana.dialog).toBeVisible();
  await ana.page.goBack();
  await expect(ana.page.getByText('Elegir una conversación')).toBeVisible();
  await expect(ana.dialog).toHaveCount(0);
  await ana.row('de Pablo').click();
  await expect(ana.thread.getByText('Consulta de Pablo')).toBeVisible();
  await expect(ana.dialog).toHaveCount(0);
  const { items } = await person.get<{ items: Held[] }>('/conversations?tray=unassigned');
  expect(items.map((one) => one.place)).toEqual(['waiting', 'waiting']);
});

test('AG-9.3 the dialog of many goes away with their list', async ({ world }) => {
  const person = await world.join('Ana Pérez');
  await (await (await world.shop()).visit()).write('Consulta de Marta');
  const ana = await Console.open(person, '/agent/mine');
  await ana.tray('Sin asignar');
  await ana.page.getByRole('button', { name: 'Seleccionar varias' }).click();
  await ana.row('de Marta').click();
  await ana.page.getByRole('toolbar').getByRole('button', { name: 'Cerrar' }).click();
  await expect(ana.dialog).toBeVisible();
  await ana.page.goBack();
  await expect(ana.page.getByRole('heading', { name: 'Yo' })).toBeVisible();
  await expect(ana.dialog).toHaveCount(0);
});

test('AG-11 a double click transfers once and the dialog goes', async ({ world }) => {
  const person = await world.join('Ana Pérez');
  const beto = await Console.open(await world.join('Beto Díaz'));
  await (await (await world.shop()).visit()).write('¿Hay stock?');
  const ana = await Console.open(person, '/agent/unassigned');
  await ana.row('stock').click();
  await ana.button('Asignarme').click();
  await expect(ana.composer).toBeVisible();
  const sent: string[] = [];
  ana.page.on('request', (request) => request.method() === 'POST' && sent.push(new URL(request.url()).pathname.split('/').pop() ?? ''));
  await ana.page.keyboard.press('Alt+KeyT');
  await ana.dialog.getByRole('option', { name: /Beto Díaz/ }).click();
  await ana.dialog.getByRole('button', { name: 'Derivar', exact: true }).dblclick();
  await expect(ana.dialog).toHaveCount(0);
  await expect(beto.row('stock')).toBeVisible();
  expect(sent.filter((verb) => verb === 'transfer')).toHaveLength(1);

  await beto.row('stock').click();
  await expect(beto.composer).toBeVisible();
  beto.page.on('request', (request) => request.method() === 'POST' && sent.push(new URL(request.url()).pathname.split('/').pop() ?? ''));
  await beto.page.keyboard.press('Alt+KeyE');
  await beto.dialog.getByLabel(/^Motivo/).fill('Vendido');
  await beto.dialog.getByLabel(/^Motivo/).evaluate((field: HTMLInputElement) => {
    field.form?.requestSubmit();
    field.form?.requestSubmit();
  });
  await expect(beto.dialog).toHaveCount(0);
  await expect(beto.row('stock')).toHaveCount(0);
  expect(sent.filter((verb) => verb === 'close')).toHaveLength(1);
});

test('AG-9 a double click does not close over what the customer has just written', async ({ world }) => {
  const person = await world.join('Ana Pérez');
  const visit = await (await world.shop()).visit();
  await visit.write('¿Hay stock?');
  const ana = await Console.open(person, '/agent/unassigned');
  await ana.row('stock').click();
  await ana.button('Asignarme').click();
  await ana.composer.fill('Sí, quedan dos');
  await ana.composer.press('Enter');
  await expect(visit.messages.getByText('Sí, quedan dos')).toBeVisible();
  await ana.page.keyboard.press('Alt+KeyE');
  await expect(ana.dialog).toBeVisible();
  let asked = 0;
  await ana.page.route(/\/close$/, (route) => {
    asked += 1;
    if (asked > 1) return route.continue();
    return route.fulfill({ status: 409, contentType: 'application/problem+json', json: { code: 'customer_wrote', detail: '', last_message: 1, errors: [] } });
  });
  await ana.dialog.getByRole('button', { name: 'Cerrar', exact: true }).last().click();
  const anyway = ana.dialog.getByRole('button', { name: 'Leído, cerrar igual' });
  await anyway.hover();
  await ana.page.mouse.down({ clickCount: 2 });
  await ana.page.mouse.up({ clickCount: 2 });
  await ana.page.evaluate(() => new Promise((done) => setTimeout(done)));
  expect(asked).toBe(1);
  await anyway.click();
  await expect(ana.dialog).toHaveCount(0);
  expect(asked).toBe(2);
});

test('AG-11 a transfer that had no owner names only who gets it', async ({ world }) => {
  const person = await world.join('Ana Pérez');
  await (await (await world.shop()).visit()).write('¿Hay stock?');
  const olga = await Console.open(world.owner, '/agent/unassigned');
  await olga.row('stock').click();
  await olga.button('Derivar').click();
  await olga.dialog.getByRole('option', { name: /Ana Pérez/ }).click();
  await olga.confirm('Derivar');
  const ana = await Console.open(person);
  await ana.row('stock').click();
  await expect(ana.thread.getByText('Derivada a Ana Pérez')).toBeVisible();
});

test('AG-1 an agent without the panel goes to the account on a phone', async ({ world }) => {
  const agent = await Console.open(await world.join('Ana Pérez'));
  await agent.page.setViewportSize({ width: 390, height: 844 });
  const bar = agent.page.getByRole('navigation', { name: 'Consola' }).last();
  await expect(bar.getByRole('link', { name: 'Panel' })).toHaveCount(0);
  await expectAccessible(agent.page);
  await bar.getByRole('link', { name: 'Mi cuenta' }).click();
  await expect(agent.page.getByRole('heading', { name: 'Mi cuenta' })).toBeVisible();

  const boss = await Console.open(await world.join('Marta Gil', 'supervisor'));
  await boss.page.setViewportSize({ width: 390, height: 844 });
  await boss.page.getByRole('navigation', { name: 'Consola' }).last().getByRole('link', { name: 'Panel' }).click();
  await expect(boss.page).toHaveURL(/\/dashboard/);
});

test('AG-1 a message with a long name stays on the screen of a phone', async ({ world, simulator }) => {
  await simulator.connect(world.owner);
  const person = await world.join('Ana Pérez');
  const ana = await Console.open(person, '/agent/unassigned');
  await ana.page.setViewportSize({ width: 390, height: 844 });
  await simulator.writes('5491155552001', '¿Hay stock?');
  await expect(ana.row('stock')).toBeVisible();
  const { items } = await person.get<{ items: (Held & { customer: { id: number } })[] }>('/conversations?tray=unassigned');
  const one = items[0];
  await world.owner.send('PATCH', `/customers/${one?.customer.id}`, { name: `Maximiliano${'Bartolomé'.repeat(8)}` }, 1);
  await world.owner.send('POST', `/conversations/${one?.id}/transfer`, { to: { agent: person.id } });
  const open = ana.page.getByRole('status').getByRole('button', { name: 'Abrir' });
  await expect(open).toBeVisible();
  const box = await open.boundingBox();
  expect((box?.x ?? 0) + (box?.width ?? 0)).toBeLessThan(390);
  const shut = await ana.page.getByRole('status').getByRole('button', { name: 'Cerrar' }).boundingBox();
  expect((shut?.x ?? 0) + (shut?.width ?? 0)).toBeLessThan(390);
});

test('AG-1 a conversation that there is not says so, without an empty column', async ({ world }) => {
  const ana = await Console.open(await world.join('Ana Pérez'), '/agent/mine/4711');
  const thread = ana.page.getByRole('region', { name: /^Conversación/ });
  await expect(thread.getByText('No existe, o pasó a otra persona o a otro grupo.')).toBeVisible();
  const right = (await thread.boundingBox())!;
  expect(right.x + right.width).toBeGreaterThan(1_400);
});

test('CORE-5 CP-3 a text that is too long is not cut and not sent, and what the company formats is drawn', async ({ world }) => {
  const person = await world.join('Ana Pérez');
  const visit = await (await world.shop()).visit();
  await visit.box.fill('a'.repeat(10_007));
  await expect(visit.page.getByRole('alert')).toHaveText('El texto es demasiado largo: sobran 7 caracteres.');
  await visit.box.press('Enter');
  await expect(visit.box).toHaveValue('a'.repeat(10_007));
  await expect(visit.messages.getByRole('listitem')).toHaveCount(0);
  await visit.box.fill('b'.repeat(10_000));
  await expect(visit.page.getByRole('alert')).toHaveCount(0);
  await visit.box.press('Enter');
  await expect(visit.messages.getByText('b'.repeat(10_000))).toBeVisible();
  const ana = await Console.open(person, '/agent/unassigned');
  await ana.row('bbb').click();
  await ana.button('Asignarme').click();
  await ana.composer.fill('Sale *hoy*');
  await ana.composer.press('Enter');
  await expect(visit.messages.locator('b')).toHaveText('hoy');
});
