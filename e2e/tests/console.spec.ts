import { chromium } from '../support/chromium.js';
import { Console } from '../support/console.js';
import { expect, expectAccessible, test } from '../support/test.js';

test('AG-6.4 a reload keeps tray, state, filters, order and scroll', async ({ world, server }) => {
  const person = await world.join('Ana Pérez');
  const shop = await world.shop();
  const key = await siteKey(world.owner, shop.id);
  for (let i = 1; i <= 60; i += 1) {
    // One address may ask only so often.
    if (i % 20 === 0) await server.advance(20);
    await write(world.server.url, key, `Consulta ${i}`);
  }
  const ana = await Console.open(person, `/agent/unassigned?channel=${shop.id}`);
  await ana.page.getByRole('button', { name: 'Orden', exact: true }).click();
  await ana.page.getByRole('menuitemradio', { name: /Última actividad/ }).click();
  await expect(ana.row('Consulta 60')).toBeVisible();
  const list = ana.page.getByRole('listbox', { name: 'Conversaciones' });
  await list.hover();
  await ana.page.mouse.wheel(0, 2_600);
  await expect.poll(() => list.evaluate((e) => e.scrollTop)).toBeGreaterThan(2_400);
  await ana.page.mouse.move(0, 0);
  // What is in view is drawn once the wheel rests.
  await expect(ana.row('Consulta 18')).toBeVisible();
  const before = await list.evaluate((e) => e.scrollTop);
  const address = ana.page.url();
  await ana.page.reload();
  await expect(ana.row('Consulta 18')).toBeVisible();
  expect(ana.page.url()).toBe(address);
  await expect.poll(async () => Math.abs((await list.evaluate((e) => e.scrollTop)) - before)).toBeLessThan(2);
  await expect(ana.page.getByRole('heading', { name: 'Sin asignar' })).toBeVisible();
  await expect(ana.page.getByRole('tab', { name: /^Activos/ })).toHaveAttribute('aria-selected', 'true');
});

test('AG-6 a chat that is assigned while an older list is on its way is in the list', async ({ world }) => {
  await world.policy({ reassign_seconds: 600 });
  const person = await world.join('Ana Pérez');
  const shop = await world.shop();
  const ana = await Console.open(person);
  let older!: () => void;
  const held = new Promise<void>((done) => (older = done));
  let asked!: () => void;
  const read = new Promise<void>((done) => (asked = done));
  await ana.page.route(/\/api\/v1\/conversations\?.*tray=mine/, async (route) => {
    const response = await route.fetch();
    expect((await response.json()).items).toEqual([]);
    asked();
    await held;
    await route.fulfill({ response });
  }, { times: 1 });
  await ana.page.reload();
  await read;
  await (await shop.visit()).write('Llegó justo ahora');
  type Page = { items: unknown[] };
  await expect.poll(async () => (await person.get<Page>('/conversations?tray=mine')).items.length).toBe(1);
  // The stream has told of it before the older answer comes.
  await expect(ana.page.getByRole('link', { name: /^Yo/ }).first()).toContainText('1');
  older();
  await expect(ana.row('Llegó justo ahora')).toBeVisible();
});

test('PLAT-3.3 the language changes without a reload, and what was being written is still there', async ({ world }) => {
  const ana = await Console.open(await world.join('Ana Pérez'), '/agent/unassigned');
  const visit = await (await world.shop()).visit();
  await visit.write('¿Tienen bombillas de alpaca?');
  await ana.row('bombillas').click();
  await ana.button('Asignarme').click();
  await ana.composer.fill('Sí, tenemos ');
  await ana.page.evaluate(() => Object.assign(window, { same: true }));
  await ana.page.getByRole('link', { name: /cuenta|Panel/ }).last().click();
  await ana.page.getByLabel('Idioma').selectOption('en');
  await expect(ana.page.getByRole('heading', { name: 'My account' })).toBeVisible();
  await ana.page.goBack();
  const box = ana.page.getByPlaceholder('Write a message');
  await expect(box).toHaveValue('Sí, tenemos ');
  expect(await ana.page.evaluate(() => 'same' in window)).toBe(true);
  await box.press('End');
  await box.pressSequentially('dos');
  await box.press('Enter');
  await expect(visit.messages.getByText('Sí, tenemos dos')).toBeVisible();
});

