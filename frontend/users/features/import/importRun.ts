import type { Problem } from '@shared/api';
import { sendBatch, toBatches, type Batch, type Row, type SendOptions } from './batches';
import type { CsvRecord } from './csv';
import type { ReadFile } from './readFile';
import { toOrder, type LineFlaw } from './toOrder';

/** A line that was not, or will not be, imported. */
export interface Refusal {
  record: CsvRecord;
  /** Found here, or by the server. */
  flaws: LineFlaw[];
  problem: Problem | null;
}

export interface ImportState {
  phase: 'checking' | 'checked' | 'importing' | 'done';
  /** Rows that the server has answered, of how many, in this phase. */
  done: number;
  total: number;
  created: number;
  /** By line. */
  refused: Refusal[];
  /** The server can't be reached, or asks for patience: it is tried again by itself. */
  isWaiting: boolean;
  /** Why it has stopped in the middle of a phase; goOn() continues. */
  stopped: { error: unknown } | null;
  /** The rows that can be created, once they were checked. */
  good: Row[];
}

/**
 * A file on its way: first all of it is tried, then what was good is created, batch by batch. It is no part of a component,
 * so that nothing is asked twice because something was rendered anew.
 */
export class ImportRun {
  #state: ImportState;
  #listeners = new Set<() => void>();
  #abort = new AbortController();
  #records: Map<number, CsvRecord>;
  /** Those of the phase that are not answered yet. */
  #waiting: Batch[] = [];
  #isBusy = false;

  constructor(
    readonly file: ReadFile,
    /** Tests don't wait. */
    private readonly wait?: SendOptions['wait'],
  ) {
    this.#records = new Map(file.records.map((record) => [record.line, record]));
    const { rows, refused } = readRows(file);
    this.#waiting = toBatches(rows);
    this.#state = {
      phase: 'checking',
      done: 0,
      total: rows.length,
      created: 0,
      refused,
      isWaiting: false,
      stopped: null,
      good: [],
    };
  }

  readonly getState = () => this.#state;

  readonly subscribe = (listener: () => void) => {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  };

  /** Tries all rows without writing anything. */
  check(): Promise<void> {
    return this.#work();
  }

  /** Creates those that were good. */
  start(): Promise<void> {
    const { phase, good } = this.#state;
    if (phase !== 'checked' || good.length === 0) return Promise.resolve();
    this.#waiting = toBatches(good);
    this.#set({ phase: 'importing', done: 0, total: good.length });
    return this.#work();
  }

  /** After it has stopped: with the same batches, under the same keys. */
  goOn(): Promise<void> {
    if (!this.#state.stopped) return Promise.resolve();
    this.#abort = new AbortController();
    this.#set({ stopped: null });
    return this.#work();
  }

  /** Now. Of the batch that is under way nobody knows what came of it, until it is sent again. */
  stop() {
    this.#abort.abort();
  }

  async #work() {
    if (this.#isBusy) return;
    this.#isBusy = true;
    const dryRun = this.#state.phase === 'checking';
    try {
      for (let batch = this.#waiting[0]; batch; batch = this.#waiting[0]) {
        const outcomes = await sendBatch(batch, {
          dryRun,
          signal: this.#abort.signal,
          onWait: (seconds) => this.#set({ isWaiting: seconds > 0 }),
          wait: this.wait,
        });
        this.#waiting.shift();
        this.#note(batch.rows, outcomes, dryRun);
      }
      this.#set({ phase: dryRun ? 'checked' : 'done' });
    } catch (error) {
      this.#set({ stopped: { error: this.#abort.signal.aborted ? null : error }, isWaiting: false });
    } finally {
      this.#isBusy = false;
    }
  }

  #note(rows: Row[], outcomes: (Problem | null)[], dryRun: boolean) {
    const { done, created, refused, good } = this.#state;
    const accepted = rows.filter((_, index) => outcomes[index] === null);
    const others = rows.flatMap(({ line }, index) => {
      const problem = outcomes[index] ?? null;
      return problem ? [{ record: this.#records.get(line)!, flaws: [], problem }] : [];
    });
    this.#set({
      done: done + rows.length,
      isWaiting: false,
      refused: others.length > 0 ? byLine([...refused, ...others]) : refused,
      ...(dryRun ? { good: [...good, ...accepted] } : { created: created + accepted.length }),
    });
  }

  #set(change: Partial<ImportState>) {
    this.#state = { ...this.#state, ...change };
    for (const listener of [...this.#listeners]) listener();
  }
}

/** What can be said without the server. */
function readRows({ records, columns }: ReadFile): { rows: Row[]; refused: Refusal[] } {
  const rows: Row[] = [];
  const refused: Refusal[] = [];
  const lineOf = new Map<string, number>();
  for (const record of records) {
    const { order, flaws } = toOrder(record, columns.names);
    const { line } = record;
    const first = order?.reference ? lineOf.get(order.reference) : undefined;
    if (!order) {
      refused.push({ record, flaws, problem: null });
    } else if (first !== undefined) {
      // Two batches know nothing of each other before they are written.
      const flaw: LineFlaw = { column: 'reference', text: 'reference_twice', values: { line: first } };
      refused.push({ record, flaws: [flaw], problem: null });
    } else {
      if (order.reference) lineOf.set(order.reference, line);
      rows.push({ line, order });
    }
  }
  return { rows, refused };
}

function byLine(refused: Refusal[]): Refusal[] {
  return refused.sort((a, b) => a.record.line - b.record.line);
}
