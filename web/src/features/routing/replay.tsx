import { api, ApiError } from '@/api/client';
import type { Agent, GroupOverrides, Interval, Policy, Replayed } from '@/api/types';
import { useT } from '@/i18n';
import { explain } from '@/lib/errors';
import { useMay, useZone } from '@/lib/me';
import { firstName } from '@/lib/text';
import { clockTime, countdown } from '@/lib/time';
import { Button, Icon, Skeleton } from '@/ui';
import { keepPreviousData, useQuery } from '@tanstack/react-query';
import { useEffect, useState, type CSSProperties } from 'react';

/** Nobody waits for a replay of what is still being typed. */
const SETTLE_MS = 900;
/** Bars that fit beside each other. */
const MOST_BARS = 9;
const BUSY_RETRIES = 8;

function useSettled<T>(value: T): T {
  const [settled, set] = useState(value);
  useEffect(() => {
    const timer = setTimeout(() => set(value), SETTLE_MS);
    return () => clearTimeout(timer);
  }, [value]);
  return settled;
}

/** "With yesterday's traffic": the recorded chats under the rules on the screen, or why nothing can be said. */
export function Yesterday({ policy, groups, agents, wrong }: { policy: Policy; groups: GroupOverrides; agents: Agent[]; /** The rules have a value that cannot be. */ wrong: boolean }) {
  const t = useT();
  const may = useMay('routing:edit');
  const [days, setDays] = useState(1);
  // Wrong rules are not asked about, also not when they have just been mended and what is on the screen is not settled.
  const asked = useSettled(wrong ? '' : JSON.stringify({ policy, groups, days }));
  const { data, error, isFetching, refetch } = useQuery({
    queryKey: ['policy', 'replay', asked],
    queryFn: ({ signal }) => api.post<Replayed>('/routing-policies/replay', JSON.parse(asked), { signal }),
    enabled: may && !wrong && asked !== '',
    placeholderData: keepPreviousData,
    staleTime: 5 * 60_000,
    // Another replay of this workspace is under way: it takes some seconds.
    retry: (failures, reason) => reason instanceof ApiError && reason.code === 'replay_running' && failures < BUSY_RETRIES,
    retryDelay: 1_500,
  });
  if (!may) return null;
  const result = data?.result;
  return (
    <section className="again" aria-busy={isFetching} aria-label={t('replay.title', { days })}>
      <h3 className="flex gap-2">
        <span className="grow">{t('replay.title', { days })}</span>
        <select className="chip chip-select" aria-label={t('replay.period')} value={days} onChange={(event) => setDays(Number(event.target.value))}>
          {[1, 3, 7].map((n) => (
            <option key={n} value={n}>
              {t('replay.days', { days: n })}
            </option>
          ))}
        </select>
      </h3>
      {wrong ? (
        <p className="sm muted">{t('replay.wrong')}</p>
      ) : error ? (
        <p className="sm muted">
          {explain(t, error)}{' '}
          <Button size="sm" onClick={() => void refetch()}>
            {t('common.retry')}
          </Button>
        </p>
      ) : !result ? (
        <>
          <Skeleton width="70%" />
          <Skeleton width="100%" height={64} />
        </>
      ) : result.predicted ? (
        <Prediction result={result} agents={agents} />
      ) : (
        <Refusal result={result} agents={agents} />
      )}
      <p className="xs faint" aria-live="polite">
        {wrong ? '' : isFetching ? t('replay.running') : result?.predicted ? t('replay.runs', { runs: result.runs }) : ''}
      </p>
    </section>
  );
}

type Result = Replayed['result'];

const between = (of: Interval | null | undefined, text: (n: number) => string) => (of ? `${text(of.low)} – ${text(of.high)}` : '');

