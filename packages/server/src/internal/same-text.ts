const encoder = new TextEncoder();

/** Compares in constant time. */
export function isSameText(a: string, b: string): boolean {
  const [given, secret] = [encoder.encode(a), encoder.encode(b)];
  let difference = given.length ^ secret.length;
  for (let at = 0; at < secret.length; at++) difference |= (given[at] ?? 0) ^ (secret[at] ?? 0);
  return difference === 0;
}
