import type { Page } from '@playwright/test';
import { Console } from '../support/console.js';
import { expect, expectAccessible, test } from '../support/test.js';
import { PASSWORD, type Person, type Shop, type Visit, type World } from '../support/world.js';

/** Somebody writes to the shop, and this person has the chat. */
async function taken(person: Person, shop: Shop, text: string): Promise<{ id: number; visit: Visit }> {
  const visit = await shop.visit();
  await visit.write(text);
  type Waiting = { items: { id: number; last_message: { preview: string } }[] };
  const find = async () => (await person.get<Waiting>('/conversations?tray=unassigned')).items.find((one) => one.last_message.preview === text)?.id;
  await expect.poll(find).toBeDefined();
  const id = (await find()) ?? 0;
  await person.send('POST', `/conversations/${id}/take`, {});
  return { id, visit };
}

/** What agents said in a conversation, notes too. */
async function said(world: World, id: number): Promise<string[]> {
  type Said = { items: { direction: string; content: { text?: string } }[] };
  const { items } = await world.owner.get<Said>(`/conversations/${id}/messages`);
  return items.filter((one) => one.direction === 'out' || one.direction === 'note').map((one) => one.content.text ?? '');
}

async function signIn(page: Page, email: string): Promise<void> {
  await page.getByLabel('Correo').fill(email);
  await page.getByLabel('Contraseña', { exact: true }).fill(PASSWORD);
  await page.getByRole('button', { name: 'Entrar' }).click();
  await page.getByRole('button', { name: 'Online', exact: true }).waitFor();
}

test('AG-9 two tabs without a line lose nothing', async ({ world }) => {
  const person = await world.join('Ana Pérez');
  const shop = await world.shop();
  const [first, second] = [await taken(person, shop, '¿Hay yerba?'), await taken(person, shop, '¿Y bombillas?')];
  const one = await Console.open(person, `/agent/mine/${first.id}`);
  const two = await Console.open(person, `/agent/mine/${second.id}`);
  await expect(one.thread.getByText('¿Hay yerba?')).toBeVisible();
  await expect(two.thread.getByText('¿Y bombillas?')).toBeVisible();
  const context = one.page.context();
  await context.setOffline(true);
  for (const [tab, text] of [[one, 'Sí, hay yerba'], [two, 'Bombillas también']] as const) {
    await tab.composer.fill(text);
    await tab.composer.press('Enter');
    await expect(tab.thread.getByText(text)).toBeVisible();
    await expect(tab.thread.getByText('Se envía al volver la conexión')).toBeVisible();
  }
  await one.page.close();
  await context.setOffline(false);
  await expect(first.visit.messages.getByText('Sí, hay yerba')).toBeVisible();
  await expect(second.visit.messages.getByText('Bombillas también')).toBeVisible();
  const again = await Console.open(person, `/agent/mine/${first.id}`);
  await expect(again.thread.getByText('Sí, hay yerba')).toHaveCount(1);
  await expect(again.thread.getByText('Se envía al volver la conexión')).toHaveCount(0);
  expect([await said(world, first.id), await said(world, second.id)]).toEqual([['Sí, hay yerba'], ['Bombillas también']]);
});

test('AG-9 what is written into a chat whose messages could not be loaded is shown and sent', async ({ world }) => {
  const person = await world.join('Ana Pérez');
  const { id, visit } = await taken(person, await world.shop(), '¿Hay yerba?');
  const other = await Console.open(person, '/agent/mine');
  await other.page.route(`**/conversations/${id}/messages*`, (route) => route.abort());
  await other.page.goto(`/agent/mine/${id}`);
  await expect(other.thread.getByRole('heading', { name: 'Sin conexión' })).toBeVisible();
  await other.composer.fill('Sí, hay yerba');
  await other.composer.press('Enter');
  await expect(other.thread.getByText('Sí, hay yerba')).toBeVisible();
  await other.page.unroute(`**/conversations/${id}/messages*`);
  await expect(visit.messages.getByText('Sí, hay yerba')).toBeVisible();
  await other.thread.getByRole('button', { name: 'Reintentar' }).click();
  await expect(other.thread.getByText('¿Hay yerba?')).toBeVisible();
  await expect(other.thread.getByText('Sí, hay yerba')).toHaveCount(1);
});

