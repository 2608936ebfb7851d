import { api } from '@/api/client';
import { groupsQuery } from '@/api/queries';
import type { Agent, Group, GroupOverrides, Policy, RoutingPresence, RoutingTest, Verdict } from '@/api/types';
import { useT, type Translator as T } from '@/i18n';
import { explain } from '@/lib/errors';
import { Avatar, Badge, Button, Dialog, Icon, IconButton, SelectField, TextField } from '@/ui';
import { keepPreviousData, useQuery } from '@tanstack/react-query';
import { useDeferredValue, useId, useState } from 'react';

const PRESENCES: readonly RoutingPresence[] = ['online', 'away', 'gone'];
const REASONS = ['not_online', 'full', 'excluded', 'no_reply_right', 'switched_off'] as const;

interface Props {
  policy: Policy;
  groups: GroupOverrides;
  tests: RoutingTest[];
  agents: Agent[];
  disabled: boolean;
  onChange(tests: RoutingTest[]): void;
}

/** Tests of the rules, run with every change and before saving. */
export function Tests({ policy, groups, tests, agents, disabled, onChange }: Props) {
  const t = useT();
  const [open, setOpen] = useState<number | 'new' | null>(null);
  const { data: teams = [] } = useQuery(groupsQuery);
  const asked = useDeferredValue(JSON.stringify({ policy, groups, tests }));
  const { data: verdicts, error } = useQuery({
    queryKey: ['policy', 'test', asked],
    queryFn: ({ signal }) => api.post<Verdict[]>('/routing-policies/test', JSON.parse(asked), { signal }),
    enabled: tests.length > 0,
    placeholderData: keepPreviousData,
    retry: false,
  });
  const verdict = (test: RoutingTest) => verdicts?.find((one) => one.name === test.name);
  const failed = tests.filter((test) => verdict(test)?.passed === false).length;
  const names = (id: number) => agents.find((agent) => agent.id === id)?.name ?? `#${id}`;
  return (
    <details className="adv" open={failed > 0 || undefined}>
      <summary>
        <Icon name="right" size={14} />
        <b>{t('tests.title')}</b> <span className="muted grow">{t('tests.text')}</span>
        {tests.length > 0 && verdicts && (failed > 0 ? <Badge tone="red">{t('tests.failed', { n: failed })}</Badge> : <Badge tone="green">{t('tests.passed', { n: tests.length })}</Badge>)}
      </summary>
      <div className="adv-in card">
        {tests.map((test, i) => {
          const found = verdict(test);
          return (
            <div key={test.name} className="adv-row">
              <span className={found ? (found.passed ? 'ok-mark' : 'bad-mark') : 'faint'}>
                <Icon name={found && !found.passed ? 'x' : 'check'} size={18} />
              </span>
              <span className="grow">
                <span className="block semi">{test.name}</span>
                <span className="xs muted block">{sentence(t, test, names, teams)}</span>
                {found && !found.passed && <span className="xs bad-mark block">{outcome(t, found, names)}</span>}
              </span>
              {!disabled && (
                <>
                  <Button size="sm" variant="ghost" onClick={() => setOpen(i)}>
                    {t('tests.edit')}
                  </Button>
                  <IconButton icon="trash" size="sm" label={t('tests.remove', { name: test.name })} onClick={() => onChange(tests.filter((_, j) => j !== i))} />
                </>
              )}
            </div>
          );
        })}
        {tests.length === 0 && <p className="sm muted pad">{t('tests.none')}</p>}
        {error && <p className="sm muted pad">{explain(t, error)}</p>}
        {!disabled && (
          <div className="adv-row">
            <Button size="sm" icon="plus" onClick={() => setOpen('new')}>
              {t('tests.add')}
            </Button>
          </div>
        )}
      </div>
      {open !== null && (
        <Edit
          test={open === 'new' ? null : (tests[open] ?? null)}
          taken={tests.filter((_, i) => i !== open).map((test) => test.name.trim().toLowerCase())}
          agents={agents}
          groups={teams}
          onClose={() => setOpen(null)}
          onSave={(test) => {
            onChange(open === 'new' ? [...tests, test] : tests.map((old, i) => (i === open ? test : old)));
            setOpen(null);
          }}
        />
      )}
    </details>
  );
}

