import { invalid } from "./problem.ts";

/**
 * Query of a request that rejects duplicates when a parameter is read, as the peer does. Duplicates of parameters that
 * no handler reads are ignored.
 */
export class Query extends URLSearchParams {
  /** Throws `invalid_request` for a duplicate parameter. */
  override get(name: string): string | null {
    const [value, another] = this.getAll(name);
    if (another !== undefined) throw invalid(`query parameter '${name}' is given more than once`);
    return value ?? null;
  }
}
