import type { Me, Permission } from '@/api/types';
import { createContext, useContext } from 'react';

export const MeContext = createContext<Me | null>(null);

/** Who is signed in. Only below the guard of the application. */
export function useMe(): Me {
  const me = useContext(MeContext);
  if (!me) throw new Error('useMe outside of a signed-in page');
  return me;
}

export function useMay(permission: Permission): boolean {
  return useMe().permissions.includes(permission);
}

/** The workspace's zone, in which days begin and end. */
export function useZone(): string | undefined {
  return useMe().workspace?.zone;
}
