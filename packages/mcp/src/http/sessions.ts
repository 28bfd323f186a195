/** Requests over HTTP: addresses, sessions, OAuth, bodies. */
import { createHmac, randomBytes, timingSafeEqual } from "node:crypto";
import { HoldfastError, systemClock } from "@holdfast/core";
import { mcpLimits } from "../limits.ts";

/**
 * Ids of sessions. An id carries its own proof: the time of its beginning, and a signature over that, the actor and the
 * subject. So nothing is kept in memory, and each process with the same secret knows the sessions of all.
 */
export class Sessions {
  readonly #secret: string | Buffer;

  constructor(secret: string | undefined) {
    this.#secret = secret ?? randomBytes(32);
  }

  /** `path` is that of the actor, `subject` the one whom the session belongs to. */
  begin(path: string, subject: string): string {
    const head = `1.${systemClock.now().toString(36)}.${randomBytes(12).toString("hex")}`;
    return `${head}.${this.#sign(head, path, subject)}`;
  }

  /** Throws `mcp.no_session`, `mcp.unknown_session`. */
  check(id: string | null, path: string, subject: string): void {
    if (id === null)
      throw new HoldfastError("mcp", "no_session", "The header mcp-session-id is missing: initialize first", {
        statusCode: 400,
      });
    const [, head = "", begunAt = "", signature = ""] =
      /^(1\.([0-9a-z]{1,12})\.[0-9a-f]{24})\.([\w-]{43})$/.exec(id) ?? [];
    const expected = Buffer.from(this.#sign(head, path, subject));
    const isOurs = signature !== "" && timingSafeEqual(Buffer.from(signature), expected);
    const isOver = systemClock.now() - Number.parseInt(begunAt, 36) > mcpLimits.sessionMs;
    if (isOurs && !isOver) return;
    const message = "The session has ended, or belongs to another actor or caller: initialize again";
    throw new HoldfastError("mcp", "unknown_session", message, { statusCode: 404 });
  }

  #sign(head: string, path: string, subject: string): string {
    return createHmac("sha256", this.#secret)
      .update(JSON.stringify([head, path, subject]))
      .digest("base64url");
  }
}
