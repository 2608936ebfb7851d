import { api } from '@/api/client';
import { owner } from '@/lib/owner';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import { draftOf, drafts, fetchDraft, forgetEmpty, setDraft } from './drafts';

const reply = () => draftOf(drafts.get(), 1).reply;

describe('drafts', () => {
  const put = vi.fn<typeof api.put>();
  const get = vi.fn<typeof api.get>();

  beforeEach(() => {
    vi.useFakeTimers();
    localStorage.clear();
    owner.set('');
    owner.set('1.7');
    put.mockReset().mockResolvedValue(undefined);
    get.mockReset().mockResolvedValue({ mode: 'reply', body: 'old' });
    vi.spyOn(api, 'put').mockImplementation(put);
    vi.spyOn(api, 'get').mockImplementation(get);
  });

  it('belong_to_whoever_wrote_them', async () => {
    setDraft(1, { reply: 'private' });
    owner.set('1.8');
    expect(reply()).toBe('');
    await vi.runAllTimersAsync();
    expect(put).not.toHaveBeenCalled();
    owner.set('1.7');
    expect(reply()).toBe('private');
  });

  it('what_was_sent_without_a_line_does_not_come_back_from_the_server', async () => {
    put.mockRejectedValue(new Error('no line'));
    setDraft(1, { reply: 'sent' });
    setDraft(1, { reply: '' });
    await vi.runAllTimersAsync();
    await fetchDraft(1);
    expect([reply(), get.mock.calls.length]).toEqual(['', 0]);
    put.mockResolvedValue(undefined);
    await fetchDraft(1);
    expect(put).toHaveBeenLastCalledWith('/conversations/1/draft', { mode: 'reply', body: '' });
    await fetchDraft(1);
    expect(reply()).toBe('old');
  });

  it('an_empty_one_is_forgotten_when_the_message_has_arrived_and_a_new_one_stays', () => {
    setDraft(1, { reply: '' });
    setDraft(2, { reply: 'next' });
    forgetEmpty(1);
    forgetEmpty(2);
    expect(Object.keys(drafts.get())).toEqual(['2']);
  });

  it('follow_another_tab', () => {
    setDraft(1, { reply: 'half' });
    localStorage.setItem('ronda.draft.1.7.1', JSON.stringify({ mode: 'reply', reply: '', note: '' }));
    window.dispatchEvent(new StorageEvent('storage', { key: 'ronda.draft.1.7.1' }));
    expect(reply()).toBe('');
  });
});
