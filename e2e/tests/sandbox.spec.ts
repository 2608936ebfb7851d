import { Console } from '../support/console.js';
import { Server } from '../support/server.js';
import { Simulator } from '../support/simulator.js';
import { expect, expectAccessible, test } from '../support/test.js';
import { World } from '../support/world.js';

const KEY = 'una palabra del operador';
/** Source: spec PS-1, check 1. */
const PROMISED_MS = 10_000;

test('PS-1.1 from one click without Meta to an answered chat', async ({ browser }) => {
  const simulator = await Simulator.sandbox(KEY);
  const server = await Server.start({ RONDA_SANDBOX_URL: simulator.url, RONDA_SANDBOX_KEY: KEY });
  const world = await World.begin(server, browser);
  try {
    const page = await world.owner.page('/dashboard/channels');
    await page.getByRole('button', { name: 'Probar sin Meta' }).click();
    const clicked = Date.now();
    await expect(page.getByRole('heading', { level: 1, name: 'Número de prueba' })).toBeVisible();
    await expect(page.getByText('Simulada', { exact: true }).first()).toBeVisible();
    await expectAccessible(page);
    const phone = page.getByRole('link', { name: 'Abrir el teléfono' });
    const telephone = (await phone.getAttribute('href')) ?? '';
    await page.getByRole('link', { name: 'Responder en la consola' }).click();
    const row = page.getByRole('option').filter({ hasText: 'cliente simulado' });
    await expect(row).toBeVisible({ timeout: PROMISED_MS });
    expect(Date.now() - clicked).toBeLessThan(PROMISED_MS);
    await row.click();
    await page.getByRole('button', { name: 'Asignarme', exact: true }).first().click();
    const composer = page.getByPlaceholder('Escribir un mensaje');
    await composer.fill('¡Hola! La escucho.');
    await composer.press('Enter');
    await expect(page.getByLabel('Mensajes', { exact: true }).getByText('¡Hola! La escucho.')).toBeVisible();

    // On the customer's telephone.
    const customer = await (await browser.newContext({ locale: 'es-AR' })).newPage();
    await customer.goto(telephone);
    await customer.getByText('Cliente de prueba').first().click();
    await expect(customer.getByText('¡Hola! La escucho.').first()).toBeVisible();

    // A second click opens the number that is there.
    const again = await world.owner.page('/dashboard/channels');
    await expect(again.getByText('Ya está listo: Número de prueba.')).toBeVisible();
    await again.getByRole('button', { name: 'Probar sin Meta' }).click();
    await expect(again.getByRole('heading', { level: 1, name: 'Número de prueba' })).toBeVisible();
    expect((await world.owner.get<{ items: unknown[] }>('/channel-accounts')).items).toHaveLength(1);
    await customer.context().close();
  } finally {
    await world.end();
    await server.stop();
    await simulator.stop();
  }
});

test('PS-2.1 without a sandbox the button says how the operator switches it on', async ({ world }) => {
  const page = await world.owner.page('/dashboard/channels');
  const button = page.getByRole('button', { name: 'Probar sin Meta' });
  await expect(button).toBeDisabled();
  await expect(button).toHaveAccessibleDescription(/ronda simulator --sandbox-key/);
  await expectAccessible(page);
});

test('REP-7 every number of the report opens what it counts', async ({ world }) => {
  await world.policy({ reassign_seconds: 600 });
  const ana = await Console.open(await world.join('Ana Pérez'));
  await (await (await world.shop()).visit()).write('Hola, ¿hay stock?');
  await ana.row('¿hay stock?').click();
  await ana.composer.fill('Sí, hay');
  await ana.composer.press('Enter');
  await expect(ana.thread.getByText('Sí, hay')).toBeVisible();

  const page = await world.owner.page('/dashboard/reports/fairness');
  await expectAccessible(page);
  for (const [name, lines] of [
    [/^Ana Pérez, Disponible/, 1],
    [/^Ana Pérez, Ofrecidas: 1/, 1],
    [/^Ana Pérez, Respondidas: 1/, 1],
    [/^Ana Pérez, Recibió %: 100 %/, 1],
    [/^Ana Pérez, Hueco más largo/, 1],
  ] as const) {
    await page.getByRole('link', { name }).click();
    await expect(page.getByRole('heading', { level: 1, name: /Ana Pérez/ })).toBeVisible();
    await expect(page.getByRole('row')).toHaveCount(lines + 1);
    await page.goBack();
  }
  await page.getByRole('link', { name: /^Ana Pérez, Respondidas/ }).click();
  await expectAccessible(page);
  await page.getByRole('link', { name: /^#1/ }).click();
  await expect(page.getByLabel('Mensajes', { exact: true }).getByText('Sí, hay')).toBeVisible();
});

test('CORE-5 a text longer than the channel goes in pieces, in order', async ({ world, simulator }) => {
  await world.policy({ reassign_seconds: 600 });
  await simulator.connect(world.owner);
  await simulator.writes('5491155552009', 'Necesito todo el detalle');
  const ana = await Console.open(await world.join('Ana Pérez'));
  await ana.row('todo el detalle').click();
  const part = (n: number) => `Parte ${n}. ${'Lorem ipsum dolor sit amet. '.repeat(130)}`.trim();
  await ana.composer.fill([part(1), part(2), part(3)].join('\n\n'));
  await expect(ana.page.getByRole('button', { name: 'Enviar', exact: true })).toBeDisabled();
  await ana.page.getByRole('button', { name: 'Enviar en 3 mensajes' }).click();
  await expect(ana.composer).toHaveValue('');
  const { items } = await world.owner.get<{ items: { id: number }[] }>('/conversations?tray=agents');
  type Sent = { direction: string; status: string; content: { text: string } };
  const sent = async () => (await world.owner.get<{ items: Sent[] }>(`/conversations/${items[0]?.id}/messages?limit=50`)).items.filter((one) => one.direction === 'out');
  await expect.poll(async () => (await sent()).map((one) => [one.content.text.slice(0, 8), one.content.text.length <= 4_096])).toEqual([
    ['Parte 1.', true],
    ['Parte 2.', true],
    ['Parte 3.', true],
  ]);
});
