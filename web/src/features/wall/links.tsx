import { api } from '@/api/client';
import type { Page, WallLink } from '@/api/types';
import { useT } from '@/i18n';
import { serverNow } from '@/lib/clock';
import { explain } from '@/lib/errors';
import { useZone } from '@/lib/me';
import { shortDate } from '@/lib/time';
import { Banner, Button, Checkbox, Dialog, Failure, IconButton, Loading, TextField, toast } from '@/ui';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';

const key = ['wall-links'] as const;

/** Screens in the room: links that show the wall and nothing else, each until it is revoked. */
export function Links({ onClose }: { onClose(): void }) {
  const t = useT();
  const zone = useZone();
  const client = useQueryClient();
  const { data, error, isPending, refetch } = useQuery({ queryKey: key, queryFn: ({ signal }) => api.get<Page<WallLink>>('/wall-links', undefined, signal) });
  const [name, setName] = useState('');
  const [names, setNames] = useState(false);
  const [made, setMade] = useState<string | null>(null);
  const make = useMutation({
    mutationFn: () => api.post<WallLink>('/wall-links', { name: name.trim(), names }),
    onSuccess: (link) => {
      setMade(link.link ?? null);
      setName('');
      void client.invalidateQueries({ queryKey: key });
    },
  });
  const revoke = useMutation({
    mutationFn: (id: number) => api.delete(`/wall-links/${id}`),
    onSuccess: () => void client.invalidateQueries({ queryKey: key }),
    onError: (failure) => toast(explain(t, failure), { tone: 'error' }),
  });
  const copy = (text: string) => void navigator.clipboard.writeText(text).then(() => toast(t('common.copied')));
  return (
    <Dialog
      title={t('wall.screen')}
      onClose={onClose}
      onSubmit={() => name.trim() && make.mutate()}
      footer={
        <>
          <Button onClick={onClose}>{t('common.close')}</Button>
          <Button type="submit" variant="primary" icon="link" disabled={!name.trim()} busy={make.isPending}>
            {t('wall.link.make')}
          </Button>
        </>
      }
    >
      <p className="sm muted">{t('wall.link.text')}</p>
      {made && (
        <div className="stack-2">
          <Banner tone="green" icon="check">
            {t('wall.link.once')}
          </Banner>
          <div className="copy">
            <code className="grow xs">{made}</code>
            <IconButton icon="copy" label={t('wall.link.copy')} onClick={() => copy(made)} />
          </div>
          <a className="sm" href={made} target="_blank" rel="noreferrer">
            {t('wall.link.open')}
          </a>
        </div>
      )}
      {make.error && <Banner tone="red">{explain(t, make.error)}</Banner>}
      <TextField label={t('wall.link.name')} help={t('wall.link.name.help')} maxLength={80} value={name} onChange={(event) => setName(event.target.value)} />
      <Checkbox checked={names} onChange={setNames} help={t('wall.link.names.help')}>
        {t('wall.link.names')}
      </Checkbox>
      {isPending ? (
        <Loading lines={2} />
      ) : error ? (
        <Failure error={error} retry={() => void refetch()} />
      ) : (
        data.items.length > 0 && (
          <ul className="plain-rows" aria-label={t('wall.link.list')}>
            {data.items.map((link) => (
              <li key={link.id} className="flex gap-3 row-sm">
                <span className="grow trunc">
                  {link.name}
                  <span className="xs muted block">{[link.names ? t('wall.link.with') : t('wall.link.without'), link.created_by, shortDate(link.created_at, serverNow(), t.language, zone)].filter(Boolean).join(' · ')}</span>
                </span>
                <Button size="sm" variant="danger-ghost" busy={revoke.isPending && revoke.variables === link.id} onClick={() => revoke.mutate(link.id)} aria-label={t('wall.link.revoke.of', { name: link.name })}>
                  {t('wall.link.revoke')}
                </Button>
              </li>
            ))}
          </ul>
        )
      )}
    </Dialog>
  );
}
