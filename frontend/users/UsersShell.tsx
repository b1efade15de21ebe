import { useLiveOrders } from '@shared/api';
import { Shell, type NavItem } from '@shared/ui';
import { IconPackages, IconPlugConnected, IconUser } from '@tabler/icons-react';
import { useTranslation } from 'react-i18next';

export default function UsersShell() {
  const { t } = useTranslation();
  useLiveOrders();
  const nav: NavItem[] = [
    { to: '/orders', label: t('nav.orders'), icon: IconPackages },
    { to: '/integrations', label: t('nav.integrations'), icon: IconPlugConnected },
    { to: '/profile', label: t('nav.profile'), icon: IconUser },
  ];
  return <Shell name={t('name')} nav={nav} profile={{ to: '/profile', label: t('nav.profile') }} />;
}
