import type { Alert } from '@/api/types';
import type { Translator } from '@/i18n';
import { customerName } from './names';

const RED: readonly string[] = ['exhausted', 'nobody_available', 'closed_unanswered', 'unknown_group', 'service_overdue'];

/** What happened, in one word and in one sentence. */
export function alertText(t: Translator, alert: Alert): { tone: 'red' | 'amber'; word: string; text: string } {
  const params = {
    customer: alert.conversation ? customerName(t, alert.conversation) : '',
    agent: alert.agent?.name ?? t('alert.nobody'),
    device: typeof alert.detail['device'] === 'string' ? alert.detail['device'] : '',
    strikes: Number(alert.detail['strikes'] ?? 0),
    load: Number(alert.detail['load'] ?? 0),
    limit: Number(alert.detail['limit'] ?? 0),
  };
  return {
    tone: RED.includes(alert.kind) ? 'red' : 'amber',
    word: t.maybe(`alert.word.${alert.kind}`) ?? alert.kind,
    text: t.maybe(`alert.text.${alert.kind}`, params) ?? alert.kind,
  };
}
