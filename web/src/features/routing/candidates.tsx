import { api, ApiError } from '@/api/client';
import { policyQuery } from '@/api/queries';
import type { Agent, Candidate, Finding, GroupOverrides, Policy, RoutingTest } from '@/api/types';
import { useT } from '@/i18n';
import { explain } from '@/lib/errors';
import { useMay, useMe, useZone } from '@/lib/me';
import { exact } from '@/lib/time';
import { Badge, Button, Dialog, Icon, TextField, toast } from '@/ui';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { changes, sameGroups } from './policy';

const KEY = ['policy', 'candidates'] as const;
/** The shadow's counters move while one looks. */
const LOOK_MS = 15_000;
const MOST_NAMES = 4;

/** Policies that wait for their time, and the one that plans in the shadow. */
export function Candidates({ agents }: { agents: Agent[] }) {
  const t = useT();
  const zone = useZone();
  const client = useQueryClient();
  const may = useMay('routing:edit');
  const { data = [] } = useQuery({ queryKey: KEY, queryFn: ({ signal }) => api.get<Candidate[]>('/routing-policies/candidates', undefined, signal), refetchInterval: LOOK_MS });
  const drop = useMutation({
    mutationFn: (id: number) => api.delete(`/routing-policies/candidates/${id}`),
    onSuccess: () => client.invalidateQueries({ queryKey: KEY }),
    onError: (reason) => toast(explain(t, reason), { tone: 'error' }),
  });
  const me = useMe().agent?.id;
  const [refusing, setRefusing] = useState<Candidate | null>(null);
  const approve = useMutation({
    mutationFn: ({ id, confirm }: { id: number; confirm: boolean }) => api.post<Candidate>(`/routing-policies/candidates/${id}/approve`, { confirm }),
    onSuccess: (decided) => {
      toast(decided.kind === 'scheduled' ? t('approval.approved.later') : t('approval.approved'));
      void client.invalidateQueries({ queryKey: ['policy'] });
    },
    onError: (reason) => {
      if (!(reason instanceof ApiError && reason.code === 'needs_confirmation')) toast(explain(t, reason), { tone: 'error' });
    },
  });
  // What was found since it was proposed asks for a second yes.
  const again = approve.error instanceof ApiError && approve.error.code === 'needs_confirmation' ? approve.variables?.id : undefined;
  if (data.length === 0) return null;
  const names = new Map(agents.map((agent) => [String(agent.id), agent.name]));
  return (
    <div className="finds">
      {data.map((candidate) => {
        const { counts } = candidate;
        const moved = Object.entries(counts.agents)
          .map(([id, share]) => ({ name: names.get(id) ?? `#${id}`, by: share.shadow - share.live }))
          .filter((one) => one.by !== 0)
          .sort((a, b) => Math.abs(b.by) - Math.abs(a.by));
        return (
          <div key={candidate.id} className="banner candidate">
            <Icon name={candidate.kind === 'shadow' ? 'eye' : 'calendar'} />
            <span className="grow">
              {candidate.kind === 'shadow' ? (
                <>
                  <b>{t('candidate.shadow')}</b>{' '}
                  {counts.inputs === 0
                    ? t('candidate.shadow.none')
                    : t('candidate.shadow.counts', { moves: counts.shadow_rotations, was: counts.live_rotations, differences: counts.differences, since: counts.since != null ? exact(counts.since, t.language, zone) : '' })}
                  {moved.length > 0 && (
                    <span className="block xs muted">
                      {moved
                        .slice(0, MOST_NAMES)
                        .map((one) => `${one.name} ${one.by > 0 ? '+' : '−'}${t.number(Math.abs(one.by))}`)
                        .join(' · ')}
                      {moved.length > MOST_NAMES && ` · +${moved.length - MOST_NAMES}`}
                    </span>
                  )}
                </>
              ) : (
                <>
                  <b>{candidate.kind === 'proposed' ? t('approval.waits') : t('candidate.scheduled', { at: candidate.activates_at != null ? exact(candidate.activates_at, t.language, zone) : '' })}</b>
                  {candidate.note && ` · ${candidate.note}`}
                  {candidate.author_name && <span className="block xs muted">{candidate.author_name}</span>}
                  <Changed candidate={candidate} />
                  {candidate.needs_approval && candidate.kind === 'scheduled' && <Badge tone="amber">{t('approval.waits')}</Badge>}
                  {candidate.failed && <Badge tone="red">{t.maybe(`candidate.failed.${candidate.failed}`) ?? candidate.failed}</Badge>}
                  {candidate.decided_by_name && (
                    <span className="block xs muted">
                      {candidate.failed === 'rejected' ? t('approval.rejected.by', { name: candidate.decided_by_name }) : t('approval.approved.by', { name: candidate.decided_by_name })}
                      {candidate.decision_note && `: ${candidate.decision_note}`}
                    </span>
                  )}
                  {again === candidate.id && <span className="block help help-error">{t('approval.again')}</span>}
                </>
              )}
            </span>
            {may && candidate.needs_approval && (
              <>
                <Button
                  size="sm"
                  variant="primary"
                  icon="check"
                  disabled={candidate.author === me}
                  title={candidate.author === me ? t('approval.own') : undefined}
                  busy={approve.isPending && approve.variables.id === candidate.id}
                  onClick={() => approve.mutate({ id: candidate.id, confirm: again === candidate.id })}
                >
                  {t('approval.yes')}
                </Button>
                <Button size="sm" onClick={() => setRefusing(candidate)}>
                  {t('approval.no')}
                </Button>
              </>
            )}
            {may && (
              <Button size="sm" busy={drop.isPending && drop.variables === candidate.id} onClick={() => drop.mutate(candidate.id)}>
                {candidate.kind === 'shadow' ? t('candidate.stop') : t('candidate.drop')}
              </Button>
            )}
          </div>
        );
      })}
      {refusing && <Refuse candidate={refusing} onClose={() => setRefusing(null)} />}
    </div>
  );
}

