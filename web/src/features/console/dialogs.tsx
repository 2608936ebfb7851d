import { ApiError } from '@/api/client';
import { agentsQuery, groupsQuery, routingQuery, skillsQuery, templatesQuery } from '@/api/queries';
import type { Content, Conversation, Template } from '@/api/types';
import { useT } from '@/i18n';
import { customerName } from '@/lib/names';
import { serverNow } from '@/lib/clock';
import { explain } from '@/lib/errors';
import { useMe } from '@/lib/me';
import { useOnce } from '@/lib/once';
import { fold } from '@/lib/text';
import { Banner, Button, Checkbox, CheckList, Dialog, Empty, Failure, Field, Icon, Loading, targetBody, Targets, TextArea, TextField, type Target } from '@/ui';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { useAct } from './actions';
import type { Outbox } from './outbox';

export type DialogName = 'transfer' | 'close' | 'snooze' | 'decline' | 'template';
export type Dialogs = (name: DialogName) => void;

interface Props {
  name: DialogName;
  c: Conversation;
  outbox: Outbox;
  onClose(): void;
  /** After the chat is no longer mine to look at. */
  onGone(): void;
}

export function ConversationDialog({ name, ...props }: Props) {
  switch (name) {
    case 'transfer':
      return <Transfer {...props} />;
    case 'close':
      return <Close {...props} />;
    case 'snooze':
      return <Snooze {...props} />;
    case 'decline':
      return <Decline {...props} />;
    case 'template':
      return <TemplatePicker {...props} />;
  }
}

const HOUR = 3_600_000;

type Inner = Omit<Props, 'name'>;

function Transfer({ c, onClose, onGone }: Inner) {
  const t = useT();
  const me = useMe();
  const act = useAct();
  const once = useOnce(act);
  // How many chats each holds changes without a word.
  const agents = useQuery({ ...agentsQuery, refetchOnMount: 'always' });
  const groups = useQuery(groupsQuery);
  const skills = useQuery(skillsQuery);
  const routing = useQuery({ ...routingQuery(c.id), enabled: (skills.data?.length ?? 0) > 0 });
  // What it asks for stays as it is until somebody ticks something.
  const [asked, setAsked] = useState<number[] | null>(null);
  const needs = asked ?? routing.data?.skills.map((skill) => skill.id) ?? [];
  const [to, setTo] = useState<Target | null>(null);
  const [note, setNote] = useState('');
  const [back, setBack] = useState(false);
  const waiting = c.place === 'waiting';
  const named = to?.kind === 'agent' ? agents.data?.find((agent) => agent.id === to.id) : undefined;
  const over = named?.limit != null && named.load >= named.limit;
  const others = (agents.data ?? []).filter((agent) => agent.id !== c.owner?.id && agent.state === 'online' && !agent.at_limit && agent.id !== named?.id).slice(0, 3);
  const absent = act.error instanceof ApiError && act.error.code === 'not_available';
  // What is mine may be lent; what is left for later waits for its time anyway.
  const lendable = to?.kind === 'agent' && c.owner?.id === me.agent?.id;
  const lent = lendable && back;
  const send = (deferred?: number) => {
    if (!to) return;
    once(
      { id: c.id, verb: 'transfer', body: { to: targetBody(to), seen: c.epoch, ...(note.trim() ? { note: note.trim() } : {}), ...(deferred ? { deferred_until: deferred } : {}), ...(lent && !deferred ? { return_unanswered: true } : {}), ...(asked && to.kind !== 'agent' ? { skills: asked } : {}) } },
      {
        onSuccess: () => {
          onClose();
          if (!(to.kind === 'agent' && to.id === me.agent?.id)) onGone();
        },
      },
    );
  };
  return (
    <Dialog
      title={waiting ? t('transfer.assign') : t('transfer.title')}
      onClose={onClose}
      onSubmit={() => send()}
      footer={
        <>
          <Button onClick={onClose}>{t('common.cancel')}</Button>
          <Button type="submit" variant="primary" icon="transfer" disabled={!to} busy={act.isPending}>
            {t('act.transfer')}
          </Button>
        </>
      }
    >
      {absent ? (
        <Banner
          tone="amber"
          action={
            <Button size="sm" busy={act.isPending} onClick={() => send(serverNow() + HOUR)}>
              {t('transfer.defer')}
            </Button>
          }
        >
          {t('error.not_available')}
          {others.length > 0 && (
            <span className="flex gap-2 wrap">
              {t('transfer.instead')}
              {others.map((agent) => (
                <Button
                  key={agent.id}
                  size="xs"
                  onClick={() => {
                    act.reset();
                    setTo({ kind: 'agent', id: agent.id });
                  }}
                >
                  {agent.name}
                </Button>
              ))}
            </span>
          )}
        </Banner>
      ) : (
        act.error && <Banner tone="red">{explain(t, act.error)}</Banner>
      )}
      <Targets
        c={c}
        agents={agents.data}
        groups={groups.data}
        to={to}
        onChange={(target) => {
          if (act.isError) act.reset();
          setTo(target);
        }}
        onTwice={() => send()}
      />
      {named && over && <Banner tone="amber">{t('transfer.over', { name: named.name, load: named.load, limit: named.limit ?? 0 })}</Banner>}
      {to && to.kind !== 'agent' && <CheckList label={t('transfer.skills')} help={t('transfer.skills.help')} options={skills.data ?? []} chosen={needs} onChange={setAsked} />}
      {lendable && (
        <Checkbox checked={back} onChange={setBack} help={t('transfer.back.text')}>
          {t('transfer.back')}
        </Checkbox>
      )}
      <TextArea label={t('transfer.note')} help={t('transfer.note.help')} rows={2} value={note} onChange={(event) => setNote(event.target.value)} />
    </Dialog>
  );
}

