import { api } from '@/api/client';
import type { Page, PushDevice, PushSettings } from '@/api/types';
import { languageTag } from '@/i18n';
import { deviceName } from './device';
import { read, write } from './store';

/** Who chose to be told in this browser: it outlives their sessions, and is not somebody else's choice. */
const CHOSEN = 'ronda.push';

/** What this browser lets us do. */
export type Support = 'unsupported' | 'denied' | 'possible';

export function support(): Support {
  if (!('serviceWorker' in navigator) || !('PushManager' in window) || !('Notification' in window)) return 'unsupported';
  return Notification.permission === 'denied' ? 'denied' : 'possible';
}

/** What shows notifications and opens what they are about. Nothing waits for it. */
export function startWorker(): void {
  if (!('serviceWorker' in navigator)) return;
  navigator.serviceWorker.register('/sw.js').catch(() => undefined);
}

/** Follows what is tapped in a notification while a page is open. */
export function onTapped(open: (url: string) => void): () => void {
  if (!('serviceWorker' in navigator)) return () => undefined;
  const hear = (event: MessageEvent<{ type?: string; url?: string }>) => {
    if (event.data?.type === 'open' && event.data.url?.startsWith('/')) open(event.data.url);
  };
  navigator.serviceWorker.addEventListener('message', hear);
  return () => navigator.serviceWorker.removeEventListener('message', hear);
}

async function hand(subscription: PushSubscription): Promise<PushDevice> {
  const { endpoint, keys } = subscription.toJSON();
  return api.put<PushDevice>('/me/push-devices', {
    endpoint,
    keys: { p256dh: keys?.['p256dh'], auth: keys?.['auth'] },
    label: deviceName(navigator.userAgent) || navigator.platform || 'Web',
    language: languageTag(document.documentElement.lang || 'es'),
  });
}

/** Asks for the permission, once and because somebody clicked, and registers this browser; `null` when it was refused. */
export async function turnOn(publicKey: string, agent: number): Promise<PushDevice | null> {
  if ((await Notification.requestPermission()) !== 'granted') return null;
  const worker = await navigator.serviceWorker.ready;
  const subscription = await worker.pushManager.subscribe({ userVisibleOnly: true, applicationServerKey: publicKey });
  const device = await hand(subscription);
  write(CHOSEN, agent);
  return device;
}

/** This browser is told nothing any more. */
export async function turnOff(device: number): Promise<void> {
  write(CHOSEN, null);
  await api.delete(`/me/push-devices/${device}`);
  const worker = await navigator.serviceWorker.getRegistration();
  await (await worker?.pushManager.getSubscription())?.unsubscribe();
}

/** Registers this browser again for the session of now, when the same person chose it before. */
export async function renewPush(agent: number): Promise<void> {
  if (read<number>(CHOSEN) !== agent || support() !== 'possible' || Notification.permission !== 'granted') return;
  const devices = await api.get<Page<PushDevice>>('/me/push-devices');
  if (devices.items.some((one) => one.current && one.failures === 0)) return;
  const { public_key: key } = await api.get<PushSettings>('/me/push');
  if (!key) return;
  const worker = await navigator.serviceWorker.ready;
  // The same subscription where it still holds, a new one where it is over.
  await hand(await worker.pushManager.subscribe({ userVisibleOnly: true, applicationServerKey: key }));
}
