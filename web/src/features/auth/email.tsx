import { api } from '@/api/client';
import { useT } from '@/i18n';
import { Banner, Button } from '@/ui';
import { explain } from '@/lib/errors';
import { useMutation, useQuery } from '@tanstack/react-query';
import { useEffect } from 'react';
import { Link } from 'wouter';
import { Gate } from './gate';

interface Change {
  email: string;
  confirmed: boolean;
  other_confirmed: boolean;
}

/** A link mailed to one of the two addresses of a change. It changes nothing by being opened: mail readers open links. */
export default function Email({ token }: { token: string }) {
  const t = useT();
  useEffect(() => {
    document.title = `${t('email.title')} · Ronda`;
  }, [t]);
  const path = `/email-changes/${encodeURIComponent(token)}`;
  const { data, error } = useQuery({ queryKey: ['email-change', token], queryFn: () => api.get<Change>(path), retry: false, staleTime: Infinity });
  const confirm = useMutation({ mutationFn: () => api.post<{ email: string; done: boolean }>(path) });
  const enter = (
    <Link className="btn btn-secondary btn-lg" href="/login">
      {t('auth.back')}
    </Link>
  );
  return (
    <Gate>
      {error ? (
        <div className="gate-body">
          <h1>{t('auth.reset.gone')}</h1>
          <p>{t('email.gone')}</p>
          {enter}
        </div>
      ) : confirm.data ? (
        <div className="gate-body" role="status">
          <h1>{t(confirm.data.done ? 'email.done' : 'email.half')}</h1>
          <p>{t(confirm.data.done ? 'email.done.text' : 'email.half.text', { email: confirm.data.email })}</p>
          {enter}
        </div>
      ) : data ? (
        <form
          onSubmit={(event) => {
            event.preventDefault();
            if (!confirm.isPending) confirm.mutate();
          }}
        >
          <div>
            <h1>{t('email.title')}</h1>
            <p>{t('email.text', { email: data.email })}</p>
          </div>
          {confirm.error && <Banner tone="red">{explain(t, confirm.error)}</Banner>}
          <Button type="submit" variant="primary" size="lg" block busy={confirm.isPending}>
            {t('email.confirm')}
          </Button>
        </form>
      ) : null}
    </Gate>
  );
}
