import { api, ApiError } from '@/api/client';
import type { Me } from '@/api/types';
import { createStore } from '@/lib/store';
import { useLayoutEffect } from 'react';

/** Whose drafts and unsent messages are shown: the browser may be somebody else's next. */
export const owner = createStore('');

const ownerOf = (me: Me) => `${me.workspace?.id ?? 0}.${me.account.id}`;

/**
 * Before anything is painted, what the one before left here is not for this one; and what still waits to be saved when
 * somebody leaves is not saved for the next.
 */
export function useOwner(me: Me | null | undefined): void {
  const now = me ? ownerOf(me) : '';
  useLayoutEffect(() => {
    owner.set(now);
    return () => owner.set('');
  }, [now]);
}

/** Whom the server takes us for; another tab may have changed that. */
export async function signedIn(): Promise<string | null> {
  try {
    return ownerOf(await api.get<Me>('/sessions/current'));
  } catch (error) {
    if (error instanceof ApiError && error.status === 401) return null;
    throw error;
  }
}
