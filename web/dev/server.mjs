// A pretend server for looking at screens: the contract of the API with invented people, the built application under
// the same page policy as the real one. Nothing of it is shipped. node dev/server.mjs [port] [chats in the queue]
import { createServer } from 'node:http';
import { readFile } from 'node:fs/promises';
import { extname, join, normalize } from 'node:path';
import { fileURLToPath } from 'node:url';
import { WebSocketServer } from 'ws';

const port = Number(process.argv[2] ?? 8099);
const queueSize = Number(process.argv[3] ?? 12);
const dist = fileURLToPath(new URL('../dist', import.meta.url));
const policy =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; media-src 'self' blob:; font-src 'self'; connect-src 'self'; worker-src 'self'; manifest-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'; object-src 'none'";
const MIN = 60_000;
const start = Date.now();
const ago = (ms) => Date.now() - ms;

let signedIn = process.env.SIGNED_OUT ? false : true;
let seq = 100;
const sockets = new Set();
const emit = (kind, body, conversation = null) => {
  const prev = seq;
  seq += 1;
  for (const s of sockets) s.send(JSON.stringify({ type: 'event', seq, prev, at: Date.now(), kind, conversation, body }));
};

const agents = [
  ['Luis Ferreyra', 'agent', 'online', 7, 10],
  ['Ana Beltrán', 'agent', 'online', 4, 10],
  ['Camila Restrepo', 'agent', 'online', 3, 10],
  ['Bruno Acosta', 'agent', 'online', 2, 10],
  ['Sofía Ibarra', 'agent', 'online', 10, 10],
  ['Mateo Duarte', 'agent', 'online', 10, 10],
  ['Valentina Ocampo', 'agent', 'online', 9, 10],
  ['Joaquín Rey', 'agent', 'away', 1, 10],
  ['María de los Ángeles Etchegaray', 'agent', 'offline', 0, 10],
  ['Nicolás Vera', 'agent', 'offline', 0, 10],
  ['Marta Giménez', 'owner', 'online', 0, 10],
  ['Diego Paz', 'supervisor', 'away', 0, 10],
].map(([name, role, state, load, limit], i) => ({
  id: i + 1, groups: [], owed: 0, at_limit: false, away_until: null, last_activity_at: null, name, public_name: name.split(' ')[0], role, photo: null, state, chosen: state === 'offline' ? 'online' : state,
  reason: state === 'away' ? 'lunch' : null, since: ago((i + 1) * 7 * MIN), load, limit, hard_cap: limit + 2,
}));
const [luis, ana, , , , mateo] = agents;
const me = process.env.AS_OWNER ? agents[10] : luis;
const groups = [
  { id: 1, key: 'ventas', name: 'Ventas', description: 'Consultas y pedidos', members: [1, 2, 3, 4, 5, 7, 8, 9, 10, 11, 12], supervisors: [11], default: true, colour: '', version: 1 },
  { id: 2, key: 'soporte', name: 'Soporte', description: 'Posventa y garantías', members: [1, 5, 6, 7, 12], supervisors: [12], default: false, colour: '', version: 1 },
  { id: 3, key: 'proveedores', name: 'Proveedores', description: '', members: [4], supervisors: [], default: false, colour: '', version: 1 },
];
const accounts = [
  { id: 1, kind: 'whatsapp', name: '+54 11 5555-0100', external_id: '105954558954427', status: 'connected', status_detail: null, settings: {}, greeter: null, default_group: 1, webhook_url: 'https://ronda.example/hooks/whatsapp/1', verify_token: 'rk3…', simulated: false, health: { last_webhook_at: ago(8_000) }, version: 3 },
  { id: 2, kind: 'web_chat', name: 'casaaurora.example', external_id: null, status: 'connected', status_detail: null, settings: { colour: '#1d6b44', position: 'right', launcher_text: '¿Ayuda?', greeting: '¡Hola! ¿En qué podemos ayudar?', language: 'es', upload: { enabled: true, max_bytes: 26214400 }, allowed_domains: ['casaaurora.example'] }, greeter: { text: '¡Hola! ¿En qué podemos ayudar?', handover: 'first_message', words: [] }, default_group: 2, snippet: '<script async src="https://ronda.example/w.js" data-ronda-site="pk_9f2c"></script>', site_key: 'pk_9f2c', simulated: false, health: null, version: 1 },
  { id: 3, kind: 'whatsapp', name: '+54 351 555-0170', external_id: '105954558954428', status: 'disconnected', status_detail: 'El token dejó de servir el 24/11 a las 18:02', settings: {}, greeter: null, default_group: null, webhook_url: 'https://ronda.example/hooks/whatsapp/3', simulated: false, health: null, version: 2 },
];
const chan = (i) => ({ id: accounts[i].id, kind: accounts[i].kind, name: accounts[i].name });
const ig = { id: 4, kind: 'instagram', name: '@casaaurora' };
const names = ['Estudio Pérez & Asociados', 'Thiago Nascimento', 'Marisol Quispe Mamani', 'محمد العلي', 'Rodrigo Paz', 'Florencia Aguirre Villanueva de los Santos', 'Kiosco La Esquina 🛒', 'Ezequiel Brítez', 'Lucía Fernández Sotomayor', 'Óptica Belgrano', 'Distribuidora Norte SRL', 'Pilar Santoro', 'Tomás Iriarte', 'Germán Ledesma'];
let nextId = 4700;
let nextMessage = 90_000;
const conversations = new Map();
const messages = new Map();
const conv = (o) => {
  const id = nextId++;
  const c = {
    id, number: id, channel_account: chan(0), customer: { id: id + 10_000, name: names[id % names.length] }, place: 'held', state: 'active',
    owner: { id: luis.id, name: luis.name }, group: { id: 1, name: 'Ventas' }, epoch: 3, episode: 1, phase: 'answered', owed_since: null, waiting_since: null,
    assigned_at: ago(40 * MIN), assigned_reason: { code: 'in_turn', params: { strategy: 'least_recent', waited_ms: 4000 } }, rotate_at: null, closed_spans: [], round: 0, exhausted: false,
    reserved_for: null, reserved_until: null, last_activity_at: ago(30 * MIN), last_customer_at: ago(31 * MIN), last_message: null, unread: 0, marked_unread: false,
    window: { state: 'open', closes_at: Date.now() + 23 * 60 * MIN, refused: false }, service: null, closed_at: null, close_reason: null, outbound: false, outside_group: false, simulated: false, created_at: ago(90 * MIN), ...o,
  };
  conversations.set(id, c);
  messages.set(id, []);
  return c;
};
const say = (c, o) => {
  const m = { id: nextMessage++, conversation: c.id, at: Date.now(), direction: 'in', author: 'customer', agent: null, client_id: null, kind: 'text', content: { type: 'text', text: '' }, status: null, status_at: null, error: null, reply_to: null, reactions: [], edited_at: null, deleted_at: null, referral: null, ...o };
  if (o.text !== undefined) m.content = { type: 'text', text: o.text };
  m.kind = m.content?.type ?? 'text';
  delete m.text;
  messages.get(c.id).push(m);
  const t = m.content?.text ?? m.content?.body ?? m.content?.caption ?? m.content?.name ?? '';
  if (m.direction !== 'system') { c.last_message = { id: m.id, at: m.at, direction: m.direction, author: m.author, kind: m.kind, preview: t, status: m.status }; c.last_activity_at = m.at; }
  return m;
};
const quick = (o, text, more = {}) => { const c = conv(o); say(c, { at: c.last_activity_at, text, ...more }); c.last_activity_at = o.last_activity_at ?? c.last_activity_at; return c; };
const owed = (ms, total, unread, o = {}) => ({ phase: 'unanswered', owed_since: ago(ms), assigned_at: ago(ms), rotate_at: ago(ms) + total, unread, last_activity_at: ago(ms / 2), ...o });