function Close({ c, onClose, onGone }: Inner) {
  const t = useT();
  const act = useAct();
  const once = useOnce(act);
  const [reason, setReason] = useState('');
  const [wrote, setWrote] = useState<number | null>(null);
  const [owedByServer, setOwed] = useState(false);
  const owed = c.owed_since !== null || owedByServer;
  const close = () =>
    once(
      {
        id: c.id,
        verb: 'close',
        body: {
          seen: c.epoch,
          ...(c.last_message ? { last_message: wrote ?? c.last_message.id } : {}),
          ...(reason.trim() ? { reason: reason.trim() } : {}),
          ...(owed ? { confirm_unanswered: true } : {}),
        },
      },
      {
        onSuccess: () => {
          onClose();
          onGone();
        },
        onError: (error) => {
          if (!(error instanceof ApiError)) return;
          const last = error.problem['last_message'];
          if (error.code === 'customer_wrote') setWrote(typeof last === 'number' ? last : Number((last as { id?: number } | null)?.id ?? 0) || null);
          if (error.code === 'needs_confirmation') setOwed(true);
        },
      },
    );
  return (
    <Dialog
      title={t('close.title', { customer: customerName(t, c) })}
      onClose={onClose}
      onSubmit={close}
      footer={
        <>
          <Button onClick={onClose}>{t('common.cancel')}</Button>
          <Button type="submit" variant="primary" icon="done" autoFocus={!owed} disabled={owed && !reason.trim()} busy={act.isPending}>
            {wrote !== null ? t('close.anyway') : t('act.close')}
          </Button>
        </>
      }
    >
      {wrote !== null && <Banner tone="amber">{t('error.customer_wrote')}</Banner>}
      {owed && <Banner tone="amber">{t('close.owed')}</Banner>}
      {act.error && wrote === null && !owedByServer && <Banner tone="red">{explain(t, act.error)}</Banner>}
      {!owed && <p className="sm">{t('close.text')}</p>}
      <TextField label={owed ? t('close.reason.owed') : t('close.reason')} autoFocus={owed} maxLength={200} required={owed} value={reason} onChange={(event) => setReason(event.target.value)} />
    </Dialog>
  );
}

/** The next moment at an hour of the day here: today if it is still to come. */
function at(hour: number, days: number): number {
  const date = new Date(serverNow());
  date.setHours(hour, 0, 0, 0);
  date.setDate(date.getDate() + days);
  return date.getTime();
}

function Snooze({ c, onClose }: Inner) {
  const t = useT();
  const act = useAct();
  const once = useOnce(act);
  const [until, setUntil] = useState('');
  const snooze = (time: number | null) =>
    once({ id: c.id, verb: 'snooze', body: time === null ? {} : { until: time } }, { onSuccess: onClose });
  const choices: { key: 'hour' | 'three' | 'tomorrow' | 'reply'; time: number | null }[] = [
    { key: 'hour', time: serverNow() + HOUR },
    { key: 'three', time: serverNow() + 3 * HOUR },
    { key: 'tomorrow', time: at(9, 1) },
    { key: 'reply', time: null },
  ];
  const own = until ? new Date(until).getTime() : NaN;
  return (
    <Dialog title={t('snooze.title')} onClose={onClose} onSubmit={() => Number.isFinite(own) && snooze(own)}>
      <p className="sm">{t('snooze.text')}</p>
      {act.error && <Banner tone="red">{explain(t, act.error)}</Banner>}
      <div className="stack-2">
        {choices.map(({ key, time }) => (
          <Button key={key} block icon={key === 'reply' ? 'reply' : 'snooze'} disabled={act.isPending} onClick={() => snooze(time)}>
            {t(`snooze.${key}`)}
          </Button>
        ))}
      </div>
      <Field label={t('snooze.own')}>
        {(tied) => (
          <div className="flex gap-2">
            <input {...tied} className="input" type="datetime-local" value={until} onChange={(event) => setUntil(event.target.value)} />
            <Button type="submit" disabled={!(own > serverNow())}>
              {t('act.snooze')}
            </Button>
          </div>
        )}
      </Field>
    </Dialog>
  );
}

