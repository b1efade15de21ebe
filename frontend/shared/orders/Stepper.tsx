import type { Status } from '../api/generated/types.gen';
import { StatusIcon } from './StatusIcon';
import { stepsOf, type Move, type StepState } from './progress';
import { useOrderText } from './texts';
import { RelativeTime } from './Time';
import classes from './Stepper.module.css';

/** Where the order is on its road: an ordered list, of which one entry is the current step. */
export function Stepper({ status, events }: { status: Status; events: Move[] }) {
  const text = useOrderText();
  const steps = stepsOf(status, events);
  const last = steps.findLastIndex(({ state }) => state !== 'ahead');
  return (
    <ol className={classes.steps} aria-label={text('step.label')}>
      {steps.map((step, index) => (
        <li
          key={step.status}
          className={classes.step}
          data-state={step.state}
          aria-current={index === last ? 'step' : undefined}
        >
          <span className={classes.mark} data-status={markOf(step.state, step.status)}>
            <StatusIcon status={markOf(step.state, step.status)} size={16} />
          </span>
          <span className={classes.name}>
            {text(`status.${step.status}`)}
            <span className={classes.hidden}>, {text(`step.${step.state}`)}</span>
          </span>
          <span className={classes.time}>{step.time ? <RelativeTime time={step.time} /> : null}</span>
        </li>
      ))}
    </ol>
  );
}

function markOf(state: StepState, status: Status): Status {
  if (state === 'done') return 'completed';
  if (state === 'held') return 'on_hold';
  if (state === 'cancelled') return 'cancelled';
  return status;
}
