import { Anchor } from '@mantine/core';
import { IconBook2, IconFileCode } from '@tabler/icons-react';
import { Card } from '../ui/Card';
import { useTexts } from './useTexts';
import classes from './Integrations.module.css';

/** Addresses of the server, beside the apps: the router knows nothing of them. */
export function DocsCard() {
  const { t } = useTexts();
  return (
    <Card title={t('docs.title')}>
      <p className={classes.hint}>{t('docs.text')}</p>
      <ul className={classes.links}>
        <li>
          <IconBook2 size={20} aria-hidden="true" />
          <Anchor href="/docs" target="_blank" rel="noopener">
            {t('docs.open')} <span className={classes.hidden}>{t('docs.new_tab')}</span>
          </Anchor>
        </li>
        <li>
          <IconFileCode size={20} aria-hidden="true" />
          <Anchor href="/openapi.yaml" target="_blank" rel="noopener">
            {t('docs.contract')} <span className={classes.hidden}>{t('docs.new_tab')}</span>
          </Anchor>
        </li>
      </ul>
      <p className={classes.address}>
        {t('docs.address')}: <code className={classes.code}>{`${window.location.origin}/api/v1`}</code>
      </p>
    </Card>
  );
}
