import { createHmac } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { Console } from '../support/console.js';
import { expect, expectAccessible, test } from '../support/test.js';
import type { World } from '../support/world.js';

/** What the server of a site does for a user who signed in there. */
async function voucher(world: World, shop: { id: number }): Promise<(userId: string) => Record<string, string>> {
  const { secret } = await world.owner.send<{ secret: string }>('POST', `/channel-accounts/${shop.id}/site-secret`, {});
  return (userId) => ({ userId, hash: createHmac('sha256', secret).update(userId).digest('hex') });
}

test('CP-3.6 the keyboard alone opens the chat, writes, attaches, chooses an option and closes', async ({ world }) => {
  const person = await world.join('Ana Pérez');
  await Console.open(person);
  const visit = await (await world.shop()).enter();
  const { page } = visit;
  await visit.launcher.waitFor();
  const focused = async (name: string | RegExp) => {
    for (let i = 0; i < 12; i++) {
      await page.keyboard.press('Tab');
      const target = page.getByRole('button', { name });
      if ((await target.count()) === 1 && (await target.evaluate((e) => (e.getRootNode() as ShadowRoot).activeElement === e))) return;
    }
    throw new Error(`Tab never came to ${String(name)}`);
  };
  await focused('Abrir el chat');
  await page.keyboard.press('Enter');
  await expect(page.getByRole('dialog', { name: 'Tienda' })).toBeVisible();
  await expect(visit.box).toBeFocused();
  await page.keyboard.type('Hola, ¿qué mates hay?');
  await page.keyboard.press('Enter');
  await expect(visit.messages.getByText('¿qué mates hay?')).toBeVisible();

  await page.keyboard.type('Va una foto');
  const choosing = page.waitForEvent('filechooser');
  await page.keyboard.press('Shift+Tab');
  await page.keyboard.press('Enter');
  await (await choosing).setFiles({ name: 'mate.txt', mimeType: 'text/plain', buffer: Buffer.from('mate') });
  await expect(page.getByRole('button', { name: 'Quitar mate.txt' })).toBeVisible();
  await expect(visit.box).toBeFocused();
  await expect(page.getByRole('progressbar')).toHaveCount(0);
  await page.keyboard.press('Enter');
  await expect(visit.messages.getByText('Va una foto')).toBeVisible();
  await expect(visit.messages.getByRole('link', { name: /mate\.txt/ })).toBeVisible();

  const { items } = await person.get<{ items: { id: number }[] }>('/conversations?tray=unassigned');
  const id = items[0]?.id ?? 0;
  await person.send('POST', `/conversations/${id}/take`, {});
  const buttons = [
    { id: 'calabaza', title: 'De calabaza' },
    { id: 'madera', title: 'De madera' },
  ];
  const content = { type: 'interactive', body: '¿De qué lo buscás?', buttons };
  await person.send('POST', `/conversations/${id}/messages`, { client_id: crypto.randomUUID(), content });
  await expect(visit.messages.getByRole('group', { name: 'Opciones' })).toBeVisible();
  await expectAccessible(page);
  await focused('De madera');
  await page.keyboard.press('Enter');
  await expect(visit.messages.getByText('De madera')).toBeVisible();
  await expect(visit.messages.getByRole('group', { name: 'Opciones' })).toHaveCount(0);
  await page.keyboard.press('Escape');
  await expect(page.getByRole('dialog')).toHaveCount(0);
  await expect(visit.launcher).toBeFocused();
});

test('CP-3.4 who signed in on the site finds the same chat on every device, and logout forgets it', async ({ world }) => {
  const shop = await world.shop();
  const vouch = await voucher(world, shop);
  const telephone = await shop.enter();
  await telephone.says('identify', { ...vouch('4711'), name: 'Marta Ruiz' });
  await telephone.launcher.click();
  await telephone.write('¿Cuándo llega mi pedido?');
  await expect(telephone.messages.getByText('Enviado')).toBeVisible();

  const desk = await shop.enter();
  await desk.says('identify', vouch('4711'));
  await desk.launcher.click();
  await expect(desk.messages.getByText('¿Cuándo llega mi pedido?')).toBeVisible();
  await desk.write('Es el 123');
  await expect(telephone.messages.getByText('Es el 123')).toBeVisible();

  const forger = await shop.enter();
  await forger.says('identify', { userId: '4711', hash: 'f'.repeat(64) });
  await forger.launcher.click();
  await forger.write('Soy otra persona');
  await expect(forger.messages.getByText('Enviado')).toBeVisible();
  await expect(forger.messages.getByText('¿Cuándo llega mi pedido?')).toHaveCount(0);

  await desk.says('logout');
  await expect(desk.messages.getByText('¿Cuándo llega mi pedido?')).toHaveCount(0);
  await desk.page.reload();
  await expect(desk.messages.getByText('¿Cuándo llega mi pedido?')).toHaveCount(0);
  // Somebody else signs in on the same device.
  await desk.says('identify', vouch('4712'));
  await desk.write('Hola');
  await expect(desk.messages.getByText('Enviado')).toBeVisible();
  await expect(desk.messages.getByText('¿Cuándo llega mi pedido?')).toHaveCount(0);
});

