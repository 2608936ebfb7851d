import { api } from '@/api/client';
import { customerConversationsQuery, customerQuery } from '@/api/queries';
import type { ChannelKind, Conversation, Customer } from '@/api/types';
import { useT } from '@/i18n';
import { customerName } from '@/lib/names';
import { useNow } from '@/lib/clock';
import { explain } from '@/lib/errors';
import { useMay, useZone } from '@/lib/me';
import { shortDate } from '@/lib/time';
import { Avatar, ChannelMark, Failure, Icon, IconButton, Skeleton, toast } from '@/ui';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { Link } from 'wouter';
import { AffinitySection } from './affinity';
import type { Place } from './view';

type Editable = 'name' | 'email' | 'notes';

export function CustomerPanel({ c, place, onClose }: { c: Conversation; place: Place; onClose(): void }) {
  const t = useT();
  const now = useNow();
  const zone = useZone();
  const { data, error, isPending, refetch } = useQuery(customerQuery(c.customer.id));
  const { data: previous } = useQuery(customerConversationsQuery(c.customer.id));
  const others = previous?.items.filter((one) => one.id !== c.id) ?? [];
  const identities = (data?.identities ?? []).filter((identity) => identity.kind !== 'whatsapp_bsuid');
  return (
    <aside className="panel" aria-label={t('customer.label')}>
      <div className="ph">
        <Avatar name={data?.name || customerName(t, c)} size={48} />
        <div className="grow">
          <h2 className="trunc" dir="auto">
            {data?.name || customerName(t, c)}
          </h2>
          {data?.created_at !== undefined && <div className="xs muted">{t('customer.since', { date: shortDate(data.created_at, now, t.language, zone) })}</div>}
        </div>
        <IconButton className="panel-x" icon="x" label={t('common.close')} onClick={onClose} />
      </div>
      {error && !data ? (
        <Failure error={error} retry={() => void refetch()} />
      ) : (
        <>
          <section className="ps">
            <h3>{t('customer.identities')}</h3>
            {isPending && <Skeleton width="70%" />}
            {identities.map((identity) => (
              <div key={`${identity.kind}.${identity.value}`} className="ln">
                <Mark kind={identity.kind} />
                <span className={identity.replaced ? 'num grow trunc faint' : 'num grow trunc'} title={identity.value}>
                  {identity.kind === 'web_visitor' ? t('customer.identity.visitor') : identity.kind === 'web_user' ? t('customer.identity.user', { id: identity.value }) : identity.value}
                </span>
              </div>
            ))}
            {!isPending && identities.length === 0 && (
              <div className="ln">
                <ChannelMark kind={c.channel_account.kind} inline />
                <span className="grow trunc muted">{data?.phone ?? c.channel_account.name}</span>
              </div>
            )}
          </section>
          {data && <Fields key={data.id} customer={data} />}
          {data && <Attributes of={data.attributes} />}
          <Origin of={c.origin} />
          <AffinitySection customer={c.customer.id} name={data?.name || customerName(t, c)} />
          <section className="ps">
            <h3>
              {t('customer.previous')} <span className="num">{others.length || ''}</span>
            </h3>
            {others.length === 0 && <p className="sm muted">{t('customer.previous.none')}</p>}
            {others.map((one) => (
              <Link key={one.id} className="ln ln-link" href={place.path({}, one.id)}>
                <ChannelMark kind={one.channel_account.kind} inline />
                <span className="grow trunc" dir="auto">
                  {one.last_message?.preview || t.maybe(`kind.${one.last_message?.kind}`) || `#${one.number}`}
                </span>
                <span className="xs faint num">{shortDate(one.last_activity_at, now, t.language, zone)}</span>
              </Link>
            ))}
          </section>
        </>
      )}
    </aside>
  );
}

const KINDS: Record<string, ChannelKind> = {
  whatsapp_phone: 'whatsapp',
  facebook_psid: 'facebook',
  instagram_igsid: 'instagram',
  web_visitor: 'web_chat',
  web_user: 'web_chat',
};

function Mark({ kind }: { kind: string }) {
  const channel = KINDS[kind];
  return channel ? <ChannelMark kind={channel} inline /> : <Icon name="mail" />;
}

