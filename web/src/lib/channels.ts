import type { ChannelCondition } from '@/api/types';
import type { Translator } from '@/i18n';
import { duration } from './time';

/** Red as soon as a call failed, or when nothing can be sent at all. */
export function channelTone(channel: ChannelCondition): 'red' | 'amber' | 'green' {
  if (channel.failing_since !== null || channel.status === 'disconnected') return 'red';
  return channel.status === 'connected' ? 'green' : 'amber';
}

/** How a channel is, in a few words. */
export function channelWord(t: Translator, channel: ChannelCondition, now: number): string {
  if (channel.status === 'disconnected') return t('condition.disconnected');
  if (channel.failing_since !== null) return t('condition.failing', { for: duration(now - channel.failing_since), n: channel.waiting });
  if (channel.status !== 'connected') return t('condition.draft');
  return channel.waiting > 0 ? t('condition.waiting', { n: channel.waiting }) : t('condition.works');
}
