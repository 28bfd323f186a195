/** For the state of a field whose text was sent: empties it, unless something else has been typed in the meantime. */
export function clearSent(sent: string): (current: string) => string {
  return (current) => (current === sent ? "" : current);
}
