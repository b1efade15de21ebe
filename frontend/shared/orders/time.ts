const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** The reader's own way of writing dates, as long as it is in the language of the texts. */
export function timeLocale(): string {
  const language = document.documentElement.lang || 'en';
  const own = typeof navigator === 'undefined' ? [] : navigator.languages;
  return own.find((candidate) => candidate.startsWith(language)) ?? language;
}

/** "just now", "5 minutes ago", "in 3 hours", "yesterday"; beyond a week the date. */
export function relativeTime(time: string, now: number): string {
  const difference = Date.parse(time) - now;
  const distance = Math.abs(difference);
  const format = new Intl.RelativeTimeFormat(timeLocale(), { numeric: 'auto' });
  if (distance < 45_000) return format.format(0, 'second') === 'now' ? 'just now' : format.format(0, 'second');
  if (distance < 50 * MINUTE) return format.format(Math.round(difference / MINUTE) || Math.sign(difference), 'minute');
  if (distance < 22 * HOUR) return format.format(Math.round(difference / HOUR) || Math.sign(difference), 'hour');
  if (distance < 7 * DAY) return format.format(calendarDays(time, now), 'day');
  return shortDate(time);
}

/** "Mon 23 Nov, 12:00", for times that somebody plans by. */
export function shortTime(time: string): string {
  const date = new Date(time);
  const otherYear = date.getFullYear() !== new Date().getFullYear();
  return date.toLocaleString(timeLocale(), {
    weekday: 'short',
    day: 'numeric',
    month: 'short',
    ...(otherYear ? { year: 'numeric' } : {}),
    hour: '2-digit',
    minute: '2-digit',
  });
}

export function shortDate(time: string): string {
  return new Date(time).toLocaleDateString(timeLocale(), { day: 'numeric', month: 'short', year: 'numeric' });
}

/** Everything, with seconds and the time zone: for titles. */
export function absoluteTime(time: string): string {
  return new Date(time).toLocaleString(timeLocale(), { dateStyle: 'full', timeStyle: 'long' });
}

function calendarDays(time: string, now: number): number {
  const midnight = (value: number) => new Date(value).setHours(0, 0, 0, 0);
  return Math.round((midnight(Date.parse(time)) - midnight(now)) / DAY);
}
