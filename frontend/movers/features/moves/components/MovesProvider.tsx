import type { Order, Target } from '@shared/api';
import { createContext, use, useState, type ReactNode } from 'react';
import { late } from '../../../late';
import { needsReason } from '../api/moveDetails';
import { isConflict, useMoves, type Moves } from '../api/useMoves';

const MoveDialog = late(() => import('./MoveDialog'));

interface MovesContextValue extends Moves {
  /** Moves at once, or asks first where the move needs a reason. */
  move: (order: Order, target: Target) => void;
  moveWithDetails: (order: Order, target: Target) => void;
}

const MovesContext = createContext<MovesContextValue | null>(null);

export function useMovesContext(): MovesContextValue {
  const moves = use(MovesContext);
  if (!moves) throw new Error('MovesProvider is missing');
  return moves;
}

/** The one dialog for moves of single orders, wherever on the page the button is. */
export function MovesProvider({ children }: { children: ReactNode }) {
  const moves = useMoves();
  const [asking, setAsking] = useState<{ order: Order; target: Target } | null>(null);

  const moveWithDetails = (order: Order, target: Target) => setAsking({ order, target });
  const move = (order: Order, target: Target) => {
    if (needsReason(target)) moveWithDetails(order, target);
    else void moves.press(order, { status: target, expected_status: order.status });
  };
  const close = () => setAsking(null);

  return (
    <MovesContext value={{ ...moves, move, moveWithDetails }}>
      {children}
      {asking ? (
        <MoveDialog
          orders={[asking.order]}
          target={asking.target}
          onClose={close}
          onLost={close}
          send={(details) =>
            moves.send(asking.order, { ...details, status: asking.target, expected_status: asking.order.status })
          }
          onError={(error) => {
            if (!isConflict(error)) return false;
            close();
            moves.showProblem(error, asking.order);
            return true;
          }}
        />
      ) : null}
    </MovesContext>
  );
}
