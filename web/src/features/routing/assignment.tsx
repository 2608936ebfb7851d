import { api, ApiError } from '@/api/client';
import { agentsQuery, groupsQuery, policyQuery, workspaceQuery } from '@/api/queries';
import type { Agent, Candidate, Finding, GroupOverrides, Overrides, Policy, PolicyPreview, PolicyVersion, Preset } from '@/api/types';
import { useT, type Translator } from '@/i18n';
import { useEdit } from '@/lib/edit';
import { explain } from '@/lib/errors';
import { useMay } from '@/lib/me';
import { fold } from '@/lib/text';
import { countdown } from '@/lib/time';
import { Avatar, Badge, Banner, Button, Checkbox, CheckList, Dialog, Failure, Icon, IconButton, Loading, Page, Radio, SaveBar, Setting, Switch, toast, type IconName } from '@/ui';
import { keepPreviousData, useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useDeferredValue, useId, useState } from 'react';
import { Link } from 'wouter';
import { Advanced } from './advanced';
import { Candidates, Keep } from './candidates';
import { AtField, FindingLine, toldBy } from './findings';
import { asCustom, changes, edit, effective, forAll, inherits, LIMIT, outOfRange, owns, PRESETS, remodelled, sameGroups, SECONDS, stage, switchLimit, switchTime, whoOf, withPreset, type Who } from './policy';
import { Yesterday } from './replay';
import { Outside, Ronda } from './ronda';
import { Tests } from './tests';
import { Versions } from './versions';

export default function Assignment() {
  const t = useT();
  const current = useQuery(policyQuery);
  const agents = useQuery(agentsQuery);
  if (current.isPending || agents.isPending) {
    return (
      <Page title={t('nav.assignment')} purpose={t('assign.purpose')}>
        <Loading lines={8} />
      </Page>
    );
  }
  if (!current.data || !agents.data) {
    return (
      <Page title={t('nav.assignment')}>
        <Failure error={current.error ?? agents.error} retry={() => void Promise.all([current.refetch(), agents.refetch()])} />
      </Page>
    );
  }
  return <Editor saved={current.data} agents={agents.data} />;
}

const ICONS: Record<Preset | 'custom', IconName> = { sales: 'turn', support: 'scale', custom: 'sliders' };

