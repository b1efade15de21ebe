import { Button } from '@mantine/core';
import { listEvents, type Event, type OrderWithEvents } from '@shared/api';
import { History } from '@shared/orders';
import { notify, problemText } from '@shared/ui';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';

/** The order comes with its newest 50 events; the ones before are read when somebody asks for them. */
export function OrderHistory({ order }: { order: OrderWithEvents }) {
  const { t } = useTranslation();
  const { t: shared } = useTranslation('shared');
  const [earlier, setEarlier] = useState<Event[]>([]);
  const [loading, setLoading] = useState(false);
  const newest = order.events;
  const firstOfNewest = newest[0]?.version ?? 1;
  const events = [...earlier.filter(({ version }) => version < firstOfNewest), ...newest];
  // Events that slid out of the newest 50 while this page was open are between the two parts.
  const complete = events.every((event, index) => event.version === index + 1);

  const load = async () => {
    setLoading(true);
    try {
      setEarlier(await readBefore(order.id, firstOfNewest));
    } catch (error) {
      notify({ message: problemText(error, shared), tone: 'problem' });
    } finally {
      setLoading(false);
    }
  };
  return (
    <>
      <History events={complete ? events : newest} />
      {complete ? null : (
        <Button variant="subtle" mt="md" loading={loading} onClick={() => void load()}>
          {t('order.earlier')}
        </Button>
      )}
    </>
  );
}

async function readBefore(orderId: string, version: number): Promise<Event[]> {
  const events: Event[] = [];
  for (let after = 0; after < version - 1; ) {
    const { data } = await listEvents({
      path: { order_id: orderId },
      query: { after, limit: 100 },
      throwOnError: true,
    });
    events.push(...data.data);
    if (data.next_cursor === null) break;
    after = Number(data.next_cursor);
  }
  return events;
}
