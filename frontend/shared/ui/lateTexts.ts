import i18next, { type ResourceLanguage } from 'i18next';
import { useTranslation } from 'react-i18next';

/** Texts that come with the pages that show them, and not with the first visit. */
export function useLateTexts(namespace: string, texts: ResourceLanguage) {
  if (!i18next.hasResourceBundle('en', namespace)) i18next.addResourceBundle('en', namespace, texts);
  return useTranslation(namespace);
}
