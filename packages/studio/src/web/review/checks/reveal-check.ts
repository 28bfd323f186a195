/** Id of the row of a check. */
export function checkId(name: string): string {
  return `check-${encodeURIComponent(name)}`;
}

/** Leads from a line back to the check that named it. */
export function revealCheck(name: string): void {
  const row = document.getElementById(checkId(name));
  row?.scrollIntoView({ block: "start" });
  row?.querySelector<HTMLElement>(".check-toggle")?.focus({ preventScroll: true });
}
