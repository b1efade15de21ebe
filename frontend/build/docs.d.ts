export interface Page { name: string; source: string | null; title: string; description: string }
export const pages: Page[];
export function renderPage(page: Page, noteFile?: (file: string) => void): string;
