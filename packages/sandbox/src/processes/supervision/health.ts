import { connect } from "node:net";
import { get } from "../../internal/node-http.ts";
import type { Spawner, SpawnRequest } from "../../internal/spawn/spawner.ts";
import { runCommand } from "../run.ts";
import type { HealthCheck, HealthInfo, HealthProbe } from "../spec.ts";

export interface HealthEvents {
  readonly onChange: () => void;
  /** Called each time the process becomes unhealthy. */
  readonly onUnhealthy: () => void;
}

const maxProbeOutputBytes = 1_024;

/** Probes a running process periodically until stopped, one probe at a time. */
export class HealthMonitor {
  readonly #check: HealthCheck;
  readonly #request: SpawnRequest;
  readonly #spawner: Spawner;
  readonly #events: HealthEvents;
  readonly #stopped = new AbortController();
  readonly #startedAt = performance.now();
  #timer: NodeJS.Timeout | undefined;
  #info: HealthInfo = { status: "starting", failures: 0 };

  /** `request` is the process's spawn request. An `exec` probe uses its directory and environment. */
  constructor(check: HealthCheck, request: SpawnRequest, spawner: Spawner, events: HealthEvents) {
    this.#check = check;
    this.#request = request;
    this.#spawner = spawner;
    this.#events = events;
  }

  info(): HealthInfo {
    return this.#info;
  }

  start(): void {
    this.#timer = setTimeout(() => void this.#probe(), this.#info.checkedAtMs ? this.#check.intervalMs : 0);
  }

  stop(): void {
    this.#stopped.abort();
    clearTimeout(this.#timer);
  }

  async #probe(): Promise<void> {
    const timeout = AbortSignal.timeout(this.#check.timeoutMs);
    const signal = AbortSignal.any([timeout, this.#stopped.signal]);
    const failure = await this.#failure(this.#check.probe, signal);
    if (this.#stopped.signal.aborted) return;
    this.#settle(timeout.aborted ? `no response within ${this.#check.timeoutMs} ms` : failure);
    if (!this.#stopped.signal.aborted) this.start();
  }

  #settle(failure: string | undefined): void {
    const previous = this.#info.status;
    const checkedAtMs = Date.now();
    if (failure === undefined) {
      this.#info = { status: "healthy", checkedAtMs, failures: 0 };
    } else {
      const isStarting =
        previous === "starting" && performance.now() - this.#startedAt < this.#check.startPeriodMs;
      const failures = isStarting ? 0 : this.#info.failures + 1;
      const status = failures >= this.#check.retries ? "unhealthy" : previous;
      this.#info = { status, checkedAtMs, failures, detail: failure };
    }
    if (this.#info.status === previous) return;
    this.#events.onChange();
    if (this.#info.status === "unhealthy") this.#events.onUnhealthy();
  }

  /** Runs the probe. Returns the reason of a failure, or undefined. */
  async #failure(probe: HealthProbe, signal: AbortSignal): Promise<string | undefined> {
    try {
      switch (probe.type) {
        case "tcp":
          return await probeTcp(probe.port, signal);
        case "http":
          return await probeHttp(probe.port, probe.path, signal);
        case "exec":
          return await this.#probeExec(probe.command, probe.args, signal);
      }
    } catch (error) {
      return error instanceof Error ? error.message : String(error);
    }
  }

  async #probeExec(command: string, args: readonly string[], signal: AbortSignal) {
    const request = { ...this.#request, program: command, args };
    const outcome = await runCommand(this.#spawner, request, {
      timeoutMs: this.#check.timeoutMs,
      maxOutputBytes: maxProbeOutputBytes,
      signal,
    });
    return outcome.exitCode === 0 ? undefined : `exit code ${outcome.exitCode}: ${outcome.stderr.trim()}`;
  }
}

function probeTcp(port: number, signal: AbortSignal): Promise<undefined> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: "127.0.0.1", port, signal });
    socket.once("error", reject);
    socket.once("connect", () => {
      socket.destroy();
      resolve(undefined);
    });
  });
}

function probeHttp(port: number, path: string, signal: AbortSignal): Promise<string | undefined> {
  return new Promise((resolve, reject) => {
    const request = get({ host: "127.0.0.1", port, path, signal, agent: false }, (response) => {
      const status = response.statusCode ?? 0;
      response.destroy();
      resolve(status >= 200 && status < 400 ? undefined : `status ${status}`);
    });
    request.once("error", reject);
  });
}
