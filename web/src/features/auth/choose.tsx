import { api } from '@/api/client';
import type { Me } from '@/api/types';
import { useT } from '@/i18n';
import { explain } from '@/lib/errors';
import { Avatar, Banner, Icon } from '@/ui';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { Gate } from './gate';

/** One account may belong to several workspaces; one at a time is on screen. */
export default function Choose({ me }: { me: Me }) {
  const t = useT();
  const client = useQueryClient();
  const enter = useMutation({
    mutationFn: (workspace: number) => api.post('/sessions/current/workspace', { workspace }),
    onSuccess: () => client.invalidateQueries(),
  });
  return (
    <Gate>
      <div className="gate-body">
        <div>
          <h1>{t('choose.title')}</h1>
          <p>{me.account.email}</p>
        </div>
        {enter.error && <Banner tone="red">{explain(t, enter.error)}</Banner>}
        {me.workspaces.length === 0 && <Banner tone="blue">{t('choose.none')}</Banner>}
        <div className="stack-2">
          {me.workspaces.map((workspace) => (
            <button
              key={workspace.id}
              type="button"
              className="pick"
              disabled={enter.isPending}
              onClick={() => enter.mutate(workspace.id)}
            >
              <Avatar name={workspace.name} size={36} />
              <span className="grow">
                <span className="medium block">{workspace.name}</span>
                <span className="xs muted">{t.maybe(`role.${workspace.role}`) ?? workspace.role}</span>
              </span>
              <Icon name="right" />
            </button>
          ))}
        </div>
      </div>
    </Gate>
  );
}
