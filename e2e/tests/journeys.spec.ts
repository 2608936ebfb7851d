import { Console } from '../support/console.js';
import { expect, expectAccessible, test } from '../support/test.js';

test('CP-3 CP-11 AG-9 a customer writes on the site, the agent whose turn it is answers and closes', async ({ world }) => {
  await world.policy({ reassign_seconds: 600 });
  const ana = await Console.open(await world.join('Ana Pérez'));
  const visit = await (await world.shop()).visit();
  await expectAccessible(visit.page);
  await visit.write('Hola, ¿tienen el mate torpedo?');
  await expect(visit.messages.getByText('Hola, ¿tienen el mate torpedo?')).toBeVisible();

  await ana.row('¿tienen el mate torpedo?').click();
  await expect(ana.thread.getByText('Hola, ¿tienen el mate torpedo?')).toBeVisible();
  await expectAccessible(ana.page);
  await ana.composer.fill('¡Hola! Sí, quedan dos.');
  await ana.composer.press('Enter');
  await expect(ana.thread.getByText('¡Hola! Sí, quedan dos.')).toBeVisible();
  await expect(visit.messages.getByText('¡Hola! Sí, quedan dos.')).toBeVisible();

  await visit.write('Perfecto, lo compro.');
  await expect(ana.thread.getByText('Perfecto, lo compro.')).toBeVisible();
  await ana.composer.fill('Gracias por la compra.');
  await ana.composer.press('Enter');
  await expect(visit.messages.getByText('Gracias por la compra.')).toBeVisible();
  await ana.button('Cerrar').click();
  await expect(ana.dialog).toBeVisible();
  await expectAccessible(ana.page);
  await ana.confirm('Cerrar');
  await expect(ana.row('Gracias por la compra.')).toHaveCount(0);
});

test('CP-11 row 1: who does not answer in time loses the chat to a colleague, and everybody can read why', async ({ world, server }) => {
  await world.policy({ presence: 'online', reassign_seconds: 60 });
  const [a, b] = [await world.join('Ana Pérez'), await world.join('Beto Díaz')];
  const [ana, beto] = [await Console.open(a), await Console.open(b)];
  const visit = await (await world.shop()).visit();
  await visit.write('¿Hacen envíos a Bariloche?');
  const has = async (who: Console) => (await who.row('Bariloche').count()) === 1;
  await expect.poll(async () => (await has(ana)) || (await has(beto))).toBe(true);
  const anaFirst = await has(ana);
  const [first, second, name] = anaFirst ? [ana, beto, 'Ana'] : [beto, ana, 'Beto'];

  await server.advance(65);
  await expect(second.row('Bariloche')).toBeVisible();
  await expect(first.row('Bariloche')).toHaveCount(0);

  await second.row('Bariloche').click();
  await expect(second.page.getByText(new RegExp(`${name}.*no respondió`)).first()).toBeVisible();
  await second.composer.fill('Sí, en cinco días.');
  await second.composer.press('Enter');
  await expect(visit.messages.getByText('Sí, en cinco días.')).toBeVisible();
});

test('AG-8 two agents see the same waiting chat, one takes it, and it leaves the other’s screen', async ({ world }) => {
  const [a, b] = [await world.join('Ana Pérez'), await world.join('Beto Díaz')];
  const [ana, beto] = [await Console.open(a, '/agent/unassigned'), await Console.open(b, '/agent/unassigned')];
  const visit = await (await world.shop()).visit();
  await visit.write('¿Abren los sábados?');
  await ana.row('¿Abren los sábados?').click();
  await beto.row('¿Abren los sábados?').click();
  await ana.button('Asignarme').click();
  await expect(ana.composer).toBeVisible();
  await expect(beto.row('¿Abren los sábados?')).toHaveCount(0);
  await expect(beto.button('Asignarme')).toHaveCount(0);
  await ana.composer.fill('Sí, de 9 a 13.');
  await ana.composer.press('Enter');
  await expect(visit.messages.getByText('Sí, de 9 a 13.')).toBeVisible();

  await ana.button('Derivar').click();
  await expectAccessible(ana.page);
  await ana.dialog.getByRole('option').filter({ hasText: 'Beto Díaz' }).click();
  await ana.dialog.getByLabel('Nota para quien la recibe').fill('Prefiere que le hablen de vos.');
  await ana.confirm('Derivar');
  await expect(ana.row('Sí, de 9 a 13.')).toHaveCount(0);
  await beto.tray('Yo');
  await beto.row('Sí, de 9 a 13.').click();
  await expect(beto.thread.getByText('Prefiere que le hablen de vos.')).toBeVisible();
  await expect(visit.messages.getByText('Prefiere que le hablen de vos.')).toHaveCount(0);
});

test('AG-1 G10 what is being written survives a reload, and another device', async ({ world }) => {
  const person = await world.join('Ana Pérez');
  const ana = await Console.open(person, '/agent/unassigned');
  const visit = await (await world.shop()).visit();
  await visit.write('Busco una bombilla de alpaca.');
  await ana.row('bombilla').click();
  await ana.button('Asignarme').click();
  await ana.composer.fill('Tenemos tres modelos: ');
  await expect(ana.page.getByText('Borrador guardado').first()).toBeVisible();
  await ana.page.reload();
  await expect(ana.composer).toHaveValue('Tenemos tres modelos: ');
});
