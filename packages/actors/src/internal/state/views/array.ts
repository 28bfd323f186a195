/** Changes of plain arrays, shared by the live state and its replay: no holes, any length. */

const maxArguments = 10_000;

/** As `target.splice`, but also for more items than a call can have arguments. */
export function spliceArray(
  target: unknown[],
  start: number,
  deleteCount: number,
  items: readonly unknown[],
): unknown[] {
  if (items.length <= maxArguments) return target.splice(start, deleteCount, ...items);
  const tail = target.slice(start + deleteCount);
  const removed = target.splice(start);
  removed.length = Math.min(removed.length, deleteCount);
  for (const item of items) target.push(item);
  for (const item of tail) target.push(item);
  return removed;
}

/** Sets the length; added items are undefined. */
export function resizeArray(target: unknown[], length: number): void {
  if (length < target.length) target.length = length;
  while (target.length < length) target.push(undefined);
}

export function assignIndex(target: unknown[], index: number, value: unknown): void {
  if (index > target.length) resizeArray(target, index);
  target[index] = value;
}
