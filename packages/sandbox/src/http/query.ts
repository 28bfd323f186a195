import { invalid } from "./problem.ts";

/**
 * The query of a request. A parameter that is given twice says two things: whoever reads it refuses
 * the request, as the peer does; one that nobody reads is of no account, however often it is there.
 */
export class Query extends URLSearchParams {
  /** Throws `invalid_request` for a parameter that is there more than once. */
  override get(name: string): string | null {
    const [value, another] = this.getAll(name);
    if (another !== undefined) throw invalid(`query parameter '${name}' is given more than once`);
    return value ?? null;
  }
}
