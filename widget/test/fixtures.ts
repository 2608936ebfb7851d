import type { VMessage } from '../src/types';

export function said(id: number, change: Partial<VMessage> = {}): VMessage {
  return { id, client_id: null, from: 'agent', name: 'Camila', content: { type: 'text', text: `m${id}` }, at: id * 1000, status: 'sent', ...change };
}
