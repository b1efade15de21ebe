import { Shell, type NavItem } from '@shared/ui';
import { IconPackages } from '@tabler/icons-react';
import { useTranslation } from 'react-i18next';

export default function UsersShell() {
  const { t } = useTranslation();
  const nav: NavItem[] = [{ to: '/orders', label: t('nav.orders'), icon: IconPackages }];
  return <Shell name={t('name')} nav={nav} profile={{ to: '/profile', label: t('nav.profile') }} />;
}
