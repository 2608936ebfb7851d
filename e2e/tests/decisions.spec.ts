import { Console } from '../support/console.js';
import { expect, expectAccessible, test } from '../support/test.js';

test('CORE-7 CP-11 a supervisor reads why a chat moved, makes the decision again and follows it to the chat', async ({ world, server }) => {
  await world.policy({ presence: 'online', reassign_seconds: 60 });
  const ana = await Console.open(await world.join('Ana Pérez'));
  await (await (await world.shop()).visit()).write('¿Tienen yerba sin palo?');
  await expect(ana.row('yerba sin palo')).toBeVisible();
  // Nobody else was there; now somebody is, and Ana does not answer.
  const beto = await Console.open(await world.join('Beto Díaz'));
  await server.advance(65);
  await expect(beto.row('yerba sin palo')).toBeVisible();
  await expect(ana.row('yerba sin palo')).toHaveCount(0);

  const sofia = await world.join('Sofía Ibarra', 'supervisor');
  const page = await sofia.page('/dashboard/decisions');
  await expect(page.getByText(/Registro íntegro y sin huecos/)).toBeVisible();
  await page.getByRole('combobox', { name: 'Motivo' }).selectOption('no_answer');
  const line = page.getByRole('button', { name: /Pasó de Ana Pérez a Beto Díaz: no respondió en/ });
  await expect(line).toHaveCount(1);
  await expect(page.getByRole('button', { name: /entró en la cola/ })).toHaveCount(0);
  await line.click();

  // The counts add up, on screen.
  const sum = (await page.locator('.sum-line b').textContent()) ?? '';
  const [total, parts] = sum.split('=').map((side) => side.trim());
  expect(Number(total)).toBeGreaterThan(0);
  expect((parts ?? '').split('+').reduce((all, n) => all + Number(n), 0)).toBe(Number(total));

  await page.getByRole('button', { name: 'Rehacer esta decisión' }).click();
  await expect(page.getByText('Rehecha desde el estado guardado: el resultado es el mismo.')).toBeVisible();
  // Who was considered and why not, by name: the one who had it already.
  await expect(page.locator('.fn .who').filter({ hasText: 'Ana' })).toBeVisible();
  await expectAccessible(page);

  await page.getByRole('combobox', { name: 'Motivo' }).selectOption('');
  await page.getByRole('combobox', { name: 'Agente' }).selectOption({ label: 'Ana Pérez' });
  const turn = page.getByRole('button', { name: /Turno de Ana Pérez:/ });
  await expect(turn).toHaveCount(1);
  await page.getByRole('combobox', { name: 'Cuándo' }).selectOption({ label: 'Hoy' });
  await expect(page).toHaveURL(/range=today/);
  await turn.click();
  await page.locator('.dec').filter({ has: turn }).getByRole('link', { name: 'Abrir conversación' }).click();
  await expect(page.getByLabel('Mensajes', { exact: true }).getByText('¿Tienen yerba sin palo?')).toBeVisible();
});

test('CP-11 filters that nothing fits say so, and an agent has no log of the others', async ({ world }) => {
  await world.policy({ reassign_seconds: 600 });
  const ana = await world.join('Ana Pérez');
  const console_ = await Console.open(ana);
  await (await (await world.shop()).visit()).write('Hola');
  await expect(console_.row('Hola')).toBeVisible();
  const page = await world.owner.page('/dashboard/decisions?act=decline');
  await expect(page.getByText('Ninguna decisión con estos filtros')).toBeVisible();

  await console_.row('Hola').click();
  await console_.page.getByRole('button', { name: /^Por qué yo/ }).click();
  await expect(console_.page.getByText(/Turno de/).first()).toBeVisible();
  await expect(ana.get('/routing-decisions')).rejects.toThrow(/403/);
});