quick(owed(12.6 * MIN, 10 * MIN, 1, { customer: { id: 1, name: names[0] }, channel_account: chan(1), window: { state: 'open', closes_at: null, refused: false }, group: { id: 2, name: 'Soporte' } }), '¿Pudieron revisar la factura B 0004-00012231?');
quick(owed(6.3 * MIN, 10 * MIN, 3, { customer: { id: 2, name: names[1] }, channel_account: ig, group: { id: 2, name: 'Soporte' } }), 'O suporte da parede não veio na caixa');
const main = conv(owed(1.37 * MIN, 2 * MIN, 2, { customer: { id: 3, name: names[2] }, assigned_reason: { code: 'no_answer', params: { after_ms: 60000, round: 0 } } }));
const day = 24 * 60 * MIN;
say(main, { at: ago(day), text: 'Hola! Tienen heladeras de menos de 60 cm de ancho?' });
say(main, { at: ago(day - 2 * MIN), direction: 'out', author: 'agent', agent: { id: 2, name: 'Ana Beltrán' }, status: 'read', text: 'Te dejo el catálogo con las tres que entran en 60 cm de ancho. La *360* tiene 12 cuotas sin interés: https://casaaurora.example/heladeras' });
say(main, { at: ago(day - 3 * MIN), direction: 'out', author: 'agent', agent: { id: 2, name: 'Ana Beltrán' }, status: 'read', content: { type: 'document', file: '6f2c0000-0000-4000-8000-000000000001', name: 'heladeras-2026.pdf', mime: 'application/pdf', size: 1_240_000 } });
say(main, { at: ago(16 * MIN), direction: 'out', author: 'bot', status: 'delivered', content: { type: 'interactive', body: '¡Hola de nuevo, Marisol! ¿Seguimos con tu consulta de ayer?', buttons: [{ id: 'a', title: 'Seguir con Ventas' }, { id: 'b', title: 'Estado de un pedido' }] } });
say(main, { at: ago(15 * MIN), content: { type: 'interactive_reply', id: 'a', title: 'Seguir con Ventas' } });
say(main, { at: ago(14 * MIN), direction: 'system', author: 'system', content: { type: 'system', code: 'assign', params: { from: null, to: { id: 2, name: 'Ana' }, reason: { code: 'in_turn', params: { strategy: 'least_recent', waited_ms: 900 } }, group: { id: 1, name: 'Ventas' } } } });
say(main, { at: ago(13 * MIN), direction: 'note', author: 'agent', agent: { id: 2, name: 'Ana Beltrán' }, text: 'Estoy en el mostrador, no llego. @Luis ya le pasé el catálogo ayer, falta el envío.' });
say(main, { at: ago(1.4 * MIN), direction: 'system', author: 'system', content: { type: 'system', code: 'rotate', params: { from: { id: 2, name: 'Ana' }, to: { id: 1, name: 'Luis' }, reason: { code: 'no_answer', params: { after_ms: 60000, round: 0 } } } } });
say(main, { at: ago(1.37 * MIN), text: 'Hola! Me decidí por la de 360 🙌', reactions: [{ by: 'agent', emoji: '❤️' }] });
say(main, { at: ago(1.3 * MIN), text: 'Y el envío a Morón cuánto sale?' });
quick(owed(0.8 * MIN, 10 * MIN, 1, { customer: { id: 4, name: names[3] }, group: { id: 2, name: 'Soporte' } }), 'Buenas! el lavarropas hace ruido al centrifugar');
quick({ customer: { id: 5, name: names[4] }, last_activity_at: ago(30 * MIN), group: { id: 2, name: 'Soporte' }, channel_account: { id: 5, kind: 'facebook', name: 'Casa Aurora' } }, 'Listo, te mandé la guía de retiro', { direction: 'out', author: 'agent', agent: { id: 1, name: luis.name }, status: 'read' });
const failed = quick({ customer: { id: 6, name: names[5] }, last_activity_at: ago(66 * MIN) }, 'Perfecto, te reservo la de 360 litros blanca', { direction: 'out', author: 'agent', agent: { id: 1, name: luis.name }, status: 'delivered' });
say(failed, { at: ago(64 * MIN), direction: 'out', author: 'agent', agent: { id: 1, name: luis.name }, status: 'failed', error: { code: 131047, key: 'window_closed', title: 'Re-engagement message', detail: '' }, text: '¿La pasás a buscar hoy?' });
say(failed, { at: ago(63 * MIN), content: { type: 'location', latitude: -34.6518, longitude: -58.6221, name: 'Sucursal Morón', address: 'Belgrano 245, Morón' } });
say(failed, { at: ago(62 * MIN), content: { type: 'unsupported', kind: 'poll', raw: { type: 'poll', name: '¿Cuándo?' } } });
say(failed, { at: ago(61 * MIN), content: { type: 'image', file: '6f2c0000-0000-4000-8000-000000000002', caption: 'Así quedó el hueco', mime: 'image/svg+xml' } });
say(failed, { at: ago(60 * MIN), content: { type: 'audio', voice: true, failed: 'El audio no se pudo traer' } });
failed.window = { state: 'closed', closes_at: null, refused: true };
quick({ customer: { id: 7, name: names[6] }, last_activity_at: ago(80 * MIN), channel_account: { id: 6, kind: 'facebook_comment', name: 'Casa Aurora' }, group: null }, 'Hola! Sí, hacemos factura A con CUIT', { direction: 'out', author: 'bot', status: 'sent' });
for (let i = 0; i < queueSize; i += 1) {
  const ms = (i === 0 ? 4.2 : Math.max(0.05, 3.9 - i * 0.3)) * MIN;
  quick({ place: 'waiting', owner: null, assigned_at: null, assigned_reason: null, owed_since: ago(ms), waiting_since: ago(ms), unread: (i % 4) + 1, last_activity_at: ago(ms / 2), customer: { id: 100 + i, name: `${names[(i + 7) % names.length]}${i > 13 ? ` ${i}` : ''}` }, channel_account: [chan(0), chan(1), ig][i % 3], group: [null, { id: 1, name: 'Ventas' }, { id: 2, name: 'Soporte' }][i % 3] }, ['Hola, quería consultar por un pedido', '¿Tienen stock de la 360?', 'Buenas tardes', 'Necesito cambiar la dirección de entrega'][i % 4]);
}
for (let i = 0; i < 41; i += 1) {
  const owner = agents[1 + (i % 6)];
  const late = i % 5 === 0;
  quick({ ...(late ? owed((0.5 + i / 4) * MIN, 10 * MIN, 1) : {}), owner: { id: owner.id, name: owner.name }, customer: { id: 300 + i, name: names[i % names.length] }, group: i % 2 ? { id: 2, name: 'Soporte' } : { id: 1, name: 'Ventas' } }, 'Gracias, quedo a la espera');
}
for (let i = 0; i < 13; i += 1) quick({ place: 'bot', owner: null, group: null, assigned_reason: null, assigned_at: null, customer: { id: 500 + i, name: names[i % names.length] } }, 'Menú', { direction: 'out', author: 'bot', status: 'read' });
for (let i = 0; i < 9; i += 1) quick({ place: 'closed', state: 'closed', closed_at: ago((i + 2) * 60 * MIN), close_reason: i % 2 ? 'agent' : 'inactivity', customer: { id: 600 + i, name: names[i % names.length] } }, '¡Muchas gracias!');
quick({ state: 'outbound', place: 'bot', customer: { id: 700, name: 'Paula Ríos' }, outbound: true }, 'Hola Paula, tu pedido está listo', { direction: 'out', author: 'agent', status: 'read', agent: { id: 1, name: luis.name } });