test('AG-9 what somebody left unsent and half written is not for the next in the same browser, and waits for them', async ({ world }) => {
  const person = await world.join('Ana Pérez');
  const { id } = await taken(person, await world.shop(), '¿Hay yerba?');
  const console = await Console.open(person, `/agent/mine/${id}`);
  const context = console.page.context();
  await console.composer.fill('Borrador de Ana');
  await context.setOffline(true);
  await console.page.keyboard.press('Alt+KeyP');
  await console.page.getByLabel('Nota interna', { exact: true }).fill('Nota de Ana');
  await console.page.keyboard.press('Enter');
  await expect(console.thread.getByText('Se envía al volver la conexión')).toBeVisible();
  await person.send('DELETE', '/sessions/current');
  await context.setOffline(false);
  await expect(console.page).toHaveURL(/\/login/);

  await signIn(console.page, world.owner.email);
  await console.page.goto(`/agent/agents/${id}`);
  await expect(console.thread.getByText('¿Hay yerba?')).toBeVisible();
  await expect(console.row('¿Hay yerba?')).toBeVisible();
  await expect(console.page.getByText('Borrador de Ana')).toHaveCount(0);
  await expect(console.page.getByText('Nota de Ana')).toHaveCount(0);
  expect(await said(world, id)).toEqual([]);

  await person.send('DELETE', '/sessions/current');
  await expect(console.page).toHaveURL(/\/login/);
  await signIn(console.page, person.email);
  await console.page.goto(`/agent/mine/${id}`);
  await expect(console.composer).toHaveValue('Borrador de Ana');
  await expect.poll(async () => (await person.get<{ items: { direction: string; agent?: { name: string } }[] }>(`/conversations/${id}/messages`)).items.filter((one) => one.direction === 'note').map((one) => one.agent?.name)).toEqual(['Ana Pérez']);
});

test('AG-9 a reply to a chat that moved meanwhile is shown, not lost and not sent', async ({ world }) => {
  const [person, beto] = [await world.join('Ana Pérez'), await world.join('Beto Díaz')];
  const { id } = await taken(person, await world.shop(), '¿Hay yerba?');
  const ana = await Console.open(person, `/agent/mine/${id}`);
  const context = ana.page.context();
  await context.grantPermissions(['clipboard-read', 'clipboard-write']);
  await expect(ana.page.getByRole('complementary', { name: 'Cliente' })).toBeVisible();
  await context.setOffline(true);
  await ana.composer.fill('Te la separo');
  await ana.composer.press('Enter');
  const { epoch } = await world.owner.get<{ epoch: number }>(`/conversations/${id}`).then((c) => ('conversation' in c ? (c.conversation as { epoch: number }) : c));
  await world.owner.send('POST', `/conversations/${id}/transfer`, { to: { agent: beto.id }, seen: epoch });
  await context.setOffline(false);
  await expect(ana.page.getByText('Esta conversación no está a la vista')).toBeVisible();
  const kept = ana.page.getByRole('list', { name: '1 mensaje no se envió' });
  await expect(kept.getByText('Te la separo')).toBeVisible();
  await expect(ana.page.getByRole('complementary', { name: 'Cliente' })).toHaveCount(0);
  await expectAccessible(ana.page);
  await ana.page.getByRole('button', { name: 'Volver a la lista' }).click();
  await expect(kept.getByText('Te la separo')).toBeVisible();
  await ana.page.reload();
  await kept.getByRole('button', { name: 'Copiar' }).click();
  await expect.poll(() => ana.page.evaluate(() => navigator.clipboard.readText())).toBe('Te la separo');
  await kept.getByRole('button', { name: 'Descartar' }).click();
  await expect(kept).toHaveCount(0);
  await ana.page.reload();
  await expect(ana.page.getByText('Elegir una conversación')).toBeVisible();
  await expect(kept).toHaveCount(0);
  expect(await said(world, id)).toEqual([]);
});

test('AG-9 what was refused because the chat had been closed is sent when it is reopened', async ({ world }) => {
  const person = await world.join('Ana Pérez');
  const { id, visit } = await taken(person, await world.shop(), '¿Hay yerba?');
  const ana = await Console.open(person, `/agent/mine/${id}`);
  await expect(ana.thread.getByText('¿Hay yerba?')).toBeVisible();
  const context = ana.page.context();
  await context.setOffline(true);
  await ana.composer.fill('Sí, hay yerba');
  await ana.composer.press('Enter');
  await expect(ana.thread.getByText('Se envía al volver la conexión')).toBeVisible();
  await ana.composer.fill('Y también bombillas');
  await world.owner.send('POST', `/conversations/${id}/close`, { confirm_unanswered: true });
  await context.setOffline(false);
  await ana.thread.getByRole('button', { name: 'Reabrir y enviar' }).click();
  await expect(visit.messages.getByText('Sí, hay yerba')).toBeVisible();
  await expect(ana.thread.getByText('Sí, hay yerba')).toHaveCount(1);
  await expect(ana.composer).toHaveValue('Y también bombillas');
  expect(await said(world, id)).toEqual(['Sí, hay yerba']);
});