test('CP-3 the form before the chat is answered once, and the agent sees the answers and where the chat began', async ({ world }) => {
  const form = { name: 'required', email: 'optional', phone: 'off', consent: 'Acepto que guarden mis datos' };
  const shop = await world.shop({ form });
  const ana = await Console.open(await world.join('Ana Pérez'), '/agent/unassigned');
  const visit = await shop.enter('?utm_source=ig&utm_campaign=primavera');
  await visit.launcher.click();
  await expectAccessible(visit.page);
  await visit.write('¿Hacen envíos?');
  await expect(visit.messages.getByText('¿Hacen envíos?')).toHaveCount(0);
  await visit.page.getByLabel('Nombre').fill('Marta Ruiz');
  await visit.page.getByLabel('Correo (opcional)').fill('marta@example.com');
  await visit.page.getByLabel('Acepto que guarden mis datos').check();
  await visit.box.press('Enter');
  await expect(visit.messages.getByText('¿Hacen envíos?')).toBeVisible();
  await expect(visit.page.getByLabel('Nombre')).toHaveCount(0);

  await ana.row('Marta Ruiz').click();
  const panel = ana.page.getByRole('complementary', { name: 'Cliente' });
  await expect(panel.getByText('marta@example.com')).toBeVisible();
  await expect(panel.getByText('ig · primavera')).toBeVisible();
  await visit.page.reload();
  await visit.write('¿Y a Ushuaia?');
  await expect(visit.messages.getByText('¿Y a Ushuaia?')).toBeVisible();
});

test('CP-3 typing and reading are seen on both sides, the title counts, tabs agree and the conversation can be kept', async ({ world }) => {
  const shop = await world.shop();
  const ana = await Console.open(await world.join('Ana Pérez'), '/agent/unassigned');
  const visit = await shop.visit();
  await visit.write('Hola');
  await ana.row('Hola').click();
  await ana.button('Asignarme').click();
  await visit.box.pressSequentially('Quería', { delay: 20 });
  await expect(ana.page.getByText(/está escribiendo/)).toBeVisible();
  await ana.composer.pressSequentially('¡Hola!', { delay: 20 });
  await expect(visit.messages.getByText('Ana está escribiendo')).toBeVisible();
  await ana.composer.press('Enter');
  await expect(visit.messages.getByText('¡Hola!')).toBeVisible();
  await expect(ana.thread.getByLabel('Leído').or(ana.thread.getByTitle('Leído')).first()).toBeVisible();

  // The panel is closed: what comes is counted on the button and in the title.
  await visit.page.keyboard.press('Escape');
  await ana.composer.fill('¿Qué buscabas?');
  await ana.composer.press('Enter');
  await expect(visit.page).toHaveTitle('(1) Aurora Mates');
  await expect(visit.page.getByRole('button', { name: 'Abrir el chat, 1 sin leer' })).toBeVisible();
  const other = await visit.page.context().newPage();
  await other.goto(shop.url);
  await other.getByRole('button', { name: /^Abrir el chat/ }).click();
  await expect(other.getByRole('region', { name: 'Mensajes' }).getByText('¿Qué buscabas?')).toBeVisible();
  // Read in one tab is read in all.
  await expect(visit.page).toHaveTitle('Aurora Mates');
  await other.getByRole('textbox', { name: 'Mensaje' }).fill('Una bombilla');
  await other.getByRole('button', { name: 'Enviar' }).click();
  await expect(ana.thread.getByText('Una bombilla')).toBeVisible();
  await visit.page.bringToFront();
  await visit.page.getByRole('button', { name: 'Abrir el chat' }).click();
  await expect(visit.messages.getByText('Una bombilla')).toBeVisible();

  const saving = visit.page.waitForEvent('download');
  await visit.page.getByRole('button', { name: 'Descargar la conversación' }).click();
  const kept = await readFile(await (await saving).path(), 'utf8');
  expect(kept).toContain('Ana: ¿Qué buscabas?');
  expect(kept.split('\n').filter((line) => line.includes('Una bombilla'))).toHaveLength(1);
});