test('PLAT-3.3 the language of one person is not that of the next in the same browser', async ({ world }) => {
  const page = await (await world.join('Ana Pérez')).page('/dashboard/account');
  await page.getByLabel('Nombre y apellido').fill('Ana María');
  await page.getByLabel('Idioma').selectOption('en');
  await expect(page.getByRole('heading', { name: 'My account' })).toBeVisible();
  await expect(page.getByLabel('Full name'), 'what is being typed stays').toHaveValue('Ana María');
  await page.getByRole('button', { name: 'Save', exact: true }).first().click();
  await expect(page.getByRole('button', { name: 'Save', exact: true }).first()).toBeDisabled();
  const berta = await world.join('Berta Ruiz');
  await page.context().addCookies((await berta.api.storageState()).cookies);
  await page.goto(`${world.server.url}/dashboard/account`);
  await expect(page.getByRole('heading', { name: 'Mi cuenta' })).toBeVisible();
  await expect(page.getByLabel('Nombre y apellido')).toHaveValue('Berta Ruiz');
});

test('AG-9.3 many are closed at once, and undone within ten seconds nothing has happened', async ({ world }) => {
  const person = await world.join('Ana Pérez');
  const shop = await world.shop();
  const key = await siteKey(world.owner, shop.id);
  for (let i = 1; i <= 6; i += 1) await write(world.server.url, key, `Consulta ${i}`);
  const ana = await Console.open(person, '/agent/unassigned');
  await expect(ana.row('Consulta 6')).toBeVisible();
  await ana.page.getByRole('button', { name: 'Seleccionar varias' }).click();
  await ana.row('Consulta 1').click();
  await ana.row('Consulta 2').click();
  await expect(ana.page.getByText('2 seleccionadas')).toBeVisible();
  await expectAccessible(ana.page);
  await ana.page.getByRole('toolbar').getByRole('button', { name: 'Asignarme' }).click();
  await ana.page.getByRole('button', { name: 'Deshacer' }).click();
  await expect(ana.row('Consulta 1')).toBeVisible();
  const take = async (id: number) => person.send('POST', `/conversations/${id}/take`, {});
  for (const id of [1, 2, 3]) await take(id);
  await ana.tray('Yo');
  await expect(ana.row('Consulta 3')).toBeVisible();
  await ana.page.getByRole('button', { name: 'Seleccionar varias' }).click();
  await ana.page.getByRole('button', { name: 'Todas', exact: true }).click();
  await expect(ana.page.getByText('3 seleccionadas')).toBeVisible();
  const close = async () => {
    await ana.page.getByRole('toolbar').getByRole('button', { name: 'Cerrar' }).click();
    await expectAccessible(ana.page);
    await ana.dialog.getByLabel('Por qué se cierran así').fill('Prueba');
    await ana.confirm('Cerrar');
    await expect(ana.row('Consulta 3')).toHaveCount(0);
  };
  await close();
  await ana.page.getByRole('button', { name: 'Deshacer' }).click();
  await expect(ana.row('Consulta 3')).toBeVisible();
  const state = async () => person.get<{ mine: { active: number; closed: number } }>('/conversations/counts');
  expect((await state()).mine).toMatchObject({ active: 3, closed: 0 });
  await ana.page.getByRole('button', { name: 'Seleccionar varias' }).click();
  await ana.page.getByRole('button', { name: 'Todas', exact: true }).click();
  await close();
  // A page that goes away does not take the choice with it.
  await ana.page.close();
  await expect.poll(async () => (await state()).mine.closed).toBe(3);
});

test('AG-9 an emoji by its word, the look of what is formatted, and several files with their texts', async ({ world }) => {
  const ana = await Console.open(await world.join('Ana Pérez'), '/agent/unassigned');
  const visit = await (await world.shop()).visit();
  await visit.write('Hola, ¿hacen envíos?');
  await ana.row('envíos').click();
  await ana.button('Asignarme').click();
  await ana.composer.pressSequentially('Sale *hoy* :camio');
  await expect(ana.page.getByRole('option', { name: '🚚' })).toBeVisible();
  await ana.composer.press('Enter');
  await expect(ana.composer).toHaveValue('Sale *hoy* 🚚 ');
  await expect(ana.page.getByRole('note', { name: 'Se verá' }).locator('strong')).toHaveText('hoy');
  await expectAccessible(ana.page);
  await ana.composer.press('Enter');
  await expect(visit.messages.getByText('Sale *hoy* 🚚').or(visit.messages.getByText('Sale hoy 🚚')).first()).toBeVisible();

  const file = (name: string) => ({ name, mimeType: 'text/plain', buffer: Buffer.from(name) });
  await ana.page.locator('input[type=file]').setInputFiles([file('precios.txt'), file('talles.txt')]);
  await ana.page.getByLabel('Texto de precios.txt').fill('Lista de hoy');
  await ana.page.getByLabel('Texto de talles.txt').fill('Y los talles');
  await ana.composer.press('Enter');
  await expect(visit.messages.getByText('Lista de hoy')).toBeVisible();
  await expect(visit.messages.getByText('Y los talles')).toBeVisible();
  const texts = await visit.messages.getByRole('listitem').allInnerTexts();
  expect(texts.findIndex((text) => text.includes('Lista de hoy'))).toBeLessThan(texts.findIndex((text) => text.includes('Y los talles')));
});

