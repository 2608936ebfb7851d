import { ApiError } from '@/api/client';
import { conversationQuery, type View } from '@/api/queries';
import { useT } from '@/i18n';
import { createStoredStore, useStore } from '@/lib/store';
import { owedSince } from '@/realtime/cache';
import { useLink, useLive } from '@/realtime';
import { Avatar, Icon, Menu } from '@/ui';
import { useQuery } from '@tanstack/react-query';
import { useMay, useMe } from '@/lib/me';
import { lazy, Suspense, useEffect, useMemo, useRef, useState } from 'react';
import { Link, useLocation } from 'wouter';
import { mayExtend, useAct } from './actions';
import { Alerts } from './alerts';
import { AwayDialog } from './away';
import { callComposer } from './composer-state';
import { Conversation } from './conversation';
import { CustomerPanel } from './customer';
import { ConversationDialog, type DialogName } from './dialogs';
import { List, useRows } from './list';
import { Outbox } from './outbox';
import { Keys, Palette, type Command } from './palette';
import { Rail, StateMenuItems, useCount, useMyState, usePanel } from './rail';
import { NoConversation } from './thread';
import { TRAYS, usePlace, viewPath, type Place } from './view';

const Start = lazy(() => import('./start'));

const panelOpen = createStoredStore('ronda.panel', true);
/** From this width the customer stands beside the conversation; below, it covers it when asked for. */
const WIDE = '(min-width: 1201px)';

export default function Console({ tray, id }: { tray?: string; id?: string }) {
  const t = useT();
  const place = usePlace(tray, id);
  const live = useLive();
  const link = useLink();
  const act = useAct();
  const [, navigate] = useLocation();
  const { rows } = useRows(place);
  const { data: c, error } = useQuery({ ...conversationQuery(place.open ?? 0), enabled: place.open !== null });
  const [dialog, setDialog] = useState<{ name: DialogName; of: number } | null>(null);
  const [palette, setPalette] = useState(false);
  const [starting, setStarting] = useState(false);
  const me = useMe();
  const mayStart = useMay('conversations:reply');
  const dashboard = usePanel();
  const [keys, setKeys] = useState(false);
  const wide = useMedia(WIDE);
  const wanted = useStore(panelOpen);
  const [over, setOver] = useState(false);
  const gone = error instanceof ApiError && (error.status === 404 || error.status === 403);
  const panel = !gone && (wide ? wanted : over);
  const togglePanel = () => (wide ? panelOpen.set(!wanted) : setOver(!over));

  const outbox = useMemo(
    () =>
      new Outbox((sent) => {
        if (sent.message) live.cache.sent(sent.message);
        if (sent.conversation) live.cache.answer(sent.conversation);
      }),
    [live],
  );
  useEffect(() => {
    if (link === 'online') outbox.wake();
  }, [link, outbox]);

  const open = place.open;
  if (dialog && dialog.of !== open) setDialog(null);
  const openDialog = (name: DialogName) => open !== null && setDialog({ name, of: open });
  const had = useRef(false);
  useEffect(() => {
    // Whoever works by keys goes on in the list, not at the top of the page.
    if (had.current && open === null && document.activeElement === document.body) {
      document.querySelector<HTMLElement>('.rows')?.focus({ preventScroll: true });
    }
    had.current = open !== null;
  }, [open]);
  const step = (by: number) => {
    const at = rows.findIndex((row) => row.id === open);
    const next = rows[at < 0 ? 0 : at + by];
    if (next) place.go({}, next.id);
  };
  const nextOwed = () => {
    const next = rows.find((row) => owedSince(row) !== null && row.id !== open);
    if (next) place.go({}, next.id);
  };
  const take = () => {
    if (c) act.mutate({ id: c.id, verb: c.place === 'closed' ? 'reopen' : 'take', body: { seen: c.epoch } }, { onSuccess: () => callComposer('reply') });
  };
  const ask = (name: DialogName) => () => {
    if (c) openDialog(name);
  };

  const extend = () => {
    if (c && mayExtend(c, me.agent?.id)) act.mutate({ id: c.id, verb: 'extend', body: { seen: c.epoch } });
  };

  const commands: Command[] = [
    ...(c
      ? ([
          { id: 'take', label: t('act.take'), icon: 'user', keys: 'Alt A', run: take },
          { id: 'transfer', label: t('act.transfer'), icon: 'transfer', keys: 'Alt T', run: ask('transfer') },
          { id: 'close', label: t('act.close'), icon: 'done', keys: 'Alt E', run: ask('close') },
          { id: 'snooze', label: t('act.snooze'), icon: 'snooze', keys: 'Alt Z', run: ask('snooze') },
          ...(mayExtend(c, me.agent?.id) ? [{ id: 'extend', label: t('clock.hold'), icon: 'clock' as const, keys: 'Alt X', run: extend }] : []),
          { id: 'note', label: t('note.label'), icon: 'note', keys: 'Alt P', run: () => callComposer('note') },
          { id: 'reply', label: t('keys.reply'), icon: 'reply', keys: 'Alt L', run: () => callComposer('reply') },
        ] satisfies Command[])
      : []),
    ...(mayStart ? [{ id: 'start', label: t('start.title'), icon: 'plus' as const, keys: 'Alt C', run: () => setStarting(true) }] : []),
    { id: 'owed', label: t('keys.owed'), icon: 'clock', keys: 'Alt N', run: nextOwed },
    ...TRAYS.map((one) => ({
      id: `tray-${one}`,
      label: t('palette.go', { place: t(`tray.${one}`) }),
      icon: 'inbox' as const,
      run: () => place.go({ tray: one, state: 'active', group: undefined, owner: undefined }, null),
    })),
    { id: 'panel', label: dashboard.label, icon: dashboard.icon, run: () => navigate(dashboard.href) },
    { id: 'keys', label: t('keys.title'), icon: 'keyboard', keys: '?', run: () => setKeys(true) },
  ];

  useEffect(() => {
    const byCode: Record<string, () => void> = {
      KeyJ: () => step(1),
      KeyK: () => step(-1),
      KeyN: nextOwed,
      KeyA: take,
      KeyE: ask('close'),
      KeyT: ask('transfer'),
      KeyZ: ask('snooze'),
      KeyX: extend,
      KeyC: () => mayStart && setStarting(true),
      KeyP: () => callComposer('note'),
      KeyL: () => callComposer('reply'),
    };
    const press = (event: KeyboardEvent) => {
      const modal = document.querySelector('dialog[open]') !== null;
      const target = event.target as HTMLElement | null;
      const writing = target?.matches('input, textarea, select, [contenteditable]') ?? false;
      if ((event.ctrlKey || event.metaKey) && event.code === 'KeyK') {
        event.preventDefault();
        setPalette((shown) => !shown);
      } else if (modal) {
        return;
      } else if (event.altKey && !event.ctrlKey && !event.metaKey && byCode[event.code]) {
        event.preventDefault();
        byCode[event.code]?.();
      } else if (event.key === '?' && !writing) {
        event.preventDefault();
        setKeys(true);
      } else if (event.key === 'Escape' && !event.defaultPrevented) {
        if (over) setOver(false);
        else if (writing) target?.blur();
        else if (open !== null) place.go({}, null);
      }
    };
    window.addEventListener('keydown', press);
    return () => window.removeEventListener('keydown', press);
  });

  const classes = ['panes', 'sheet', open !== null && 'has-open', panel && open !== null && 'has-panel'].filter(Boolean).join(' ');
  return (
    <div className="app">
      <Alerts place={place} />
      <Rail place={place} onStart={mayStart ? () => setStarting(true) : undefined} onPalette={() => setPalette(true)} onKeys={() => setKeys(true)} />
      <main className={classes}>
        <List place={place} />
        {open !== null ? (
          <Conversation place={place} id={open} outbox={outbox} open={openDialog} panel={panel} onPanel={togglePanel} />
        ) : (
          <NoConversation />
        )}
        {open !== null && panel && c && <CustomerPanel key={c.customer.id} c={c} place={place} onClose={togglePanel} />}
      </main>
      <Bottom place={place} />
      <AwayDialog />
      {dialog && c?.id === dialog.of && !gone && (
        <ConversationDialog key={c.id} name={dialog.name} c={c} outbox={outbox} onClose={() => setDialog(null)} onGone={() => place.go({}, null)} />
      )}
      {palette && <Palette commands={commands} onClose={() => setPalette(false)} onOpen={(found) => place.go({}, found.id)} />}
      {starting && (
        <Suspense fallback={null}>
          <Start onClose={() => setStarting(false)} onOpen={(begun) => place.go({ tray: 'mine', state: begun.state }, begun.id)} />
        </Suspense>
      )}
      {keys && <Keys onClose={() => setKeys(false)} />}
    </div>
  );
}

