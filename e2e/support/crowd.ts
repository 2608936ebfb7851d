import type { World } from './world.js';
import { PASSWORD } from './world.js';

const FIRST = ['Ana', 'Beto', 'Carla', 'Diego', 'Elena', 'Fabián', 'Gisela', 'Hernán', 'Inés', 'Joaquín', 'Karina', 'Leandro', 'María de los Ángeles', 'Nahuel', 'Olivia', 'Pablo', 'Romina', 'Santiago', 'Tamara', 'Ulises'];
const LAST = ['Pérez', 'Gómez', 'Rodríguez', 'Fernández de la Torre', 'López', 'Díaz', 'Martínez', 'Sosa', 'Ruiz', 'Acosta'];
const ASKED = ['¿Hacen envíos a Ushuaia?', 'Hola, ¿tienen el mate torpedo?', 'Mi pedido llegó golpeado 😕', '¿Se puede pagar en cuotas?', 'Necesito factura A', '¿Cuándo vuelve la bombilla de alpaca?'];
/** From when on a server that is asked too often has forgotten it. */
const FORGOTTEN_S = 20;

/** A team of many, joined without a browser each. */
export async function crowd(world: World, many: number): Promise<void> {
  const { url } = world.server;
  for (let i = 0; i < many; i += 1) {
    const name = `${FIRST[i % FIRST.length]} ${LAST[Math.floor(i / FIRST.length) % LAST.length]}`;
    const body = { email: `agente-${i}@example.com`, role: 'agent', groups: [] };
    const { link } = await patiently(world, async () => world.owner.send<{ link: string }>('POST', '/invitations', body));
    const token = new URL(link).pathname.split('/').pop();
    await patiently(world, async () => post(url, `/api/v1/invitations/${token}/accept`, { name, public_name: name.split(' ')[0], password: PASSWORD }));
  }
}

/** Customers who write to the chat of a site, each once. */
export async function customers(world: World, channel: number, many: number): Promise<void> {
  const { external_id: key } = await world.owner.get<{ external_id: string }>(`/channel-accounts/${channel}`);
  for (let i = 0; i < many; i += 1) {
    const { token } = await patiently(world, async () => post<{ token: string }>(world.server.url, '/chat/v1/visitors', { site_key: key }));
    const message = { client_id: crypto.randomUUID(), text: ASKED[i % ASKED.length] };
    await patiently(world, async () => post(world.server.url, '/chat/v1/messages', message, token));
  }
}

/** Does it again, later, when the server has been asked too often. */
async function patiently<T>(world: World, run: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await run();
    } catch (error) {
      if (!String(error).includes('429')) throw error;
      await world.server.advance(FORGOTTEN_S);
    }
  }
}

async function post<T>(url: string, path: string, body: unknown, token?: string): Promise<T> {
  const headers = { 'Content-Type': 'application/json', 'X-Ronda': '1', Origin: url, ...(token ? { Authorization: `Bearer ${token}` } : {}) };
  const answer = await fetch(url + path, { method: 'POST', headers, body: JSON.stringify(body) });
  if (!answer.ok) throw new Error(`${path}: ${answer.status} ${await answer.text()}`);
  return (await answer.json()) as T;
}
