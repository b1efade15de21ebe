import type { Status } from '../api/generated/types.gen';
import { StatusIcon } from './StatusIcon';
import { useOrderText } from './texts';
import classes from './StatusBadge.module.css';

export function StatusBadge({ status, size = 'md' }: { status: Status; size?: 'sm' | 'md' | 'lg' }) {
  const text = useOrderText();
  return (
    <span className={classes.badge} data-status={status} data-size={size}>
      <StatusIcon status={status} size={size === 'lg' ? 20 : 14} />
      {text(`status.${status}`)}
    </span>
  );
}
