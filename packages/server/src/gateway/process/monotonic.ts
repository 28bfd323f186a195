/** Time in milliseconds that no change of the clock affects. */
export function monotonicMs(): number {
  return performance.now();
}
