import { api, ApiError } from '@/api/client';
import { keys } from '@/api/queries';
import { useT } from '@/i18n';
import { explain } from '@/lib/errors';
import { Banner, Button, TextField, toast } from '@/ui';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';

/** The current password and a new one; the other devices are signed out by the server. */
export function ChangePassword({ version }: { version?: number }) {
  const t = useT();
  const client = useQueryClient();
  const [current, setCurrent] = useState('');
  const [next, setNext] = useState('');
  const save = useMutation({
    mutationFn: () => api.patch('/me/account', { password: { current, new: next } }, version),
    onSuccess: async () => {
      setCurrent('');
      setNext('');
      toast(t('account.password.done'));
      await Promise.all([client.invalidateQueries({ queryKey: keys.me }), client.invalidateQueries({ queryKey: ['account'] })]);
    },
  });
  const error = save.error instanceof ApiError ? save.error : null;
  const wrong = error?.about('/password/current');
  return (
    <form
      className="stack"
      onSubmit={(event) => {
        event.preventDefault();
        if (!save.isPending) save.mutate();
      }}
    >
      {save.error && !error?.problem.errors?.length && <Banner tone="red">{explain(t, save.error)}</Banner>}
      <TextField
        label={t('account.password.current')}
        type="password"
        autoComplete="current-password"
        required
        error={wrong ? t('account.password.wrong') : undefined}
        value={current}
        onChange={(event) => setCurrent(event.target.value)}
      />
      <TextField
        label={t('field.password.new')}
        help={t('auth.password.rule')}
        type="password"
        autoComplete="new-password"
        required
        minLength={10}
        maxLength={128}
        error={error?.about('/password/new')}
        value={next}
        onChange={(event) => setNext(event.target.value)}
      />
      <div>
        <Button type="submit" variant="primary" busy={save.isPending}>
          {t('auth.reset.save')}
        </Button>
      </div>
    </form>
  );
}