function Prediction({ result, agents }: { result: Result; agents: Agent[] }) {
  const t = useT();
  const zone = useZone();
  const { predicted, observed } = result;
  if (!predicted) return null;
  const time = (ms: number) => countdown(ms);
  const n = (value: number) => t.number(value);
  const names = new Map(agents.map((agent) => [agent.id, agent.name]));
  const shares = predicted.shares
    .filter(([id]) => names.has(id))
    .map(([id, share]) => ({ id, name: firstName(names.get(id) ?? ''), share, was: observed.shares.find(([other]) => other === id)?.[1].middle ?? 0 }))
    .sort((a, b) => b.share.middle - a.share.middle || a.id - b.id);
  const shown = shares.slice(0, MOST_BARS);
  const top = Math.max(1, ...shown.map((one) => one.share.high));
  const rest = shares.slice(MOST_BARS).reduce((sum, one) => sum + one.share.middle, 0);
  return (
    <>
      <p className="xs muted">{t('replay.basis', { chats: result.chats, error: result.error_percent ?? 0 })}</p>
      <div className="kpis-3">
        <span title={between(predicted.rotations, n)}>
          <b>{n(predicted.rotations.middle)}</b>
          {t('replay.rotations', { n: predicted.rotations.middle })}
          <i>{t('replay.was', { value: n(observed.rotations.middle) })}</i>
        </span>
        <span title={between(predicted.first_reply_p50, time)}>
          <b>{predicted.first_reply_p50 ? time(predicted.first_reply_p50.middle) : '–'}</b>
          {t('replay.first')}
          {observed.first_reply_p50 && <i>{t('replay.was', { value: time(observed.first_reply_p50.middle) })}</i>}
        </span>
        <span title={between(predicted.without_answer, n)}>
          <b>{n(predicted.without_answer.middle)}</b>
          {t('replay.none')}
          <i>{t('replay.was', { value: n(observed.without_answer.middle) })}</i>
        </span>
      </div>
      <ol className="shares" aria-label={t('replay.shares')}>
        {shown.map((one) => (
          <li key={one.id} title={t('replay.share', { name: one.name, share: percent(one.share.middle), was: percent(one.was) })}>
            <span className="pillar" style={{ '--h': `${(one.share.middle / top) * 100}%`, '--was': `${(one.was / top) * 100}%` } as CSSProperties}>
              <i />
            </span>
            <span className="trunc">{one.name}</span>
            <b className="num">{percent(one.share.middle)}</b>
          </li>
        ))}
      </ol>
      {shares.length > MOST_BARS && <p className="xs faint">{t('replay.others', { n: shares.length - MOST_BARS, share: percent(rest) })}</p>}
      {predicted.worst_hour && predicted.worst_hour[1] >= 5 && (
        <p className="note-line">
          <Icon name="warn" size={14} />
          <span>{t('replay.worst', { n: predicted.worst_hour[1], at: clockTime(predicted.worst_hour[0], t.language, zone) })}</span>
        </p>
      )}
    </>
  );
}

function percent(permille: number): string {
  return `${Math.round(permille / 10)} %`;
}

/** Why nothing is predicted: said plainly, with the comparison for whoever wants to check it. */
function Refusal({ result, agents }: { result: Result; agents: Agent[] }) {
  const t = useT();
  const why = result.refused;
  if (!why) return null;
  const names = new Map(agents.map((agent) => [agent.id, agent.name]));
  const value = (figure: string, n: number) => (figure.startsWith('first_reply') ? countdown(n) : figure === 'share' ? percent(n) : t.number(n));
  return (
    <>
      <p className="note-line">
        <Icon name="info" size={14} />
        <span>
          {t.maybe(`replay.refused.${why.why}`, {
            answered: why.answered ?? 0,
            needed: why.needed ?? 0,
            share: percent(why.permille ?? 0),
          }) ?? why.why}
        </span>
      </p>
      {result.compared.length > 0 && (
        <details className="adv">
          <summary>
            <Icon name="right" size={14} />
            {t('replay.compared')}
          </summary>
          <table className="mini">
            <thead>
              <tr>
                <th scope="col">{t('replay.figure')}</th>
                <th scope="col">{t('replay.observed')}</th>
                <th scope="col">{t('replay.simulated')}</th>
              </tr>
            </thead>
            <tbody>
              {result.compared
                .filter((row) => row.figure !== 'share' || !row.fine)
                .map((row) => (
                  <tr key={`${row.figure}${row.agent ?? ''}`} className={row.fine ? undefined : 'off'}>
                    <th scope="row">{row.agent !== null ? t('replay.figure.share', { name: names.get(row.agent) ?? `#${row.agent}` }) : t.maybe(`replay.figure.${row.figure}`)}</th>
                    <td className="num">{value(row.figure, row.observed)}</td>
                    <td className="num">{value(row.figure, row.simulated.middle)}</td>
                  </tr>
                ))}
            </tbody>
          </table>
        </details>
      )}
    </>
  );
}
