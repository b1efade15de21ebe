import { Menu, UnstyledButton, useMantineColorScheme, type MantineColorScheme } from '@mantine/core';
import { Notifications } from '@mantine/notifications';
import { IconCloudOff, IconLogout, IconUser } from '@tabler/icons-react';
import { Suspense, type ComponentType, type ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { Link, NavLink, Outlet, useLocation } from 'react-router';
import { useLiveStatus } from '../api/LiveProvider';
import { useAccount, useAuthSession } from '../auth/AuthProvider';
import { CrashBoundary } from './CrashBoundary';
import { LivePill } from './LivePill';
import { Logo } from './Logo';
import { Loading } from './states';
import classes from './Shell.module.css';

export interface NavItem {
  to: string;
  label: string;
  icon: ComponentType<{ size?: number }>;
  /** Only this very address is current, not what is below it. */
  end?: boolean;
}

interface ShellProps {
  /** Beside the logo. */
  name: string;
  nav: NavItem[];
  profile: { to: string; label: string };
  /** Left of the pill, for example a search button. */
  tools?: ReactNode;
}

/** What surrounds every page of an account that is signed in; pages come in through the router's outlet. */
export function Shell({ name, nav, profile, tools }: ShellProps) {
  const { t } = useTranslation('shared');
  const { pathname } = useLocation();
  const links = nav.map(({ to, label, icon: Icon, end }) => (
    <NavLink key={to} to={to} end={end} className={classes.link}>
      <Icon size={20} />
      <span>{label}</span>
    </NavLink>
  ));
  return (
    <div className={classes.shell}>
      <a href="#content" className={classes.skip}>
        {t('app.skip')}
      </a>
      <header className={classes.header}>
        <Link to="/" className={classes.brand}>
          <Logo />
          <span className={classes.name}>{name}</span>
        </Link>
        <nav className={classes.nav} data-single={nav.length < 2 || undefined} aria-label={t('app.navigation')}>
          {links}
        </nav>
        <div className={classes.tools}>
          {tools}
          <LivePill />
          <AccountMenu profile={profile} />
        </div>
      </header>
      <OfflineNote />
      <main id="content" tabIndex={-1} className={classes.main}>
        {/* A page that breaks leaves the shell, and with it the way to the other pages. */}
        <CrashBoundary key={pathname}>
          <Suspense fallback={<Loading />}>
            <Outlet />
          </Suspense>
        </CrashBoundary>
      </main>
      <Notifications position="bottom-right" />
    </div>
  );
}

/** The pill says it too, but in a corner; who is offline should know that what they see is old. */
function OfflineNote() {
  const { t } = useTranslation('shared');
  if (useLiveStatus() !== 'offline') return null;
  return (
    <p className={classes.offline} role="status">
      <IconCloudOff size={18} aria-hidden="true" />
      {t('state.offline')}
    </p>
  );
}

function AccountMenu({ profile }: Pick<ShellProps, 'profile'>) {
  const { t } = useTranslation('shared');
  const account = useAccount();
  const session = useAuthSession();
  const initials = account.name
    .split(/\s+/)
    .map((word) => [...word][0] ?? '')
    .filter((_, index, all) => index === 0 || index === all.length - 1)
    .join('')
    .toUpperCase();
  return (
    <Menu position="bottom-end" width={240}>
      <Menu.Target>
        <UnstyledButton className={classes.account} aria-label={`${t('app.menu')}: ${account.name}`}>
          {initials}
        </UnstyledButton>
      </Menu.Target>
      <Menu.Dropdown>
        <Menu.Label>
          <span className={classes.accountName}>{account.name}</span>
          <span className={classes.accountEmail}>{account.email}</span>
        </Menu.Label>
        <Menu.Item leftSection={<IconUser size={18} />} component={Link} to={profile.to}>
          {profile.label}
        </Menu.Item>
        <Menu.Divider />
        <SchemeItems />
        <Menu.Divider />
        <Menu.Item leftSection={<IconLogout size={18} />} onClick={() => void session.logOut()}>
          {t('app.sign_out')}
        </Menu.Item>
      </Menu.Dropdown>
    </Menu>
  );
}

const schemes: MantineColorScheme[] = ['auto', 'light', 'dark'];

function SchemeItems() {
  const { t } = useTranslation('shared');
  const { colorScheme, setColorScheme } = useMantineColorScheme();
  return (
    <>
      <Menu.Label>{t('app.scheme')}</Menu.Label>
      <Menu.RadioGroup value={colorScheme} onChange={(value) => setColorScheme(value as MantineColorScheme)}>
        {schemes.map((value) => (
          <Menu.RadioItem key={value} value={value} closeMenuOnClick={false}>
            {t(`app.scheme_${value}`)}
          </Menu.RadioItem>
        ))}
      </Menu.RadioGroup>
    </>
  );
}
