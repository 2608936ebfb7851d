import { api, ApiError } from '@/api/client';
import { keys } from '@/api/queries';
import { useT } from '@/i18n';
import { explain } from '@/lib/errors';
import { Banner, Button, Field } from '@/ui';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { Gate, PasswordInput } from './gate';

/** Somebody else typed this password: it has to be changed before the work begins. */
export default function MustChange() {
  const t = useT();
  const client = useQueryClient();
  const [current, setCurrent] = useState('');
  const [next, setNext] = useState('');
  const save = useMutation({
    mutationFn: () => api.patch('/me/account', { password: { current, new: next } }),
    onSuccess: () => client.invalidateQueries({ queryKey: keys.me }),
  });
  const error = save.error instanceof ApiError ? save.error : null;
  return (
    <Gate>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          if (!save.isPending) save.mutate();
        }}
      >
        <div>
          <h1>{t('auth.reset.new')}</h1>
          <p>{t('auth.must.text')}</p>
        </div>
        {save.error && !error?.problem.errors?.length && <Banner tone="red">{explain(t, save.error)}</Banner>}
        <Field label={t('auth.must.current')} error={error?.about('/password/current')}>
          {(tied) => <PasswordInput {...tied} required autoFocus autoComplete="current-password" value={current} onChange={(event) => setCurrent(event.target.value)} />}
        </Field>
        <Field label={t('field.password.new')} help={t('auth.password.rule')} error={error?.about('/password/new')}>
          {(tied) => <PasswordInput {...tied} required minLength={10} autoComplete="new-password" value={next} onChange={(event) => setNext(event.target.value)} />}
        </Field>
        <Button type="submit" variant="primary" size="lg" block busy={save.isPending}>
          {t('auth.reset.save')}
        </Button>
      </form>
    </Gate>
  );
}