function Decline({ c, onClose, onGone }: Inner) {
  const t = useT();
  const act = useAct();
  const once = useOnce(act);
  const [why, setWhy] = useState('');
  return (
    <Dialog
      title={t('decline.title')}
      onClose={onClose}
      onSubmit={() =>
        once(
          { id: c.id, verb: 'decline', body: { seen: c.epoch, why: why.trim() } },
          {
            onSuccess: () => {
              onClose();
              onGone();
            },
          },
        )
      }
      footer={
        <>
          <Button onClick={onClose}>{t('common.cancel')}</Button>
          <Button type="submit" variant="primary" disabled={!why.trim()} busy={act.isPending}>
            {t('act.decline')}
          </Button>
        </>
      }
    >
      {act.error && <Banner tone="red">{explain(t, act.error)}</Banner>}
      <p className="sm">{t('decline.text')}</p>
      <TextField label={t('decline.why')} autoFocus required maxLength={200} value={why} onChange={(event) => setWhy(event.target.value)} />
    </Dialog>
  );
}

function bodyOf(template: Template): string {
  return template.body ?? template.components?.find((part) => part.type.toLowerCase() === 'body')?.text ?? '';
}

function variables(text: string): string[] {
  return [...new Set(Array.from(text.matchAll(/\{\{\s*([\w.]+)\s*\}\}/gu), (match) => match[1] ?? ''))];
}

function TemplatePicker({ c, outbox, onClose }: Inner) {
  const send = (content: Content) => {
    outbox.add({ conversation: c.id, note: false, reply_to: null, seen: c.epoch, content }, serverNow());
    onClose();
  };
  return <Templates channel={c.channel_account.id} name={c.customer.name} onClose={onClose} onSend={send} />;
}

interface TemplatesProps {
  channel: number;
  /** Of the customer: what the first blank begins with. */
  name: string;
  busy?: boolean;
  problem?: unknown;
  onClose(): void;
  onSend(content: Content): void;
}

/** An approved template, and what goes into its blanks. */
export function Templates({ channel, name: customer, busy, problem, onClose, onSend }: TemplatesProps) {
  const t = useT();
  const { data, error, isPending, refetch } = useQuery(templatesQuery(channel));
  const [find, setFind] = useState('');
  const [chosen, setChosen] = useState<Template | null>(null);
  const [values, setValues] = useState<Record<string, string>>({});
  const usable = (data ?? []).filter(
    (template) => (!template.status || template.status.toLowerCase() === 'approved') && fold(`${template.name} ${bodyOf(template)}`).includes(fold(find)),
  );
  const text = chosen ? bodyOf(chosen) : '';
  const names = variables(text);
  const preview = text.replace(/\{\{\s*([\w.]+)\s*\}\}/gu, (all, name: string) => values[name] || all);
  const complete = chosen !== null && names.every((name) => values[name]?.trim());
  const send = () => {
    if (!chosen || !complete) return;
    const parameters = names.map((name) => ({ type: 'text', text: values[name], ...(/^\d+$/u.test(name) ? {} : { parameter_name: name }) }));
    onSend({
      type: 'template',
      name: chosen.name,
      language: chosen.language,
      components: parameters.length > 0 ? [{ type: 'body', parameters }] : [],
      preview,
    });
  };
  return (
    <Dialog
      title={chosen ? chosen.name : t('template.title')}
      wide
      onClose={onClose}
      onSubmit={send}
      footer={
        chosen && (
          <>
            <Button onClick={() => setChosen(null)}>{t('template.other')}</Button>
            <Button type="submit" variant="primary" disabled={!complete} busy={busy}>
              {t('composer.send')}
            </Button>
          </>
        )
      }
    >
      {chosen ? (
        <>
          {problem != null && <Banner tone="red">{explain(t, problem)}</Banner>}
          <div className="bubble">{preview}</div>
          {names.map((name, i) => (
            <TextField
              key={name}
              label={t('template.value', { name })}
              autoFocus={i === 0}
              value={values[name] ?? ''}
              onChange={(event) => setValues({ ...values, [name]: event.target.value })}
            />
          ))}
        </>
      ) : isPending ? (
        <Loading lines={3} />
      ) : error ? (
        <Failure error={error} retry={() => void refetch()} />
      ) : (
        <>
          <div className="input-group">
            <Icon name="search" />
            <input className="input" type="search" autoFocus aria-label={t('template.find')} placeholder={t('template.find')} value={find} onChange={(event) => setFind(event.target.value)} />
          </div>
          {usable.length === 0 ? (
            <Empty icon="book" title={t('template.none')}>
              {t('template.none.text')}
            </Empty>
          ) : (
            <div className="pick-list">
              {usable.map((template) => (
                <button
                  key={`${template.name}.${template.language}`}
                  type="button"
                  className="pick-row pick-tall"
                  onClick={() => {
                    setValues({ '1': customer.split(' ')[0] ?? '' });
                    setChosen(template);
                  }}
                >
                  <span className="grow">
                    <span className="medium block">
                      {template.name} <span className="xs faint">{template.language}</span>
                    </span>
                    <span className="xs muted clamp">{bodyOf(template)}</span>
                  </span>
                </button>
              ))}
            </div>
          )}
        </>
      )}
    </Dialog>
  );
}
