import type { ReactNode } from 'react';
import type { Status } from '../api/generated/types.gen';

/** Each status has a shape of its own, so that none is told by colour alone. */
const shapes: Record<Status, ReactNode> = {
  created: <circle cx="8" cy="8" r="4.5" strokeDasharray="2.4 1.9" />,
  started: (
    <>
      <circle cx="8" cy="8" r="5.5" />
      <path d="M6.8 5.6 10.4 8l-3.6 2.4z" fill="currentColor" />
    </>
  ),
  in_progress: <path d="M2.5 8h9M8 4.5 11.5 8 8 11.5M14 4v8" />,
  on_hold: <path d="M5.5 4v8M10.5 4v8" strokeWidth="2.4" />,
  completed: <path d="m3.5 8.5 3 3 6-7" strokeWidth="2.2" />,
  cancelled: <path d="m4.5 4.5 7 7M11.5 4.5l-7 7" strokeWidth="2.2" />,
};

export function StatusIcon({ status, size = 16 }: { status: Status; size?: number }) {
  return (
    <svg
      width={size}
      height={size}
      viewBox="0 0 16 16"
      fill="none"
      stroke="currentColor"
      strokeWidth="1.7"
      strokeLinecap="round"
      strokeLinejoin="round"
      aria-hidden="true"
    >
      {shapes[status]}
    </svg>
  );
}