/** What it would change, in the words of the settings. */
function Changed({ candidate }: { candidate: Candidate }) {
  const t = useT();
  const { data } = useQuery(policyQuery);
  if (!data) return null;
  const fields = changes(data.policy, candidate.policy).map((field) => t.maybe(`policy.${field}`) ?? field);
  const all = [...fields, ...(sameGroups(data.groups, candidate.groups) ? [] : [t('policy.groups')])];
  return all.length > 0 ? <span className="block xs muted">{all.join(' · ')}</span> : null;
}

function Refuse({ candidate, onClose }: { candidate: Candidate; onClose(): void }) {
  const t = useT();
  const client = useQueryClient();
  const [note, setNote] = useState('');
  const refuse = useMutation({
    mutationFn: () => api.post<Candidate>(`/routing-policies/candidates/${candidate.id}/reject`, { note }),
    onSuccess: () => {
      void client.invalidateQueries({ queryKey: KEY });
      onClose();
    },
    onError: (reason) => toast(explain(t, reason), { tone: 'error' }),
  });
  return (
    <Dialog
      title={t('approval.no')}
      onClose={onClose}
      onSubmit={() => refuse.mutate()}
      footer={
        <>
          <Button onClick={onClose}>{t('common.cancel')}</Button>
          <Button type="submit" variant="danger" busy={refuse.isPending}>
            {t('approval.no')}
          </Button>
        </>
      }
    >
      <TextField label={t('approval.why')} autoFocus maxLength={500} value={note} onChange={(event) => setNote(event.target.value)} />
    </Dialog>
  );
}

interface KeepProps {
  policy: Policy;
  groups: GroupOverrides;
  tests: RoutingTest[];
  version: number;
  openTo: boolean;
  onClose(): void;
  onKept(): void;
}

/** Saves what is on the screen without putting it in force: for a time, or for the shadow. */
export function Keep({ policy, groups, tests, version, openTo, onClose, onKept }: KeepProps) {
  const t = useT();
  const client = useQueryClient();
  const [at, setAt] = useState('');
  const [note, setNote] = useState('');
  const [findings, setFindings] = useState<Finding[]>([]);
  const keep = useMutation({
    mutationFn: (activates_at: number | null) =>
      api.post<Candidate>('/routing-policies/candidates', {
        policy,
        groups,
        tests,
        note,
        if_version: version,
        reach: openTo ? 'open_too' : 'new_only',
        confirm: findings.length > 0,
        ...(activates_at === null ? {} : { activates_at }),
      }),
    onSuccess: (kept) => {
      toast(t(kept.kind === 'shadow' ? 'candidate.shadow.begun' : 'candidate.planned'));
      void client.invalidateQueries({ queryKey: KEY });
      onKept();
    },
    onError: (error) => {
      if (error instanceof ApiError && error.code === 'needs_confirmation') setFindings((error.problem['findings'] as Finding[] | undefined) ?? []);
      else toast(error instanceof ApiError && error.code === 'shadow_exists' ? t('candidate.shadow.exists') : explain(t, error), { tone: 'error' });
    },
  });
  const when = at ? new Date(at).getTime() : Number.NaN;
  const future = Number.isFinite(when) && when > Date.now();
  return (
    <Dialog
      title={t('candidate.title')}
      onClose={onClose}
      footer={
        <>
          <Button icon="eye" busy={keep.isPending && keep.variables === null} onClick={() => keep.mutate(null)}>
            {t('candidate.shadow.do')}
          </Button>
          <Button variant="primary" icon="calendar" disabled={!future} busy={keep.isPending && keep.variables !== null} onClick={() => keep.mutate(when)}>
            {t('candidate.plan.do')}
          </Button>
        </>
      }
    >
      <div className="stack">
        <p>{t('candidate.text')}</p>
        <TextField label={t('candidate.at')} type="datetime-local" value={at} error={at && !future ? t('candidate.at.past') : null} onChange={(event) => setAt(event.target.value)} />
        <TextField label={t('candidate.note')} maxLength={500} value={note} onChange={(event) => setNote(event.target.value)} />
        {findings.map((finding) => (
          <p key={finding.code} className="bad-mark sm">
            {t.maybe(`finding.${finding.code}`, { count: finding.count, names: finding.names?.join(', ') ?? '' }) ?? finding.code} {t('candidate.again')}
          </p>
        ))}
      </div>
    </Dialog>
  );
}