test('AG-9 what was half written can be copied when the chat has gone to somebody else', async ({ world }) => {
  const person = await world.join('Ana Pérez');
  const berta = await world.join('Berta Ruiz');
  const { id } = await taken(person, await world.shop(), '¿Hay yerba?');
  const ana = await Console.open(person, `/agent/mine/${id}`);
  await ana.composer.fill('Sí, tenemos de tres');
  await world.owner.send('POST', `/conversations/${id}/transfer`, { to: { agent: berta.id } });
  await expect(ana.page.getByRole('heading', { name: 'Esta conversación no está a la vista' })).toBeVisible();
  await expect(ana.page.getByText('Quedó a medio escribir')).toBeVisible();
  await expect(ana.page.getByText('Sí, tenemos de tres')).toBeVisible();
  await ana.page.getByRole('button', { name: 'Descartar' }).click();
  await expect(ana.page.getByText('Sí, tenemos de tres')).toHaveCount(0);
});

test('AG-12 a step back leaves what was searched for', async ({ world }) => {
  const page = await world.owner.page('/agent/mine');
  await page.getByRole('link', { name: /^Agentes/ }).click();
  await page.getByRole('button', { name: 'Filtros' }).click();
  const search = page.getByRole('searchbox', { name: /Buscar/ });
  await search.pressSequentially('lautaro', { delay: 60 });
  await expect(page).toHaveURL(/q=lautaro$/);
  await page.goBack();
  await expect(page).toHaveURL(/\/agent\/mine$/);
  await expect(page.getByRole('heading', { name: 'Yo', level: 1 })).toBeVisible();
});

test('AG-9 what was sent does not come back to the box, here or in another tab', async ({ world }) => {
  const person = await world.join('Ana Pérez');
  const { id } = await taken(person, await world.shop(), '¿Hay yerba?');
  const first = await Console.open(person, `/agent/mine/${id}`);
  const context = first.page.context();
  const draft = async () => (await person.get<{ body: string }>(`/conversations/${id}/draft`)).body;
  await first.composer.fill('Sí, hay');
  await expect.poll(draft).toBe('Sí, hay');
  await context.setOffline(true);
  await first.composer.press('Enter');
  await expect(first.thread.getByText('Se envía al volver la conexión')).toBeVisible();
  await first.page.close();
  await context.setOffline(false);
  const ana = await Console.open(person, `/agent/mine/${id}`);
  await expect(ana.thread.getByText('Sí, hay')).toBeVisible();
  await expect.poll(() => said(world, id)).toEqual(['Sí, hay']);
  await expect(ana.composer).toHaveValue('');
  await expect.poll(draft).toBe('');

  const other = await Console.open(person, `/agent/mine/${id}`);
  await ana.composer.fill('Sale $ 100');
  await expect(other.composer).toHaveValue('Sale $ 100');
  await ana.composer.press('Enter');
  await expect(other.composer).toHaveValue('');
  await other.composer.press('Enter');
  await other.composer.fill('Otra cosa');
  await other.composer.press('Enter');
  await expect.poll(() => said(world, id)).toEqual(['Sí, hay', 'Sale $ 100', 'Otra cosa']);
});