const inTray = (c, tray, state) => {
  if (c.state !== state) return false;
  if (tray === 'mine') return c.owner?.id === me.id;
  if (tray === 'agents') return c.owner !== null;
  if (tray === 'bot') return c.place === 'bot' && !c.owner;
  return state === 'active' ? c.place === 'waiting' : c.owner === null && c.place !== 'bot';
};
const since = (c) => c.owed_since ?? (c.marked_unread ? c.last_customer_at : null);
const order = { waiting: (a, b) => (since(a) ?? Infinity) - (since(b) ?? Infinity) || b.last_activity_at - a.last_activity_at || 0, activity: (a, b) => b.last_activity_at - a.last_activity_at, assigned: (a, b) => (a.assigned_at ?? a.created_at) - (b.assigned_at ?? b.created_at) };

const policy0 = { version: 14, enabled: true, preset: 'sales', based_on: 'sales', presence: 'any', excluded: [11, 12], limit: null, reassign_seconds: 60, scope: 'first_reply', strategy: 'least_recent', rounds: 3, backoff_percent: 200, typing_grace_seconds: 60, ramp: { initial: 3, interval_seconds: 60 }, hard_cap: { extra: 2, percent: 20 }, on_gone: 'unanswered', gone_grace_seconds: 120, affinity: { enabled: true, absent_seconds: 0, full_seconds: 60 }, max_transfers: 5, strikes: 2, cool_down_seconds: 600, max_backlog_age_seconds: 86400 };
let current = policy0;
const ref = (a) => ({ id: a.id, name: a.name });
const about = (c) => ({ id: c.id, number: c.number, customer: c.customer });
const funnel = { members: 11, lost: [{ reason: 'excluded', count: 2 }, { reason: 'missed', count: 1 }, { reason: 'ramp', count: 1 }, { reason: 'full', count: 2 }, { reason: 'outranked', count: 4 }], finalists: [{ agent: 1, name: luis.name, load: 6, limit: 10, last_assigned_at: ago(14 * MIN) }, { agent: 3, name: 'Camila Restrepo', load: 3, limit: 10, last_assigned_at: ago(9 * MIN) }], chosen: 1, by: 'turn' };
const decisions = [];
for (let i = 0; i < 60; i += 1) {
  const c = [...conversations.values()][i];
  const kinds = [
    { act: 'assign', reason: { code: 'in_turn', params: { strategy: 'least_recent', waited_ms: 900 } }, from: null, to: ref(agents[2]), funnel },
    { act: 'rotate', reason: { code: 'no_answer', params: { after_ms: 60000, round: 0 } }, from: ref(ana), to: ref(luis), funnel },
    { act: 'enqueue', reason: { code: 'arrived' }, from: null, to: null, funnel: { members: 0, lost: [], finalists: [], chosen: null, by: 'none' } },
    { act: 'keep', reason: { code: 'all_full', params: { round: 0, next_at: null } }, from: ref(mateo), to: null, funnel: { members: 11, lost: [{ reason: 'excluded', count: 2 }, { reason: 'full', count: 9 }], finalists: [], chosen: null, by: 'none' } },
    { act: 'assign', reason: { code: 'affinity' }, from: null, to: ref(agents[3]), funnel: { members: 1, lost: [], finalists: [{ agent: 4, name: 'Bruno Acosta', load: 1, limit: 10 }], chosen: 4, by: 'named' } },
    { act: 'return', reason: { code: 'late_reply' }, from: ref(agents[6]), to: ref(agents[3]), funnel: { members: 0, lost: [], finalists: [], by: 'none' } },
    { act: 'take', reason: { code: 'taken', params: { from: 'waiting', over_limit: true } }, from: null, to: ref(agents[6]), funnel: { members: 0, lost: [], finalists: [], by: 'none' } },
    { act: 'decline', reason: { code: 'declined', params: { why: 'es de otra sucursal' } }, from: ref(agents[7]), to: null, funnel },
  ];
  decisions.push({ seq: 48_214 - i, at: ago(i * 47_000), conversation: about(c), policy_version: 14, epoch_before: 2, epoch_after: 3, ...kinds[i % kinds.length] });
}
const users = agents.map((a) => ({ id: a.id, email: `${a.name.split(' ')[0].toLowerCase().normalize('NFD').replace(/\p{M}/gu, '')}@casaaurora.example`, name: a.name, public_name: a.public_name, phone: null, photo: null, role: a.role, status: 'active', groups: groups.filter((g) => g.members.includes(a.id)).map((g) => g.id), limit: a.id === 4 ? 3 : null, signature: '', state: a.state, chosen: a.chosen, reason: a.reason, since: a.since, load: a.load, created_at: ago(90 * day), version: 1 }));
const invitations = [{ id: 1, email: 'ivan.toledo@casaaurora.example', role: 'agent', groups: [1], language: 'es', invited_by: 11, created_at: ago(2 * day), expires_at: Date.now() + 5 * day, link: null }];
let workspace = { id: 1, name: 'Casa Aurora', zone: 'America/Argentina/Buenos_Aires', language: 'es', country: 'AR', close_tolerance: { enabled: true, minutes: 10, after_automatic: false, ignore_polite: true }, auto_close: { bot: 1440, waiting: 1440, agent: 1440, outbound: null, farewell: {} }, version: 1 };

