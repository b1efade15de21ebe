/** The columns that a new order is made of: those of the server's export (`backend/api/export.rs`). */
export const importColumns: ReadonlySet<string> = new Set([
  'title',
  'description',
  'reference',
  'recipient_name',
  'recipient_phone',
  'pickup_address',
  'delivery_address',
  'metadata',
  'public_tracking',
  'due_at',
]);

/** What else the export has, and what we add to lines that were refused: no news to whoever imports them again. */
export const otherColumns: ReadonlySet<string> = new Set([
  'id',
  'status',
  'version',
  'estimated_at',
  'created_at',
  'updated_at',
  'completed_at',
  'owner_id',
  'owner_name',
  'assignee_name',
  'problem',
]);

/** "Recipient name" is meant as recipient_name. */
export function nameOfColumn(cell: string): string {
  return cell.trim().toLowerCase().replace(/[\s-]+/g, '_');
}

/** Where the server says that something is wrong, by the column: `/recipient/name` → `recipient_name`. */
export function columnOfPointer(pointer: string | undefined): string | null {
  const [field, part] = (pointer ?? '').split('/').slice(1);
  if (!field) return null;
  const column = field === 'recipient' && part ? `recipient_${part}` : field;
  return importColumns.has(column) ? column : null;
}
