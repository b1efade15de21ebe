import type { Account, Scope } from '../api/generated/types.gen';
import { useLateTexts } from '../ui/lateTexts';
import texts from './texts.en.json';

export function useTexts() {
  return useLateTexts('integrations', texts);
}

/** What a scope allows an account of this role: its name and a sentence. The colon in it is no separator. */
export function useScopeTexts(role: Account['role']) {
  const { t } = useTexts();
  const options = { nsSeparator: false as const };
  return {
    nameOf: (scope: Scope) => t([`scope_of.${role}.${scope}`, `scope.${scope}`], options),
    hintOf: (scope: Scope) => t(`scope_hint.${role}.${scope}`, options),
  };
}
