/** Joins class names, ignoring undefined ones. */
export function cx(...names: readonly (string | false | null | undefined)[]): string {
  return names.filter(Boolean).join(" ");
}

/** Each slot's own class name, with the caller's appended. */
export function slotClassNames<Slot extends string>(
  defaults: Record<Slot, string>,
  overrides: Partial<Record<Slot, string>> | undefined,
): Record<Slot, string> {
  if (overrides === undefined) return defaults;
  const merged = { ...defaults };
  for (const slot in defaults) merged[slot] = cx(defaults[slot], overrides[slot]);
  return merged;
}

/** Value of a boolean data attribute, which is present only if the condition is true. */
export function flag(condition: boolean | undefined): "true" | undefined {
  return condition ? "true" : undefined;
}
