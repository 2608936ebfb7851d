import type { MutateOptions, UseMutationResult } from '@tanstack/react-query';
import { useRef } from 'react';

/** Sends a command once while it is on its way: a second click comes before anything on the screen has changed. */
export function useOnce<D, E, V, C>({ mutateAsync }: UseMutationResult<D, E, V, C>) {
  const sending = useRef(false);
  return (values: V, options?: MutateOptions<D, E, V, C>) => {
    if (sending.current) return;
    sending.current = true;
    const done = () => {
      sending.current = false;
    };
    mutateAsync(values, options).then(done, done);
  };
}
