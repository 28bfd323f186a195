/** Milliseconds since the epoch with sub-millisecond precision, comparable between processes of one machine. */
export function wallMs(): number {
  return performance.timeOrigin + performance.now();
}
