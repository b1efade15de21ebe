import i18next, { type ResourceLanguage } from 'i18next';
import { initReactI18next } from 'react-i18next';
import { orderTexts } from '../orders/texts';
import profile from '../profile/texts.en.json';
import shared from './texts.en.json';

/**
 * `app` is the app's own texts; `shared` those of this folder; `orders` those of stepper and history. Components name
 * their namespace: useTranslation('shared').
 */
export function startI18n(app: ResourceLanguage) {
  void i18next.use(initReactI18next).init({
    lng: 'en',
    resources: { en: { app, shared, profile, orders: orderTexts } },
    defaultNS: 'app',
    interpolation: { escapeValue: false },
    initAsync: false,
  });
  return i18next;
}
