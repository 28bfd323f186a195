import { setTimeout as delay } from "node:timers/promises";
import type { Jail, JailExit, JailSpec, JailUsage } from "../jail.ts";
import { jailLimits } from "../jail-spec.ts";
import { type AttachedStreams, attachStreams } from "./attached-stream.ts";
import { type ContainerCounters, containerCounters } from "./container-counters.ts";
import { type EngineClient, isRecord } from "./engine-client.ts";

export interface ContainerStart {
  readonly client: EngineClient;
  readonly spec: JailSpec;
  /** Of the container, which was created and not started. */
  readonly container: string;
  readonly onExit: () => void;
}

/** Starts a created container, with its streams. Throws `jail.engine_failed`. */
export async function startContainer(start: ContainerStart): Promise<Jail> {
  const { client, container } = start;
  const streams = await attachStreams(client, container);
  await client.call("POST", `/containers/${container}/start`);
  // Asked for at once: the answer comes when it has ended, however early that is.
  const waited = client.ended(container);
  waited.catch(() => {});
  // One that has ended already is seen by no pid, and by some engines with an error.
  const state = await stateOf(client, container).catch(() => ({ pid: 0 }));
  return new ContainerJail(start, streams, state.pid, waited);
}

const lookEveryMs = 100;
/** What `wait` is given to answer in once the streams of a container have ended. */
const waitAnswersMs = 300;

interface State {
  readonly pid: number;
  /** Of a container that has ended. */
  readonly code?: number;
  readonly outOfMemory: boolean;
}

/** podman says "stopped" of one that nobody has cleaned up after. */
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
  readonly #letGo: () => void;
  #looking: NodeJS.Timeout | undefined;
  #stopping = false;
  #alive = true;

  constructor(start: ContainerStart, streams: AttachedStreams, pid: number, waited: Promise<unknown>) {
    this.#start = start;
    this.id = start.spec.id;
    this.pid = pid;
    this.stdin = streams.stdin;
    this.stdout = streams.stdout;
    this.stderr = streams.stderr;
    this.#letGo = streams.letGo;
    this.#counters = containerCounters(pid);
    if (start.spec.limits?.memoryBytes !== undefined) {
      // The kernel tells nobody that a limit killed, and the group goes soon after; its first process waits.
      this.#looking = setInterval(() => this.#counters.read(), lookEveryMs).unref();
    }
    this.exited = this.#finish(streams, waited);
  }

  usage(): JailUsage {
    return this.#counters.read();
  }

  async #finish(streams: AttachedStreams, waited: Promise<unknown>): Promise<JailExit> {
    const { client, container, onExit } = this.#start;
    // Its streams end when all of them has been taken, which somebody may never do.
    waited.then(this.#letGo, () => {});
    // The group of a container goes soon after its process: the last look is now.
    await streams.ended;
    clearInterval(this.#looking);
    this.#counters.read();
    const code = await this.#codeOf(waited);
    const last = await stateOf(client, container).catch(() => undefined);
    if (last?.outOfMemory === true) this.#counters.killed();
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

  /** The engine of an ordinary user can miss the end for 20 s in `wait` (podman 4), and knows it when looked at. */
  async #codeOf(waited: Promise<unknown>): Promise<number | null> {
    const answered = new AbortController();
    const told = waited
      .then(
        (answer) => (isRecord(answer) ? Number(answer["StatusCode"] ?? -1) : null),
        () => null,
      )
      .finally(() => answered.abort());
    const seen = async (): Promise<number | null> => {
      const { client, container } = this.#start;
      for (;;) {
        const late = await delay(waitAnswersMs, true, { signal: answered.signal }).catch(() => false);
        if (!late) return told;
        const state = await stateOf(client, container).catch(() => undefined);
        if (state?.code !== undefined) return state.code;
      }
    };
    return Promise.race([told, seen()]);
  }

  async stop(options: { readonly graceMs?: number } = {}): Promise<JailExit> {
    if (!this.#alive) return this.exited;
    this.#stopping = true;
    const graceMs = options.graceMs ?? jailLimits.defaultGraceMs;
    if (graceMs > 0) {
      await this.#signal("SIGTERM");
      await Promise.race([this.exited, delay(graceMs, undefined, { ref: false })]);
    }
    if (this.#alive && (await this.#signal("SIGKILL"))) this.#letGo();
    return this.exited;
  }

  /** Whether it was sent: one that has ended meanwhile answers with a conflict, and `exited` says how. */
  #signal(signal: NodeJS.Signals): Promise<boolean> {
    const { client, container } = this.#start;
    return client.call("POST", `/containers/${container}/kill?signal=${signal}`).then(
      () => true,
      () => false,
    );
  }
}
