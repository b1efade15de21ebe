import { createTheme, defaultVariantColorsResolver, type CSSVariablesResolver, type MantineColorsTuple } from '@mantine/core';

/**
 * The kit's colours come from tokens.css, which the public page shares: its defaults miss WCAG AA in both schemes, and
 * its dark scheme is plain grey. `accent` and `red` are the only colours that the apps ask for by name.
 */
const tuple = (shades: string) => shades.split(' ') as unknown as MantineColorsTuple;

export const theme = createTheme({
  primaryColor: 'accent',
  primaryShade: 8,
  colors: {
    accent: tuple('#effaf7 #dcf0ec #b5ddd5 #8ccabf #67b9ab #4aaa9a #34998a #1f8478 #0a6b62 #07544d'),
    red: tuple('#fdf1ef #fbe7e4 #f3c3bd #ea9b93 #e07a70 #d65d53 #c94a41 #bb3932 #a92a25 #861f1b'),
    dark: tuple('#e5efec #c4d3cf #9fb4ae #6d857f #45605a #243733 #192825 #111d1b #0a1312 #060c0b'),
  },
  fontFamily: 'var(--ot-font)',
  fontFamilyMonospace: 'var(--ot-font-mono)',
  headings: { fontFamily: 'var(--ot-font)', fontWeight: '650', textWrap: 'balance' },
  defaultRadius: 'md',
  radius: { md: '0.625rem', lg: '1rem' },
  cursorType: 'pointer',
  focusRing: 'auto',
  respectReducedMotion: true,
  components: {
    // A dialog's <header> would be a second banner of the page.
    ModalHeader: { defaultProps: { component: 'div' } },
    // The placeholder is a child that a menu may not have; a portal lies outside of every landmark.
    Menu: { defaultProps: { withInitialFocusPlaceholder: false, withinPortal: false } },
  },
  variantColorResolver: (input) => {
    const name = input.color === 'red' ? 'danger' : 'accent';
    const strong = name === 'danger' ? 'var(--ot-danger)' : 'var(--ot-accent-strong)';
    const plain = { border: '1px solid transparent', background: 'transparent', hover: `var(--ot-${name}-soft)`, color: strong };
    switch (input.variant) {
      case 'filled': {
        const background = `var(--ot-${name})`;
        const hover = name === 'danger' ? `color-mix(in srgb, ${background} 88%, var(--ot-text))` : strong;
        return { ...plain, background, hover, color: name === 'danger' ? 'var(--ot-surface)' : 'var(--ot-on-accent)' };
      }
      case 'light':
        return { ...plain, background: `var(--ot-${name}-soft)`, hover: 'var(--ot-line)' };
      case 'subtle':
        return plain;
      case 'outline':
        return { ...plain, border: `1px solid var(--ot-${name})` };
      default:
        return defaultVariantColorsResolver(input);
    }
  },
});

export const cssVariablesResolver: CSSVariablesResolver = () => {
  const variables = {
    '--mantine-color-body': 'var(--ot-surface)',
    '--mantine-color-text': 'var(--ot-text)',
    '--mantine-color-bright': 'var(--ot-text)',
    '--mantine-color-dimmed': 'var(--ot-text-soft)',
    '--mantine-color-placeholder': 'var(--ot-text-soft)',
    '--mantine-color-anchor': 'var(--ot-accent-strong)',
    '--mantine-color-error': 'var(--ot-danger)',
    '--mantine-color-default': 'var(--ot-surface)',
    '--mantine-color-default-hover': 'var(--ot-surface-2)',
    '--mantine-color-default-color': 'var(--ot-text)',
    '--mantine-color-default-border': 'var(--ot-line-strong)',
    '--mantine-color-disabled': 'var(--ot-surface-2)',
    '--mantine-color-disabled-color': 'var(--ot-text-soft)',
    '--mantine-color-disabled-border': 'var(--ot-line)',
    '--mantine-primary-color-filled': 'var(--ot-accent)',
    '--mantine-primary-color-filled-hover': 'var(--ot-accent-strong)',
    '--mantine-primary-color-contrast': 'var(--ot-on-accent)',
    '--mantine-color-accent-filled': 'var(--ot-accent)',
    '--mantine-color-accent-text': 'var(--ot-accent-strong)',
    '--mantine-color-red-text': 'var(--ot-danger)',
  };
  return { variables: {}, light: variables, dark: variables };
};
