import { readCsv, type CsvRecord } from './csv';
import { importColumns, nameOfColumn, otherColumns } from './columns';

/** Why a file can't be imported at all; keys of the texts. */
export type FileProblem =
  | 'empty'
  | 'too_large'
  | 'too_many'
  | 'spreadsheet'
  | 'no_csv'
  | 'unclosed_quote'
  | 'no_columns'
  | 'no_title'
  | 'column_twice'
  | 'only_columns';

export interface Columns {
  /** In the file's order; null: a column that is not imported. */
  names: (string | null)[];
  /** Of the export, but nothing that a new order has. */
  ignored: string[];
  unknown: string[];
  missing: string[];
}

export interface ReadFile {
  head: CsvRecord;
  records: CsvRecord[];
  columns: Columns;
  /** It was not in UTF-8, so some letters may be wrong. */
  isGuess: boolean;
}

export class FileError extends Error {
  override name = 'FileError';
  constructor(
    readonly problem: FileProblem,
    readonly values: Record<string, string | number> = {},
  ) {
    super(problem);
  }
}

export const MOST_BYTES = 32 * 1024 * 1024;
export const MOST_ORDERS = 50_000;

/** The file's lines and columns; throws a FileError where there are none to be imported. */
export async function readFile(file: Blob): Promise<ReadFile> {
  if (file.size > MOST_BYTES) throw new FileError('too_large', { limit: MOST_BYTES / 1024 / 1024 });
  const { text, isGuess } = decode(new Uint8Array(await file.arrayBuffer()));
  if (text.trim() === '') throw new FileError('empty');
  const { records: all, unclosed } = readCsv(text);
  const [head, ...records] = all;
  if (!head) throw new FileError(unclosed === null ? 'empty' : 'unclosed_quote', { line: unclosed ?? 1 });
  const columns = readColumns(head.cells);
  if (unclosed !== null) throw new FileError('unclosed_quote', { line: unclosed });
  if (records.length === 0) throw new FileError('only_columns');
  if (records.length > MOST_ORDERS) throw new FileError('too_many', { count: records.length, limit: MOST_ORDERS });
  return { head, records, columns, isGuess };
}

/** UTF-8, or UTF-16 that says so; anything else is what Windows wrote in the west before there was UTF-8. */
function decode(bytes: Uint8Array): { text: string; isGuess: boolean } {
  // ZIP (xlsx, ods), the old Excel, PDF.
  if (['504b0304', 'd0cf11e0', '25504446'].includes(hex(bytes.subarray(0, 4)))) throw new FileError('spreadsheet');
  const mark = hex(bytes.subarray(0, 2));
  if (mark === 'fffe') return { text: new TextDecoder('utf-16le').decode(bytes), isGuess: false };
  if (mark === 'feff') return { text: new TextDecoder('utf-16be').decode(bytes), isGuess: false };
  if (bytes.subarray(0, 4096).includes(0)) throw new FileError('no_csv');
  try {
    return { text: new TextDecoder('utf-8', { fatal: true }).decode(bytes), isGuess: false };
  } catch {
    return { text: new TextDecoder('windows-1252').decode(bytes), isGuess: true };
  }
}

function hex(bytes: Uint8Array): string {
  return [...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join('');
}

function readColumns(cells: string[]): Columns {
  const found = cells.map(nameOfColumn);
  const names = found.map((name) => (importColumns.has(name) ? name : null));
  if (names.every((name) => name === null)) throw new FileError('no_columns');
  const twice = names.find((name, index) => name !== null && names.indexOf(name) < index);
  if (twice) throw new FileError('column_twice', { column: twice });
  if (!names.includes('title')) throw new FileError('no_title');
  const others = found.filter((name, index) => names[index] === null && name !== '');
  return {
    names,
    ignored: others.filter((name) => otherColumns.has(name)),
    unknown: others.filter((name) => !otherColumns.has(name)),
    missing: [...importColumns].filter((name) => !names.includes(name)),
  };
}