const all = ['conversations:see_all', 'conversations:reply', 'conversations:take', 'conversations:take_over', 'conversations:transfer', 'conversations:close', 'conversations:manage_others', 'customers:see', 'customers:edit', 'routing:explain', 'routing:edit', 'agents:see', 'agents:set_state', 'users:manage', 'groups:manage', 'channels:manage', 'workspace:manage', 'audit:see'];
const problem = (status, code, extra = {}) => ({ status, body: { type: 'about:blank', title: code, status, code, detail: '', errors: [], ...extra } });
const page = (items) => ({ status: 200, body: { items, next_cursor: null } });
const ok = (body) => ({ status: 200, body });
const changed = (c) => { emit('conversation.changed', c, c.id); return ok({ conversation: c }); };
const told = (c, code, params) => emit('message.created', say(c, { direction: 'system', author: 'system', content: { type: 'system', code, params } }), c.id);

const holidays = (year) => [['01-01', 'Año Nuevo', true], ['04-03', 'Viernes Santo', false], ['05-01', 'Día del Trabajador', true], ['07-09', 'Día de la Independencia', true], ['12-08', 'Inmaculada Concepción', true], ['12-25', 'Navidad', true]].map(([d, name, yearly]) => ({ name, date: `${year}-${d}`, yearly, spans: [] }));
const nineToSix = Array.from({ length: 7 }, (_, i) => (i < 5 ? [{ from: '09:00', to: '13:00' }, { from: '14:00', to: '18:00' }] : i === 5 ? [{ from: '22:00', to: '06:00' }] : []));
const hours = new Map([['workspace', { zone: null, week: nineToSix, exceptions: [...holidays(2026), { name: 'Inventario', date: '2026-11-30', yearly: false, spans: [{ from: '09:00', to: '12:00' }] }], version: 1 }]]);
const after = new Map([['workspace', { enabled: true, then: 'wait', held: true, texts: { es: "Hola {{customer.first_name or 'qué tal'}}. Ahora no hay nadie; abrimos {{next_opening}} y te respondemos por acá." }, version: 1 }]]);
function hoursOf(method, [what, scope], body) {
  const map = what === 'business-hours' ? hours : after;
  const state = { open: false, always: false, closes_at: null, opens_at: Date.now() + 40 * 60 * MIN };
  if (scope === 'preview' && map === after) return ok({ texts: Object.fromEntries(Object.entries(body.texts).map(([l, t]) => [l, t.replace(/\{\{[^}]*name[^}]*\}\}/g, body.customer_name?.split(' ')[0] ?? 'qué tal').replace(/\{\{next_opening\}\}/g, 'el lunes a las 09:00')])) });
  if (scope === 'preview') {
    const days = Array.from({ length: 365 }, (_, i) => {
      const date = new Date(Date.UTC(body.year, 0, 1 + i)).toISOString().slice(0, 10);
      const exception = body.exceptions.find((e) => e.date === date || (e.yearly && e.date.slice(5) === date.slice(5)));
      const spans = exception ? exception.spans : body.week[(new Date(date).getUTCDay() + 6) % 7];
      return { date, open_minutes: spans.length * 240, exception: exception ? exception.name : null };
    });
    return ok({ state, notices: [], overnight: [], days });
  }
  if (method === 'PUT') map.set(scope, { ...body, version: (map.get(scope)?.version ?? 0) + 1 });
  if (method === 'DELETE') { map.delete(scope); return { status: 204 }; }
  const view = (key) => { const own = map.get(key); const value = own ?? map.get('workspace'); return { scope: key, from: own ? key : value ? 'workspace' : null, zone_in_force: workspace.zone, state, notices: [], zone: null, week: [], exceptions: [], enabled: false, then: 'wait', held: true, texts: {}, ...value, version: own?.version ?? 0 }; };
  return scope ? ok(view(scope)) : page([...new Set(['workspace', ...map.keys()])].map(view));
}