function Editor({ saved, agents }: { saved: PolicyVersion; agents: Agent[] }) {
  const t = useT();
  const client = useQueryClient();
  const may = useMay('routing:edit');
  const mayUsers = useMay('users:manage');
  const rules = useEdit(saved.version, rulesOf(saved), (now) => ({ ...now, policy: remodelled(now.policy) }));
  const { policy: base, groups, tests } = rules.value;
  const before = rules.saved;
  const setBase = (next: Policy) => rules.put({ policy: next });
  const setGroups = (next: GroupOverrides) => rules.put({ groups: next });
  const [scope, setScope] = useState<number | null>(null);
  const { data: teams = [] } = useQuery(groupsQuery);
  const team = teams.find((group) => group.id === scope);
  const own: Overrides = (scope !== null && groups[scope]) || {};
  // What is on the screen: the workspace's rules, or those that the chosen group is under.
  const policy = scope === null ? base : effective(base, groups[scope]);
  const setPolicy = (next: Policy) => {
    finish.reset();
    if (scope === null) setBase(next);
    else setGroups({ ...groups, [scope]: owns(own, policy, next) });
  };
  const [some, setSome] = useState(whoOf(base) === 'some');
  const [emptying, setEmptying] = useState<Who | null>(null);
  const [openTo, setOpenTo] = useState(false);
  const [confirm, setConfirm] = useState<Finding[] | null>(null);
  const [versions, setVersions] = useState(false);
  const [keeping, setKeeping] = useState(false);
  // The groups that begin with what was changed, while they are being chosen.
  const [staging, setStaging] = useState<number[] | null>(null);
  const settled = useDeferredValue(policy);
  const preview = useQuery({
    queryKey: ['policy', 'preview', scope, settled, agents.map((agent) => agent.state).join()],
    queryFn: ({ signal }) => api.post<PolicyPreview>('/routing-policies/preview', { policy: settled, ...(scope === null ? {} : { group: scope }) }, { signal }),
    placeholderData: keepPreviousData,
    retry: false,
  });
  const changed = changes(before.policy, base);
  const dirty = changed.length > 0 || base.preset !== before.policy.preset || !sameGroups(before.groups, groups) || JSON.stringify(tests) !== JSON.stringify(before.tests);
  const discard = () => {
    rules.discard();
    setSome(whoOf(before.policy) === 'some');
    save.reset();
    propose.reset();
  };
  const nameOf = (id: number | null) => (id === null ? t('assign.rules.all') : (teams.find((group) => group.id === id)?.name ?? `#${id}`));
  const refuse = (error: Error) => {
    if (error instanceof ApiError && error.status === 412) void client.invalidateQueries({ queryKey: policyQuery.queryKey });
    if (error instanceof ApiError && error.code === 'needs_confirmation') setConfirm((error.problem['findings'] as Finding[] | undefined) ?? []);
    else {
      setConfirm(null);
      if (refused(t, error, scope, nameOf).length === 0) toast(explain(t, error), { tone: 'error' });
    }
  };
  const save = useMutation({
    mutationFn: async (sure: boolean) => {
      const version = await api.post<PolicyVersion>('/routing-policies', {
        policy: base,
        groups,
        tests,
        reach: openTo ? 'open_too' : 'new_only',
        if_version: saved.version,
        ...(sure ? { confirm: true } : {}),
      });
      rules.done(rulesOf(version), rules.value);
      return version;
    },
    onSuccess: (version) => {
      setConfirm(null);
      setOpenTo(false);
      toast(t('assign.saved', { version: version.version }));
      client.setQueryData(policyQuery.queryKey, version);
      void client.invalidateQueries({ queryKey: ['policy', 'versions'] });
    },
    onError: refuse,
  });
  // Where a second person has to say yes, what is on the screen is proposed to them.
  const second = useQuery(workspaceQuery).data?.policy_approval ?? false;
  const propose = useMutation({
    mutationFn: (sure: boolean) =>
      api.post<Candidate>('/routing-policies/candidates', { policy: base, groups, tests, propose: true, reach: openTo ? 'open_too' : 'new_only', if_version: saved.version, ...(sure ? { confirm: true } : {}) }),
    onSuccess: () => {
      setConfirm(null);
      toast(t('approval.proposed'));
      void client.invalidateQueries({ queryKey: ['policy', 'candidates'] });
      discard();
    },
    onError: refuse,
  });
  const finish = second ? propose : save;
  const found = preview.data?.findings ?? [];
  const findings = [...found, ...refused(t, finish.error, scope, nameOf)];
  const told = toldBy(findings);
  const inPlace = (finding: Finding) => finding.pointer !== undefined && finding.pointer !== '' && finding.pointer !== '/enabled';
  const inSight = ['/reassign_seconds', '/limit', '/excluded'];
  const out = outOfRange(base, groups);
  const elsewhere = out.filter((id) => id !== scope).map(nameOf);
  const wrong = found.some((finding) => finding.severity === 'error') || out.length > 0;
  const asks = findings.filter((finding) => finding.severity === 'confirm');
  const who: Who = some || policy.excluded.length > 0 ? 'some' : policy.presence === 'online' ? 'online' : 'all';
  const set = (change: Partial<Policy>) => setPolicy(edit(policy, change));
  // Around the table sits who the rules on the screen are for.
  const seated = team ? agents.filter((agent) => team.members.includes(agent.id)) : agents;
  const others = Object.entries(groups).filter(([id, fields]) => Number(id) !== scope && Object.keys(fields).length > 0).length;

  const choose = (next: Who) => {
    if (next === 'some') {
      setSome(true);
      return;
    }
    if (policy.excluded.length > 0) {
      setEmptying(next);
      return;
    }
    setSome(false);
    set({ presence: next === 'online' ? 'online' : 'any' });
  };

  return (
    <div className="page sheet page-split">
      <div className="edit">
        <header className="phead">
          <div className="grow">
            <h1>{t('nav.assignment')}</h1>
            <p>{t('assign.purpose')}</p>
          </div>
          <div className="flex gap-3">
            <Button variant="ghost" icon="history" onClick={() => setVersions(true)}>
              {t('assign.versions')}
            </Button>
            <span className="flex gap-2 sm medium">
              <Switch label={t('assign.enabled')} checked={policy.enabled} disabled={!may} onChange={(enabled) => set({ enabled })} />
              {policy.enabled ? t('assign.on') : t('assign.off')}
            </span>
          </div>
        </header>
        {teams.length > 0 && (
          <div className="scope">
            <label className="sm" htmlFor="rules-of">
              {t('assign.rules')}
            </label>
            <select
              id="rules-of"
              className="input select-native"
              value={scope ?? ''}
              onChange={(event) => {
                const next = event.target.value ? Number(event.target.value) : null;
                setScope(next);
                setSome(whoOf(next === null ? base : effective(base, groups[next])) === 'some');
              }}
            >
              <option value="">{t('assign.rules.all')}</option>
              {teams.map((group) => (
                <option key={group.id} value={group.id}>
                  {group.name}
                </option>
              ))}
            </select>
            {scope === null ? others > 0 && <span className="xs muted">{t('assign.rules.others', { n: others })}</span> : <span className="xs muted">{t('assign.rules.group')}</span>}
          </div>
        )}
        {scope !== null && Object.keys(own).length > 0 && (
          <div className="flex gap-2 wrap">
            <span className="xs muted">{t('assign.rules.own')}</span>
            {(Object.keys(own) as (keyof Overrides)[]).map((field) => (
              <span key={field} className="pchip">
                {t.maybe(`policy.${field}`) ?? field}
                {may && (
                  <IconButton
                    icon="x"
                    size="xs"
                    label={t('assign.rules.inherit', { field: t.maybe(`policy.${field}`) ?? field })}
                    onClick={() => setGroups({ ...groups, [scope]: inherits(own, field) })}
                  />
                )}
              </span>
            ))}
            {may && (
              <Button
                size="sm"
                variant="ghost"
                icon="branch"
                onClick={() => {
                  const all = forAll(base, groups, own);
                  setBase(all.policy);
                  setGroups(all.groups);
                  setScope(null);
                  setSome(whoOf(all.policy) === 'some');
                }}
              >
                {t('stage.all')}
              </Button>
            )}
          </div>
        )}
        <Candidates agents={agents} />
        {!may && <Banner tone="blue">{t('assign.readonly')}</Banner>}
        {!policy.enabled && <Banner tone="amber">{t('assign.off.text')}</Banner>}

        <div className="presets" role="radiogroup" aria-label={t('assign.model')}>
          {(['sales', 'support', 'custom'] as const).map((key) => (
            <PresetCard key={key} name={key} policy={policy} disabled={!may} onChoose={() => setPolicy(key === 'custom' ? asCustom(policy) : withPreset(policy, key))} />
          ))}
        </div>

        <fieldset className="sets card" disabled={!may}>
          <legend className="sr">{t('assign.settings')}</legend>
          <Setting
            name="reassign"
            title={t('assign.time')}
            text={t('assign.time.text')}
            control={<Switch label={t('assign.time')} checked={policy.reassign_seconds !== null} disabled={!may} onChange={(on) => setPolicy(switchTime(policy, on))} />}
          >
            {policy.reassign_seconds !== null ? (
              <TimeInput seconds={policy.reassign_seconds} onChange={(reassign_seconds) => set({ reassign_seconds })} />
            ) : (
              <Badge>{t('assign.time.none')}</Badge>
            )}
            <AtField findings={told('/reassign_seconds')} />
          </Setting>
          <Setting
            name="limit"
            title={t('assign.limit')}
            text={t('assign.limit.text')}
            control={<Switch label={t('assign.limit')} checked={policy.limit !== null} disabled={!may} onChange={(on) => setPolicy(switchLimit(policy, on))} />}
          >
            {policy.limit !== null ? (
              <div className="ctl">
                <span className="stepper">
                  <input
                    type="number"
                    className="wider-n"
                    min={LIMIT.least}
                    max={LIMIT.most}
                    aria-label={t('assign.limit')}
                    value={policy.limit || ''}
                    onChange={(event) => set({ limit: Math.trunc(Number(event.target.value)) })}
                  />
                  <span>{t('assign.limit.unit')}</span>
                </span>
                <span className="help">{t('assign.limit.range', { least: LIMIT.least, most: LIMIT.most })}</span>
                <span className="help">
                  {t('assign.agent.limit')} {mayUsers && <Link href="/dashboard/users">{t('assign.agent.limit.link')}</Link>}
                </span>
              </div>
            ) : (
              <Badge>{t('assign.limit.none')}</Badge>
            )}
            <AtField findings={told('/limit')} />
          </Setting>
          <Setting name="who" title={t('assign.who')}>
            <div className="opts" role="radiogroup" aria-label={t('assign.who')}>
              <Radio name="who" checked={who === 'online'} onChange={() => choose('online')}>
                {t('assign.who.online')}
              </Radio>
              <Radio name="who" checked={who === 'all'} onChange={() => choose('all')}>
                {t('assign.who.all')}
              </Radio>
              <Radio name="who" checked={who === 'some'} onChange={() => choose('some')}>
                {t('assign.who.some')} <span className="muted">· {t('assign.who.some.text')}</span>
              </Radio>
              {who === 'some' && (
                <div className="pick-in">
                  <Exclude agents={agents} excluded={policy.excluded} onChange={(excluded) => set({ excluded })} />
                  <Checkbox checked={policy.presence === 'online'} onChange={(on) => set({ presence: on ? 'online' : 'any' })}>
                    {t('assign.who.some.online')}
                  </Checkbox>
                </div>
              )}
            </div>
            <AtField findings={told('/excluded')} />
          </Setting>
        </fieldset>

        <div className="finds" aria-live="polite">
          {findings
            .filter((finding) => !inPlace(finding))
            .map((finding) => (
              <FindingLine key={`${finding.code}${finding.text ?? ''}`} finding={finding} />
            ))}
          {preview.error && <Banner tone="amber">{t('assign.preview.failed', { why: explain(t, preview.error) })}</Banner>}
        </div>
        <Advanced
          policy={policy}
          groups={teams.filter((group) => group.id !== scope)}
          told={told}
          review={findings.filter((finding) => inPlace(finding) && !inSight.includes(finding.pointer ?? '')).length}
          disabled={!may}
          onChange={(change) => setPolicy({ ...policy, ...change })}
        />
        <Tests policy={base} groups={groups} tests={tests} agents={agents} disabled={!may} onChange={(next) => rules.put({ tests: next })} />
      </div>

      <aside className="prev" aria-label={t('ronda.title')}>
        <h2 className="flex gap-2">
          <span className="grow">{t('ronda.title')}</span>
          <Badge tone="blue">{t('ronda.simulation')}</Badge>
        </h2>
        <p className="xs muted">{t('ronda.text')}</p>
        <Ronda policy={policy} agents={seated} />
        <Outside policy={policy} agents={seated} />
        {preview.data?.preview && (
          <div className="kpis-2">
            <span>
              <b>{t.number(preview.data.preview.eligible)}</b>
              {t('assign.eligible')}
            </span>
            <span>
              <b>{t.number(preview.data.preview.moves)}</b>
              {t('assign.moves')}
            </span>
          </div>
        )}
        <Yesterday policy={base} groups={groups} agents={agents} wrong={wrong || findings.some((finding) => finding.severity === 'error')} />
      </aside>

      {dirty && may && (
        <SaveBar
          changes={
            <>
              <ChangeList before={before.policy} after={base} groups={!sameGroups(before.groups, groups)} tests={JSON.stringify(tests) !== JSON.stringify(before.tests)} />
              {elsewhere.length > 0 && (
                <span className="help help-error block" role="alert">
                  {t('assign.out.elsewhere', { names: elsewhere.join(', ') })}
                </span>
              )}
            </>
          }
          edit={rules}
          busy={finish.isPending}
          disabled={wrong}
          onDiscard={discard}
          label={second ? t('approval.propose') : undefined}
          onSave={() => (asks.length > 0 ? setConfirm(asks) : finish.mutate(false))}
        >
          {teams.length > 0 && changed.length > 0 && (
            <Button variant="ghost" icon="branch" disabled={wrong} onClick={() => setStaging([])}>
              {t('stage.begin')}
            </Button>
          )}
          <Checkbox checked={openTo} onChange={setOpenTo}>
            {t('assign.open.too')}
          </Checkbox>
          <Button variant="ghost" icon="calendar" disabled={wrong} onClick={() => setKeeping(true)}>
            {t('assign.later')}
          </Button>
        </SaveBar>
      )}
      {emptying && (
        <Dialog
          title={t('assign.empty.title')}
          onClose={() => setEmptying(null)}
          footer={
            <>
              <Button
                onClick={() => {
                  set({ presence: emptying === 'online' ? 'online' : 'any' });
                  setEmptying(null);
                }}
              >
                {t('assign.empty.keep')}
              </Button>
              <Button
                variant="primary"
                onClick={() => {
                  set({ presence: emptying === 'online' ? 'online' : 'any', excluded: [] });
                  setSome(false);
                  setEmptying(null);
                }}
              >
                {t('assign.empty.do', { n: policy.excluded.length })}
              </Button>
            </>
          }
        >
          <p>{t('assign.empty.text', { n: policy.excluded.length })}</p>
        </Dialog>
      )}
      {confirm && (
        <Dialog
          title={t('assign.confirm.title')}
          onClose={() => setConfirm(null)}
          footer={
            <>
              <Button onClick={() => setConfirm(null)}>{t('common.cancel')}</Button>
              <Button variant="danger" busy={finish.isPending} onClick={() => finish.mutate(true)}>
                {t('assign.confirm.do')}
              </Button>
            </>
          }
        >
          {confirm.map((finding) => (
            <FindingLine key={finding.code} finding={finding} />
          ))}
        </Dialog>
      )}
      {staging && (
        <Dialog
          title={t('stage.begin')}
          onClose={() => setStaging(null)}
          footer={
            <>
              <Button onClick={() => setStaging(null)}>{t('common.cancel')}</Button>
              <Button
                variant="primary"
                disabled={staging.length === 0}
                onClick={() => {
                  setGroups(stage(before.policy, base, groups, staging));
                  setBase(before.policy);
                  setStaging(null);
                }}
              >
                {t('stage.do')}
              </Button>
            </>
          }
        >
          <p className="sm">{t('stage.text', { fields: changed.map((field) => t.maybe(`policy.${field}`) ?? field).join(', ') })}</p>
          <CheckList label={t('nav.groups')} options={teams} chosen={staging} onChange={setStaging} />
        </Dialog>
      )}
      {keeping && (
        <Keep
          policy={base}
          groups={groups}
          tests={tests}
          version={saved.version}
          openTo={openTo}
          onClose={() => setKeeping(false)}
          onKept={() => {
            setKeeping(false);
            discard();
          }}
        />
      )}
      {versions && (
        <Versions
          current={saved.version}
          onClose={() => setVersions(false)}
          onImport={(read) => {
            rules.set({ policy: { ...read.policy, version: before.policy.version }, groups: read.groups, tests: read.tests });
            setScope(null);
            setSome(whoOf(read.policy) === 'some');
            setVersions(false);
            toast(read.unknown.length > 0 ? t('assign.imported.unknown', { names: read.unknown.join(', ') }) : t('assign.imported'));
          }}
        />
      )}
    </div>
  );
}

