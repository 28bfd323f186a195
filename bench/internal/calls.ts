/** What the load generator sends to each kind of target: the same work in the wire of each. */
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

/** A counter of that key, or a bare echo of the same bytes. */
export type CallTarget = { readonly counter: string } | "echo";

const pathOf = (target: { readonly counter: string }): string => `/actors/counter/@${target.counter},`;

/** A keyed call of `increment(1)`. */
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

/** The process that sends, kept over all rounds of a scenario. */
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
