import type { RoleOptions, Sees } from '@/api/types';
import { useT } from '@/i18n';
import { Button, Checkbox, IconButton, Radio, SelectField, Setting, Switch } from '@/ui';
import type { Settings } from './workspace';

interface Props {
  value: Settings;
  onChange(value: Settings): void;
  about(pointer: string): string | undefined;
}

const SEES: readonly Sees[] = ['own', 'groups', 'team', 'all'];
const KNOWN = ['break', 'lunch', 'training', 'other'];
const LEARN = ['off', 'first_human', 'last_human'] as const;

/** How a team works together: who sees what, who takes what, why people are away, and whose customers are whose. */
export function Team({ value, onChange, about }: Props) {
  const t = useT();
  const reasons = value.away_reasons;
  const setReasons = (away_reasons: string[]) => onChange({ ...value, away_reasons });
  return (
    <>
      <div className="sets card">
        <Setting
          title={t('team.only')}
          text={t('team.only.text')}
          control={<Switch label={t('team.only')} checked={value.teams_only} onChange={(teams_only) => onChange({ ...value, teams_only })} />}
        />
        <Setting title={t('team.rights')} text={t('team.rights.text')}>
          <Rights value={value.agents} onChange={(agents) => onChange({ ...value, agents })} />
        </Setting>
      </div>
      <div className="sets card">
        <Setting title={t('team.away')} text={t('team.away.text')}>
          <ul className="stack-2">
            {reasons.map((reason, i) => (
              <li key={i} className="flex gap-2">
                {KNOWN.includes(reason) ? (
                  <span className="grow">{t.maybe(`state.reason.${reason}`)}</span>
                ) : (
                  <span className="grow">
                    <input
                      className="input"
                      aria-label={t('team.away.reason')}
                      maxLength={40}
                      value={reason}
                      aria-invalid={about(`/away_reasons/${i}`) ? true : undefined}
                      onChange={(event) => setReasons(reasons.map((one, at) => (at === i ? event.target.value : one)))}
                    />
                    {about(`/away_reasons/${i}`) && <span className="help help-error">{about(`/away_reasons/${i}`)}</span>}
                  </span>
                )}
                <IconButton
                  icon="x"
                  size="sm"
                  label={t('team.away.drop', { reason: t.maybe(`state.reason.${reason}`) ?? reason })}
                  onClick={() => setReasons(reasons.filter((_, at) => at !== i))}
                />
              </li>
            ))}
          </ul>
          <div className="flex gap-2 wrap">
            <Button size="sm" icon="plus" disabled={reasons.length >= 20 || reasons.includes('')} onClick={() => setReasons([...reasons, ''])}>
              {t('team.away.add')}
            </Button>
            {KNOWN.filter((known) => !reasons.includes(known)).map((known) => (
              <Button key={known} size="sm" variant="ghost" icon="plus" onClick={() => setReasons([...reasons, known])}>
                {t.maybe(`state.reason.${known}`)}
              </Button>
            ))}
          </div>
        </Setting>
        <Setting title={t('team.affinity')} text={t('team.affinity.text')}>
          <div role="radiogroup" aria-label={t('team.affinity')} className="stack-2">
            {LEARN.map((learn) => (
              <Radio key={learn} name="learn" checked={value.affinity.learn === learn} onChange={() => onChange({ ...value, affinity: { learn } })} help={t(`team.affinity.${learn}.text`)}>
                {t(`team.affinity.${learn}`)}
              </Radio>
            ))}
          </div>
        </Setting>
      </div>
    </>
  );
}

/** What agents may do beyond the preset, or less than it. */
function Rights({ value, onChange }: { value: RoleOptions; onChange(value: RoleOptions): void }) {
  const t = useT();
  return (
    <div className="stack">
      <SelectField label={t('rights.sees')} value={value.sees ?? 'groups'} onChange={(event) => onChange({ ...value, sees: event.target.value as Sees })}>
        {SEES.map((sees) => (
          <option key={sees} value={sees}>
            {t(`rights.sees.${sees}`)}
          </option>
        ))}
      </SelectField>
      <Checkbox checked={value.take_any ?? true} onChange={(on) => onChange({ ...value, take_any: on })} help={t('rights.take_any.text')}>
        {t('rights.take_any')}
      </Checkbox>
      <Checkbox checked={value.take_from_bot ?? false} onChange={(on) => onChange({ ...value, take_from_bot: on })}>
        {t('rights.take_from_bot')}
      </Checkbox>
      <Checkbox checked={value.take_from_others ?? false} onChange={(on) => onChange({ ...value, take_from_others: on })} help={t('rights.take_from_others.text')}>
        {t('rights.take_from_others')}
      </Checkbox>
    </div>
  );
}
