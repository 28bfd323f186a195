const most = 2n ** 64n - 1n;

/**
 * A non-negative integer of 64 bits, which is what the peer counts with; undefined for any other text.
 * What is beyond all that is counted here is as good as endless.
 */
export function parseUint64(text: string): number | undefined {
  if (!/^\d{1,20}$/.test(text) || BigInt(text) > most) return undefined;
  return Math.min(Number(text), Number.MAX_SAFE_INTEGER);
}