function useMedia(query: string): boolean {
  const [matches, setMatches] = useState(() => window.matchMedia(query).matches);
  useEffect(() => {
    const list = window.matchMedia(query);
    const change = () => setMatches(list.matches);
    list.addEventListener('change', change);
    return () => list.removeEventListener('change', change);
  }, [query]);
  return matches;
}

/** The bar of phones: the places of the thumb. */
function Bottom({ place }: { place: Place }) {
  const t = useT();
  const count = useCount();
  const { agent } = useMyState();
  const items = StateMenuItems();
  const panel = usePanel();
  const queue: View = { tray: 'unassigned', state: 'active', order: 'waiting' };
  const mine: View = { tray: 'mine', state: 'active', order: 'waiting' };
  const at = place.view.tray;
  return (
    <nav className="bottom" aria-label={t('rail.label')} data-open={place.open !== null}>
      <Link href={viewPath(mine)} aria-current={at === 'mine' ? 'page' : undefined}>
        <Icon name="reply" size={20} />
        {t('bottom.mine')}
      </Link>
      <Link href={viewPath(queue)} aria-current={at === 'unassigned' ? 'page' : undefined}>
        <Icon name="inbox" size={20} />
        {t('bottom.queue', { n: count.show('unassigned') })}
      </Link>
      <Link href={panel.href}>
        <Icon name={panel.icon} size={20} />
        {panel.short}
      </Link>
      {agent && (
        <Menu
          label={t('state.menu')}
          items={items}
          align="end"
          trigger={(props) => (
            <button type="button" {...props}>
              <Avatar name={agent.name} size={24} state={agent.state} />
              <span className="num">
                {t('bottom.me')} {agent.load}
                {agent.limit != null && `/${agent.limit}`}
              </span>
            </button>
          )}
        />
      )}
    </nav>
  );
}
