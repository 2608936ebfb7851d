import { api } from '@/api/client';
import type { Conversation, Page, Tray } from '@/api/types';
import { useT } from '@/i18n';
import { customerName } from '@/lib/names';
import { fold } from '@/lib/text';
import { Avatar, Dialog, Finder, Icon, Kbd, type IconName } from '@/ui';
import { keepPreviousData, useQuery } from '@tanstack/react-query';
import { useDeferredValue, useState } from 'react';

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
  const rows = [
    ...actions.map((command) => ({
      key: command.id,
      run: command.run,
      line: (
        <>
          <Icon name={command.icon} />
          <span className="grow">{command.label}</span>
          {command.keys && <Kbd>{command.keys}</Kbd>}
        </>
      ),
    })),
    ...chats.map((c) => ({
      key: `c${c.id}`,
      run: () => onOpen(c),
      line: (
        <>
          <Avatar name={customerName(t, c)} size={24} />
          <span className="grow trunc" dir="auto">
            {customerName(t, c)} <span className="faint">{c.last_message?.preview}</span>
          </span>
          {c.owner && <span className="xs muted">{c.owner.name}</span>}
        </>
      ),
    })),
  ];
  const none = found.isFetching ? t('common.loading') : t('palette.none');
  return <Finder title={t('palette.title')} hint={t('palette.hint')} none={none} text={text} onText={setText} rows={rows} onClose={onClose} />;
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
