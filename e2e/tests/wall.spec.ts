import { Console } from '../support/console.js';
import { expect, expectAccessible, test } from '../support/test.js';

test('REP-11.1 the wall follows within a second: who waits, who has it, what runs out, and acts in place', async ({ world }) => {
  const sofia = await world.join('Sofía Ibarra', 'supervisor');
  await world.policy({ presence: 'online', reassign_seconds: 60, excluded: [sofia.id] });
  const wall = await sofia.page('/dashboard/wall');
  await expect(wall.getByRole('heading', { name: 'Tablero en vivo' })).toBeVisible();
  const visit = await (await world.shop()).visit();
  const queue = wall.getByRole('region', { name: 'Cola por grupo' });
  const now = wall.getByRole('region', { name: 'Ahora' });
  await visit.write('¿Hacen envíos a Bariloche?');
  await expect(queue.getByText('Nadie online')).toBeVisible();
  await expect(now.getByRole('link', { name: /En cola 1/ })).toBeVisible();

  const begun = Date.now();
  const ana = await Console.open(await world.join('Ana Pérez'));
  await expect(ana.row('Bariloche')).toBeVisible();
  const clocks = wall.getByRole('region', { name: 'Relojes' });
  await expect(clocks.getByText('Con tiempo')).toBeVisible({ timeout: Math.max(1_000, 10_000 - (Date.now() - begun)) });
  await expect(wall.getByRole('row', { name: /Ana Pérez Online/ })).toBeVisible();
  await expectAccessible(wall);

  // Whisper: a note that only agents see.
  await clocks.getByRole('button', { name: /Acciones para el chat/ }).click();
  await wall.getByRole('menuitem', { name: 'Susurrar…' }).click();
  await wall.getByLabel('Nota para quien atiende').fill('Ofrecele el envío gratis.');
  await expectAccessible(wall);
  await wall.getByRole('button', { name: 'Susurrar', exact: true }).click();
  await ana.row('Bariloche').click();
  await expect(ana.thread.getByText('Ofrecele el envío gratis.')).toBeVisible();
  await expect(visit.messages.getByText('Ofrecele el envío gratis.')).toHaveCount(0);

  // The explanation, in place.
  await clocks.getByRole('button', { name: /Acciones para el chat/ }).click();
  await wall.getByRole('menuitem', { name: 'Ver por qué' }).click();
  await expect(wall.getByRole('dialog').getByText('Qué se decidió')).toBeVisible();
  await wall.getByRole('dialog').getByRole('button', { name: 'Cerrar' }).last().click();

  // Take over.
  await clocks.getByRole('button', { name: /Acciones para el chat/ }).click();
  await wall.getByRole('menuitem', { name: 'Tomar' }).click();
  await expect(ana.row('Bariloche')).toHaveCount(0);
  await expect(wall.getByRole('row', { name: /Sofía Ibarra/ })).toContainText('1');

  // The state of an agent, in place.
  await wall.getByRole('button', { name: 'Acciones para Ana Pérez' }).click();
  await wall.getByRole('menuitemradio', { name: 'Poner Ausente' }).click();
  await wall.getByRole('dialog').getByRole('button', { name: 'Poner Ausente' }).click();
  await expect(wall.getByRole('row', { name: /Ana Pérez Ausente/ })).toBeVisible();
});

