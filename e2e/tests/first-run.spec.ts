import { expect, test } from '../support/test.js';

test('DEV-9 the page of the API opens in a browser and lists what people may ask', async ({ page }) => {
  await page.goto('/api/docs');
  await expect(page.getByRole('heading', { name: 'Ronda API' })).toBeVisible();
  await expect(page.getByText('/api/v1/sessions', { exact: true }).first()).toBeVisible();
});

test('PLAT-8 the first run needs the code of the server, and then there is an owner who signs in', async ({ request, server }) => {
  const ours = { 'X-Ronda': '1', Origin: server.url };
  const owner = {
    name: 'Olga Núñez',
    email: 'olga@example.com',
    password: 'correct horse battery',
    workspace_name: 'Acme',
  };
  expect(await (await request.get('/api/v1/setup')).json()).toEqual({ needed: true });

  const guessed = await request.post('/api/v1/setup', { headers: ours, data: { ...owner, code: 'AAAA-AAAA' } });
  expect(guessed.status()).toBe(422);
  expect((await guessed.json()).errors).toMatchObject([{ pointer: '/code', code: 'wrong_code' }]);

  const done = await request.post('/api/v1/setup', { headers: ours, data: { ...owner, code: server.setupCode } });
  expect(done.status(), await done.text()).toBe(201);
  expect(await (await request.get('/api/v1/setup')).json()).toEqual({ needed: false });
  expect((await (await request.get('/api/v1/sessions/current')).json()).account.email).toBe(owner.email);
});
