import type { Conversation } from '@/api/pending';
import type { Translator } from '@/i18n';

/** What a customer is called where no name is known: visitors of a web chat by the number of their conversation. */
export function customerName(t: Translator, c: Pick<Conversation, 'customer' | 'channel_account' | 'number'>): string {
  if (c.customer.name) return c.customer.name;
  return c.channel_account.kind === 'web_chat' && c.number !== undefined
    ? t('customer.visitor', { number: String(c.number) })
    : t('customer.nameless');
}
