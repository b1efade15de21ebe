import { Button, Group } from '@mantine/core';
import type { Order } from '@shared/api';
import { OrderIdText, StatusBadge } from '@shared/orders';
import { Dialog, notify, problemText } from '@shared/ui';
import { IconAlertTriangle, IconArrowBackUp, IconCircleCheck } from '@tabler/icons-react';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { Link } from 'react-router';
import { canUndo } from '../../moves/api/nextMove';
import { useBatch, type BatchResult } from '../api/useBatch';
import classes from './BatchResults.module.css';

/** What became of each order of a batch; and the way back, since a slip with twenty orders is twenty slips. */
export default function BatchResults({ results: first, onClose }: { results: BatchResult[]; onClose: () => void }) {
  const { t } = useTranslation();
  const { t: shared } = useTranslation('shared');
  const { send, isSending } = useBatch();
  const [results, setResults] = useState(first);
  const [undone, setUndone] = useState<BatchResult[] | null>(null);
  const undoable = results.filter(({ order, problem }) => !problem && canUndo(order)).map(({ order }) => order);

  const undo = async (orders: Order[]) => {
    try {
      const answers = await send(orders, { undo: true });
      setUndone(answers);
      setResults((held) => held.map((result) => answers.find(({ order }) => order.id === result.order.id) ?? result));
    } catch (error) {
      notify({ message: problemText(error, shared), tone: 'problem' });
    }
  };
  const told = undone ?? results;
  const count = told.filter(({ problem }) => !problem).length;
  const all = undone ? 'batch.undone' : 'batch.all_moved';
  const some = undone ? 'batch.some_undone' : 'batch.some_moved';
  return (
    <Dialog
      onClose={onClose}
      size="lg"
      title={t(count === told.length ? all : some, { count, total: told.length })}
    >
      <ul className={classes.results}>
        {results.map(({ order, problem }) => (
          <li key={order.id} className={classes.result} data-failed={problem ? true : undefined}>
            {problem ? <IconAlertTriangle size={20} aria-hidden="true" /> : <IconCircleCheck size={20} aria-hidden="true" />}
            <div className={classes.text}>
              <Link to={`/orders/${order.id}`} className={classes.title}>
                {order.title}
              </Link>
              <span className={classes.id}>
                <OrderIdText id={order.id} size="sm" />
              </span>
              {problem ? <p className={classes.problem}>{problemText(problem, shared)}</p> : null}
            </div>
            {problem ? null : <StatusBadge status={order.status} size="sm" />}
          </li>
        ))}
      </ul>
      <Group justify="flex-end" mt="lg" gap="sm">
        {undoable.length > 0 && !undone ? (
          <Button
            variant="default"
            size="md"
            loading={isSending}
            leftSection={<IconArrowBackUp size={18} />}
            onClick={() => void undo(undoable)}
          >
            {t('batch.undo', { count: undoable.length })}
          </Button>
        ) : null}
        <Button size="md" onClick={onClose}>
          {t('batch.done')}
        </Button>
      </Group>
    </Dialog>
  );
}
