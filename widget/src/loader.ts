/** The loader: draws the launcher, answers `Ronda(…)` and fetches the panel when it is needed, nothing more. It is the
 * only script a visitor pays for before opening the chat, so it has no dependency and a size budget. */
import css from './loader.css';
import type { Host, Language, Page, Panel, Site, Who } from './types';

declare const PANEL_VERSION: string;

interface Api {
  (command: string, ...args: unknown[]): void;
  /** Commands given before this script arrived. */
  q?: unknown[][];
  /** Set by panel.js. */
  panel?: (host: Host) => Panel;
  ready?: boolean;
}

/** The part of Trusted Types used here; the DOM types of TypeScript do not have it yet. */
interface Policies {
  createPolicy(name: string, rules: { createScriptURL(address: string): string }): { createScriptURL(address: string): unknown };
}

const WORDS: Record<Language, [open: string, close: string, unread: string, refused: string]> = {
  es: [
    'Abrir el chat',
    'Cerrar el chat',
    'sin leer',
    'no está entre los dominios permitidos de este chat. Se agrega en Panel de control > Canales > Chat web.',
  ],
  en: [
    'Open chat',
    'Close chat',
    'unread',
    'is not among the allowed domains of this chat. Add it in Control panel > Channels > Web chat.',
  ],
  'pt-BR': [
    'Abrir o chat',
    'Fechar o chat',
    'não lidas',
    'não está entre os domínios permitidos deste chat. Adicione em Painel de controle > Canais > Chat web.',
  ],
};

function pick(setting?: string | null): Language {
  const wanted = (setting && setting !== 'auto' ? setting : document.documentElement.lang || navigator.language).slice(0, 2);
  return wanted === 'pt' ? 'pt-BR' : wanted === 'en' ? 'en' : 'es';
}

/** Black or white, whichever reads better on the colour (WCAG relative luminance). */
function ink(colour: string): string {
  const [r, g, b] = [1, 3, 5].map((i) => {
    const c = Number.parseInt(colour.slice(i, i + 2), 16) / 255;
    return c <= 0.04 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
  }) as [number, number, number];
  return 0.2126 * r + 0.7152 * g + 0.0722 * b > 0.2 ? '#111' : '#fff';
}

/** Elements are made one by one: pages that enforce Trusted Types refuse `innerHTML`. */
function icon(path: string): SVGElement {
  const ns = 'http://www.w3.org/2000/svg';
  const svg = document.createElementNS(ns, 'svg');
  const line = document.createElementNS(ns, 'path');
  const set = (node: SVGElement, values: Record<string, string>) => {
    for (const k in values) node.setAttribute(k, values[k] as string);
  };
  set(svg, { viewBox: '0 0 24 24', 'aria-hidden': 'true' });
  set(line, { d: path, fill: 'none', stroke: 'currentColor', 'stroke-width': '1.8', 'stroke-linecap': 'round', 'stroke-linejoin': 'round' });
  svg.append(line);
  return svg;
}

