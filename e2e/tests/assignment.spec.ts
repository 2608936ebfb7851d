import { Console } from '../support/console.js';
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

test('CP-11 row 72: a chat goes only to who has the skill, and who waits is told what is missing', async ({ world }) => {
  const ana = await world.join('Ana Pérez');
  const page = await world.owner.page('/dashboard/skills');
  await page.getByRole('button', { name: 'Crear habilidad' }).first().click();
  await page.getByRole('dialog').getByLabel('Nombre').fill('portugués');
  await expectAccessible(page);
  await page.getByRole('dialog').getByRole('button', { name: 'Guardar' }).click();
  const card = page.getByRole('listitem').filter({ has: page.getByRole('heading', { name: 'portugués' }) });
  await expect(card).toContainText('Nadie la tiene');

  // The channel asks for it; nobody has it yet.
  const shop = await world.shop();
  await page.goto(`${world.server.url}/dashboard/channels/${shop.id}`);
  await page.getByRole('checkbox', { name: 'portugués' }).check();
  await page.getByRole('button', { name: 'Guardar', exact: true }).click();
  await expect(page.getByText('Guardado').first()).toBeVisible();
  await world.policy({ excluded: [world.owner.id] });
  const desk = await Console.open(ana, '/agent/unassigned');
  await (await shop.visit()).write('Olá, tudo bem?');
  const office = await Console.open(world.owner, '/agent/unassigned');
  await office.row('Olá, tudo bem?').click();
  await office.button('Por qué espera').click();
  await expect(office.page.getByText('0 de 2 tienen portugués')).toBeVisible();
  await expect(office.page.getByText('1 sin portugués')).toBeVisible();
  await expect(office.page.getByText('Pide portugués.')).toBeVisible();
  await expectAccessible(office.page);

  // Ana is given it, and has the chat in the same moment.
  await page.goto(`${world.server.url}/dashboard/users`);
  await page.getByRole('button', { name: 'Acciones para Ana Pérez' }).click();
  await page.getByRole('menuitem', { name: 'Editar' }).click();
  await page.getByRole('dialog').getByRole('checkbox', { name: 'portugués' }).check();
  await page.getByRole('dialog').getByRole('button', { name: 'Guardar' }).click();
  await expect(page.getByRole('row').filter({ hasText: 'Ana Pérez' })).toContainText('portugués');
  await desk.page.goto(`${world.server.url}/agent/mine`);
  await expect(desk.row('Olá, tudo bem?')).toBeVisible();
});

test('CP-11 row 73: the steps of the wait stand on one line, and what is wrong with them at their field', async ({ world }) => {
  await world.owner.send('POST', '/groups', { name: 'Soporte' });
  await world.join('Ana Pérez');
  const page = await world.owner.page('/dashboard/assignment');
  await page.getByText('Avanzado').first().click();
  await page.getByRole('button', { name: 'Agregar un paso' }).click();
  const step = page.getByRole('group', { name: 'Paso 1' });
  await step.getByLabel('Después de (s)').fill('0');
  await expect(step.getByText(/Entre 1 y 86\.?400/)).toBeVisible();
  await expect(page.getByRole('button', { name: 'Guardar', exact: true })).toBeDisabled();
  await step.getByLabel('Después de (s)').fill('90');
  // Of a number without a finding of its own the server says the same.
  await page.getByLabel('Derivaciones seguidas como máximo').fill('99999999');
  await expect(page.getByText(/Entre 0 y 100/)).toBeVisible();
  await expect(page.getByRole('button', { name: 'Guardar', exact: true })).toBeDisabled();
  await page.getByLabel('Derivaciones seguidas como máximo').fill('5');
  await step.getByRole('checkbox', { name: 'Soporte' }).check();
  await page.getByRole('switch', { name: 'Espera máxima' }).check();
  await page.getByLabel('Termina a los (s)').fill('300');
  await page.getByLabel('Qué se le dice al cliente').fill('Ya te atendemos.');
  const line = page.getByRole('list', { name: 'Línea de tiempo de la espera' });
  await expect(line).toContainText('1:30');
  await expect(line).toContainText('paso 1: también Soporte');
  await expect(line).toContainText('espera máxima: Decirle algo al cliente');
  await expectAccessible(page);
  await page.setViewportSize({ width: 390, height: 800 });
  await expect(line).toBeVisible();
  expect(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth)).toBe(true);
  await page.setViewportSize({ width: 1440, height: 900 });
  await page.getByRole('button', { name: 'Guardar', exact: true }).click();
  await expect(page.getByText('Guardada la versión 1')).toBeVisible();
  interface Rules {
    policy: { steps: unknown[]; max_wait: unknown };
  }
  const saved = await world.owner.get<Rules>('/routing-policies/current');
  expect(saved.policy.steps).toMatchObject([{ after_seconds: 90 }]);
  expect(saved.policy.max_wait).toEqual({ after_seconds: 300, action: 'tell_customer', text: 'Ya te atendemos.' });
});

test('CP-11 with four eyes a change counts when another person approves it', async ({ world }) => {
  const ana = await world.join('Ana Pérez', 'administrator');
  const workspace = await world.owner.get<{ version: number }>('/workspace');
  await world.owner.send('PATCH', '/workspace', { policy_approval: true }, workspace.version);
  const page = await world.owner.page('/dashboard/assignment');
  await page.getByRole('switch', { name: 'Asignación automática activa' }).check();
  await page.getByLabel('Minutos para responder').fill('3');
  await page.getByRole('button', { name: 'Enviar a aprobación' }).click();
  await expect(page.getByText('Espera la aprobación de otra persona')).toBeVisible();
  await expect(page.getByRole('button', { name: 'Aprobar' })).toBeDisabled();
  const other = await ana.page('/dashboard/assignment');
  await expectAccessible(other);
  await other.getByRole('button', { name: 'Aprobar' }).click();
  await expect(other.getByLabel('Minutos para responder')).toHaveValue('3');
  await expect(page.getByLabel('Minutos para responder')).toHaveValue('3');
});
