/** The ports of a gate over the actors of the cluster: what the gates of all nodes share. */
import { createHash } from "node:crypto";
import type { ActorConnBase, ClientBase, EventToken } from "@holdfast/client";
import { HoldfastError, isErrorCode, type Logger } from "@holdfast/core";
import type { VerifyReport, VerifyRequest } from "../audit-chain.ts";

export interface GateCallOptions {
  /** The client of the actors. It is asked for at each call, because the gate is opened before the actors. */
  readonly client: () => ClientBase;
  readonly log: Logger;
}

/** Events of the actors. */
interface GateEvents {
  readonly changed: EventToken<string | null>;
  readonly verify: EventToken<VerifyRequest>;
  readonly verified: EventToken<VerifyReport>;
}

/** How long a call may take. A node that does not answer must not hold up a jail for ever. */
const callTimeoutMs = 20_000;

/** Calls the actors, and follows their events. */
export class GateActors {
  readonly #options: GateCallOptions;

  constructor(options: GateCallOptions) {
    this.#options = options;
  }

  /** Calls an action. Throws `gate.shared_state_timeout`, and what the actor throws. */
  async call<Result>(
    name: string,
    key: readonly string[],
    action: string,
    ...args: unknown[]
  ): Promise<Result> {
    const late = AbortSignal.timeout(callTimeoutMs);
    try {
      return await this.callFor<Result>(late, name, key, action, ...args);
    } catch (error) {
      throw error === late.reason ? timedOut(error) : error;
    }
  }

  /** Calls an action for a caller with a timeout of its own. */
  callFor<Result>(
    signal: AbortSignal,
    name: string,
    key: readonly string[],
    action: string,
    ...args: unknown[]
  ): Promise<Result> {
    return this.#options
      .client()
      .getOrCreate(name, [...key])
      .action<Result>({ name: `internal.${action}`, args, signal });
  }

  /** Opens a connection, which reconnects by itself. Errors are logged. */
  connect(name: string, key: readonly string[], params?: unknown): ActorConnBase<GateEvents> {
    const connection: ActorConnBase<GateEvents> = this.#options
      .client()
      .getOrCreate(name, [...key])
      .connect(params);
    connection.onError((error) => {
      this.#options.log.warn("a connection to the shared state of the gates failed", { name, error });
    });
    connection.ready.catch(() => {});
    return connection;
  }

  /** Runs work that nobody waits for; logs its failure. */
  background(work: Promise<unknown>, message: string): void {
    void work.catch((error: unknown) => this.#options.log.warn(message, { error }));
  }
}

function timedOut(cause: unknown): HoldfastError {
  const message = `The state that the gates of the cluster share did not answer within ${callTimeoutMs / 1_000} s. Check that the nodes reach the database and keep their sessions: holdfast cluster status`;
  return new HoldfastError("gate", "shared_state_timeout", message, { statusCode: 503, cause });
}

/** A part of an actor's key of limited length. */
export function keyPart(text: string): string {
  const short = /^[\x21-\x7e]{1,100}$/.test(text);
  return short ? text : `sha256 ${createHash("sha256").update(text).digest("hex")}`;
}

/** Repeats a call that the end of a node interrupted. Only for calls that may run twice. */
export async function repeatOnce<Result>(call: () => Promise<Result>): Promise<Result> {
  try {
    return await call();
  } catch (error) {
    if (isErrorCode(error, "action", "interrupted")) return call();
    throw error;
  }
}
