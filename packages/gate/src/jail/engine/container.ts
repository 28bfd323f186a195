import { setTimeout as delay } from "node:timers/promises";
import type { Jail, JailExit, JailSpec, JailUsage } from "../jail.ts";
import { jailLimits } from "../jail-spec.ts";
import { type AttachedStreams, attachStreams } from "./attached-stream.ts";
import { type ContainerCounters, containerCounters } from "./container-counters.ts";
import { type EngineClient, isRecord } from "./engine-client.ts";

export interface ContainerStart {
  readonly client: EngineClient;
  readonly spec: JailSpec;
  /** Id of a container that was created and not started. */
  readonly container: string;
  readonly isPodman: boolean;
  readonly onExit: () => void;
}

/** Starts a created container, with its streams. Throws `jail.engine_failed`. */
export async function startContainer(start: ContainerStart): Promise<Jail> {
  const { client, container } = start;
  const streams = await attachStreams(client, container);
  await client.call("POST", `/containers/${container}/start`);
  // Waits from the start, so that no end is missed.
  const waited = client.ended(container, start);
  waited.catch(() => {});
  return new ContainerJail(start, streams, await pidOf(client, container, waited), waited);
}

const pollMs = 100;
/** Questions for the pid of a container that runs: a busy engine answers some of them with an error. */
const pidQuestions = 50;
/** Time for `wait` to answer after the streams have ended, before the state is polled too. */
const waitGraceMs = 300;

/** The pid of the first process; 0 for a container that has already ended. */
async function pidOf(client: EngineClient, container: string, waited: Promise<unknown>): Promise<number> {
  const ended = new AbortController();
  const end = (): void => ended.abort();
  waited.then(end, end);
  for (let question = 0; question < pidQuestions; question++) {
    const state = await stateOf(client, container).catch(() => undefined);
    if (state !== undefined && (state.pid > 0 || state.code !== undefined)) return state.pid;
    await delay(pollMs, undefined, { signal: ended.signal }).catch(() => undefined);
    if (ended.signal.aborted) break;
  }
  return 0;
}

interface State {
  readonly pid: number;
  /** Exit code; only of a container that has ended. */
  readonly code?: number;
  readonly outOfMemory: boolean;
}

/** podman reports "stopped" for a container that was not cleaned up yet. */
function isEnded(status: unknown): boolean {
  return status === "exited" || status === "stopped";
}

async function stateOf(client: EngineClient, container: string): Promise<State> {
  const value = await client.call("GET", `/containers/${container}/json`);
  const state = isRecord(value) ? value["State"] : undefined;
  if (!isRecord(state)) return { pid: 0, outOfMemory: false };
  const code = Number(state["ExitCode"]);
  return {
    pid: Number(state["Pid"] ?? 0),
    outOfMemory: state["OOMKilled"] === true,
    ...(isEnded(state["Status"]) && Number.isInteger(code) ? { code } : {}),
  };
}

class ContainerJail implements Jail {
  readonly id: string;
  readonly pid: number;
  readonly stdin;
  readonly stdout;
  readonly stderr;
  readonly exited: Promise<JailExit>;
  readonly #start: ContainerStart;
  readonly #counters: ContainerCounters;
  readonly #drain: () => void;
  #poll: NodeJS.Timeout | undefined;
  #stopping = false;
  #alive = true;

  constructor(start: ContainerStart, streams: AttachedStreams, pid: number, waited: Promise<number | null>) {
    this.#start = start;
    this.id = start.spec.id;
    this.pid = pid;
    this.stdin = streams.stdin;
    this.stdout = streams.stdout;
    this.stderr = streams.stderr;
    this.#drain = streams.drain;
    this.#counters = containerCounters(pid);
    if (start.spec.limits?.memoryBytes !== undefined) {
      // Polled, since the kernel emits no event for a kill; init stays long enough for a last read.
      this.#poll = setInterval(() => this.#counters.read(), pollMs).unref();
    }
    this.exited = this.#finish(streams, waited);
  }

  usage(): JailUsage {
    return this.#counters.read();
  }

  async #finish(streams: AttachedStreams, waited: Promise<number | null>): Promise<JailExit> {
    const { client, container, onExit } = this.#start;
    // The streams end only when they are read to their end, which their readers may never do.
    waited.then(this.#drain, () => {});
    // The control group is removed soon after the process: this is the last read.
    await streams.ended;
    clearInterval(this.#poll);
    this.#counters.read();
    const code = await this.#codeOf(waited);
    const last = await stateOf(client, container).catch(() => undefined);
    if (last?.outOfMemory === true) this.#counters.recordMemoryKill();
    this.#counters.read();
    this.#alive = false;
    await client.call("DELETE", `/containers/${container}?force=true&v=true`).catch(() => {});
    onExit();
    if (this.#stopping) return { code, signal: null, reason: "stopped" };
    if (code === 137 || code === null) {
      const outOfMemory = (this.usage().memoryKills ?? 0) > 0;
      return { code, signal: null, reason: outOfMemory ? "memory" : "killed" };
    }
    return { code, signal: null, reason: "exited" };
  }

  /** The exit code. Polls the state too, since `wait` of a rootless podman 4 can be 20 s late. */
  async #codeOf(waited: Promise<number | null>): Promise<number | null> {
    const answered = new AbortController();
    const reported = waited.catch(() => null).finally(() => answered.abort());
    const polled = async (): Promise<number | null> => {
      const { client, container } = this.#start;
      for (;;) {
        const late = await delay(waitGraceMs, true, { signal: answered.signal }).catch(() => false);
        if (!late) return reported;
        const state = await stateOf(client, container).catch(() => undefined);
        if (state?.code !== undefined) return state.code;
      }
    };
    return Promise.race([reported, polled()]);
  }

  async stop(options: { readonly graceMs?: number } = {}): Promise<JailExit> {
    if (!this.#alive) return this.exited;
    this.#stopping = true;
    const graceMs = options.graceMs ?? jailLimits.defaultGraceMs;
    if (graceMs > 0) {
      await this.#signal("SIGTERM");
      await Promise.race([this.exited, delay(graceMs, undefined, { ref: false })]);
    }
    if (this.#alive && (await this.#signal("SIGKILL"))) this.#drain();
    return this.exited;
  }

  /** Sends a signal; gives whether it was sent. A container that has ended answers with a conflict. */
  #signal(signal: NodeJS.Signals): Promise<boolean> {
    const { client, container } = this.#start;
    return client.call("POST", `/containers/${container}/kill?signal=${signal}`).then(
      () => true,
      () => false,
    );
  }
}