const rules = {
  groups: { 2: { reassign_seconds: 120 } },
  tests: [{ name: 'Sin nadie online, espera', agents: [{ agent: agents[1].id, presence: 'gone', load: 0, groups: [] }], chat: { group: null }, expect: { kind: 'waits', because: 'not_online' } }],
  candidates: [{ id: 1, kind: 'shadow', policy: policy0, groups: {}, tests: [], reach: 'new_only', note: '', based_on: 13, author: 11, author_name: 'Marta Giménez', activates_at: null, created_at: ago(day), counts: { since: ago(day), until: Date.now(), inputs: 4_120, differences: 301, live_rotations: 97, shadow_rotations: 212, agents: { [agents[0].id]: { live: 40, shadow: 78 }, [agents[2].id]: { live: 61, shadow: 44 } } }, failed: null }],
};
const at = (n, by = 8) => ({ low: Math.max(0, Math.round(n - n / by)), middle: n, high: Math.round(n + n / by) });
function replayed(policy, days) {
  const who = agents.filter((a) => !policy.excluded.includes(a.id));
  const share = (i) => Math.round((1000 / who.length) * (0.7 + ((i * 37) % 11) / 17));
  const figures = (rotations, p50, none) => ({ first_reply_p50: at(p50), first_reply_p90: at(p50 * 3), rotations: at(rotations * days), without_answer: at(none * days), over_limit_minutes: at(0), shares: who.map((a, i) => [a.id, at(share(i + rotations))]), worst_hour: rotations > 50 ? [ago(26 * 60 * MIN), 38] : null });
  const few = days === 7;
  return { days, result: { chats: few ? 9 : 412 * days, runs: few ? 0 : 48, observed: figures(12, 145_000, 19), actual: few ? null : figures(13, 151_000, 18), compared: [], error_percent: few ? null : 4, refused: few ? { why: 'too_few_chats', answered: 9, needed: 20 } : null, predicted: few ? null : figures(policy.reassign_seconds ? Math.round(5_800 / policy.reassign_seconds) : 0, 41_000, 3) } };
}

