import type { Event, PublicEvent, Status } from '../api/generated/types.gen';
import { StatusIcon } from './StatusIcon';
import { useOrderText, type OrderText } from './texts';
import { RelativeTime, PlannedTime } from './Time';
import classes from './History.module.css';

/** An event as its owner and movers see it, or as the public does: the public one just has less. */
export type HistoryEvent = Omit<PublicEvent, 'previous_version'> & Partial<Event>;

/** Newest first, as an ordered list that says so. */
export function History({ events }: { events: HistoryEvent[] }) {
  const text = useOrderText();
  if (events.length === 0) return <p className={classes.empty}>{text('history.empty')}</p>;
  return (
    <ol className={classes.history} reversed aria-label={text('history.label')}>
      {events.toReversed().map((event, index) => (
        <Entry key={event.version} event={event} before={events[events.length - 2 - index]} />
      ))}
    </ol>
  );
}

function Entry({ event, before }: { event: HistoryEvent; before: HistoryEvent | undefined }) {
  const text = useOrderText();
  const isMove = event.type === 'order.created' || event.type === 'order.status_changed';
  const estimateChanged = event.estimated_at !== null && event.estimated_at !== (before?.estimated_at ?? null);
  return (
    <li className={classes.entry} data-move={isMove || undefined}>
      <span className={classes.mark} data-status={isMove ? event.status : undefined}>
        {isMove ? <StatusIcon status={event.status} size={14} /> : null}
      </span>
      <div className={classes.body}>
        <p className={classes.title}>
          <span className={classes.what}>{titleOf(event, text)}</span>
          <RelativeTime time={event.occurred_at} className={classes.time} />
        </p>
        {event.reason ? <p className={classes.reason}>{text(`reason.${event.reason}`)}</p> : null}
        {event.message ? <p className={classes.message}>{event.message}</p> : null}
        {event.note ? (
          <p className={classes.note}>
            <span className={classes.label}>{text('history.note')}</span>
            {event.note}
          </p>
        ) : null}
        <Facts event={event} estimate={estimateChanged ? event.estimated_at : null} />
      </div>
    </li>
  );
}

function Facts({ event, estimate }: { event: HistoryEvent; estimate: string | null }) {
  const text = useOrderText();
  const { actor, location } = event;
  // "Taken by Max, by Max" says it twice.
  const showsActor = actor && !(event.type === 'order.assignee_changed' && event.assignee?.name === actor.name);
  if (!showsActor && !location && !estimate) return null;
  return (
    <p className={classes.facts}>
      {location ? (
        <span className={classes.place}>
          <Pin label={text('history.location')} />
          {location}
        </span>
      ) : null}
      {estimate ? (
        <span>
          {text('history.estimate', { time: '' })}
          <PlannedTime time={estimate} />
        </span>
      ) : null}
      {showsActor ? <span>{text('history.by', { name: actor.name })}</span> : null}
    </p>
  );
}

function Pin({ label }: { label: string }) {
  return (
    <svg width="14" height="14" viewBox="0 0 16 16" fill="none" stroke="currentColor" strokeWidth="1.5" role="img" aria-label={label}>
      <path d="M8 14.2S3.2 9.9 3.2 6.4a4.8 4.8 0 0 1 9.6 0C12.8 9.9 8 14.2 8 14.2Z" strokeLinejoin="round" />
      <circle cx="8" cy="6.4" r="1.6" />
    </svg>
  );
}

function titleOf(event: HistoryEvent, text: OrderText): string {
  switch (event.type) {
    case 'order.created':
      return text('history.created');
    case 'order.status_changed':
      return event.undoes ? text('history.undone', { status: statusName(event.status, text) }) : statusName(event.status, text);
    case 'order.noted':
      return event.message || event.location || !event.note ? text('history.noted') : text('history.private_note');
    case 'order.details_changed': {
      const fields = (event.changed ?? []).map((field) => text(`field.${field}`));
      return text('history.details_changed', { fields: fields.join(', ') });
    }
    case 'order.assignee_changed':
      return event.assignee ? text('history.assigned', { name: event.assignee.name }) : text('history.unassigned');
  }
}

function statusName(status: Status, text: OrderText): string {
  return text(`status.${status}`);
}
