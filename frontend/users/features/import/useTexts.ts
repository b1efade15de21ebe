import { useLateTexts } from '@shared/ui/lateTexts';
import texts from './texts.en.json';

export function useTexts() {
  return useLateTexts('import', texts);
}
