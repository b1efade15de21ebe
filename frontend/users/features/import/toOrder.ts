import type { NewOrder } from '@shared/api';
import type { CsvRecord } from './csv';

/** What is wrong with a line, found here: `text` is a key of the texts. */
export interface LineFlaw {
  column: string | null;
  text: 'cells' | 'title' | 'metadata' | 'public_tracking' | 'due_at' | 'reference_twice';
  values?: Record<string, string | number>;
}

export type LineRead = { order: NewOrder; flaws?: never } | { order?: never; flaws: LineFlaw[] };

/** An order as a line tells of it. How long texts may be and the like is the server's to say. */
export function toOrder({ cells }: CsvRecord, names: (string | null)[]): LineRead {
  // A comma that should have been in quotes, or a file that was cut off: the cells may belong to other columns.
  if (cells.length !== names.length) {
    return { flaws: [{ column: null, text: 'cells', values: { count: cells.length, columns: names.length } }] };
  }
  const flaws: LineFlaw[] = [];
  const raw = (column: string) => {
    const index = names.indexOf(column);
    return index < 0 ? '' : (cells[index] ?? '').trim();
  };
  const text = (column: string) => withoutApostrophe(raw(column)).replaceAll('\r\n', '\n').trim() || null;
  const read = <T>(column: LineFlaw['text'] & string, parse: (cell: string) => T | undefined): T | null => {
    const cell = raw(column);
    if (!cell) return null;
    const value = parse(cell);
    if (value === undefined) flaws.push({ column, text: column });
    return value ?? null;
  };
  const title = text('title');
  if (!title) flaws.push({ column: 'title', text: 'title' });
  const recipient = { name: text('recipient_name'), phone: text('recipient_phone') };
  const order = {
    title: title ?? '',
    description: text('description'),
    reference: text('reference'),
    recipient: recipient.name || recipient.phone ? recipient : null,
    pickup_address: text('pickup_address'),
    delivery_address: text('delivery_address'),
    metadata: read('metadata', parseMetadata),
    public_tracking: read('public_tracking', parseBoolean),
    due_at: read('due_at', parseTime),
  };
  if (flaws.length > 0) return { flaws };
  return { order: Object.fromEntries(Object.entries(order).filter(([, value]) => value !== null)) as NewOrder };
}

/** The export puts an apostrophe before what a spreadsheet would take for a formula: `harmless` in backend/api/export.rs. */
export function withoutApostrophe(cell: string): string {
  return /^'+[=+\-@\t\r\n＝＋－＠]/.test(cell) ? cell.slice(1) : cell;
}

function parseMetadata(cell: string): NewOrder['metadata'] | undefined {
  try {
    const value: unknown = JSON.parse(withoutApostrophe(cell));
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Record<string, string>) : undefined;
  } catch {
    return undefined;
  }
}

/** Spreadsheets have their own ways. */
function parseBoolean(cell: string): boolean | undefined {
  return { true: true, yes: true, '1': true, false: false, no: false, '0': false }[cell.toLowerCase()];
}

/** RFC 3339; without a time zone it is the reader's own. A day alone is no time. */
function parseTime(cell: string): string | undefined {
  const match = /^(\d{4}-\d{2}-\d{2})[T ](\d{2}:\d{2}(?::\d{2}(?:\.\d+)?)?)\s*(Z|[+-]\d{2}:\d{2})?$/i.exec(cell);
  if (!match) return undefined;
  const [, day = '', time = '', zone = ''] = match;
  const date = new Date(`${day}T${time}${zone.toUpperCase()}`);
  // The 31st of February would become the 3rd of March.
  const isDay = new Date(`${day}T00:00:00Z`);
  if (Number.isNaN(date.getTime()) || Number.isNaN(isDay.getTime()) || isDay.toISOString().slice(0, 10) !== day) return undefined;
  return date.toISOString();
}
