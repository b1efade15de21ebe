import { orderIdGroups } from './orderId';
import classes from './OrderIdText.module.css';

/** Shown in groups, by CSS gaps alone: what one selects and copies is the plain ID. */
export function OrderIdText({ id, size = 'md' }: { id: string; size?: 'sm' | 'md' | 'xl' }) {
  return (
    <span className={classes.id} data-size={size} translate="no">
      {orderIdGroups(id).map((group, index) => (
        <span key={index}>{group}</span>
      ))}
    </span>
  );
}