/** "Ana online con 2, Beto desconectado · chat de Ventas → Ana". */
function sentence(t: T, test: RoutingTest, names: (id: number) => string, groups: Group[]): string {
  const given = test.agents
    .slice(0, 4)
    .map(({ agent, presence, load }) => t(load ? 'tests.given.load' : 'tests.given', { name: names(agent), state: t(`tests.presence.${presence}`), load: load ?? 0 }))
    .join(', ');
  const more = test.agents.length > 4 ? ` +${test.agents.length - 4}` : '';
  const group = groups.find((one) => one.id === test.chat?.group)?.name;
  const chat = group ? t('tests.chat.of', { group }) : t('tests.chat.any');
  return `${given}${more} · ${chat} → ${wanted(t, test, names, groups)}`;
}

function wanted(t: T, { expect }: RoutingTest, names: (id: number) => string, groups: Group[]): string {
  if (expect.kind === 'agent') return names(expect.agent);
  if (expect.kind === 'group') return t('tests.expect.member', { group: groups.find((one) => one.id === expect.group)?.name ?? `#${expect.group}` });
  return expect.because ? t('tests.expect.waits.why', { why: reason(t, expect.because) }) : t('tests.expect.waits');
}

function reason(t: T, code: string): string {
  return t.maybe(`tests.reason.${code}`) ?? t.maybe(`step.${code}`) ?? code;
}

function outcome(t: T, verdict: Verdict, names: (id: number) => string): string {
  if (verdict.agent !== null) return t('tests.got.agent', { name: names(verdict.agent) });
  const why = verdict.lost.map(([code, n]) => `${n} ${reason(t, code)}`).join(', ');
  return t('tests.got.waits', { why });
}

interface EditProps {
  test: RoutingTest | null;
  taken: string[];
  agents: Agent[];
  groups: Group[];
  onClose(): void;
  onSave(test: RoutingTest): void;
}

