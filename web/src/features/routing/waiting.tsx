import type { Group, MaxWait, Policy, WaitStep } from '@/api/types';
import { useT } from '@/i18n';
import { countdown } from '@/lib/time';
import { Button, Checkbox, CheckList, IconButton, Switch, TextArea } from '@/ui';
import { AtField, type Told } from './findings';
import { Choice, NumberField } from './fields';
import { timeline } from './policy';

const DAY = 86_400;
const MOST_STEPS = 10;
const MOST_LEVELS = 10;
const ACTIONS: readonly MaxWait['action'][] = ['widen', 'raise', 'tell_customer', 'offer_callback', 'offer_form', 'return_to_bot'];
const SPEAKS: readonly MaxWait['action'][] = ['tell_customer', 'offer_callback', 'offer_form'];
const USUAL_STEP: WaitStep = { after_seconds: 60, drop_skills: false, add_groups: [], raise_minutes: 0 };
const USUAL_WAIT: MaxWait = { after_seconds: 600, action: 'tell_customer', text: '' };
const USUAL_LEVEL = 900;

interface Props {
  policy: Policy;
  groups: Group[];
  told: Told;
  disabled: boolean;
  onChange(change: Partial<Policy>): void;
}

/** What becomes of a chat that nobody takes: steps, the longest wait, and who is told. */
export function Waiting({ policy, groups, told, disabled, onChange }: Props) {
  const t = useT();
  const { steps, max_wait: longest, escalation_seconds: levels } = policy;
  const step = (i: number, change: Partial<WaitStep>) => onChange({ steps: steps.map((one, j) => (j === i ? { ...one, ...change } : one)) });
  const wait = (change: Partial<MaxWait>) => longest && onChange({ max_wait: { ...longest, ...change } });
  return (
    <div className="wait">
      <h3>{t('wait.title')}</h3>
      <p className="xs muted">{t('wait.text')}</p>
      <Timeline policy={policy} groups={groups} />
      {steps.map((one, i) => (
        <fieldset key={i} className="wait-step" disabled={disabled}>
          <legend className="semi">{t('wait.step', { n: i + 1 })}</legend>
          <IconButton icon="trash" size="xs" label={t('wait.step.remove', { n: i + 1 })} onClick={() => onChange({ steps: steps.filter((_, j) => j !== i) })} />
          <NumberField label={t('wait.step.after')} findings={told(`/steps/${i}/after_seconds`)} value={one.after_seconds} least={1} most={DAY} onChange={(after_seconds) => step(i, { after_seconds })} />
          <NumberField label={t('wait.step.raise')} findings={told(`/steps/${i}/raise_minutes`)} value={one.raise_minutes} least={0} most={1_440} onChange={(raise_minutes) => step(i, { raise_minutes })} />
          <Checkbox checked={one.drop_skills} onChange={(drop_skills) => step(i, { drop_skills })}>
            {t('wait.step.skills')}
          </Checkbox>
          <CheckList label={t('wait.step.groups')} options={groups} chosen={one.add_groups} onChange={(add_groups) => step(i, { add_groups })} />
          <AtField findings={told(`/steps/${i}/add_groups`)} />
          {!one.drop_skills && one.add_groups.length === 0 && one.raise_minutes === 0 && <p className="help c-amber">{t('wait.step.nothing')}</p>}
        </fieldset>
      ))}
      <AtField findings={told('/steps')} />
      <div>
        <Button size="sm" icon="plus" disabled={disabled || steps.length >= MOST_STEPS} onClick={() => onChange({ steps: [...steps, USUAL_STEP] })}>
          {t('wait.step.add')}
        </Button>
      </div>
      <div className="adv-row">
        <span>{t('wait.longest')}</span>
        <Switch label={t('wait.longest')} checked={longest !== null} disabled={disabled} onChange={(on) => onChange({ max_wait: on ? USUAL_WAIT : null })} />
      </div>
      {longest && (
        <>
          <NumberField label={t('wait.longest.after')} findings={told('/max_wait/after_seconds')} value={longest.after_seconds} least={1} most={DAY} onChange={(after_seconds) => wait({ after_seconds })} />
          <Choice label={t('wait.longest.action')} value={longest.action} of={ACTIONS} text={(one) => t(`wait.action.${one}`)} onChange={(action) => wait({ action })} />
          {SPEAKS.includes(longest.action) && (
            <TextArea
              label={t('wait.longest.words')}
              error={told('/max_wait/text')[0] ? t('finding.wait_text_missing') : undefined}
              rows={2}
              maxLength={1_000}
              disabled={disabled}
              value={longest.text ?? ''}
              onChange={(event) => wait({ text: event.target.value })}
            />
          )}
        </>
      )}
      <p className="sm">{t('wait.escalation')}</p>
      {levels.map((seconds, i) => (
        <div key={i} className="flex gap-2">
          <div className="grow">
            <NumberField
              label={t('wait.escalation.level', { n: i + 1 })}
              findings={told(`/escalation_seconds/${i}`)}
              value={seconds}
              least={1}
              most={DAY}
              onChange={(next) => onChange({ escalation_seconds: levels.map((one, j) => (j === i ? next : one)) })}
            />
          </div>
          <IconButton icon="trash" size="xs" label={t('wait.escalation.remove', { n: i + 1 })} disabled={disabled} onClick={() => onChange({ escalation_seconds: levels.filter((_, j) => j !== i) })} />
        </div>
      ))}
      <AtField findings={told('/escalation_seconds')} />
      <div>
        <Button size="sm" icon="plus" disabled={disabled || levels.length >= MOST_LEVELS} onClick={() => onChange({ escalation_seconds: [...levels, USUAL_LEVEL] })}>
          {t('wait.escalation.add')}
        </Button>
      </div>
    </div>
  );
}

/** Steps count from the one before, the longest wait from the beginning: both on one line. */
function Timeline({ policy, groups }: { policy: Policy; groups: Group[] }) {
  const t = useT();
  const points = timeline(policy);
  if (points.length === 0) return null;
  const what = (one: WaitStep) => {
    const names = one.add_groups.map((id) => groups.find((group) => group.id === id)?.name ?? `#${id}`);
    const parts = [
      one.drop_skills ? t('wait.line.skills') : '',
      names.length > 0 ? t('wait.line.groups', { groups: names.join(', ') }) : '',
      one.raise_minutes > 0 ? t('wait.line.raise', { minutes: one.raise_minutes }) : '',
    ].filter(Boolean);
    return parts.length > 0 ? parts.join(', ') : '–';
  };
  return (
    <ol className="wait-line" aria-label={t('wait.line')}>
      <li>
        <b className="num">0:00</b> {t('wait.line.begins')}
      </li>
      {points.map((point) => (
        <li key={point.kind === 'step' ? `s${point.n}` : 'longest'}>
          <b className="num">{countdown(point.at * 1_000)}</b>{' '}
          {point.kind === 'step' ? t('wait.line.step', { n: point.n, what: what(point.step) }) : t('wait.line.longest', { what: t(`wait.action.${point.action}`) })}
        </li>
      ))}
    </ol>
  );
}