test('REP-11 a screen in the room shows the wall by its link, and nothing once it is revoked', async ({ world, browser }) => {
  await world.policy({ presence: 'online', reassign_seconds: 60 });
  const ana = await Console.open(await world.join('Ana Pérez'));
  const visit = await (await world.shop()).visit();
  await visit.write('Hola, soy Renata');
  await expect(ana.row('soy Renata')).toBeVisible();
  const wall = await world.owner.page('/dashboard/wall');
  await wall.getByRole('button', { name: 'Pantalla de sala' }).click();
  await wall.getByLabel('¿Qué pantalla es?').fill('Sala');
  await wall.getByLabel('Mostrar los nombres de los agentes').check();
  await wall.getByRole('button', { name: 'Crear enlace' }).click();
  const address = await wall.getByRole('dialog').getByText(/\/wall\//).textContent();
  await expectAccessible(wall);

  const room = await browser.newContext();
  const tv = await room.newPage();
  await tv.goto(new URL(address ?? '').pathname.replace(/^/, world.server.url));
  await expect(tv.getByRole('heading', { name: 'Aurora Mates' })).toBeVisible();
  await expect(tv.getByRole('region', { name: 'Agentes' }).getByText('Ana')).toBeVisible();
  await expect(tv.getByText('Renata')).toHaveCount(0);
  await expectAccessible(tv);

  await wall.getByRole('button', { name: 'Revocar el enlace Sala' }).click();
  await expect(tv.getByRole('heading', { name: 'Este enlace ya no muestra nada' })).toBeVisible();
  await room.close();
});

test('CP-1.1 an agent who opens the panel lands in the console with a notice', async ({ world }) => {
  const ana = await world.join('Ana Pérez');
  const page = await ana.page('/dashboard');
  await expect(page).toHaveURL(/\/agent/);
  await expect(page.getByText('El panel de control es para supervisores y administradores.')).toBeVisible();
  await page.goto(`${world.server.url}/dashboard/wall`);
  await expect(page).toHaveURL(/\/agent/);
});

test('CP-1.2 a setting is found by its name in any language, and its page shows and marks it', async ({ world }) => {
  const page = await world.owner.page('/dashboard/home');
  await expect(page.getByRole('heading', { level: 1, name: 'Inicio' })).toBeVisible();
  for (const word of ['rotación', 'rotation', 'rotação']) {
    await page.keyboard.press('Control+k');
    await page.getByRole('combobox', { name: 'Buscar en la configuración' }).fill(word);
    await expect(page.getByRole('option', { name: /Reasignar por tiempo/ })).toBeVisible();
    await expectAccessible(page);
    await page.keyboard.press('Enter');
    await expect(page).toHaveURL(/\/dashboard\/assignment\?field=reassign/);
    const field = page.locator('[data-setting="reassign"]');
    await expect(field).toHaveClass(/is-found/);
    await expect(field).toBeInViewport();
    await page.goto(`${world.server.url}/dashboard/home`);
    await expect(page.getByRole('heading', { level: 1, name: 'Inicio' })).toBeVisible();
  }
});

test('CP-1 each tile of the home opens the list it counts', async ({ world }) => {
  const visit = await (await world.shop()).visit();
  await visit.write('¿Hay alguien?');
  const page = await world.owner.page('/dashboard');
  await expect(page).toHaveURL(/\/dashboard\/home/);
  await expect(page.getByRole('link', { name: /Esperan ahora 1/ })).toBeVisible();
  await expect(page.getByRole('link', { name: /Tienda.*funciona/ })).toBeVisible();
  await expectAccessible(page);
  await page.getByRole('link', { name: /Envíos fallidos 0/ }).click();
  await expect(page.getByRole('heading', { name: 'Todo llegó' })).toBeVisible();
  await page.goBack();
  await page.getByRole('link', { name: /Esperan ahora/ }).click();
  await expect(page).toHaveURL(/\/agent\/unassigned/);
});

test('REP-11 AG-12 the number of owed answers opens exactly those chats', async ({ world }) => {
  const ana = await Console.open(await world.join('Ana Pérez'));
  const shop = await world.shop();
  for (const text of ['¿Hay yerba?', '¿Y bombillas?']) {
    await (await shop.visit()).write(text);
    await ana.page.goto(`${world.server.url}/agent/unassigned`);
    await ana.row(text).click();
    await ana.button('Asignarme').click();
  }
  await ana.composer.fill('Sí, hay');
  await ana.composer.press('Enter');
  await expect(ana.thread.getByText('Sí, hay')).toBeVisible();
  const page = await world.owner.page('/dashboard/wall');
  await page.getByRole('link', { name: /Deben respuesta 1/ }).click();
  await expect(page).toHaveURL(/\/agent\/agents\?owed=true/);
  const list = page.getByRole('listbox', { name: 'Conversaciones' });
  await expect(list.getByRole('option')).toHaveCount(1);
  await expect(list.getByRole('option', { name: /Hay yerba/ })).toBeVisible();
  // It leaves the list when it is answered, and all are there without the filter.
  await expectAccessible(page);
  await ana.page.goto(`${world.server.url}/agent/mine`);
  await ana.row('yerba').click();
  await ana.composer.fill('También');
  await ana.composer.press('Enter');
  await expect(list.getByRole('option')).toHaveCount(0);
  await page.getByRole('button', { name: 'Deben respuesta' }).click();
  await expect(list.getByRole('option')).toHaveCount(2);
});

test('REP-7.1 the page says the largest difference between equally available agents, and its numbers open their lists', async ({ world }) => {
  await world.join('Ana Pérez');
  await world.join('Beto Díaz');
  await world.policy({ presence: 'any', reassign_seconds: 600, limit: null, excluded: [world.owner.id] });
  const shop = await world.shop();
  for (const text of ['uno', 'dos', 'tres', 'cuatro']) await (await shop.visit()).write(text);
  await expect.poll(async () => (await world.owner.get<{ agents: { active: number } }>('/conversations/counts')).agents.active).toBe(4);
  const page = await world.owner.page('/dashboard/reports/fairness');
  await expect(page.getByText('Entre agentes igualmente disponibles la diferencia máxima fue 1.')).toBeVisible();
  const ana = page.getByRole('row', { name: /Ana Pérez/ });
  await expect(ana).toContainText('50 %');
  await page.getByRole('link', { name: /^Ana Pérez, Ofrecidas: 2/ }).click();
  await expect(page.getByRole('heading', { level: 1, name: /Ana Pérez/ })).toBeVisible();
  // The two that were Ana's, under the line with the names of the columns.
  await expect(page.getByRole('row')).toHaveCount(3);
});

test('REP-8 a promise is made, shown where it waits, and counted', async ({ world, server }) => {
  const page = await world.owner.page('/dashboard/service-levels');
  await page.getByRole('button', { name: 'Nuevo objetivo' }).click();
  await page.getByLabel('Minutos', { exact: true }).fill('1');
  await page.getByText('Tiempo corrido').click();
  await expectAccessible(page);
  await page.getByRole('button', { name: 'Guardar' }).click();
  await expect(page.getByRole('row', { name: /Primera respuesta/ })).toContainText('1:00');
  const ana = await Console.open(await world.join('Ana Pérez'), '/agent/unassigned');
  await (await (await world.shop()).visit()).write('¿Cuánto sale?');
  await expect(ana.row('¿Cuánto sale?')).toBeVisible();
  await server.advance(62);
  // The page learns of another time when it loads.
  await ana.page.reload();
  await expect(ana.row('¿Cuánto sale?').getByText(/Vencida hace/)).toHaveCount(1);
  const wall = await world.owner.page('/dashboard/wall');
  await expect(wall.getByRole('region', { name: 'Relojes' }).getByText('Objetivos por vencer')).toBeVisible();
});

test('REP-11.3 a pause freezes the clocks, is seen by everybody who looks, and ends in place', async ({ world }) => {
  await world.policy({ presence: 'online', reassign_seconds: 60 });
  const ana = await Console.open(await world.join('Ana Pérez'));
  await (await (await world.shop()).visit()).write('¿Hay stock?');
  await expect(ana.row('¿Hay stock?')).toBeVisible();
  const wall = await world.owner.page('/dashboard/wall');
  await wall.getByRole('button', { name: 'Pausar rotación' }).click();
  await wall.getByRole('button', { name: '30 minutos' }).click();
  await expectAccessible(wall);
  await wall.getByRole('button', { name: 'Pausar', exact: true }).click();
  await expect(wall.getByText(/En pausa, faltan (30|29):/)).toBeVisible();
  await wall.getByRole('button', { name: 'Reanudar la rotación de Todos los grupos' }).click();
  await expect(wall.getByText(/En pausa, faltan/)).toHaveCount(0);
});
