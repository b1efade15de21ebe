import { Button, Menu } from '@mantine/core';
import type { Order, Target } from '@shared/api';
import { StatusIcon } from '@shared/orders';
import { notify, problemText } from '@shared/ui';
import { IconChevronUp } from '@tabler/icons-react';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { late } from '../../../late';
import { needsReason, type DetailsBody } from '../../moves/api/moveDetails';
import { movesOf, type Selection } from '../api/selection';
import { useBatch, type BatchResult } from '../api/useBatch';
import classes from './BatchBar.module.css';

const MoveDialog = late(() => import('../../moves/components/MoveDialog'));
const BatchResults = late(() => import('./BatchResults'));

/** What can be done with the orders that are ticked, at the bottom where the thumb is. */
export function BatchBar({ orders, selection }: { orders: Order[]; selection: Selection }) {
  const { t } = useTranslation();
  const { t: shared } = useTranslation('shared');
  const { send, isSending } = useBatch();
  const [asking, setAsking] = useState<{ target: Target; orders: Order[] } | null>(null);
  const [results, setResults] = useState<BatchResult[] | null>(null);

  const selected = orders.filter(({ id }) => selection.ids.has(id));
  const moves = movesOf(selected);
  const [likeliest, ...others] = moves;

  const run = async (chosen: Order[], target: Target, details: DetailsBody = {}) => {
    const answers = await send(chosen, { ...details, status: target });
    setResults(answers);
    // What went well is done with; what did not is at hand for another try.
    const failed = answers.filter(({ problem }) => problem).map(({ order }) => order.id);
    const untouched = selected.filter(({ id }) => !chosen.some((order) => order.id === id)).map(({ id }) => id);
    selection.keepOnly([...failed, ...untouched]);
  };
  const start = ({ target, orders: chosen }: { target: Target; orders: Order[] }) => {
    if (needsReason(target)) return setAsking({ target, orders: chosen });
    run(chosen, target).catch((error: unknown) => notify({ message: problemText(error, shared), tone: 'problem' }));
  };
  const label = ({ target, orders: chosen }: { target: Target; orders: Order[] }) =>
    chosen.length === selected.length ? t(`moves.to.${target}`) : t('batch.some', { move: t(`moves.to.${target}`), count: chosen.length });

  return (
    <>
      <div className={classes.bar} role="region" aria-label={t('batch.label')}>
        <div className={classes.what}>
          <p className={classes.count} role="status">
            {selected.length === 0 ? t('batch.none') : t('batch.selected', { count: selected.length })}
          </p>
          {selected.length < orders.length ? (
            <Button variant="subtle" size="md" onClick={() => selection.keepOnly(orders.map(({ id }) => id))}>
              {t('batch.all')}
            </Button>
          ) : (
            <Button variant="subtle" size="md" onClick={() => selection.keepOnly([])}>
              {t('batch.clear')}
            </Button>
          )}
        </div>
        <div className={classes.buttons}>
          {others.length > 0 ? (
            <Menu position="top-end" width={240}>
              <Menu.Target>
                <Button variant="default" size="md" disabled={isSending} rightSection={<IconChevronUp size={18} />}>
                  {t('batch.other')}
                </Button>
              </Menu.Target>
              <Menu.Dropdown>
                {others.map((move) => (
                  <Menu.Item
                    key={move.target}
                    data-danger={move.target === 'cancelled' || undefined}
                    leftSection={<StatusIcon status={move.target} size={18} />}
                    onClick={() => start(move)}
                  >
                    {label(move)}
                  </Menu.Item>
                ))}
              </Menu.Dropdown>
            </Menu>
          ) : null}
          {likeliest ? (
            <Button
              size="md"
              loading={isSending}
              leftSection={<StatusIcon status={likeliest.target} size={18} />}
              onClick={() => start(likeliest)}
            >
              {label(likeliest)}
            </Button>
          ) : null}
        </div>
      </div>
      {asking ? (
        <MoveDialog
          orders={asking.orders}
          target={asking.target}
          send={(details) => run(asking.orders, asking.target, details)}
          onClose={() => setAsking(null)}
          onLost={() => setAsking(null)}
        />
      ) : null}
      {results ? (
        <BatchResults results={results} onClose={() => setResults(null)} onLost={() => setResults(null)} />
      ) : null}
    </>
  );
}
