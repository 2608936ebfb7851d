import { useT } from '@/i18n';
import { useMe } from '@/lib/me';

export default function Console(_: { tray?: string; id?: string }) {
  const t = useT();
  return <main className="center">{t('choose.title')} {useMe().account.name}</main>;
}
