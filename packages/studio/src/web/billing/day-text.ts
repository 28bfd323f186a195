/** "25 Nov 2026", in the browser's language and time. */
export function dayText(at: number): string {
  return new Date(at).toLocaleDateString(undefined, { dateStyle: "medium" });
}
