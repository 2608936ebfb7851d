import { api, ApiError } from '@/api/client';
import { keys } from '@/api/queries';
import type { PublicInvitation } from '@/api/types';
import { languageTag, useT } from '@/i18n';
import { explain } from '@/lib/errors';
import { Banner, Button, Field, Loading, TextField } from '@/ui';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useEffect, useState } from 'react';
import { Link, useLocation } from 'wouter';
import { Gate, PasswordInput } from './gate';

/** From the link of the mail to the first tray in one form. */
export default function Invitation({ token }: { token: string }) {
  const t = useT();
  const [, go] = useLocation();
  const client = useQueryClient();
  const [value, setValue] = useState({ name: '', public_name: '', password: '' });
  const { data, error } = useQuery({
    queryKey: ['invitation', token],
    queryFn: () => api.get<PublicInvitation>(`/invitations/${encodeURIComponent(token)}/public`),
  });
  useEffect(() => {
    document.title = `${t('invitation.title')} · Ronda`;
  }, [t]);
  const known = data?.has_account ?? false;
  const accept = useMutation({
    mutationFn: () =>
      api.post(`/invitations/${encodeURIComponent(token)}/accept`, {
        password: value.password,
        ...(known
          ? {}
          : {
              name: value.name,
              public_name: value.public_name || value.name.split(' ')[0] || value.name,
              language: languageTag(t.language),
              zone: Intl.DateTimeFormat().resolvedOptions().timeZone,
            }),
      }),
    onSuccess: async () => {
      await client.invalidateQueries({ queryKey: keys.me });
      go('/agent', { replace: true });
    },
  });
  const renew = useMutation({ mutationFn: () => api.post(`/invitations/${encodeURIComponent(token)}/renewal`) });
  const refused = accept.error instanceof ApiError ? accept.error : null;
  const spent = data !== undefined && data.state !== 'open';
  if (error || spent) {
    const gone = spent || (error instanceof ApiError && error.status >= 400 && error.status < 500);
    return (
      <Gate>
        <div className="gate-body">
          <h1>{gone ? t('invitation.gone') : t('error.title')}</h1>
          <p>{gone ? t('invitation.gone.text') : explain(t, error)}</p>
          {data?.state === 'expired' && (
            <Button variant="primary" size="lg" busy={renew.isPending} disabled={renew.isSuccess} onClick={() => renew.mutate()}>
              {renew.isSuccess ? t('invitation.renewed') : t('invitation.renew')}
            </Button>
          )}
          {renew.error && <Banner tone="red">{explain(t, renew.error)}</Banner>}
          <Link className="btn btn-secondary btn-lg" href="/login">
            {t('auth.enter')}
          </Link>
        </div>
      </Gate>
    );
  }
  const workspace = data?.workspace ?? '';
  const inviter = data?.inviter;
  return (
    <Gate>
      {!data ? (
        <div className="gate-body">
          <Loading />
        </div>
      ) : (
        <form
          onSubmit={(event) => {
            event.preventDefault();
            if (!accept.isPending) accept.mutate();
          }}
        >
          <div>
            <h1>{t('invitation.join', { workspace })}</h1>
            <p>{inviter ? t('invitation.by', { inviter, email: data.email }) : data.email}</p>
          </div>
          {refused && !refused.problem.errors?.length && <Banner tone="red">{explain(t, refused)}</Banner>}
          {!known && (
            <>
          <TextField
            label={t('field.name')}
            error={refused?.about('/name')}
            large
            required
            autoFocus
            maxLength={80}
            autoComplete="name"
            value={value.name}
            onChange={(event) => setValue({ ...value, name: event.target.value })}
          />
          <TextField
            label={t('field.public_name')}
            help={t('field.public_name.help')}
            error={refused?.about('/public_name')}
            large
            maxLength={80}
            placeholder={value.name.split(' ')[0]}
            value={value.public_name}
            onChange={(event) => setValue({ ...value, public_name: event.target.value })}
          />
            </>
          )}
          <Field
            label={known ? t('invitation.password.known') : t('field.password')}
            help={known ? t('invitation.password.known.help') : t('auth.password.rule')}
            error={refused?.about('/password')}
          >
            {(tied) => (
              <PasswordInput
                {...tied}
                required
                minLength={known ? undefined : 10}
                autoComplete={known ? 'current-password' : 'new-password'}
                value={value.password}
                onChange={(event) => setValue({ ...value, password: event.target.value })}
              />
            )}
          </Field>
          <Button type="submit" variant="primary" size="lg" block busy={accept.isPending}>
            {t('invitation.accept')}
          </Button>
        </form>
      )}
    </Gate>
  );
}
