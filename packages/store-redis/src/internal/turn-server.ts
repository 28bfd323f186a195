import type { CallRecord, CommitBatch, KvOperation } from "@holdfast/actors";
import { encodeKey } from "@holdfast/core";
import {
  type ChangedPages,
  type CommittedRow,
  type Failure,
  type HistoryLimits,
  latestExpiry,
  type TurnChannel,
  type TurnServer,
} from "@holdfast/store-kit";
import { redisStoreLimits as limits } from "../limits.ts";
import type { Argument, Command } from "./command.ts";
import type { Connections } from "./connection/connections.ts";
import { failureOf, mapServerError, unavailable } from "./errors.ts";
import { addressHash } from "./keys.ts";
import { callValue, committedRow, list } from "./rows.ts";
import { commitScript, destroyScript } from "./scripts/commit.ts";
import { settleScript } from "./scripts/lookup.ts";

/** A server keeps no time to live beyond this. */
const maxTtlMs = 100 * 365 * 24 * 3_600_000;

/** Sends each turn as one script. */
export class RedisTurns implements TurnServer<Command> {
  readonly #connections: Connections;
  readonly #prefix: string;
  readonly #history: HistoryLimits;

  constructor(connections: Connections, prefix: string, history: HistoryLimits) {
    this.#connections = connections;
    this.#prefix = prefix;
    this.#history = history;
  }

  work(batch: CommitBatch, now: number, pages: ChangedPages | undefined): Command {
    const script = batch.destroyedAt === undefined ? commitScript : destroyScript;
    return script.command(this.#arguments(batch, now, pages));
  }

  /** In the order in which the script reads them. */
  #arguments(batch: CommitBatch, now: number, pages: ChangedPages | undefined): Argument[] {
    const { actorId, epoch, version, commitId, wakeAt, destroyedAt, state, create } = batch;
    const { kv = [], calls = [] } = batch;
    const { maxAgeMs, maxBytes } = this.#history;
    const args: Argument[] = [
      ...[this.#prefix, actorId, epoch, version - 1, version, commitId],
      ...[wakeAt === undefined ? "" : (wakeAt ?? "-"), destroyedAt ?? "", latestExpiry(calls), now],
      ...[state === undefined ? "" : stateKinds[state.type], state?.bytes ?? "", now - maxAgeMs, maxBytes],
      ...[pages?.pageSize ?? "", pages?.pages ?? "", pages?.changed.length ?? 0],
      create === undefined ? 0 : 1,
    ];
    if (create !== undefined) {
      const { name, key, createdAt, place } = create;
      args.push(name, encodeKey(key), addressHash(name, key), createdAt, place ?? "");
    }
    args.push(kv.length, calls.length);
    for (const operation of kv) args.push(...entryArguments(operation));
    for (const call of calls) args.push(...callArguments(call, now));
    for (const { no, bytes } of pages?.changed ?? []) args.push(no, bytes);
    return args;
  }

  channel(): TurnChannel<Command> {
    return this.#connections.turns;
  }

  async readRow(actorId: string): Promise<CommittedRow | undefined> {
    return committedRow(list(await this.#connections.run(settleScript, this.#prefix, actorId)));
  }

  failureOf(error: unknown): Failure {
    return failureOf(error);
  }

  mapError(error: unknown): unknown {
    return mapServerError(error);
  }

  unavailable(cause: unknown): Error {
    return unavailable(cause);
  }
}

/** Letters in the log of a state. */
export const stateKinds = { snapshot: "s", patch: "p" } as const;

/** Kind, key and value; or kind, start and end. */
export function entryArguments(operation: KvOperation): readonly Argument[] {
  switch (operation.type) {
    case "put":
      return ["put", operation.key, operation.value];
    case "delete":
      return ["delete", operation.key, ""];
    case "delete-range": {
      const { start, end } = operation;
      return end === undefined ? ["rest", start, ""] : ["range", start, end];
    }
  }
}

/** The server removes a record some time after it has expired here, because its clock may be another. */
export function callArguments(
  call: CallRecord,
  now: number,
): readonly [key: Buffer, ttlMs: number, value: Buffer] {
  const ttl = Math.ceil(call.expiresAt - now) + limits.callMarginMs;
  return [Buffer.from(call.key), Math.min(Math.max(ttl, 1), maxTtlMs), callValue(call)];
}