/** What is edited here. */
function rulesOf({ policy, groups, tests }: PolicyVersion) {
  return { policy, groups, tests };
}

/** What the server said about the rules when they were saved, as findings: of the fields on the screen at their place, of others with their name. */
function refused(t: Translator, error: unknown, scope: number | null, nameOf: (scope: number | null) => string): Finding[] {
  const errors = error instanceof ApiError ? (error.problem.errors ?? []) : [];
  return errors.flatMap(({ pointer, code, message }) => {
    const [, group, field] = /^\/(?:policy|groups\/(\d+))(\/.*)?$/u.exec(pointer) ?? [];
    if (group === undefined && !pointer.startsWith('/policy')) return [];
    const of = group === undefined ? null : Number(group);
    const text = t.maybe(`finding.${message}`) ?? message;
    const name = field?.split('/')[1] ?? '';
    const finding = { code, severity: 'error' as const, count: 0 };
    return of === scope ? { ...finding, pointer: field ?? '', text } : { ...finding, text: [nameOf(of), t.maybe(`policy.${name}`) ?? name, text].filter(Boolean).join(': ') };
  });
}

function useValues() {
  const t = useT();
  return {
    time: (seconds: number | null) => (seconds === null ? t('value.never') : countdown(seconds * 1_000)),
    limit: (limit: number | null) => (limit === null ? t('value.unlimited') : String(limit)),
    presence: (presence: Policy['presence']) => (presence === 'any' ? t('value.all') : t('value.online')),
  };
}

