/** Entry of panel.js: the loader calls `Ronda.panel(host)` once this script has arrived. */
import { render } from 'preact';
import type { Host, Panel } from '../types';
import { Chat } from './chat';
import css from './panel.css';
import { textsOf } from './texts';
import { View } from './view';

const TITLE_BADGE = /^\(\d+\+?\) /;

function mount(host: Host): Panel {
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(css);
  host.root.adoptedStyleSheets = [...host.root.adoptedStyleSheets, sheet];
  const chat = new Chat(host);
  const texts = textsOf(host.language);
  const place = document.createElement('div');
  // Before the launcher in tab order: whoever closes the panel continues on the launcher.
  host.root.prepend(place);

  const panel: Panel = {
    open(focus) {
      chat.setOpen(true);
      host.opened(true);
      if (focus) host.root.querySelector<HTMLElement>('.away input, textarea')?.focus({ preventScroll: true });
    },
    close() {
      const inside = host.root.activeElement !== null;
      chat.setOpen(false);
      host.opened(false);
      if (inside) host.launcher.focus({ preventScroll: true });
    },
    logout() {
      chat.logout();
    },
    identify() {
      void chat.identify();
    },
  };

  let shown = -1;
  const badge = () => {
    const { unread, open } = chat.state;
    const count = open && !document.hidden ? 0 : unread;
    if (count === shown) return;
    shown = count;
    host.badge(open ? 0 : count);
    const plain = document.title.replace(TITLE_BADGE, '');
    document.title = count ? `(${count}) ${plain}` : plain;
  };
  const draw = () => {
    badge();
    render(<View chat={chat} state={chat.state} host={host} texts={texts} onClose={panel.close} />, place);
  };
  chat.subscribe(draw);
  draw();
  return panel;
}

(window as unknown as { Ronda: { panel: typeof mount } }).Ronda.panel = mount;
