import { api, ApiError } from '@/api/client';
import { groupsQuery, policyQuery, workspaceQuery } from '@/api/queries';
import type { FieldChange, Finding, Page as Paged, PolicyVersion } from '@/api/types';
import { useT } from '@/i18n';
import { explain } from '@/lib/errors';
import { useMay, useZone } from '@/lib/me';
import { countdown, exact } from '@/lib/time';
import { Badge, Button, Dialog, Failure, Loading, toast } from '@/ui';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useEffect, useRef, useState } from 'react';

/** A version read from a text. */
export type Imported = Pick<PolicyVersion, 'policy' | 'groups' | 'tests'> & { unknown: string[] };

interface Props {
  current: number;
  onClose(): void;
  onImport(read: Imported): void;
}

/** Every version with its author and what it changed; each can come back with one click, or leave as text. */
export function Versions({ current, onClose, onImport }: Props) {
  const t = useT();
  const zone = useZone();
  const client = useQueryClient();
  const may = useMay('routing:edit');
  const file = useRef<HTMLInputElement>(null);
  const [open, setOpen] = useState<number | null>(null);
  const [sure, setSure] = useState<number | null>(null);
  const { data, error, isPending, refetch } = useQuery({
    queryKey: ['policy', 'versions'],
    queryFn: () => api.get<Paged<PolicyVersion>>('/routing-policies', { limit: 50 }),
  });
  useEffect(() => void refetch(), [refetch]);
  // Where a second person has to say yes, an older version is put on the screen and proposed from there.
  const second = useQuery(workspaceQuery).data?.policy_approval ?? false;
  const restore = useMutation({
    mutationFn: ({ version, confirm }: { version: number; confirm: boolean }) =>
      api.post<PolicyVersion>(`/routing-policies/versions/${version}/restore`, { if_version: current, confirm }),
    onSuccess: (saved) => {
      toast(t('versions.restored', { version: saved.version, from: saved.restored_from ?? 0 }));
      client.setQueryData(policyQuery.queryKey, saved);
      void client.invalidateQueries({ queryKey: ['policy'] });
      onClose();
    },
    onError: (reason, { version }) => {
      if (reason instanceof ApiError && reason.code === 'needs_confirmation') setSure(version);
      else toast(explain(t, reason), { tone: 'error' });
    },
  });
  const findings = restore.error instanceof ApiError ? ((restore.error.problem['findings'] as Finding[] | undefined) ?? []) : [];
  const load = async (chosen: File) => {
    try {
      onImport(await api.post<Imported>('/routing-policies/import', JSON.parse(await chosen.text())));
    } catch (reason) {
      toast(reason instanceof SyntaxError ? t('versions.import.wrong') : explain(t, reason), { tone: 'error' });
    }
  };
  const save = async (version: number) => {
    try {
      const text = await api.get<unknown>(`/routing-policies/versions/${version}/export`);
      const link = document.createElement('a');
      link.href = URL.createObjectURL(new Blob([`${JSON.stringify(text, null, 2)}\n`], { type: 'application/json' }));
      link.download = `ronda-routing-policy-${version}.json`;
      link.click();
      URL.revokeObjectURL(link.href);
    } catch (reason) {
      toast(explain(t, reason), { tone: 'error' });
    }
  };
  return (
    <Dialog
      title={t('assign.versions')}
      wide
      onClose={onClose}
      footer={
        may && (
          <>
            <input
              ref={file}
              type="file"
              accept="application/json,.json"
              hidden
              onChange={(event) => {
                const [chosen] = event.target.files ?? [];
                if (chosen) void load(chosen);
              }}
            />
            <Button icon="enter" onClick={() => file.current?.click()}>
              {t('versions.import')}
            </Button>
          </>
        )
      }
    >
      {isPending ? (
        <Loading lines={3} />
      ) : error ? (
        <Failure error={error} retry={() => void refetch()} />
      ) : (
        <ol className="versions">
          {data.items.map(({ version, policy, groups, tests, note, author_name, approved_by_name, created_at, restored_from }) => (
            <li key={version}>
              <span className="num semi">{version}</span>
              <span className="grow">
                <span className="block">
                  {policy.enabled ? t(`preset.${policy.preset ?? 'custom'}`) : t('assign.off')}
                  {restored_from != null && ` · ${t('versions.from', { version: restored_from })}`}
                  {note && ` · ${note}`}
                </span>
                <span className="xs muted block">{[author_name, approved_by_name ? t('approval.approved.by', { name: approved_by_name }) : null, created_at != null ? exact(created_at, t.language, zone) : null].filter(Boolean).join(' · ')}</span>
                {open === version && <Differences version={version} />}
                {sure === version && (
                  <span className="block sm">
                    {findings.map((finding) => (
                      <span key={finding.code} className="block bad-mark">
                        {t.maybe(`finding.${finding.code}`, { count: finding.count, names: finding.names?.join(', ') ?? '' }) ?? finding.code}
                      </span>
                    ))}
                    <Button size="sm" variant="danger" busy={restore.isPending} onClick={() => restore.mutate({ version, confirm: true })}>
                      {t('versions.restore.sure')}
                    </Button>
                  </span>
                )}
              </span>
              <span className="flex gap-2 wrap">
                <Button size="sm" variant="ghost" aria-expanded={open === version} onClick={() => setOpen(open === version ? null : version)}>
                  {t('versions.diff')}
                </Button>
                <Button size="sm" variant="ghost" icon="download" onClick={() => void save(version)}>
                  {t('versions.export')}
                </Button>
                {version === current ? (
                  <Badge tone="green">{t('assign.version.current')}</Badge>
                ) : (
                  may && (
                    <Button size="sm" icon="undo" busy={restore.isPending && restore.variables.version === version} onClick={() => (second ? onImport({ policy, groups, tests, unknown: [] }) : restore.mutate({ version, confirm: false }))}>
                      {t('assign.version.take')}
                    </Button>
                  )
                )}
              </span>
            </li>
          ))}
        </ol>
      )}
    </Dialog>
  );
}

