import { type BrowserContext, type Page, type Worker } from '@playwright/test';
import { expect, expectAccessible, test } from '../support/test.js';

/** As much of the inside of a service worker as the tests touch: their own types are those of pages. */
interface Inside {
  registration: ServiceWorkerRegistration;
  NotificationEvent: new (type: string, init: { notification: Notification }) => Event;
  dispatchEvent(event: Event): boolean;
}

/** What a browser shows the server as its subscription. Chromium here has no push service, so that one is played. */
function withPushService(): void {
  let subscribed = false;
  const key = 'BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4';
  const subscription = {
    toJSON: () => ({ endpoint: 'https://fcm.googleapis.com/played', keys: { p256dh: key, auth: 'BTBZMqHH6r4Tts7J_aSIgg' } }),
    unsubscribe: async () => {
      subscribed = false;
      return true;
    },
  };
  PushManager.prototype.subscribe = async () => {
    subscribed = true;
    return subscription as unknown as PushSubscription;
  };
  PushManager.prototype.getSubscription = async () => (subscribed ? (subscription as unknown as PushSubscription) : null);
}

/** The running service worker, which is where notifications are shown. */
async function worker(context: BrowserContext): Promise<Worker> {
  return context.serviceWorkers()[0] ?? context.waitForEvent('serviceworker');
}

/** Gives the service worker a push, as the browser does when its push service has one. */
async function push(page: Page, origin: string, news: object): Promise<void> {
  const cdp = await page.context().newCDPSession(page);
  const registered = new Promise<string>((resolve) => {
    cdp.on('ServiceWorker.workerRegistrationUpdated', ({ registrations }) => {
      const found = registrations.find((one) => !one.isDeleted && one.scopeURL.startsWith(origin));
      if (found) resolve(found.registrationId);
    });
  });
  // It tells of all there are.
  await cdp.send('ServiceWorker.enable');
  const registrationId = await registered;
  await cdp.send('ServiceWorker.deliverPushMessage', { origin, registrationId, data: JSON.stringify(news) });
  await cdp.detach();
}

test('AG-3 the console can be installed', async ({ world }) => {
  const page = await world.owner.page('/agent');
  const href = await page.locator('link[rel="manifest"]').getAttribute('href');
  const answer = await page.request.get(world.server.url + href);
  expect(answer.headers()['content-type']).toContain('application/manifest+json');
  const manifest = (await answer.json()) as { start_url: string; display: string; icons: { src: string; type: string }[] };
  expect(manifest).toMatchObject({ start_url: '/agent', display: 'standalone' });
  for (const icon of manifest.icons) {
    const picture = await page.request.get(world.server.url + icon.src);
    expect(picture.headers()['content-type'], icon.src).toContain(icon.type);
  }
  const cdp = await page.context().newCDPSession(page);
  const { installabilityErrors } = await cdp.send('Page.getInstallabilityErrors');
  // A window without a profile is one: it says nothing about the page.
  expect(installabilityErrors.filter((error) => error.errorId !== 'in-incognito')).toEqual([]);
});

test('AG-4 AG-5 a device is told by push, keeps one available, and is removed', async ({ world }) => {
  const page = await world.owner.page('/agent');
  await page.context().grantPermissions(['notifications'], { origin: world.server.url });
  await page.addInitScript(withPushService);
  await page.goto(`${world.server.url}/dashboard/account`);
  const stay = page.getByRole('switch', { name: 'Disponible en segundo plano' });
  await expect(page.getByText('Hace falta un equipo que reciba avisos.')).toBeVisible();
  await page.getByRole('button', { name: 'Activar avisos' }).click();
  await expect(page.getByText('Activos')).toBeVisible();
  await expect(page.getByText('todavía sin avisos')).toBeVisible();
  await stay.click();
  await expect(stay).toBeChecked();
  const me = await world.owner.get<{ items: { id: number; background: boolean }[] }>('/agents');
  expect(me.items.find((one) => one.id === world.owner.id)?.background).toBe(true);
  await expectAccessible(page);
  await page.setViewportSize({ width: 390, height: 844 });
  await expectAccessible(page);

  // Signed out and in again, the same person is told here without asking for it again.
  await page.reload();
  await expect(page.getByText('Activos')).toBeVisible();
  await page.getByRole('button', { name: /^Quitar Chrome/ }).click();
  await expect(page.getByText('Ninguno todavía.')).toBeVisible();
  await expect(page.getByRole('button', { name: 'Activar avisos' })).toBeVisible();
  const left = await world.owner.get<{ items: unknown[] }>('/me/push-devices');
  expect(left.items).toEqual([]);
});

