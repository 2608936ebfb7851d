import type { Agent, Policy } from '@/api/types';
import { useT } from '@/i18n';
import { firstName } from '@/lib/text';
import { countdown } from '@/lib/time';
import { Avatar } from '@/ui';
import { useEffect, useMemo, useReducer, type CSSProperties } from 'react';
import { next, seats, type Seat } from './policy';

const MOST_SEATS = 12;
const STEP_MS = 2_200;
/** In the simulation each third chat is left unanswered, so that the rotation can be seen. */
const SILENT_EVERY = 3;

interface Sim {
  step: number;
  to: Agent | null;
  from: Agent | null;
  turns: ReadonlyMap<number, number>;
  loads: ReadonlyMap<number, number>;
}

const START: Sim = { step: 0, to: null, from: null, turns: new Map(), loads: new Map() };

function advance(sim: Sim, policy: Policy, agents: Agent[]): Sim {
  const step = sim.step + 1;
  const loads = new Map(sim.loads);
  const load = (agent: Agent) => loads.get(agent.id) ?? agent.load;
  const rotates = policy.reassign_seconds !== null && sim.to !== null && sim.from === null && sim.step % SILENT_EVERY === 0;
  const list = seats(policy, agents, loads);
  const to = next(policy, list, sim.turns, loads, rotates ? sim.to?.id : undefined);
  if (rotates && sim.to && to) loads.set(sim.to.id, Math.max(0, load(sim.to) - 1));
  if (to) loads.set(to.id, load(to) + 1);
  else {
    // Everybody is full: chats are closed and the round goes on.
    for (const agent of agents) loads.set(agent.id, Math.max(0, load(agent) - 1));
  }
  const turns = new Map(sim.turns);
  if (to) turns.set(to.id, step);
  return { step, to, from: rotates && to ? sim.to : null, turns, loads };
}

/** The round: the real team around the table, chats of a simulation going to whose turn it is. */
export function Ronda({ policy, agents }: { policy: Policy; agents: Agent[] }) {
  const t = useT();
  const team = useMemo(() => {
    const receive = seats(policy, agents);
    return receive.sort((a, b) => Number(a.out === 'excluded') - Number(b.out === 'excluded') || a.agent.id - b.agent.id).slice(0, MOST_SEATS);
  }, [policy, agents]);
  const shown = useMemo(() => team.map((seat) => seat.agent), [team]);
  const [sim, step] = useReducer((now: Sim, act: 'step' | 'start') => (act === 'start' ? START : advance(now, policy, shown)), START);
  useEffect(() => {
    step('start');
    if (!policy.enabled) return;
    step('step');
    if (window.matchMedia('(prefers-reduced-motion: reduce)').matches) return;
    const timer = setInterval(() => document.visibilityState === 'visible' && step('step'), STEP_MS);
    return () => clearInterval(timer);
  }, [policy, shown]);

  const now = seats(policy, shown, sim.loads);
  const place = (i: number) => {
    const angle = -Math.PI / 2 + (i * 2 * Math.PI) / Math.max(1, shown.length);
    return { x: 200 + 138 * Math.cos(angle), y: 194 + 138 * Math.sin(angle), angle };
  };
  const at = sim.to ? shown.findIndex((agent) => agent.id === sim.to?.id) : -1;
  const target = at >= 0 ? place(at) : null;
  const origin = sim.from ? place(shown.findIndex((agent) => agent.id === sim.from?.id)) : { x: 200, y: 194 };
  const turn = target ? (target.angle * 180) / Math.PI + 90 : 0;
  const rest = agents.length - shown.length;
  return (
    <>
      <div className="ronda" role="img" aria-label={sim.to ? t('ronda.label', { name: sim.to.name }) : t('ronda.label.none')}>
        <svg viewBox="0 0 400 388" className="ronda-svg" aria-hidden="true">
          <circle cx="200" cy="194" r="138" className="path" />
          <circle cx="200" cy="194" r="84" className="table-top" />
          <circle cx="200" cy="194" r="74" className="mate" />
          {target && (
            <g className="bombilla" style={{ transform: `rotate(${turn}deg)` } as CSSProperties}>
              <path className="bomb" d="M200 118V83" />
              <circle className="bombhub" cx="200" cy="118" r="5" />
            </g>
          )}
          {target && (
            <circle
              key={sim.step}
              className="dot-going"
              r="5"
              style={{ '--fx': `${origin.x}px`, '--fy': `${origin.y}px`, '--tx': `${target.x}px`, '--ty': `${target.y}px` } as CSSProperties}
            />
          )}
        </svg>
        {now.map(({ agent, out }, i) => {
          const { x, y } = place(i);
          const classes = ['seat', out && 'off', sim.to?.id === agent.id && 'next', sim.from?.id === agent.id && 'from'].filter(Boolean).join(' ');
          return (
            <div key={agent.id} className={classes} style={{ left: `${x / 4}%`, top: `${y / 3.88}%` }} aria-hidden="true">
              <Avatar name={agent.name} size={36} state={agent.state} photo={agent.photo} />
              <span className="lab">{firstName(agent.name)}</span>
            </div>
          );
        })}
        <div className="centre" aria-hidden="true">
          {!policy.enabled ? (
            <span className="xs muted">{t('ronda.off')}</span>
          ) : sim.to ? (
            <>
              <span className="xs muted">{sim.from ? t('ronda.rotates', { from: firstName(sim.from.name) }) : t('ronda.turn')}</span>
              <b>{firstName(sim.to.name)}</b>
              <span className="xs muted">
                {sim.from && policy.reassign_seconds !== null
                  ? t('ronda.silent', { after: countdown(policy.reassign_seconds * 1_000) })
                  : policy.strategy === 'most_spare'
                    ? t('ronda.why.spare')
                    : t('ronda.why.turn')}
              </span>
            </>
          ) : (
            <>
              <span className="xs muted">{t('ronda.waits')}</span>
              <b>{t('ronda.nobody')}</b>
            </>
          )}
        </div>
      </div>
      {rest > 0 && <p className="xs faint">{t('ronda.more', { n: rest })}</p>}
    </>
  );
}

/** Who does not receive and why, in words. */
export function Outside({ policy, agents }: { policy: Policy; agents: Agent[] }) {
  const t = useT();
  const list = seats(policy, agents);
  const of = (out: Seat['out']) => list.filter((seat) => seat.out === out).map((seat) => firstName(seat.agent.name));
  const names = (all: string[]) => (all.length <= 3 ? all.join(', ') : `${all.slice(0, 3).join(', ')} +${all.length - 3}`);
  const rows = (['excluded', 'not_online', 'full'] as const).map((out) => ({ out, all: of(out) })).filter((row) => row.all.length > 0);
  return (
    <div className="why">
      <div>
        <span className="num semi">{of(null).length}</span>
        <span className="grow">{t('ronda.receive', { n: of(null).length, all: agents.length })}</span>
      </div>
      {rows.map(({ out, all }) => (
        <div key={out}>
          <span className="num faint">{all.length}</span>
          <span className="grow muted">
            <b>{names(all)}</b> · {t(`ronda.out.${out}`, { n: all.length })}
          </span>
        </div>
      ))}
    </div>
  );
}
