// What Ronda does in this browser while none of its pages is open: it shows what agents are told by push, and opens the chat
// they tap. It keeps no pages and answers no requests, so that a new version needs nothing from it.

const TEXTS = {
  es: {
    assigned: ['Chat asignado', '{name} espera una respuesta'],
    rotated: ['Chat pasado a esta cola', '{name} espera una respuesta'],
    transferred: ['Chat derivado', '{name} espera una respuesta'],
    message: ['{name}', 'Escribió un mensaje'],
    test: ['Ronda', 'Los avisos llegan a este equipo'],
    more: '{n} mensajes: {text}',
    nobody: 'Un cliente',
  },
  en: {
    assigned: ['Chat assigned', '{name} waits for an answer'],
    rotated: ['A chat came by rotation', '{name} waits for an answer'],
    transferred: ['Chat transferred', '{name} waits for an answer'],
    message: ['{name}', 'Sent a message'],
    test: ['Ronda', 'Notifications reach this device'],
    more: '{n} messages: {text}',
    nobody: 'A customer',
  },
  pt: {
    assigned: ['Conversa atribuída', '{name} espera uma resposta'],
    rotated: ['Uma conversa veio pela rotação', '{name} espera uma resposta'],
    transferred: ['Conversa transferida', '{name} espera uma resposta'],
    message: ['{name}', 'Enviou uma mensagem'],
    test: ['Ronda', 'Os avisos chegam a este equipamento'],
    more: '{n} mensagens: {text}',
    nobody: 'Um cliente',
  },
};
const HEADERS = { Accept: 'application/json', 'Content-Type': 'application/json', 'X-Ronda': '1' };

self.addEventListener('install', () => self.skipWaiting());
self.addEventListener('activate', (event) => event.waitUntil(self.clients.claim()));

/** Pages of Ronda in this browser, those that are looked at first. */
const pages = () => self.clients.matchAll({ type: 'window', includeUncontrolled: true });

const fill = (text, values) => text.replace(/\{(\w+)\}/g, (_, name) => String(values[name] ?? ''));

async function show(news) {
  const texts = TEXTS[String(news.language ?? '').slice(0, 2)] ?? TEXTS.es;
  const [title, usual] = texts[news.kind] ?? texts.test;
  const name = news.name || texts.nobody;
  // Several messages of one chat are one notification that counts them.
  const shown = news.kind === 'message' ? await self.registration.getNotifications({ tag: news.tag }) : [];
  const before = shown.reduce((most, one) => Math.max(most, one.data?.count ?? 0), 0);
  const count = before + (news.count ?? 0);
  let body = fill(news.kind === 'message' && news.text ? news.text : usual, { name });
  if (count > 1) body = texts.more.replace('{n}', String(count)).replace('{text}', () => body);
  await self.registration.showNotification(fill(title, { name }), {
    body,
    tag: news.tag,
    renotify: Boolean(news.tag),
    icon: '/icon-192.png',
    badge: '/icon-192.png',
    lang: news.language,
    data: { count, url: news.conversation ? `/agent/mine/${news.conversation}` : '/agent' },
  });
}

self.addEventListener('push', (event) => {
  let news = null;
  try {
    news = event.data?.json();
  } catch {
    // Not ours: nothing can be said about it.
  }
  if (news) event.waitUntil(show(news));
});

self.addEventListener('notificationclick', (event) => {
  event.notification.close();
  const { url } = event.notification.data ?? { url: '/agent' };
  event.waitUntil(
    (async () => {
      const [page] = await pages();
      if (!page) return self.clients.openWindow(url);
      page.postMessage({ type: 'open', url });
      return page.focus();
    })(),
  );
});

/** The browser changed its address: it is told to the server, with the name the device had. */
self.addEventListener('pushsubscriptionchange', (event) => {
  event.waitUntil(
    (async () => {
      const [settings, list] = await Promise.all(['/api/v1/me/push', '/api/v1/me/push-devices'].map((path) => fetch(path).then((r) => (r.ok ? r.json() : null))));
      const device = list?.items.find((one) => one.current);
      if (!settings?.public_key || !device) return;
      const wanted = { userVisibleOnly: true, applicationServerKey: settings.public_key };
      const { endpoint, keys } = (event.newSubscription ?? (await self.registration.pushManager.subscribe(wanted))).toJSON();
      const body = JSON.stringify({ endpoint, keys, label: device.label, language: device.language });
      await fetch('/api/v1/me/push-devices', { method: 'PUT', headers: HEADERS, body });
    })(),
  );
});
