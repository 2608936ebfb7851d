import type { Conversation } from '@/api/types';
import type { Translator } from '@/i18n';

/** What a customer is called where no name is known: visitors of a web chat by the number of their
 * conversation. Where the channel is not told it is one: customers of the others bring at least their number. */
export function customerName(t: Translator, c: Pick<Conversation, 'customer' | 'number'> & { channel_account?: Conversation['channel_account'] }): string {
  if (c.customer.name) return c.customer.name;
  return (c.channel_account?.kind ?? 'web_chat') === 'web_chat'
    ? t('customer.visitor', { number: String(c.number) })
    : t('customer.nameless');
}