function PresetCard({ name, policy, disabled, onChoose }: { name: Preset | 'custom'; policy: Policy; disabled: boolean; onChoose(): void }) {
  const t = useT();
  const values = useValues();
  const chosen = name === 'custom' ? policy.preset === null : policy.preset === name;
  const facts = name === 'custom' ? (chosen ? policy : null) : PRESETS[name];
  const from = name === 'custom' && chosen && policy.based_on ? t('preset.from', { model: t(`preset.${policy.based_on}`) }) : null;
  const excluded = name !== 'custom' && chosen && policy.excluded.length > 0 ? t('preset.excluded', { n: policy.excluded.length }) : null;
  return (
    <button type="button" className="preset" role="radio" aria-checked={chosen} disabled={disabled} onClick={onChoose}>
      <span className="flex gap-2 semi">
        <span className="pi">
          <Icon name={ICONS[name]} />
        </span>
        <span className="grow">{t(`preset.${name}`)}</span>
        <span className={chosen ? 'radio is-on' : 'radio'} aria-hidden="true" />
      </span>
      <span className={from ?? excluded ? 'sm muted' : 'xs muted'}>{from ?? excluded ?? t(`preset.${name}.text`)}</span>
      <span className="facts">
        <span>
          <span>{t('fact.time')}</span>
          <b>{facts ? values.time(facts.reassign_seconds) : t('value.own')}</b>
        </span>
        <span>
          <span>{t('fact.limit')}</span>
          <b>{facts ? values.limit(facts.limit) : t('value.own')}</b>
        </span>
        <span>
          <span>{t('fact.who')}</span>
          <b>{facts ? values.presence(facts.presence) : t('value.own')}</b>
        </span>
      </span>
    </button>
  );
}

