import AxeBuilder from '@axe-core/playwright';
import fs from 'node:fs';
import path from 'node:path';
import { expect, test, type Page } from '@playwright/test';

const themes = ['light', 'dark'] as const;
const widths = [360, 1280] as const;

/**
 * Looks at a page as it stands there, in both themes, on a phone and on a desk: axe finds nothing, nothing scrolls
 * sideways, the page has a title and one h1. SHOTS names a folder for a picture of each.
 */
export async function expectGoodLooks(page: Page, name: string) {
  await test.step(name, async () => {
    await expect(page).toHaveTitle(/\S/);
    for (const width of widths) {
      await page.setViewportSize({ width, height: 800 });
      for (const colorScheme of themes) {
        await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
        await settled(page);
        const look = `${name}, ${colorScheme}, ${width} px`;
        await keepPicture(page, `${name}-${width}-${colorScheme}`);
        // Soft, so that one run tells everything that there is to repair.
        expect.soft(await page.locator('h1:not([aria-hidden="true"] *)').count(), `headings of level 1: ${look}`).toBe(1);
        expect.soft(await overflowing(page), `scrolls sideways: ${look}`).toEqual([]);
        expect.soft(await violations(page), `axe: ${look}`).toEqual([]);
      }
    }
    await page.setViewportSize({ width: 1280, height: 800 });
    await page.emulateMedia({ colorScheme: 'light' });
  });
}

/** A line a violation, short enough to be read in the list of failures. */
async function violations(page: Page): Promise<string[]> {
  const { violations } = await new AxeBuilder({ page }).analyze();
  return violations.flatMap(({ id, help, nodes }) =>
    nodes.map(({ target, any, all }) => {
      const why = [...any, ...all].map(({ message }) => message).join('; ');
      return `${id} (${help}) at ${target.join(' ')}: ${why}`.slice(0, 400);
    }),
  );
}

/** What makes the page wider than its window. */
function overflowing(page: Page): Promise<string[]> {
  return page.evaluate(() => {
    const width = document.documentElement.clientWidth;
    if (document.documentElement.scrollWidth <= width) return [];
    const wide = [...document.querySelectorAll('body *')].filter((element) => element.getBoundingClientRect().right > width + 1);
    return [`page ${document.documentElement.scrollWidth} > ${width}`, ...wide.slice(-5).map((element) => element.outerHTML.slice(0, 160))];
  });
}

/** Fonts are there, and no transition of colours or dialogs is under way: axe would measure something in between. */
async function settled(page: Page) {
  await page.evaluate(async () => {
    await document.fonts.ready;
    await new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve)));
  });
  await page.waitForFunction(() =>
    document.getAnimations().every((animation) => {
      // Skeletons and the like pulse for ever.
      const endless = animation.effect?.getComputedTiming().iterations === Infinity;
      return endless || animation.playState !== 'running';
    }),
  );
}

async function keepPicture(page: Page, name: string) {
  const folder = process.env.SHOTS;
  if (!folder) return;
  fs.mkdirSync(folder, { recursive: true });
  await page.screenshot({ path: path.join(folder, `${name.replace(/[^\w-]+/g, '-').toLowerCase()}.png`), fullPage: true });
}
