import { createContext, use } from 'react';
import english from './texts.en.json';

/** `status.on_hold`, `history.by`, … */
export type OrderText = (key: string, values?: Record<string, string>) => string;

/**
 * What stepper and history say. The two apps hand in their i18next; the public page, which carries no such library,
 * is content with this plain look-up in the same file.
 */
export const plainOrderText: OrderText = (key, values = {}) => {
  const found = key.split('.').reduce<unknown>((node, part) => (node as Record<string, unknown> | undefined)?.[part], english);
  const text = typeof found === 'string' ? found : key;
  return text.replace(/{{(\w+)}}/g, (_, name: string) => values[name] ?? '');
};

const OrderTextContext = createContext<OrderText>(plainOrderText);
export const OrderTextProvider = OrderTextContext;

export function useOrderText(): OrderText {
  return use(OrderTextContext);
}

export { english as orderTexts };