/** Minutes and seconds; what is typed stays as typed until it is left. */
function TimeInput({ seconds, onChange }: { seconds: number; onChange(seconds: number): void }) {
  const t = useT();
  const id = useId();
  const out = seconds < SECONDS.least || seconds > SECONDS.most;
  const minutes = Math.floor(seconds / 60);
  const rest = seconds % 60;
  const n = (text: string) => Math.max(0, Math.trunc(Number(text) || 0));
  return (
    <div className="ctl">
      <span className="stepper">
        <input
          type="number"
          min={0}
          max={1_440}
          aria-label={t('assign.minutes')}
          aria-describedby={id}
          aria-invalid={out}
          className="wider-n"
          value={minutes}
          onChange={(event) => onChange(n(event.target.value) * 60 + rest)}
        />
        <span>{t('unit.min')}</span>
      </span>
      <span className="stepper">
        <input
          type="number"
          min={0}
          max={59}
          aria-label={t('assign.seconds')}
          aria-describedby={id}
          aria-invalid={out}
          value={String(rest).padStart(2, '0')}
          onChange={(event) => onChange(minutes * 60 + Math.min(59, n(event.target.value.slice(-2))))}
        />
        <span>{t('unit.s')}</span>
      </span>
      <span id={id} className={out ? 'help help-error' : 'help'}>
        {t('assign.time.range')}
      </span>
    </div>
  );
}

