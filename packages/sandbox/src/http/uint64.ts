const maxUint64 = 2n ** 64n - 1n;

/**
 * Parses a 64-bit unsigned integer, the peer's counter type. Returns undefined for any other text. Values beyond the
 * safe integers are clamped, which no counter here can reach.
 */
export function parseUint64(text: string): number | undefined {
  if (!/^\d{1,20}$/.test(text) || BigInt(text) > maxUint64) return undefined;
  return Math.min(Number(text), Number.MAX_SAFE_INTEGER);
}
