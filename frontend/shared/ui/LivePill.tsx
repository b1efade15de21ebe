import { useTranslation } from 'react-i18next';
import { useLiveStatus } from '../api/LiveProvider';
import { StatusPill } from './StatusPill';

export function LivePill() {
  const { t } = useTranslation('shared');
  const status = useLiveStatus();
  return <StatusPill status={status} texts={{ label: t(`pill.${status}`), hint: t(`pill.${status}_hint`) }} />;
}
