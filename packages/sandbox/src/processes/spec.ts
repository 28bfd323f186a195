import type { LimitName } from "../internal/spawn/command-limits.ts";
import type { TerminalSize } from "../internal/spawn/terminal.ts";

export type ProcessOwner = "user" | "desktop" | "system";

/** Restarts a process that has exited by itself. A stop or kill is final. */
export interface RestartPolicy {
  /** `on-failure`: after a signal or an exit code other than 0. */
  readonly policy: "never" | "on-failure" | "always";
  /** Consecutive restarts; 0 means no limit. A run longer than `maxBackoffMs` resets the count. */
  readonly maxRestarts: number;
  /** Wait before the first of consecutive restarts; it doubles up to `maxBackoffMs`. */
  readonly backoffMs: number;
  readonly maxBackoffMs: number;
}

export type HealthProbe =
  /** Healthy when something on loopback accepts a connection. */
  | { readonly type: "tcp"; readonly port: number }
  /** Healthy when a GET on loopback answers 200 to 399. */
  | { readonly type: "http"; readonly port: number; readonly path: string }
  /** Healthy when the command, in the directory and environment of the process, exits with 0. */
  | { readonly type: "exec"; readonly command: string; readonly args: readonly string[] };

export interface HealthCheck {
  readonly probe: HealthProbe;
  readonly intervalMs: number;
  readonly timeoutMs: number;
  /** Failures in a row that make it unhealthy. */
  readonly retries: number;
  /** Failures within this time after a start do not count. */
  readonly startPeriodMs: number;
  /** Kills an unhealthy process, so that its restart policy brings it back. */
  readonly restart: boolean;
}

/** Parameters of a managed process. */
export interface ProcessSpec {
  readonly command: string;
  readonly args: readonly string[];
  /** As the client gave it; absent for the server's own directory. */
  readonly cwd?: string;
  readonly env: Readonly<Record<string, string>>;
  readonly tty: boolean;
  readonly interactive: boolean;
  readonly size: TerminalSize;
  readonly name?: string;
  readonly restart?: RestartPolicy;
  readonly health?: HealthCheck;
}

export interface HealthInfo {
  readonly status: "starting" | "healthy" | "unhealthy";
  readonly checkedAtMs?: number;
  readonly failures: number;
  readonly detail?: string;
}

/** A managed process on the wire. The members from `signal` on are not in the peer's API. */
export interface ProcessInfo {
  readonly id: string;
  readonly command: string;
  readonly args: readonly string[];
  readonly cwd?: string;
  readonly tty: boolean;
  readonly interactive: boolean;
  readonly owner: ProcessOwner;
  readonly status: "running" | "exited";
  readonly pid?: number;
  readonly exitCode?: number;
  readonly createdAtMs: number;
  readonly exitedAtMs?: number;
  readonly signal?: string;
  /** The limits that it ran into before it exited; absent when there were none. */
  readonly limitsHit?: readonly LimitName[];
  readonly name?: string;
  readonly restarts?: number;
  /** When it will be started again. */
  readonly restartAtMs?: number;
  readonly health?: HealthInfo;
  /** True for a process of an earlier server: it can be inspected, stopped, killed and deleted. */
  readonly survivor?: true;
}
