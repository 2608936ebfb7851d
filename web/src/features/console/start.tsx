import { api } from '@/api/client';
import { channelNamesQuery, skillsQuery } from '@/api/queries';
import type { Content, Conversation, FoundCustomer, Page } from '@/api/types';
import { useT } from '@/i18n';
import { uuid } from '@/lib/ids';
import { useOnce } from '@/lib/once';
import { Avatar, Button, CheckList, Dialog, Empty, Failure, Icon, Loading, SelectField, TextField } from '@/ui';
import { keepPreviousData, useMutation, useQuery } from '@tanstack/react-query';
import { useDeferredValue, useState } from 'react';
import { Templates } from './dialogs';

/** Whom to write to: somebody known, or a telephone. */
type Person = { customer: number; name: string } | { phone: string; name: string };

const MOST = 8;
const PHONE = /^[+\d][\d\s().-]{5,}$/u;

/** A conversation that we begin: who, then a template. One that is going on with the customer is opened instead. */
export default function Start({ onClose, onOpen }: { onClose(): void; onOpen(c: Conversation): void }) {
  const t = useT();
  const channels = useQuery(channelNamesQuery);
  const numbers = (channels.data ?? []).filter((channel) => channel.kind === 'whatsapp');
  const [chosen, setChannel] = useState<number | null>(null);
  const channel = chosen ?? numbers[0]?.id;
  const [text, setText] = useState('');
  const [name, setName] = useState('');
  const skills = useQuery(skillsQuery);
  const [asked, setAsked] = useState<number[]>([]);
  const [person, setPerson] = useState<Person | null>(null);
  const [key] = useState(uuid);
  const q = useDeferredValue(text.trim());
  const found = useQuery({
    queryKey: ['find-customers', q],
    queryFn: async ({ signal }): Promise<FoundCustomer[]> => {
      const page = await api.get<Page<FoundCustomer>>('/customers', { q, limit: MOST }, signal);
      return page.items;
    },
    enabled: q.length >= 2,
    placeholderData: keepPreviousData,
  });
  const start = useMutation({
    mutationFn: (content: Content) => {
      const to = person && 'customer' in person ? { customer: person.customer } : { phone: person?.phone, ...(person?.name ? { name: person.name } : {}) };
      return api.post<{ conversation: Conversation }>('/conversations', { channel_account: channel, ...to, ...(asked.length > 0 ? { skills: asked } : {}), client_id: key, content });
    },
    onSuccess: ({ conversation }) => {
      onClose();
      onOpen(conversation);
    },
  });
  const once = useOnce(start);
  if (person && channel !== undefined) {
    return <Templates channel={channel} name={person.name} busy={start.isPending} problem={start.error} onClose={onClose} onSend={(content) => once(content)} />;
  }
  const phone = PHONE.test(text.trim());
  const people: FoundCustomer[] = q.length >= 2 ? (found.data ?? []) : [];
  return (
    <Dialog
      title={t('start.title')}
      onClose={onClose}
      onSubmit={() => phone && setPerson({ phone: text.trim(), name: name.trim() })}
      footer={
        <>
          <Button onClick={onClose}>{t('common.cancel')}</Button>
          <Button type="submit" variant="primary" disabled={!phone}>
            {t('start.template')}
          </Button>
        </>
      }
    >
      {channels.isPending ? (
        <Loading lines={3} />
      ) : channels.error ? (
        <Failure error={channels.error} retry={() => void channels.refetch()} />
      ) : numbers.length === 0 ? (
        <Empty icon="plug" title={t('start.none')}>
          {t('start.none.text')}
        </Empty>
      ) : (
        <div className="stack">
          {numbers.length > 1 && (
            <SelectField label={t('start.channel')} value={channel} onChange={(event) => setChannel(Number(event.target.value))}>
              {numbers.map((one) => (
                <option key={one.id} value={one.id}>
                  {one.name}
                </option>
              ))}
            </SelectField>
          )}
          <TextField label={t('start.who')} help={t('start.who.help')} autoFocus type="search" value={text} onChange={(event) => setText(event.target.value)} />
          {people.length > 0 && (
            <div className="pick-list" role="listbox" aria-label={t('start.known')}>
              {people.map((one) => (
                <button key={one.id} type="button" role="option" aria-selected={false} className="pick-row" onClick={() => setPerson({ customer: one.id, name: one.name })}>
                  <Avatar name={one.name || one.phone || ''} size={24} />
                  <span className="grow trunc" dir="auto">
                    {one.name || one.phone} <span className="faint">{[one.name && one.phone, one.email].filter(Boolean).join(' · ')}</span>
                  </span>
                  <Icon name="right" />
                </button>
              ))}
            </div>
          )}
          {q.length >= 2 && !found.isFetching && people.length === 0 && !phone && <p className="sm muted">{t('start.nobody')}</p>}
          {phone && <TextField label={t('start.name')} maxLength={120} value={name} onChange={(event) => setName(event.target.value)} />}
          <CheckList label={t('start.skills')} options={skills.data ?? []} chosen={asked} onChange={setAsked} />
        </div>
      )}
    </Dialog>
  );
}
