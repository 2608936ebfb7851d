import type { Group, Policy } from '@/api/types';
import { useT } from '@/i18n';
import { Badge, Icon, Switch } from '@/ui';
import { Choice, NumberField, OptionalField } from './fields';
import type { Told } from './findings';
import { edit } from './policy';
import { Waiting } from './waiting';

const HOUR = 3_600;

interface Props {
  policy: Policy;
  groups: Group[];
  told: Told;
  /** How many findings are about a field in here. */
  review: number;
  disabled: boolean;
  onChange(change: Partial<Policy>): void;
}

export function Advanced({ policy, groups, told, review, disabled, onChange }: Props) {
  const t = useT();
  const affinity = (change: Partial<Policy['affinity']>) => onChange({ affinity: { ...policy.affinity, ...change } });
  return (
    <details className="adv">
      <summary>
        <Icon name="right" size={14} />
        <b>{t('adv.title')}</b> <span className="muted">{t('adv.text')}</span>
        {review > 0 && <Badge tone="amber">{t('adv.review', { n: review })}</Badge>}
      </summary>
      <fieldset className="adv-in card" disabled={disabled}>
        <legend className="sr">{t('adv.title')}</legend>
        <Choice label={t('policy.strategy')} value={policy.strategy} of={['least_recent', 'most_spare', 'weighted', 'fill_first', 'ranked']} text={(one) => t(`adv.strategy.${one}`)} onChange={(strategy) => onChange(edit(policy, { strategy }))} />
        <Choice label={t('policy.scope')} value={policy.scope} of={['first_reply', 'every_turn']} text={(one) => t(`adv.scope.${one}`)} onChange={(scope) => onChange({ scope })} />
        <NumberField label={t('policy.rounds')} findings={told('/rounds')} value={policy.rounds} least={1} most={10} onChange={(rounds) => onChange({ rounds })} />
        <NumberField label={t('policy.backoff_percent')} findings={told('/backoff_percent')} value={policy.backoff_percent} least={100} most={1_000} onChange={(backoff_percent) => onChange({ backoff_percent })} />
        <NumberField label={t('policy.typing_grace_seconds')} findings={told('/typing_grace_seconds')} value={policy.typing_grace_seconds} least={0} most={600} onChange={(typing_grace_seconds) => onChange({ typing_grace_seconds })} />
        <NumberField label={t('adv.ramp.initial')} findings={told('/ramp/initial')} value={policy.ramp.initial} least={0} most={200} onChange={(initial) => onChange({ ramp: { ...policy.ramp, initial } })} />
        <NumberField label={t('adv.ramp.interval')} findings={told('/ramp/interval_seconds')} value={policy.ramp.interval_seconds} least={0} most={3_600} onChange={(interval_seconds) => onChange({ ramp: { ...policy.ramp, interval_seconds } })} />
        <NumberField label={t('adv.cap.extra')} findings={told('/hard_cap/extra')} value={policy.hard_cap.extra} least={0} most={200} onChange={(extra) => onChange({ hard_cap: { ...policy.hard_cap, extra } })} />
        <NumberField label={t('adv.cap.percent')} findings={told('/hard_cap/percent')} value={policy.hard_cap.percent} least={0} most={200} onChange={(percent) => onChange({ hard_cap: { ...policy.hard_cap, percent } })} />
        <Choice label={t('policy.on_gone')} value={policy.on_gone} of={['keep', 'unanswered', 'on_customer_message', 'all']} text={(one) => t(`adv.gone.${one}`)} onChange={(on_gone) => onChange({ on_gone })} />
        <NumberField label={t('policy.gone_grace_seconds')} findings={told('/gone_grace_seconds')} value={policy.gone_grace_seconds} least={0} most={3_600} onChange={(gone_grace_seconds) => onChange({ gone_grace_seconds })} />
        <div className="adv-row">
          <span>{t('policy.affinity')}</span>
          <Switch label={t('policy.affinity')} checked={policy.affinity.enabled} disabled={disabled} onChange={(enabled) => affinity({ enabled })} />
        </div>
        {policy.affinity.enabled && (
          <>
            <NumberField label={t('adv.affinity.absent')} findings={told('/affinity/absent_seconds')} value={policy.affinity.absent_seconds} least={0} most={86_400} onChange={(absent_seconds) => affinity({ absent_seconds })} />
            <NumberField label={t('adv.affinity.full')} findings={told('/affinity/full_seconds')} value={policy.affinity.full_seconds} least={0} most={86_400} onChange={(full_seconds) => affinity({ full_seconds })} />
            <OptionalField label={t('adv.affinity.strict')} findings={told('/affinity/strict_seconds')} help={t('adv.affinity.strict.help')} value={policy.affinity.strict_seconds} least={1} most={86_400} onChange={(strict_seconds) => affinity({ strict_seconds })} />
            <OptionalField label={t('adv.affinity.ceiling')} findings={told('/affinity/ceiling')} help={t('adv.affinity.ceiling.help')} value={policy.affinity.ceiling} least={1} most={200} onChange={(ceiling) => affinity({ ceiling })} />
          </>
        )}
        <NumberField label={t('policy.strikes')} findings={told('/strikes')} value={policy.strikes} least={0} most={20} onChange={(strikes) => onChange({ strikes })} />
        <NumberField label={t('policy.cool_down_seconds')} findings={told('/cool_down_seconds')} value={policy.cool_down_seconds} least={1} most={86_400} onChange={(cool_down_seconds) => onChange({ cool_down_seconds })} />
        <div className="adv-row">
          <span>
            {t('adv.guard')} <span className="xs muted block">{t('adv.guard.text')}</span>
          </span>
          <Badge tone="green">{t('assign.on')}</Badge>
        </div>
        <div className="adv-row">
          <span>
            {t('adv.window')} <span className="xs muted block">{t('adv.window.text')}</span>
          </span>
          <Badge tone="green">{t('assign.on')}</Badge>
        </div>
        <NumberField label={t('policy.max_transfers')} findings={told('/max_transfers')} value={policy.max_transfers} least={0} most={100} onChange={(max_transfers) => onChange({ max_transfers })} />
        <NumberField label={t('adv.backlog')} findings={told('/max_backlog_age_seconds')} value={Math.round(policy.max_backlog_age_seconds / HOUR)} least={1} most={720} onChange={(hours) => onChange({ max_backlog_age_seconds: hours * HOUR })} />
        <Waiting policy={policy} groups={groups} told={told} disabled={disabled} onChange={onChange} />
      </fieldset>
    </details>
  );
}