function Differences({ version }: { version: number }) {
  const t = useT();
  const { data: groups = [] } = useQuery(groupsQuery);
  const { data, error, isPending } = useQuery({
    queryKey: ['policy', 'diff', version],
    queryFn: ({ signal }) => api.get<FieldChange[]>(`/routing-policies/versions/${version}/diff`, undefined, signal),
    staleTime: Infinity,
  });
  const show = (field: string, value: unknown): string => {
    if (value === null || value === undefined) return field === 'reassign_seconds' ? t('value.never') : field === 'limit' ? t('value.unlimited') : t('versions.nothing');
    if (field === 'reassign_seconds' && typeof value === 'number') return countdown(value * 1_000);
    if (field === 'preset' || field === 'based_on') return t.maybe(`preset.${String(value)}`) ?? String(value);
    if (field === 'presence') return value === 'any' ? t('value.all') : t('value.online');
    if (typeof value === 'boolean') return value ? t('assign.on') : t('assign.off');
    if (Array.isArray(value)) return t.number(value.length);
    if (typeof value === 'object') return Object.values(value).join(' · ');
    return t.maybe(`adv.${field}.${String(value)}`) ?? String(value);
  };
  if (isPending) return <Loading lines={1} />;
  if (error) return <Failure error={error} />;
  return (
    <span className="diff">
      {data.length === 0 && <span className="xs muted">{t('versions.same')}</span>}
      {data.map((change) => (
        <span key={`${change.group ?? ''}${change.field}`} className="block xs">
          {change.group != null && <b>{groups.find((group) => group.id === change.group)?.name ?? `#${change.group}`}: </b>}
          {t.maybe(`policy.${change.field}`) ?? change.field} <s className="old">{change.group != null && change.before == null ? t('versions.inherited') : show(change.field, change.before)}</s>{' '}
          {change.group != null && change.after == null ? t('versions.inherited') : show(change.field, change.after)}
        </span>
      ))}
    </span>
  );
}
