import { api } from '@/api/client';
import type { Conversation, Page, Tray } from '@/api/types';
import { useT } from '@/i18n';
import { customerName } from '@/lib/names';
import { fold } from '@/lib/text';
import { Avatar, Dialog, Icon, Kbd, type IconName } from '@/ui';
import { keepPreviousData, useQuery } from '@tanstack/react-query';
import { useDeferredValue, useState, type KeyboardEvent } from 'react';

export interface Command {
  id: string;
  label: string;
  icon: IconName;
  keys?: string;
  run(): void;
}

const MOST = 8;
/** A live conversation is in one of these. */
const LIVE: readonly Tray[] = ['agents', 'unassigned', 'bot'];

/** Everything by its name: actions, places, and conversations by customer or words. */
export function Palette({ commands, onClose, onOpen }: { commands: Command[]; onClose(): void; onOpen(c: Conversation): void }) {
  const t = useT();
  const [text, setText] = useState('');
  const [at, setAt] = useState(0);
  const q = useDeferredValue(text.trim());
  const found = useQuery({
    queryKey: ['palette', q],
    queryFn: async ({ signal }) => {
      const ask = (tray: Tray) => api.get<Page<Conversation>>('/conversations', { tray, state: 'active', q, limit: MOST }, signal);
      const pages = await Promise.all(LIVE.map(ask));
      return pages.flatMap((page) => page.items).slice(0, MOST);
    },
    enabled: q.length >= 2,
    placeholderData: keepPreviousData,
  });
  const actions = commands.filter((command) => fold(command.label).includes(fold(text.trim())));
  const chats = q.length >= 2 ? (found.data ?? []) : [];
  const all = [
    ...actions.map((command) => ({ key: command.id, run: command.run })),
    ...chats.map((c) => ({ key: `c${c.id}`, run: () => onOpen(c) })),
  ];
  const chosen = Math.min(at, Math.max(0, all.length - 1));
  const run = (i: number) => {
    const one = all[i];
    if (!one) return;
    onClose();
    one.run();
  };
  const keys = (event: KeyboardEvent) => {
    if (event.key === 'ArrowDown') setAt((chosen + 1) % Math.max(1, all.length));
    else if (event.key === 'ArrowUp') setAt((chosen - 1 + all.length) % Math.max(1, all.length));
    else if (event.key === 'Enter') run(chosen);
    else return;
    event.preventDefault();
  };
  return (
    <Dialog title={t('palette.title')} wide className="palette" onClose={onClose}>
      <div className="input-group" onKeyDown={keys}>
        <Icon name="search" />
        <input
          className="input input-lg"
          role="combobox"
          aria-expanded="true"
          aria-controls="palette-list"
          aria-activedescendant={all[chosen] ? `p-${all[chosen].key}` : undefined}
          autoFocus
          aria-label={t('palette.title')}
          placeholder={t('palette.hint')}
          value={text}
          onChange={(event) => {
            setText(event.target.value);
            setAt(0);
          }}
        />
      </div>
      <div id="palette-list" className="pick-list" role="listbox" aria-label={t('palette.title')}>
        {actions.map((command, i) => (
          <button key={command.id} id={`p-${command.id}`} type="button" role="option" aria-selected={chosen === i} className="pick-row" onPointerMove={() => setAt(i)} onClick={() => run(i)}>
            <Icon name={command.icon} />
            <span className="grow">{command.label}</span>
            {command.keys && <Kbd>{command.keys}</Kbd>}
          </button>
        ))}
        {chats.map((c, k) => {
          const i = actions.length + k;
          return (
            <button key={c.id} id={`p-c${c.id}`} type="button" role="option" aria-selected={chosen === i} className="pick-row" onPointerMove={() => setAt(i)} onClick={() => run(i)}>
              <Avatar name={customerName(t, c)} size={24} />
              <span className="grow trunc" dir="auto">
                {customerName(t, c)} <span className="faint">{c.last_message?.preview}</span>
              </span>
              {c.owner && <span className="xs muted">{c.owner.name}</span>}
            </button>
          );
        })}
        {all.length === 0 && <p className="sm muted pad">{found.isFetching ? t('common.loading') : t('palette.none')}</p>}
      </div>
    </Dialog>
  );
}

/** The map of keys, shown by `?`. */
export function Keys({ onClose }: { onClose(): void }) {
  const t = useT();
  const map: [string, string][] = [
    ['Alt J / Alt K', t('keys.next')],
    ['Alt N', t('keys.owed')],
    ['Alt A', t('act.take')],
    ['Alt E', t('act.close')],
    ['Alt T', t('act.transfer')],
    ['Alt Z', t('act.snooze')],
    ['Alt C', t('start.title')],
    ['Alt P', t('note.label')],
    ['Alt L', t('keys.reply')],
    ['Enter', t('composer.send')],
    ['Ctrl Enter', t('keys.break')],
    ['J / K', t('keys.list')],
    ['Ctrl K', t('palette.title')],
    ['Esc', t('conv.back')],
    ['?', t('keys.title')],
  ];
  return (
    <Dialog title={t('keys.title')} onClose={onClose}>
      <dl className="keys">
        {map.map(([keys, what]) => (
          <div key={keys}>
            <dt>
              <Kbd>{keys}</Kbd>
            </dt>
            <dd>{what}</dd>
          </div>
        ))}
      </dl>
    </Dialog>
  );
}