async function answer(method, path, query, body) {
  const p = path.split('/').filter(Boolean);
  if (p[0] === 'setup') return ok({ needed: Boolean(process.env.NEEDS_SETUP) });
  if (p[0] === 'invitations' && p[2] === 'public') return ok({ state: 'open', workspace: 'Casa Aurora', inviter: 'Marta Giménez', email: 'ivan.toledo@casaaurora.example', role: 'agent', has_account: false, language: 'es', expires_at: Date.now() + 5 * day });
  if (p[0] === 'sessions' && method === 'POST' && !p[1]) { if (body?.password === 'mal') return problem(401, 'unauthenticated'); signedIn = true; return ok({}); }
  if (p[0] === 'sessions' && p[1] === 'current') {
    if (method === 'DELETE') { signedIn = false; return { status: 204 }; }
    if (!signedIn) return problem(401, 'unauthenticated');
    return ok({ account: { id: 1, name: me.name, email: 'luis@casaaurora.example', language: null }, workspaces: [{ id: 1, name: 'Casa Aurora', role: me.role }], workspace, agent: me, role: me.role, permissions: all, mail_configured: false, server_time: Date.now() });
  }
  if (!signedIn) return problem(401, 'unauthenticated');
  if (p[0] === 'sessions') return page([{ id: 1, current: true, user_agent: 'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/140.0 Safari/537.36', ip: '190.2.1.7', created_at: ago(3 * day), last_used_at: ago(1000), expires_at: Date.now() + 27 * day }, { id: 2, current: false, user_agent: 'Mozilla/5.0 (Linux; Android 15) Chrome/140.0 Mobile', ip: '181.30.2.9', created_at: ago(9 * day), last_used_at: ago(5 * 60 * MIN), expires_at: Date.now() + 20 * day }]);
  if (p[0] === 'agents') { if (p[2] === 'state') { const a = agents.find((x) => x.id === Number(p[1])); Object.assign(a, { state: body.state, chosen: body.state }); emit('agent.state', a); return ok(a); } return page(agents); }
  if (p[0] === 'me') { if (p[1] === 'state') { Object.assign(me, { state: body.state, chosen: body.state, reason: body.reason ?? null }); emit('agent.state', me); return ok(me); } return ok({ id: 1, name: me.name, email: 'luis@casaaurora.example', language: 'es', zone: workspace.zone }); }
  if (p[0] === 'groups') return method === 'GET' ? page(groups) : ok({ ...groups[0], ...body });
  if (p[0] === 'users') return p[2] === 'states' ? page([{ state: 'online', cause: 'user', at: ago(90 * MIN) }, { state: 'offline', cause: 'inactivity', at: ago(200 * MIN) }, { state: 'away', cause: 'user', reason: 'lunch', at: ago(260 * MIN) }]) : method === 'GET' ? (p[1] ? ok(users.find((u) => u.id === Number(p[1]))) : page(users)) : ok({ ...users[0], ...body });
  if (p[0] === 'invitations') { if (method === 'GET') return page(invitations); if (method === 'DELETE') return { status: 204 }; const made = { id: invitations.length + 1, created_at: Date.now(), expires_at: Date.now() + 7 * day, language: 'es', invited_by: me.id, groups: [], role: 'agent', ...body, link: 'https://ronda.example/invitation/Zk3v9a7' }; invitations.push({ ...made, link: null }); return ok(made); }
  if (p[0] === 'workspace') { if (method === 'PATCH') workspace = { ...workspace, ...body, version: workspace.version + 1 }; return ok(workspace); }
  if (p[0] === 'channel-accounts') { if (p[2] === 'check') return ok({ checks: [] }); if (method === 'GET') return p[1] ? ok(accounts.find((a) => a.id === Number(p[1]))) : page(accounts); if (method === 'POST') { const made = { ...accounts[body.kind === 'whatsapp' ? 0 : 1], ...body, id: accounts.length + 10 }; accounts.push(made); return ok(made); } return ok({ ...accounts.find((a) => a.id === Number(p[1])), ...body }); }
  if (p[0] === 'templates') return page([{ name: 'pedido_listo', language: 'es_AR', category: 'UTILITY', status: 'APPROVED', components: [{ type: 'BODY', text: 'Hola {{1}}, tu pedido {{2}} está listo para retirar.' }] }, { name: 'seguimiento', language: 'es_AR', status: 'APPROVED', components: [{ type: 'BODY', text: 'Hola {{1}}, ¿seguimos con tu consulta?' }] }]);
  if (p[0] === 'routing-policies') {
    const version = (policy, at) => ({ version: policy.version, policy, groups: rules.groups, tests: rules.tests, note: '', restored_from: null, author: 11, author_name: 'Marta Giménez', created_at: at });
    if (p[1] === 'replay') return ok(replayed(body.policy, body.days));
    if (p[1] === 'test') return ok((body.tests ?? []).map((one) => ({ name: one.name, passed: body.policy.presence === 'online' || one.expect.kind !== 'waits', agent: body.policy.presence === 'online' ? null : (one.agents[0]?.agent ?? null), lost: [['not_online', 1]] })));
    if (p[1] === 'candidates') {
      if (method === 'GET') return ok(rules.candidates);
      if (method === 'DELETE') { rules.candidates = rules.candidates.filter((one) => one.id !== Number(p[2])); return { status: 204 }; }
      const made = { id: rules.candidates.length + 1, kind: body.activates_at ? 'scheduled' : 'shadow', ...body, based_on: current.version, author: 11, author_name: 'Marta Giménez', activates_at: body.activates_at ?? null, created_at: Date.now(), counts: { inputs: 0, differences: 0, live_rotations: 0, shadow_rotations: 0, agents: {} }, failed: null };
      rules.candidates.push(made);
      return ok(made);
    }
    if (p[1] === 'versions' && p[3] === 'diff') return ok([{ group: null, field: 'preset', before: 'support', after: 'sales' }, { group: null, field: 'reassign_seconds', before: 600, after: 60 }, { group: 1, field: 'limit', before: null, after: 6 }]);
    if (p[1] === 'versions' && p[3] === 'restore') { current = { ...policy0, version: current.version + 1 }; return ok({ ...version(current, Date.now()), restored_from: Number(p[2]) }); }
    if (p[1] === 'versions' && p[3] === 'export') return ok({ format: 'ronda-routing-policy/1', policy: current, groups: {}, tests: [], agents: {}, group_ids: {} });
    if (p[1] === 'current') return ok(version(current, ago(3 * 60 * MIN)));
    if (p[1] === 'presets') return ok({ sales: { ...policy0, version: 0, excluded: [] }, support: { ...policy0, version: 0, excluded: [], preset: 'support', based_on: 'support', presence: 'online', limit: 10, reassign_seconds: 600, strategy: 'most_spare' } });
    if (p[1] === 'preview') { const q = body.policy; const out = agents.filter((a) => q.excluded.includes(a.id)).length; const off = q.presence === 'online' ? agents.filter((a) => !q.excluded.includes(a.id) && a.state !== 'online').length : 0; const left = agents.length - out - off; const findings = []; if (q.limit === null && (q.reassign_seconds ?? 999) <= 60) findings.push({ code: 'fast_unlimited_small_team', severity: 'warning', count: left }); if (left === 0) findings.push({ code: 'everybody_excluded', severity: 'confirm', count: agents.length }); findings.push({ code: 'old_backlog', severity: 'info', count: 2 }); return ok({ findings, preview: { eligible: left, moves: 3, findings, funnel: { members: agents.length, lost: [{ reason: 'excluded', count: out }, { reason: 'not_online', count: off }].filter((l) => l.count), finalists: [], chosen: null, by: 'none' } } }); }
    if (method === 'POST') { current = { ...body.policy, version: current.version + 1 }; rules.groups = body.groups ?? rules.groups; rules.tests = body.tests ?? rules.tests; return ok(version(current, Date.now())); }
    return page([version(current, ago(3 * 60 * MIN)), version({ ...policy0, version: 13, preset: 'support', presence: 'online', limit: 10, reassign_seconds: 600 }, ago(3 * day))]);
  }
  if (p[0] === 'business-hours' || p[0] === 'after-hours-messages') return hoursOf(method, p, body);
  if (p[0] === 'holidays') return ok({ country: query.get('country'), year: Number(query.get('year')), items: holidays(Number(query.get('year'))), leaves_out: ['bridge_days', 'regional'] });
  if (p[0] === 'routing-decisions') return page(decisions.filter((d) => (!query.get('act') || d.act === query.get('act')) && (!query.get('agent') || d.to?.id === Number(query.get('agent')) || d.from?.id === Number(query.get('agent')))));
  if (p[0] === 'routing') {
    const all = [...conversations.values()];
    const w = all.filter((c) => c.place === 'waiting');
    const queues = [null, groups[0], groups[1]].map((g) => {
      const mine = w.filter((c) => (c.group?.id ?? null) === (g?.id ?? null));
      return { group: g?.id ?? null, group_name: g?.name ?? null, waiting: mine.length, oldest_owed_since: mine.length ? Math.min(...mine.map((c) => c.owed_since)) : null };
    });
    const held = all.filter((c) => c.place === 'held' && c.state === 'active');
    return ok({ now: Date.now(), waiting: w.length, held: held.length, unanswered: held.filter((c) => c.owed_since).length, exhausted: 1, oldest_owed_since: w.length ? Math.min(...w.map((c) => c.owed_since)) : null, queues, agents, expiring: held.filter((c) => c.rotate_at).sort((a, b) => a.rotate_at - b.rotate_at) });
  }
  if (p[0] === 'customers') { if (p[2] === 'conversations') return page([...conversations.values()].filter((c) => c.place === 'closed').slice(0, 3)); return ok({ id: Number(p[1]), name: [...conversations.values()].find((c) => c.customer.id === Number(p[1]))?.customer.name ?? '', phone: '+54 9 11 5555-0142', email: 'marisol.quispe@correo.example', note: 'Prefiere retirar los sábados.', created_at: ago(800 * day), version: 1, identities: [{ channel: 'whatsapp', value: '+54 9 11 5555-0142' }, { channel: 'instagram', value: '@mari.quispe' }], attributes: { Localidad: 'Morón, Buenos Aires' }, origin: { page: 'https://casaaurora.example/heladeras', title: 'Heladeras · Casa Aurora' } }); }
  if (p[0] === 'files') { if (method === 'POST') return ok({ id: '6f2c0000-0000-4000-8000-000000000002', name: 'foto.png', mime: 'image/png', size: 120_000 }); return { status: 200, type: 'image/svg+xml', raw: '<svg xmlns="http://www.w3.org/2000/svg" width="320" height="220"><rect width="320" height="220" fill="#b9cfc1"/><rect x="110" y="30" width="100" height="170" rx="8" fill="#f4f2ec"/><path d="M110 90h100" stroke="#8aa695" stroke-width="3"/></svg>' }; }
  if (p[0] === 'conversations') {
    const list = [...conversations.values()];
    if (p[1] === 'counts') return ok(Object.fromEntries(['unassigned', 'mine', 'agents', 'bot'].map((t) => [t, Object.fromEntries(['active', 'closed', 'outbound'].map((s) => [s, Math.min(1000, list.filter((c) => inTray(c, t, s)).length)]))])));
    if (!p[1] && method === 'GET') {
      const num = (n) => (query.get(n) ? Number(query.get(n)) : null);
      const q = query.get('q')?.toLowerCase();
      const found = list.filter((c) => inTray(c, query.get('tray') ?? 'agents', query.get('state') ?? 'active')).filter((c) => (num('group') === null || c.group?.id === num('group')) && (num('channel') === null || c.channel_account.id === num('channel')) && (num('owner') === null || c.owner?.id === num('owner')) && (!q || c.customer.name.toLowerCase().includes(q))).sort(order[query.get('order') ?? 'waiting']);
      const from = num('cursor') ?? 0;
      const limit = num('limit') ?? 100;
      return ok({ items: found.slice(from, from + limit), next_cursor: from + limit < found.length ? String(from + limit) : null });
    }
    const c = conversations.get(Number(p[1]));
    if (!c) return problem(404, 'not_found');
    if (!p[2]) return ok(c);
    if (p[2] === 'messages' && method === 'GET') return ok({ items: messages.get(c.id), has_more: false });
    if (p[2] === 'messages' && p[4] === 'retry') return ok({});
    if (p[2] === 'messages') {
      const known = messages.get(c.id).find((m) => m.client_id === body.client_id);
      if (known) return ok({ message: known, conversation: c });
      if (!body.note && c.owner?.id !== me.id) return problem(409, 'not_owner', { owner: c.owner, epoch: c.epoch });
      await new Promise((r) => setTimeout(r, 300));
      const m = say(c, { direction: body.note ? 'note' : 'out', author: 'agent', agent: ref(me), client_id: body.client_id, content: body.content, status: body.note ? null : 'queued' });
      if (!body.note) { Object.assign(c, { owed_since: null, rotate_at: null, phase: 'answered', unread: 0 }); c.last_message.status = 'queued'; }
      emit('message.created', m, c.id); emit('conversation.changed', c, c.id);
      ['sent', 'delivered', 'read'].forEach((status, i) => !body.note && setTimeout(() => { m.status = status; c.last_message.status = status; emit('message.changed', m, c.id); emit('conversation.changed', c, c.id); }, 700 * (i + 1)));
      if (!body.note) setTimeout(() => { for (const s of sockets) s.send(JSON.stringify({ type: 'typing', conversation: c.id, customer: true })); }, 3500);
      return { status: 201, body: { message: m, conversation: c } };
    }
    if (p[2] === 'draft') return method === 'GET' ? problem(404, 'not_found') : { status: 204 };
    if (p[2] === 'routing') return ok({ why_waiting: { members: 11, lost: [{ reason: 'excluded', count: 2 }, { reason: 'not_online', count: 4 }, { reason: 'full', count: 5 }], finalists: [], by: 'none' }, position: { place: 2, of: queueSize }, decisions: decisions.slice(0, 3) });
    c.epoch += 1;
    if (p[2] === 'take' || p[2] === 'reopen') { Object.assign(c, { place: 'held', state: 'active', owner: ref(me), waiting_since: null, assigned_at: Date.now(), assigned_reason: { code: 'taken', params: { from: 'waiting', over_limit: false } }, closed_at: null }); told(c, 'take', { from: null, to: ref(me), reason: { code: 'taken', params: {} } }); }
    if (p[2] === 'close') { Object.assign(c, { place: 'closed', state: 'closed', closed_at: Date.now(), close_reason: 'agent', rotate_at: null, owed_since: null }); told(c, 'close', { from: ref(me), to: null, reason: { code: 'closed', params: { reason: 'agent' } } }); }
    if (p[2] === 'transfer') { const to = agents.find((a) => a.id === body.to.agent); Object.assign(c, to ? { owner: ref(to) } : { owner: null, place: 'waiting', waiting_since: Date.now() }); told(c, 'transfer', { from: ref(me), to: to ? ref(to) : null, reason: { code: 'transferred', params: { by: me.id } } }); }
    if (p[2] === 'decline') { Object.assign(c, { owner: null, place: 'waiting', waiting_since: c.owed_since ?? Date.now() }); told(c, 'decline', { from: ref(me), to: null, reason: { code: 'declined', params: { why: body.why } } }); }
    if (p[2] === 'snooze') Object.assign(c, { phase: 'parked', rotate_at: null });
    if (p[2] === 'wake') Object.assign(c, { phase: 'answered' });
    if (p[2] === 'read') { c.epoch -= 1; Object.assign(c, { unread: 0, marked_unread: false }); }
    if (p[2] === 'unread') { c.epoch -= 1; Object.assign(c, { marked_unread: true }); }
    if (p[2] === 'typing') { c.epoch -= 1; if (c.rotate_at) c.rotate_at += MIN; }
    return changed(c);
  }
  return problem(404, 'not_found');
}

