/** Requests of the load generator: the same work in the wire format of each target. */
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { encodeValue } from "@holdfast/core";
import { idMark, keyMark, type LoadJob, type LoadResult } from "./load.ts";

export type Call = Omit<LoadJob, "port" | "durationMs" | "callers">;

const base64 = (value: unknown): string => Buffer.from(encodeValue(value)).toString("base64");

export const httpBody = base64({ args: [1] });
export const httpHeaders = {
  "content-type": "application/cbor",
  accept: "application/cbor",
  "idempotency-key": keyMark,
};

/** The counter with this key, or an echo of the same bytes. */
export type CallTarget = { readonly counter: string } | "echo";

const pathOf = (target: { readonly counter: string }): string => `/actors/counter/@${target.counter},`;

/** Call of `increment(1)` with an idempotency key. */
export function httpCall(target: CallTarget): Call {
  const path = target === "echo" ? "/" : `${pathOf(target)}/actions/increment?create=true`;
  return { transport: "http", paths: [path], payload: httpBody, headers: httpHeaders };
}

export function webSocketCall(target: CallTarget, callersPerSocket: number): Call {
  const payload = base64([[1, idMark.readUInt32BE(), "increment", [1], keyMark]]);
  const common = { transport: "ws", payload, callersPerSocket } as const;
  if (target === "echo") return { ...common, paths: ["/"] };
  return { ...common, paths: [`${pathOf(target)}/connect?create=true`], protocols: ["holdfast.v1"] };
}

/** Load generator process, shared by all rounds of a scenario. */
export class Generator {
  readonly #child: ChildProcess = fork(new URL("./load.ts", import.meta.url), ["load"], {
    stdio: ["ignore", "inherit", "inherit", "ipc"],
  });

  async load(job: LoadJob): Promise<LoadResult> {
    const answered = once(this.#child, "message", { signal: AbortSignal.timeout(job.durationMs + 30_000) });
    this.#child.send(job);
    const [result] = (await answered) as [LoadResult];
    return result;
  }

  close(): void {
    this.#child.disconnect();
  }
}
