import { api } from '@/api/client';
import { channelsQuery, sandboxQuery } from '@/api/queries';
import type { ChannelAccount } from '@/api/types';
import { useT } from '@/i18n';
import { explain } from '@/lib/errors';
import { Banner, ChannelMark, Icon, Setting } from '@/ui';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useId } from 'react';
import { Link, useLocation } from 'wouter';

/** A number without Meta, by one click. Where there is no sandbox it says how the operator switches one on. */
export function TrySandbox({ accounts }: { accounts: ChannelAccount[] | undefined }) {
  const t = useT();
  const [, go] = useLocation();
  const client = useQueryClient();
  const why = useId();
  const { data } = useQuery(sandboxQuery);
  const create = useMutation({
    mutationFn: () => api.post<ChannelAccount>('/channel-accounts/sandbox', {}),
    onSuccess: (account) => {
      void client.invalidateQueries({ queryKey: channelsQuery.queryKey });
      go(`/dashboard/channels/${account.id}`);
    },
  });
  const off = data?.available === false;
  const there = accounts?.find((account) => account.phone_page);
  const text = off ? t('sandbox.off') : there ? t('sandbox.there', { name: there.name }) : create.isPending ? t('sandbox.making') : t('sandbox.text');
  return (
    <div className="adder-box">
      <button
        type="button"
        className="card adder quiet"
        aria-busy={create.isPending}
        aria-describedby={why}
        disabled={off || !data || create.isPending}
        onClick={() => (there ? go(`/dashboard/channels/${there.id}`) : create.mutate())}
      >
        <ChannelMark kind="whatsapp" />
        <span className="grow">
          <b className="block">{t('sandbox.title')}</b>
          <span className="sm muted" id={why}>
            {text}
          </span>
        </span>
        {create.isPending ? <span className="spin" aria-hidden="true" /> : <Icon name="right" />}
      </button>
      {create.error && <Banner tone="red">{explain(t, create.error)}</Banner>}
    </div>
  );
}

/** Where one writes to a number of the sandbox as its customer, and where that is answered. */
export function SandboxPhone({ page }: { page: string }) {
  const t = useT();
  return (
    <Setting title={t('sandbox.phone')} text={t('sandbox.phone.text')}>
      <div className="flex gap-2 wrap">
        <a className="btn btn-primary" href={page} target="_blank" rel="noreferrer">
          <Icon name="phone" />
          {t('sandbox.phone.open')}
        </a>
        <Link className="btn btn-secondary" href="/agent/unassigned">
          {t('sandbox.answer')}
        </Link>
      </div>
    </Setting>
  );
}
