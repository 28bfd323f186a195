/**
 * What stays in a field when its text has been sent: what was typed meanwhile, behind it or in its place.
 */
export function remainingText(text: string, sent: string): string {
  return text.startsWith(sent) ? text.slice(sent.length) : text;
}
