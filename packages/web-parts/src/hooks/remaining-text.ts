/** Returns what stays in a field after its text was sent: anything typed since then. */
export function remainingText(text: string, sent: string): string {
  return text.startsWith(sent) ? text.slice(sent.length) : text;
}
