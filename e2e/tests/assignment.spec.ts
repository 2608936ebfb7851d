import { expect, expectAccessible, test } from '../support/test.js';

test('CP-11 a model keeps the excluded, a change makes it custom, and an older version comes back with one click', async ({ world }) => {
  await world.join('Ana Pérez');
  await world.join('Marta Gil', 'supervisor');
  const page = await world.owner.page('/dashboard/assignment');
  await page.getByRole('radio', { name: 'Algunos en particular' }).check();
  await page.getByRole('checkbox', { name: /Marta Gil/ }).check();
  await page.getByRole('checkbox', { name: /Olga Núñez/ }).check();
  await page.getByRole('radio', { name: /^Ventas/ }).click();
  await expect(page.getByRole('radio', { name: /^Ventas/ })).toContainText('con 2 excluidos');
  await page.getByLabel('Minutos para responder').fill('3');
  await expect(page.getByRole('radio', { name: /^Personalizada/ })).toContainText('Desde Ventas');

  // Choosing "all" with a filled list asks about the list.
  await page.getByRole('radio', { name: 'Todos los agentes' }).click();
  await expect(page.getByRole('dialog')).toContainText('2 personas están excluidas');
  await page.getByRole('button', { name: 'Conservar la lista' }).click();

  await page.getByRole('switch', { name: 'Asignación automática activa' }).check();
  await page.getByRole('button', { name: 'Guardar', exact: true }).click();
  await expect(page.getByText('Guardada la versión 1')).toBeVisible();

  await page.getByLabel('Minutos para responder').fill('5');
  await page.getByRole('button', { name: 'Guardar', exact: true }).click();
  await expect(page.getByText('Guardada la versión 2')).toBeVisible();
  await page.getByRole('button', { name: 'Versiones' }).click();
  const second = page.getByRole('listitem').filter({ hasText: 'En uso' });
  await second.getByRole('button', { name: 'Qué cambió' }).click();
  await expect(second).toContainText('tiempo 3:00 5:00');
  await expectAccessible(page);
  await page.getByRole('button', { name: 'Volver a esta' }).click();
  await expect(page.getByText('Volvió la versión 1, como versión 3')).toBeVisible();
  await expect(page.getByLabel('Minutos para responder')).toHaveValue('3');
});

test('CP-11 a group has its own time and inherits the rest', async ({ world }) => {
  await world.policy({ reassign_seconds: 600 });
  const ana = await world.join('Ana Pérez');
  const group = await world.owner.send<{ id: number }>('POST', '/groups', { name: 'Ventas', members: [ana.id] });
  const page = await world.owner.page('/dashboard/assignment');
  await page.getByLabel('Reglas de').selectOption('Ventas');
  await page.getByLabel('Minutos para responder').fill('2');
  await expect(page.getByText('Propio de este grupo:')).toBeVisible();
  await page.getByRole('button', { name: 'Guardar', exact: true }).click();
  await expect(page.getByText(/Guardada la versión/)).toBeVisible();
  interface Rules {
    policy: { reassign_seconds: number; presence: string };
  }
  expect((await world.owner.get<Rules>(`/routing-policies/current?group=${group.id}`)).policy).toMatchObject({ reassign_seconds: 120, presence: 'online' });
  expect((await world.owner.get<Rules>('/routing-policies/current')).policy.reassign_seconds).toBe(600);
});

test('CP-11 a test is written without code, runs with every change, and stops a policy that breaks it', async ({ world }) => {
  await world.policy({ reassign_seconds: 600 });
  await world.join('Ana Pérez');
  const page = await world.owner.page('/dashboard/assignment');
  await page.getByText('casos que estas reglas tienen que cumplir').click();
  await page.getByRole('button', { name: 'Agregar una prueba' }).click();
  const dialog = page.getByRole('dialog');
  await dialog.getByLabel('Qué se prueba').fill('Sin nadie online, espera');
  await dialog.getByLabel('Agregar una persona').selectOption('Ana Pérez');
  await dialog.getByLabel('Estado de Ana Pérez').selectOption('desconectado');
  await dialog.getByLabel('Porque alguien').selectOption('no está online');
  await expectAccessible(page);
  await dialog.getByRole('button', { name: 'Listo' }).click();
  await expect(page.getByText('1 pasa')).toBeVisible();
  await page.getByRole('button', { name: 'Guardar', exact: true }).click();
  await expect(page.getByText(/Guardada la versión/)).toBeVisible();

  await page.getByRole('radio', { name: /^Ventas/ }).click();
  await expect(page.getByText('1 falla', { exact: true })).toBeVisible();
  await expect(page.getByText('Le toca a Ana Pérez.')).toBeVisible();
  await page.getByRole('button', { name: 'Guardar', exact: true }).click();
  await expect(page.getByRole('dialog')).toContainText('Sin nadie online, espera');
  await page.getByRole('button', { name: 'Guardar igual' }).click();
  await expect(page.getByText('Guardada la versión 3')).toBeVisible();
});

test('REP-7.3 without enough recorded traffic the page says so and predicts nothing', async ({ world }) => {
  await world.policy({ reassign_seconds: 600 });
  const page = await world.owner.page('/dashboard/assignment');
  const again = page.getByRole('region', { name: 'Ayer, con estas reglas' });
  await expect(again).toContainText('Hay 0 chats respondidos en ese período');
  await expect(again.getByText('rotaciones')).toHaveCount(0);
});