(() => {
  const me = (document.currentScript ?? document.querySelector('script[data-ronda-site]')) as HTMLScriptElement | null;
  const key = me?.dataset.rondaSite;
  const w = window as unknown as { Ronda?: Api };
  if (!me || !key || w.Ronda?.ready) return;
  const waiting = w.Ronda?.q ?? [];
  const base = new URL('.', me.src).href;
  // Private windows and sandboxed frames refuse storage; the chat works there, it only forgets.
  const remembered = (store: 'localStorage' | 'sessionStorage', name: string): string | null => {
    try {
      return window[store].getItem(`ronda:${key}:${name}`);
    } catch {
      return null;
    }
  };

  let host: Host | undefined;
  let panel: Promise<Panel> | undefined;
  let isOpen = false;
  let place: Partial<Page> = {};
  const box = document.createElement('div');
  const trusted = (window as unknown as { trustedTypes?: Policies }).trustedTypes?.createPolicy('ronda', {
    createScriptURL: (address) => address,
  });

  const load = (h: Host): Promise<Panel> => {
    panel ??= new Promise<Panel>((done, fail) => {
      const script = document.createElement('script');
      const address = `${base}chat/panel.js?v=${PANEL_VERSION}`;
      // Pages that enforce Trusted Types want to know who vouches for the address of a script.
      script.src = trusted ? (trusted.createScriptURL(address) as unknown as string) : address;
      script.nonce = me.nonce;
      script.onload = () => (api.panel ? done(api.panel(h)) : script.onerror?.(''));
      script.onerror = () => {
        panel = undefined;
        script.remove();
        fail(new Error('Ronda: panel.js'));
      };
      document.head.append(script);
    });
    return panel;
  };

  const commands: Record<string, (arg?: unknown) => void> = {
    open: () => host && load(host).then((p) => p.open(true)),
    close: () => panel?.then((p) => p.close()),
    toggle: () => commands[isOpen ? 'close' : 'open']?.(),
    // Single-page applications call this after a change of route that replaced the document's body.
    page: (arg) => {
      place = (arg as Partial<Page>) ?? {};
      if (host && !box.isConnected) document.body.append(box);
    },
    identify: (arg) => {
      if (host) host.who = { ...host.who, ...(arg as Who) };
      void panel?.then((p) => p.identify());
    },
    set: (arg) => commands.identify?.(arg),
    logout: () => {
      if (!host) return;
      host.who = undefined;
      void load(host).then((p) => p.logout());
    },
  };
  const here = (): Page => ({ url: location.href, title: document.title, referrer: document.referrer, ...place });

  const api: Api = (command, arg) => {
    if (!commands[command]) console.warn(`Ronda: "${command}" ?`, Object.keys(commands));
    else if (host || command === 'page') commands[command]?.(arg);
    else waiting.push([command, arg]);
  };
  api.ready = true;
  w.Ronda = api;

  const start = (site: Site): void => {
    const language = pick(site.language);
    const [openText, closeText, unreadText] = WORDS[language];
    const colour = /^#[0-9a-f]{6}$/i.test(site.colour ?? '') ? (site.colour as string) : '#14532d';
    const root = box.attachShadow({ mode: 'open' });
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(css);
    root.adoptedStyleSheets = [sheet];
    box.style.setProperty('--ronda', colour);
    box.style.setProperty('--on-ronda', ink(colour));
    if (site.position?.includes('left')) box.setAttribute('side', 'left');
    if (me.dataset.theme) box.dataset.theme = me.dataset.theme;
    box.dir = getComputedStyle(document.documentElement).direction;
    box.lang = language;

    const launcher = document.createElement('button');
    const text = document.createElement('span');
    const count = document.createElement('i');
    const [chat, cross] = [icon('M4 19.5V6.8A2.8 2.8 0 0 1 6.8 4h10.4A2.8 2.8 0 0 1 20 6.8v6.4a2.8 2.8 0 0 1-2.8 2.8H8.4zM8.5 8.7h7M8.5 11.9h4.5'), icon('m6 9.5 6 6 6-6')];
    text.textContent = site.launcher_text ?? '';
    launcher.type = 'button';
    launcher.className = 'launcher';
    launcher.append(chat, ...(site.launcher_text ? [text] : []), count);
    const label = (): void => {
      const unread = count.textContent;
      launcher.ariaLabel = isOpen ? closeText : (site.launcher_text || openText) + (unread ? `, ${unread} ${unreadText}` : '');
      launcher.setAttribute('aria-expanded', `${isOpen}`);
    };
    launcher.onclick = () => commands.toggle?.();
    root.append(launcher);

    host = {
      key,
      base,
      site,
      language,
      root,
      launcher,
      badge(n) {
        count.textContent = n > 99 ? '99+' : n ? `${n}` : '';
        label();
      },
      opened(open) {
        isOpen = open;
        box.toggleAttribute('open', open);
        (open ? chat : cross).replaceWith(open ? cross : chat);
        label();
      },
      page: () => JSON.parse(remembered('sessionStorage', 'start') ?? 'null') ?? here(),
    };
    try {
      sessionStorage.getItem(`ronda:${key}:start`) ?? sessionStorage.setItem(`ronda:${key}:start`, JSON.stringify(here()));
    } catch {
      // Without storage a visit begins where the visitor writes.
    }
    label();
    document.body.append(box);
    for (const [command, arg] of waiting.splice(0)) api(command as string, arg);
    // Whoever has written before gets live news and the unread badge; an open chat stays open across pages.
    if (remembered('sessionStorage', 'open')) void load(host).then((p) => p.open(false));
    else if (remembered('localStorage', 'token')) void load(host);
  };

  const ask = (): unknown =>
    fetch(`${base}chat/v1/sites/${encodeURIComponent(key)}`)
    .then(async (answer) => {
      if (answer.ok) {
        const site: Site = await answer.json();
        if (!site.open && site.when_closed === 'hide') {
          // A timer holds less than 25 days; whoever stays longer comes back anyway.
          if (site.opens_at) setTimeout(ask, Math.min(site.opens_at - Date.now() + 1e3, 2 ** 31 - 1));
        } else if (document.body) start(site);
        else addEventListener('DOMContentLoaded', () => start(site));
      } else if (answer.status === 403) console.warn(`Ronda: ${location.host} ${WORDS[pick()][3]}`);
      else console.warn(`Ronda: ${key}: HTTP ${answer.status}`);
    })
    .catch((error) => console.warn('Ronda:', error));
  ask();
})();
