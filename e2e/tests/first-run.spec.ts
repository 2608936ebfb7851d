import { expect, expectAccessible, test } from '../support/test.js';

test('DEV-9 the page of the API opens in a browser and lists what people may ask', async ({ page }) => {
  await page.goto('/api/docs');
  await expect(page.getByRole('heading', { name: 'Ronda API' })).toBeVisible();
  await expect(page.getByText('/api/v1/sessions', { exact: true }).first()).toBeVisible();
});

test('PLAT-8 AG-2 whoever can read the server’s output makes the first workspace, signs out and in again', async ({ page, server }) => {
  await page.goto('/');
  await expect(page.getByRole('heading', { name: 'Primera vez en Ronda' })).toBeVisible();
  await expectAccessible(page);

  await page.getByLabel('Código de instalación').fill('AAAA-AAAA');
  await page.getByLabel('Nombre de la empresa').fill('Aurora Mates');
  await page.getByLabel('Nombre y apellido').fill('Olga Núñez');
  await page.getByLabel('Correo').fill('olga@example.com');
  await page.getByLabel('Contraseña', { exact: true }).fill('una ronda de mates');
  await page.getByRole('button', { name: 'Crear el espacio' }).click();
  await expect(page.getByLabel('Código de instalación')).toHaveAttribute('aria-invalid', 'true');
  await expect(page.getByLabel('Nombre de la empresa')).toHaveValue('Aurora Mates');
  await expectAccessible(page);

  await page.getByLabel('Código de instalación').fill(server.setupCode);
  await page.getByRole('button', { name: 'Crear el espacio' }).click();
  await expect(page).toHaveURL(/\/dashboard/);

  await page.context().clearCookies();
  await page.goto('/agent');
  await expect(page).toHaveURL(/\/login\?next=/);
  await expect(page.getByRole('heading', { name: 'Hola de nuevo' })).toBeVisible();
  await expectAccessible(page);
  await page.getByLabel('Correo').fill('olga@example.com');
  await page.getByLabel('Contraseña', { exact: true }).fill('una ronda de te');
  await page.getByRole('button', { name: 'Entrar' }).click();
  await expect(page.getByText('El correo y la contraseña no coinciden.')).toBeVisible();
  await page.getByLabel('Contraseña', { exact: true }).fill('una ronda de mates');
  await page.getByRole('button', { name: 'Entrar' }).click();
  await expect(page).toHaveURL(/\/agent/);
});

for (const [name, scheme, width] of [
  ['a dark phone', 'dark', 390],
  ['a bright tablet', 'light', 1024],
] as const) {
  test(`G12 the first page is accessible on ${name}`, async ({ page }) => {
    await page.emulateMedia({ colorScheme: scheme, reducedMotion: 'reduce' });
    await page.setViewportSize({ width, height: 844 });
    await page.goto('/setup');
    await expect(page.getByRole('button', { name: 'Crear el espacio' })).toBeVisible();
    await expectAccessible(page);
  });
}