/** People who do not receive, with what one needs to know to decide. */
function Exclude({ agents, excluded, onChange }: { agents: Agent[]; excluded: number[]; onChange(ids: number[]): void }) {
  const t = useT();
  const [find, setFind] = useState('');
  const [open, setOpen] = useState(excluded.length === 0);
  const chosen = agents.filter((agent) => excluded.includes(agent.id));
  const rank = { owner: 0, administrator: 1, supervisor: 2, agent: 3 };
  const list = agents
    .filter((agent) => fold(agent.name).includes(fold(find)))
    .sort((a, b) => rank[a.role] - rank[b.role] || a.name.localeCompare(b.name, t.language));
  const toggle = (id: number) => onChange(excluded.includes(id) ? excluded.filter((one) => one !== id) : [...excluded, id].sort((a, b) => a - b));
  return (
    <>
      <div className="pbox">
        {chosen.map((agent) => (
          <span key={agent.id} className="pchip">
            <Avatar name={agent.name} size={20} />
            {agent.name}
            <IconButton icon="x" size="xs" label={t('exclude.remove', { name: agent.name })} onClick={() => toggle(agent.id)} />
          </span>
        ))}
        <input
          className="pfind"
          type="search"
          value={find}
          placeholder={t('exclude.find')}
          aria-label={t('exclude.find')}
          onFocus={() => setOpen(true)}
          onChange={(event) => setFind(event.target.value)}
          onKeyDown={(event) => {
            if (event.key === 'Escape') setOpen(false);
          }}
        />
        <IconButton icon={open ? 'up' : 'down'} size="xs" label={t('exclude.list')} aria-expanded={open} onClick={() => setOpen(!open)} />
      </div>
      {open && (
        <div className="picker card" role="group" aria-label={t('exclude.list')}>
          {list.map((agent) => (
            <label key={agent.id} className="picker-row">
              <input type="checkbox" className="check-native" checked={excluded.includes(agent.id)} onChange={() => toggle(agent.id)} />
              <Avatar name={agent.name} size={24} state={agent.state} />
              <span className="grow trunc">{agent.name}</span>
              <span className="xs muted col">{t(`role.${agent.role}`)}</span>
              <span className="xs muted col">{t(`state.${agent.state}`)}</span>
              <span className="xs num faint">{agent.load}</span>
            </label>
          ))}
          {list.length === 0 && <p className="sm muted pad">{t('transfer.none')}</p>}
        </div>
      )}
    </>
  );
}