const types = { '.js': 'text/javascript', '.css': 'text/css', '.svg': 'image/svg+xml', '.html': 'text/html' };
const server = createServer(async (request, response) => {
  const url = new URL(request.url, 'http://x');
  if (url.pathname.startsWith('/api/v1/')) {
    const chunks = [];
    for await (const chunk of request) chunks.push(chunk);
    let body;
    try { body = JSON.parse(Buffer.concat(chunks).toString() || 'null'); } catch { body = null; }
    const { status, body: out, raw, type } = await answer(request.method, url.pathname.slice(7), url.searchParams, body);
    response.writeHead(status, { 'content-type': type ?? 'application/json' });
    response.end(raw ?? (out === undefined ? '' : JSON.stringify(out)));
    return;
  }
  const file = join(dist, normalize(url.pathname));
  const found = url.pathname !== '/' && file.startsWith(dist) ? await readFile(file).catch(() => null) : null;
  response.writeHead(200, { 'content-type': types[found ? extname(file) : '.html'] ?? 'application/octet-stream', 'content-security-policy': policy });
  response.end(found ?? (await readFile(join(dist, 'index.html'))));
});
const wss = new WebSocketServer({ server, path: '/api/v1/events' });
wss.on('connection', (socket) => {
  sockets.add(socket);
  socket.send(JSON.stringify({ type: 'welcome', seq, server_time: Date.now(), session: 1 }));
  socket.on('message', (data) => {
    const frame = JSON.parse(data);
    if (frame.type === 'view' && frame.conversation) socket.send(JSON.stringify({ type: 'viewing', conversation: frame.conversation, agents: [ref(me), ref(ana)] }));
  });
  socket.on('close', () => sockets.delete(socket));
});
setInterval(() => { for (const s of sockets) s.send(JSON.stringify({ type: 'ping', up_to: seq, server_time: Date.now() })); }, 15_000);
server.listen(port, '127.0.0.1', () => console.log(`http://127.0.0.1:${port} (started ${new Date(start).toISOString()})`));