test('AG-9 attached files are not lost: not by a note, another chat, their number or a lost line', async ({ world }) => {
  const person = await world.join('Ana Pérez');
  const shop = await world.shop();
  const { id } = await taken(person, shop, '¿Hay yerba?');
  await taken(person, shop, '¿Y bombillas?');
  const ana = await Console.open(person, `/agent/mine/${id}`);
  const picker = ana.page.locator('input[type=file]');
  const file = (name: string) => ({ name, mimeType: 'text/plain', buffer: Buffer.from(name) });
  const drop = (name: string) => ana.page.getByRole('button', { name: `Quitar ${name}` });
  await picker.setInputFiles(Array.from({ length: 13 }, (_, i) => file(`f${i}.txt`)));
  await expect(ana.page.getByText('Van hasta 10 archivos a la vez: quedaron 3 afuera')).toBeVisible();
  await expect(drop('f9.txt')).toBeVisible();
  await expect(drop('f10.txt')).toHaveCount(0);
  for (let i = 1; i < 10; i += 1) await drop(`f${i}.txt`).click();
  await ana.row('bombillas').click();
  await expect(ana.thread.getByText('¿Y bombillas?')).toBeVisible();
  await expect(drop('f0.txt')).toHaveCount(0);
  await ana.page.goBack();
  await expect(drop('f0.txt')).toBeVisible();

  await ana.page.keyboard.press('Alt+KeyP');
  await ana.page.getByLabel('Nota interna', { exact: true }).fill('Mandarle esto');
  await ana.page.keyboard.press('Enter');
  await expect(ana.thread.getByRole('link', { name: /f0\.txt/ })).toBeVisible();
  await expect(ana.thread.getByText('Mandarle esto')).toBeVisible();
  await expect(drop('f0.txt')).toHaveCount(0);

  await ana.page.context().setOffline(true);
  await picker.setInputFiles(file('lista.txt'));
  const again = ana.page.getByRole('button', { name: 'Volver a subir lista.txt' });
  await expect(again).toBeVisible();
  await ana.page.context().setOffline(false);
  await ana.composer.fill('Va la lista');
  await ana.composer.press('Enter');
  await expect(drop('lista.txt')).toBeVisible();
  await again.click();
  await expect(again).toHaveCount(0);
  await ana.composer.press('Enter');
  await expect(ana.thread.getByRole('link', { name: /lista\.txt/ })).toBeVisible();
});

test('AG-9 cells of a spreadsheet are pasted as text, not as their picture', async ({ world }) => {
  const person = await world.join('Ana Pérez');
  const { id } = await taken(person, await world.shop(), '¿Hay yerba?');
  const ana = await Console.open(person, `/agent/mine/${id}`);
  const paste = (text: string) =>
    ana.composer.evaluate((box, text) => {
      const data = new DataTransfer();
      if (text) data.setData('text/plain', text);
      data.items.add(new File([new Uint8Array([137, 80, 78, 71, 13, 10, 26, 10])], 'image.png', { type: 'image/png' }));
      return box.dispatchEvent(new ClipboardEvent('paste', { clipboardData: data, bubbles: true, cancelable: true }));
    }, text);
  expect(await paste('A1\tB1'), 'left to the browser, which inserts the text').toBe(true);
  await expect(ana.page.getByRole('button', { name: 'Quitar image.png' })).toHaveCount(0);
  expect(await paste('')).toBe(false);
  await expect(ana.page.getByRole('button', { name: 'Quitar image.png' })).toBeVisible();
});

test('AG-9 who reads further up and writes sees what they wrote', async ({ world }) => {
  const person = await world.join('Ana Pérez');
  const { id } = await taken(person, await world.shop(), '¿Hay yerba?');
  for (let i = 1; i <= 25; i += 1) {
    await person.send('POST', `/conversations/${id}/messages`, { client_id: crypto.randomUUID(), content: { type: 'text', text: `Línea ${i}` } });
  }
  const ana = await Console.open(person, `/agent/mine/${id}`);
  await expect(ana.thread.getByText('Línea 25')).toBeInViewport();
  await ana.thread.evaluate((e) => (e.scrollTop = 0));
  await expect(ana.thread.getByText('¿Hay yerba?')).toBeInViewport();
  await ana.composer.fill('Escrito desde arriba');
  await ana.composer.press('Enter');
  await expect(ana.thread.getByText('Escrito desde arriba')).toBeInViewport();
  await expect(ana.page.getByRole('button', { name: /mensajes? nuevos?/ })).toHaveCount(0);
});

test('AG-6 the arrows go on through the list, and Enter or a click go to the box', async ({ world }) => {
  const person = await world.join('Ana Pérez');
  const shop = await world.shop();
  for (const text of ['Primera consulta', 'Segunda consulta', 'Tercera consulta']) await taken(person, shop, text);
  const ana = await Console.open(person);
  await expect(ana.row('Tercera consulta')).toBeVisible();
  const list = ana.page.getByRole('listbox', { name: 'Conversaciones' });
  await list.focus();
  for (const text of ['Primera consulta', 'Segunda consulta', 'Tercera consulta']) {
    await ana.page.keyboard.press('ArrowDown');
    await expect(ana.thread.getByText(text)).toBeVisible();
    await expect(ana.composer).toBeVisible();
    await expect(list).toBeFocused();
  }
  await ana.page.keyboard.press('Enter');
  await expect(ana.composer).toBeFocused();
  await expect(ana.composer).toHaveValue('');
  await ana.row('Primera consulta').click();
  await expect(ana.thread.getByText('Primera consulta')).toBeVisible();
  await expect(ana.composer).toBeFocused();
});
