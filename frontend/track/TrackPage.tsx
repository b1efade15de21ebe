import { useEffect, useRef, useState } from 'react';
import type { PublicOrder } from '@shared/api/generated/types.gen';
import { History, isOpen, orderIdGroups, OrderIdText, PlannedTime, plainOrderText as text, RelativeTime, StatusIcon, Stepper } from '@shared/orders';
import { Frame } from './Frame';
import { LookUp } from './LookUp';
import texts from './texts.en.json';
import { useTrack } from './useTrack';
import classes from './TrackPage.module.css';

/** What whoever holds an order's ID may see of it. `open` goes to another order. */
export function TrackPage({ orderId, open }: { orderId: string; open: (id: string) => void }) {
  const { state, live, retry } = useTrack(orderId);
  const id = orderIdGroups(orderId).join(' ');
  // One frame around all of them: who has the focus in it while the order loads keeps it.
  switch (state.kind) {
    case 'loading':
      return (
        <Frame title={id} live={live}>
          <Waiting orderId={orderId} />
        </Frame>
      );
    case 'found':
      return (
        <Frame title={`${text(`status.${state.order.status}`)} · ${id}`} live={live}>
          <Found order={state.order} open={open} />
        </Frame>
      );
    case 'not_found':
      return (
        <Frame title={texts.not_found.title}>
          <NotFound id={id} open={(other) => (other === orderId ? retry() : open(other))} />
        </Frame>
      );
    case 'unreachable':
      return (
        <Frame title={texts.unreachable.title}>
          <Unreachable retry={retry} />
        </Frame>
      );
  }
}

function Found({ order, open }: { order: PublicOrder; open: (id: string) => void }) {
  const { status } = order;
  const newest = order.events.findLast(({ type }) => type === 'order.status_changed' || type === 'order.created');
  // A message older than the newest move belongs to what is over.
  const message = order.events.findLast((event) => event.message && event.version >= (newest?.version ?? 0))?.message;
  const name = text(`status.${status}`);
  return (
    <>
      <section className={classes.hero} data-status={status}>
        <p className={classes.id}>
          <span className={classes.label}>{texts.id}</span> <OrderIdText id={order.order_id} />
        </p>
        <h1 className={classes.status}>
          <span className={classes.icon}>
            <StatusIcon status={status} size={30} />
          </span>
          {name}
        </h1>
        <Announcement text={name} />
        <p className={classes.sentence}>
          {newest?.reason ? text(`reason.${newest.reason}`) : texts.sentence[status]}{' '}
          <span className={classes.since}>
            {newest?.reason ? '· ' : null}
            <RelativeTime time={newest?.occurred_at ?? order.updated_at} />
          </span>
        </p>
        {message ? (
          <blockquote className={classes.message} aria-label={texts.latest}>
            {message}
          </blockquote>
        ) : null}
        <Times order={order} />
      </section>
      <section className={classes.card}>
        <Stepper status={status} events={order.events} />
      </section>
      <section className={classes.card}>
        <h2 className={classes.heading}>{texts.history}</h2>
        <History events={order.events} />
      </section>
      <section className={classes.another}>
        <h2 className={classes.heading}>{texts.look_up.another}</h2>
        <LookUp open={open} />
      </section>
    </>
  );
}

/** Says a status aloud that changes while one is here; the first one is read with the page. */
function Announcement({ text: current }: { text: string }) {
  const [first] = useState(current);
  const [changed, setChanged] = useState(false);
  if (current !== first && !changed) setChanged(true);
  return (
    <p role="status" className={classes.hidden}>
      {changed ? current : null}
    </p>
  );
}

function Times({ order }: { order: PublicOrder }) {
  if (!isOpen(order.status) || (!order.estimated_at && !order.due_at)) return null;
  return (
    <dl className={classes.times}>
      {order.estimated_at ? (
        <div>
          <dt>{texts.expected}</dt>
          <dd>
            <PlannedTime time={order.estimated_at} />
          </dd>
        </div>
      ) : null}
      {order.due_at ? (
        <div>
          <dt>{texts.due}</dt>
          <dd>
            <PlannedTime time={order.due_at} />
          </dd>
        </div>
      ) : null}
    </dl>
  );
}

/** As tall as what will come, so that nothing jumps. */
function Waiting({ orderId }: { orderId: string }) {
  return (
    <>
      <h1 className={classes.hidden}>{texts.title}</h1>
      <p role="status" className={classes.hidden}>
        {texts.loading}
      </p>
      <section className={classes.hero} aria-hidden="true">
        <p className={classes.id}>
          <span className={classes.label}>{texts.id}</span> <OrderIdText id={orderId} />
        </p>
        <p className={`${classes.status} ${classes.bone}`} />
        <p className={`${classes.sentence} ${classes.bone}`} />
      </section>
      <section className={`${classes.card} ${classes.roadBone}`} aria-hidden="true" />
      <section className={`${classes.card} ${classes.historyBone}`} aria-hidden="true" />
    </>
  );
}

function NotFound({ id, open }: { id: string; open: (id: string) => void }) {
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => heading.current?.focus(), []);
  return (
    <section className={classes.centre}>
      <h1 ref={heading} tabIndex={-1} className={classes.big}>
        {texts.not_found.title}
      </h1>
      <p className={classes.text}>{texts.not_found.text.replace('{{id}}', id)}</p>
      <LookUp open={open} initial={id} />
    </section>
  );
}

function Unreachable({ retry }: { retry: () => void }) {
  return (
    <section className={classes.centre} role="alert">
      <h1 className={classes.big}>{texts.unreachable.title}</h1>
      <p className={classes.text}>{texts.unreachable.text}</p>
      <button type="button" className={classes.button} onClick={retry}>
        {texts.unreachable.retry}
      </button>
    </section>
  );
}

/** /t/ alone, or with something behind it that can be no ID. */
export function LookUpPage({ open, typed }: { open: (id: string) => void; typed: string }) {
  return (
    <Frame title={texts.title}>
      <section className={classes.centre}>
        <h1 className={classes.big}>{texts.look_up.title}</h1>
        <p className={classes.text}>{typed ? texts.look_up.invalid : texts.look_up.text}</p>
        <LookUp open={open} initial={typed} focus />
      </section>
    </Frame>
  );
}