test('AG-14 CORE-5.1 a conversation is begun by number, and what the channel does not carry goes as a link', async ({ world, simulator }) => {
  await world.policy({ reassign_seconds: 600 });
  await simulator.connect(world.owner);
  const person = await world.join('Ana Pérez');
  const ana = await Console.open(person);
  await ana.page.keyboard.press('Alt+KeyC');
  await expectAccessible(ana.page);
  await ana.dialog.getByLabel('Cliente o teléfono').fill('011 15 5555-2001');
  await ana.dialog.getByLabel('Nombre (opcional)').fill('Marta Ruiz');
  await ana.dialog.getByRole('button', { name: 'Elegir plantilla' }).click();
  await ana.dialog.getByText('bienvenida').first().click();
  await expect(ana.dialog.getByLabel(/1/)).toHaveValue('Marta');
  await ana.dialog.getByRole('button', { name: 'Enviar' }).click();
  await expect(ana.page.getByRole('heading', { name: 'Marta Ruiz' }).first()).toBeVisible();
  await expect(ana.page.getByRole('tab', { name: /^Salientes/ })).toHaveAttribute('aria-selected', 'true');

  await simulator.writes('5491155552001', 'Sí, quiero');
  await ana.tray('Yo');
  await ana.row('Sí, quiero').click();
  const large = Buffer.alloc(6 << 20, 1);
  large.set([0xff, 0xd8, 0xff, 0xe0]);
  await ana.page.locator('input[type=file]').setInputFiles({ name: 'foto.jpg', mimeType: 'image/jpeg', buffer: large });
  await expect(ana.page.getByText(/va como enlace/)).toBeVisible();
  await expect(ana.page.getByRole('button', { name: 'Comprimir' })).toBeVisible();
  await ana.composer.press('Enter');
  const link = ana.thread.getByRole('link', { name: /\/f\// });
  await expect(link).toBeVisible();
  const got = await fetch((await link.getAttribute('href')) ?? '');
  expect([got.status, (await got.arrayBuffer()).byteLength]).toEqual([200, 6 << 20]);

  // A reaction, seen on the customer's telephone.
  const theirs = ana.thread.getByText('Sí, quiero');
  await theirs.hover();
  await ana.thread.getByRole('button', { name: 'Reaccionar' }).nth(1).click();
  await ana.thread.getByRole('button', { name: '👍' }).click();
  await expect(ana.thread.getByText('👍').first()).toBeVisible();
});

test('AG-1 a chat is found, taken, answered, passed on and closed with the keyboard alone', async ({ world }) => {
  const ana = await Console.open(await world.join('Ana Pérez'), '/agent/unassigned');
  const beto = await Console.open(await world.join('Beto Díaz'));
  const visit = await (await world.shop()).visit();
  await visit.write('¿Hay stock del torpedo?');
  await expect(ana.row('torpedo')).toBeVisible();
  const keys = ana.page.keyboard;
  await keys.press('Alt+KeyN');
  await expect(ana.page.getByRole('region', { name: /^Conversación/ })).toBeVisible();
  await keys.press('Alt+KeyA');
  await expect(ana.composer).toBeFocused();
  await keys.type('Sí, quedan dos');
  await keys.press('Enter');
  await expect(visit.messages.getByText('Sí, quedan dos')).toBeVisible();

  await keys.press('Alt+KeyT');
  await expect(ana.dialog.getByLabel('Persona o grupo')).toBeFocused();
  await keys.type('beto');
  await keys.press('Tab');
  await expect(ana.dialog.getByRole('option', { name: /Beto Díaz/ })).toBeFocused();
  const ring = await ana.page.evaluate(() => getComputedStyle(document.activeElement ?? document.body).outlineStyle);
  expect(ring, 'what has the focus is marked').toBe('solid');
  await keys.press('Enter');
  await keys.press('Tab');
  await expect(ana.dialog.getByRole('checkbox', { name: 'Que vuelva a mí si no responde' })).toBeFocused();
  await keys.press('Tab');
  await keys.type('Ya le dije que quedan dos');
  await keys.press('Tab');
  await keys.press('Tab');
  await expect(ana.dialog.getByRole('button', { name: 'Derivar' })).toBeFocused();
  await keys.press('Enter');
  await expect(beto.row('Sí, quedan dos')).toBeVisible();

  await beto.page.keyboard.press('Alt+KeyJ');
  await expect(beto.thread.getByText('Ya le dije que quedan dos')).toBeVisible();
  await beto.page.keyboard.press('Alt+KeyE');
  await expect(beto.dialog).toBeVisible();
  await beto.page.keyboard.press('Enter');
  await expect(beto.row('Sí, quedan dos')).toHaveCount(0);

  await keys.press('?');
  await expect(ana.dialog.getByText('Próxima que espera respuesta')).toBeVisible();
  await keys.press('Escape');
  await keys.press('Control+k');
  await keys.type('agentes');
  await expect(ana.dialog.getByRole('option', { selected: true })).toContainText('Agentes');
  await expectAccessible(ana.page);
  await keys.press('Enter');
  await expect(ana.page.getByRole('heading', { name: 'Agentes' })).toBeVisible();
});

interface Sender {
  get<T>(path: string): Promise<T>;
}

async function siteKey(owner: Sender, id: number): Promise<string> {
  return (await owner.get<{ external_id: string }>(`/channel-accounts/${id}`)).external_id;
}

/** Somebody new writes to the chat of a site, without a browser. */
async function write(server: string, key: string, text: string): Promise<void> {
  const post = async (path: string, token: string | null, body: unknown) => {
    const answer = await fetch(`${server}/chat/v1/${path}`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json', ...(token ? { Authorization: `Bearer ${token}` } : {}) },
      body: JSON.stringify(body),
    });
    if (!answer.ok) throw new Error(`${path}: ${answer.status} ${await answer.text()}`);
    return (await answer.json()) as { token: string };
  };
  const { token } = await post('visitors', null, { site_key: key });
  await post('messages', token, { client_id: crypto.randomUUID(), text });
}

test('AG-9.5 a voice note recorded in the browser arrives as ogg-opus', async ({ world, simulator, playwright, server }) => {
  await simulator.connect(world.owner);
  await simulator.writes('5491155552002', 'Hola, ¿me explican?');
  // A microphone that needs no person: Chromium's own.
  const browser = await playwright.chromium.launch({
    ...chromium.launchOptions,
    args: [...chromium.launchOptions.args, '--use-fake-ui-for-media-stream', '--use-fake-device-for-media-stream'],
  });
  const context = await browser.newContext({ baseURL: server.url, locale: 'es-AR', permissions: ['microphone'] });
  const cookies = await (await world.owner.page('/agent')).context().cookies();
  await context.addCookies(cookies);
  const page = await context.newPage();
  await page.goto('/agent/unassigned');
  await page.getByRole('option').filter({ hasText: '¿me explican?' }).click();
  await page.getByRole('button', { name: 'Asignarme', exact: true }).first().click();
  await page.getByRole('button', { name: 'Grabar un mensaje de voz' }).click();
  await expect(page.getByText(/Grabando 0:0[1-9]/)).toBeVisible();
  await page.getByRole('button', { name: 'Enviar la grabación' }).click();
  const player = page.getByLabel('Mensajes', { exact: true }).locator('audio');
  await expect(player).toHaveCount(1);
  const { items } = await world.owner.get<{ items: { id: number }[] }>('/conversations?tray=mine');
  const path = `/conversations/${items[0]?.id}/messages`;
  type Sent = { direction: string; status: string; content: { type: string; voice?: boolean; mime: string; file: string } };
  const voice = async () => (await world.owner.get<{ items: Sent[] }>(path)).items.find((one) => one.direction === 'out');
  await expect.poll(async () => (await voice())?.status).toBe('delivered');
  const sent = await voice();
  expect(sent?.content).toMatchObject({ type: 'audio', voice: true, mime: 'audio/ogg' });
  const file = await world.owner.api.get(`${server.url}/api/v1/files/${sent?.content.file}`);
  expect((await file.body()).subarray(0, 4).toString()).toBe('OggS');
  // The browser itself can play what was made.
  await player.evaluate((e: HTMLAudioElement) => {
    e.preload = 'auto';
    e.load();
  });
  await expect.poll(async () => player.evaluate((e: HTMLAudioElement) => e.duration > 0)).toBe(true);
  await browser.close();
});