function ChangeList({ before, after, groups, tests }: { before: Policy; after: Policy; groups: boolean; tests: boolean }) {
  const t = useT();
  const values = useValues();
  const changed = changes(before, after);
  const parts = changed.map((key) => {
    const label = t.maybe(`policy.${key}`) ?? key;
    const pair =
      key === 'reassign_seconds'
        ? [values.time(before.reassign_seconds), values.time(after.reassign_seconds)]
        : key === 'limit'
          ? [values.limit(before.limit), values.limit(after.limit)]
          : key === 'presence'
            ? [values.presence(before.presence), values.presence(after.presence)]
            : key === 'excluded'
              ? [String(before.excluded.length), String(after.excluded.length)]
              : null;
    return (
      <span key={key}>
        {' '}
        · {label}{' '}
        {pair && (
          <>
            <s className="old">{pair[0]}</s> {pair[1]}
          </>
        )}
      </span>
    );
  });
  return (
    <>
      <b>{t('save.changes', { n: Math.max(1, changed.length + Number(groups) + Number(tests)) })}</b>
      {changed.length === 0 && !groups && !tests ? ` · ${t(`preset.${after.preset ?? 'custom'}`)}` : parts}
      {groups && ` · ${t('policy.groups')}`}
      {tests && ` · ${t('policy.tests')}`}
    </>
  );
}
