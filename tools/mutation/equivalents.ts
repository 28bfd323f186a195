/** Mutants that change nothing that could be seen, each with the reason. Reviewed by hand. */
export const equivalents: ReadonlyMap<string, string> = new Map<string, string>([]);