test('AG-4 a refused permission is explained, and nothing asks again', async ({ world }) => {
  const page = await world.owner.page('/agent');
  await page.addInitScript(() => {
    let asked = 0;
    Object.defineProperty(Notification, 'permission', { get: () => (asked > 0 ? 'denied' : 'default') });
    Notification.requestPermission = async () => {
      asked += 1;
      return 'denied';
    };
    Object.assign(window, { asked: () => asked });
  });
  await page.goto(`${world.server.url}/dashboard/account`);
  await page.getByRole('button', { name: 'Activar avisos' }).click();
  await expect(page.getByText('El navegador tiene bloqueados los avisos')).toBeVisible();
  await expect(page.getByRole('button', { name: 'Activar avisos' })).toHaveCount(0);
  expect(await page.evaluate(() => (window as unknown as { asked(): number }).asked())).toBe(1);
});

test('AG-3.1 a push is shown, and a tap opens its chat', async ({ world }) => {
  await (await (await world.shop()).visit()).write('¿Tienen stock?');
  const tray = '/conversations?tray=unassigned';
  await expect.poll(async () => (await world.owner.get<{ items: unknown[] }>(tray)).items.length).toBe(1);
  const [chat] = (await world.owner.get<{ items: { id: number; epoch: number }[] }>(tray)).items;
  await world.owner.send('POST', `/conversations/${chat!.id}/take`, { seen: chat!.epoch });

  const page = await world.owner.page('/dashboard/account');
  const context = page.context();
  await context.grantPermissions(['notifications'], { origin: world.server.url });
  const sw = await worker(context);
  await page.evaluate(() => navigator.serviceWorker.ready.then(() => true));
  const news = { kind: 'message', conversation: chat!.id, name: 'Lucía', text: '¿Hay envíos?', count: 1, tag: `conversation-${chat!.id}`, language: 'es' };
  await push(page, world.server.url, news);
  const shown = () =>
    sw.evaluate(async () => {
      const { registration } = self as unknown as Inside;
      return (await registration.getNotifications()).map((one) => ({ title: one.title, body: one.body, tag: one.tag }));
    });
  await expect.poll(shown).toEqual([{ title: 'Lucía', body: '¿Hay envíos?', tag: news.tag }]);
  // Several of one chat are one, with their number.
  await push(page, world.server.url, { ...news, text: '¿Y a Salta?', count: 2 });
  await expect.poll(shown).toEqual([{ title: 'Lucía', body: '3 mensajes: ¿Y a Salta?', tag: news.tag }]);
  await push(page, world.server.url, { ...news, kind: 'assigned', tag: 'conversation-0', language: 'pt-BR' });
  await expect.poll(async () => (await shown()).map((one) => one.title)).toContain('Conversa atribuída');

  await sw.evaluate(async (tag) => {
    const scope = self as unknown as Inside;
    const [notification] = await scope.registration.getNotifications({ tag });
    scope.dispatchEvent(new scope.NotificationEvent('notificationclick', { notification: notification! }));
  }, news.tag);
  await expect(page).toHaveURL(`${world.server.url}/agent/mine/${chat!.id}`);
  await expect(page.getByRole('log').or(page.getByText('¿Tienen stock?')).first()).toBeVisible();
});