/** A test in words and choices: nobody has to write code. */
function Edit({ test, taken, agents, groups, onClose, onSave }: EditProps) {
  const t = useT();
  const add = useId();
  const [name, setName] = useState(test?.name ?? '');
  const [given, setGiven] = useState(test?.agents ?? []);
  const [group, setGroup] = useState<number | null>(test?.chat?.group ?? null);
  const [expect, setExpect] = useState(test ? (test.expect.kind === 'agent' ? `a${test.expect.agent}` : test.expect.kind === 'group' ? `g${test.expect.group}` : 'w') : 'w');
  const [because, setBecause] = useState(test?.expect.kind === 'waits' ? (test.expect.because ?? '') : '');
  const doubled = taken.includes(name.trim().toLowerCase());
  const known = (id: number) => given.some((one) => one.agent === id);
  const whole = name.trim() !== '' && !doubled && given.length > 0 && (!expect.startsWith('a') || known(Number(expect.slice(1))));
  const change = (id: number, what: Partial<RoutingTest['agents'][number]>) => setGiven(given.map((one) => (one.agent === id ? { ...one, ...what } : one)));
  const save = () =>
    onSave({
      ...test,
      name: name.trim(),
      agents: given,
      chat: { ...test?.chat, group },
      expect: expect === 'w' ? { kind: 'waits', because: because || null } : expect.startsWith('a') ? { kind: 'agent', agent: Number(expect.slice(1)) } : { kind: 'group', group: Number(expect.slice(1)) },
    });
  return (
    <Dialog
      title={test ? t('tests.edit.title') : t('tests.add')}
      wide
      onClose={onClose}
      footer={
        <>
          <Button onClick={onClose}>{t('common.cancel')}</Button>
          <Button variant="primary" disabled={!whole} onClick={save}>
            {t('common.done')}
          </Button>
        </>
      }
    >
      <div className="stack">
        <TextField label={t('tests.name')} maxLength={120} value={name} error={doubled ? t('tests.name.taken') : null} placeholder={t('tests.name.example')} onChange={(event) => setName(event.target.value)} />
        <fieldset className="stack-2">
          <legend className="label">{t('tests.agents')}</legend>
          {given.map((one) => {
            const who = agents.find((agent) => agent.id === one.agent)?.name ?? `#${one.agent}`;
            return (
              <div key={one.agent} className="given">
                <span className="flex gap-2 grow trunc">
                  <Avatar name={who} size={24} />
                  <span className="trunc">{who}</span>
                </span>
                <select className="input select-native" aria-label={t('tests.presence', { name: who })} value={one.presence} onChange={(event) => change(one.agent, { presence: event.target.value as RoutingPresence })}>
                  {PRESENCES.map((presence) => (
                    <option key={presence} value={presence}>
                      {t(`tests.presence.${presence}`)}
                    </option>
                  ))}
                </select>
                <span className="stepper">
                  <input type="number" min={0} max={200} aria-label={t('tests.load', { name: who })} value={one.load ?? 0} onChange={(event) => change(one.agent, { load: Math.min(200, Math.max(0, Math.trunc(Number(event.target.value) || 0))) })} />
                  <span>{t('tests.load.unit')}</span>
                </span>
                {groups.length > 0 && (
                  <select
                    className="input select-native"
                    aria-label={t('tests.groups', { name: who })}
                    value={one.groups?.[0] ?? ''}
                    onChange={(event) => change(one.agent, { groups: event.target.value ? [Number(event.target.value)] : [] })}
                  >
                    <option value="">{t('tests.group.none')}</option>
                    {groups.map((team) => (
                      <option key={team.id} value={team.id}>
                        {team.name}
                      </option>
                    ))}
                  </select>
                )}
                <IconButton icon="x" size="sm" label={t('tests.agent.remove', { name: who })} onClick={() => setGiven(given.filter((other) => other.agent !== one.agent))} />
              </div>
            );
          })}
          <label className="sr" htmlFor={add}>
            {t('tests.agent.add')}
          </label>
          <select
            id={add}
            className="input select-native"
            value=""
            onChange={(event) => {
              const id = Number(event.target.value);
              if (id) setGiven([...given, { agent: id, presence: 'online', load: 0, groups: group === null ? [] : [group] }]);
            }}
          >
            <option value="">{t('tests.agent.add')}</option>
            {agents
              .filter((agent) => !known(agent.id))
              .map((agent) => (
                <option key={agent.id} value={agent.id}>
                  {agent.name}
                </option>
              ))}
          </select>
          <p className="help">{t('tests.agents.help')}</p>
        </fieldset>
        <SelectField label={t('tests.chat')} value={group ?? ''} onChange={(event) => setGroup(event.target.value ? Number(event.target.value) : null)}>
          <option value="">{t('tests.chat.any')}</option>
          {groups.map((team) => (
            <option key={team.id} value={team.id}>
              {t('tests.chat.of', { group: team.name })}
            </option>
          ))}
        </SelectField>
        <SelectField label={t('tests.expect')} value={expect} onChange={(event) => setExpect(event.target.value)}>
          <option value="w">{t('tests.expect.waits')}</option>
          {given.map(({ agent }) => (
            <option key={agent} value={`a${agent}`}>
              {t('tests.expect.agent', { name: agents.find((one) => one.id === agent)?.name ?? `#${agent}` })}
            </option>
          ))}
          {groups.map((team) => (
            <option key={team.id} value={`g${team.id}`}>
              {t('tests.expect.group', { group: team.name })}
            </option>
          ))}
        </SelectField>
        {expect === 'w' && (
          <SelectField label={t('tests.because')} value={because} onChange={(event) => setBecause(event.target.value)}>
            <option value="">{t('tests.because.any')}</option>
            {REASONS.map((code) => (
              <option key={code} value={code}>
                {reason(t, code)}
              </option>
            ))}
          </SelectField>
        )}
      </div>
    </Dialog>
  );
}
