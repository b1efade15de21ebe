/** Three stops on a road, the last one reached. */
export function Logo({ size = 28 }: { size?: number }) {
  return (
    <svg width={size} height={size} viewBox="0 0 32 32" fill="none" aria-hidden="true">
      <rect width="32" height="32" rx="9" fill="var(--ot-accent)" />
      <path d="M8 22.5h6a4 4 0 0 0 4-4v-3a4 4 0 0 1 4-4h2" stroke="var(--ot-on-accent)" strokeWidth="2.4" strokeLinecap="round" />
      <circle cx="8" cy="22.5" r="2.6" fill="var(--ot-on-accent)" />
      <path d="m20.5 7.5 4.2 4-4.2 4" stroke="var(--ot-on-accent)" strokeWidth="2.4" strokeLinecap="round" strokeLinejoin="round" />
    </svg>
  );
}
