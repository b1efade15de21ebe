const LENGTH = 10;

/**
 * Reads an order ID as forgivingly as the server does: lower case, spaces and hyphens, O for 0, I and L for 1. Null: no
 * such ID can be.
 */
export function readOrderId(typed: string): string | null {
  const id = typed.toUpperCase().replace(/[\s-]/g, '').replaceAll('O', '0').replace(/[IL]/g, '1');
  return new RegExp(`^[0-9A-HJKMNP-TV-Z]{${LENGTH}}$`).test(id) ? id : null;
}

/** `7K3M9Q2XTB` → `7K3 M9Q 2XTB`, in groups that can be read out loud. */
export function orderIdGroups(id: string): string[] {
  return [id.slice(0, 3), id.slice(3, 6), id.slice(6)];
}