/** What the site of a web chat says about its user. */
function Attributes({ of }: { of: Customer['attributes'] }) {
  const t = useT();
  const all = Object.entries(of as Record<string, string | number | boolean>);
  if (all.length === 0) return null;
  return (
    <section className="ps ps-tight">
      <h3>{t('customer.attributes')}</h3>
      <dl>
        {all.map(([name, value]) => (
          <div key={name} className="attr">
            <dt className="trunc">{name}</dt>
            <dd className="trunc" dir="auto">
              {typeof value === 'boolean' ? t(value ? 'common.yes' : 'common.no') : String(value)}
            </dd>
          </div>
        ))}
      </dl>
    </section>
  );
}

/** Only web addresses are links: what a page says of itself may say anything. */
const isWeb = (url: string | undefined): url is string => url !== undefined && /^https?:\/\//u.test(url);

const UTM = ['source', 'medium', 'campaign', 'term', 'content'] as const;

/** Where a web chat began. */
function Origin({ of }: { of: Conversation['origin'] }) {
  const t = useT();
  if (!of || !isWeb(of.url)) return null;
  const campaign = UTM.map((part) => of.utm?.[part])
    .filter(Boolean)
    .join(' · ');
  return (
    <section className="ps ps-tight">
      <h3>{t('origin.title')}</h3>
      <dl>
        <div className="attr">
          <dt>{t('origin.page')}</dt>
          <dd className="trunc">
            <a href={of.url} target="_blank" rel="noopener noreferrer" title={of.url}>
              {of.title || of.url}
            </a>
          </dd>
        </div>
        {isWeb(of.referrer) && (
          <div className="attr">
            <dt>{t('origin.referrer')}</dt>
            <dd className="trunc" title={of.referrer}>
              {new URL(of.referrer).host}
            </dd>
          </div>
        )}
        {campaign && (
          <div className="attr">
            <dt>{t('origin.campaign')}</dt>
            <dd className="trunc" title={campaign}>
              {campaign}
            </dd>
          </div>
        )}
      </dl>
    </section>
  );
}

/** Edited in place, each value by itself; a change of somebody else in between is told, not overwritten. */
function Fields({ customer }: { customer: Customer }) {
  const t = useT();
  const may = useMay('customers:edit');
  const client = useQueryClient();
  const [editing, setEditing] = useState<Editable | null>(null);
  const [value, setValue] = useState('');
  const save = useMutation({
    mutationFn: (change: Partial<Record<Editable, string | null>>) => api.patch<Customer>(`/customers/${customer.id}`, change, customer.version),
    // Another one may be open by now.
    onSuccess: (_, change) => setEditing((now) => (now !== null && now in change ? null : now)),
    onError: (error) => toast(explain(t, error), { tone: 'error' }),
    onSettled: () => client.invalidateQueries({ queryKey: ['customer', customer.id] }),
  });
  const commit = (name: Editable) => {
    const next = value.trim();
    if (next === (customer[name] ?? '')) setEditing(null);
    else save.mutate({ [name]: name === 'email' ? next || null : next });
  };
  const fields: Editable[] = ['name', 'email', 'notes'];
  return (
    <section className="ps ps-tight">
      <h3>{t('customer.data')}</h3>
      <dl>
        {fields.map((name) => (
          <div key={name} className="attr">
            <dt>{t(`customer.${name}`)}</dt>
            <dd>
              {editing === name ? (
                <input
                  className="input"
                  autoFocus
                  aria-label={t(`customer.${name}`)}
                  value={value}
                  readOnly={save.isPending && save.variables !== undefined && name in save.variables}
                  onChange={(event) => setValue(event.target.value)}
                  onBlur={() => commit(name)}
                  onKeyDown={(event) => {
                    // Leaving the field saves it: once, however it is left.
                    if (event.key === 'Enter') event.currentTarget.blur();
                    if (event.key === 'Escape') {
                      event.stopPropagation();
                      setEditing(null);
                    }
                  }}
                />
              ) : (
                <button
                  type="button"
                  className="attr-b"
                  disabled={!may}
                  title={may ? t('customer.edit') : undefined}
                  onClick={() => {
                    setValue(customer[name] ?? '');
                    setEditing(name);
                  }}
                >
                  <span className={customer[name] ? 'trunc' : 'trunc faint'} dir="auto">
                    {customer[name] || t('customer.empty')}
                  </span>
                  <Icon name="edit" size={14} />
                </button>
              )}
            </dd>
          </div>
        ))}
      </dl>
    </section>
  );
}
