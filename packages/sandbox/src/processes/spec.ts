import type { LimitName } from "../internal/spawn/command-limits.ts";
import type { TerminalSize } from "../internal/spawn/terminal.ts";

export type ProcessOwner = "user" | "desktop" | "system";

/** Restarts a process that exits by itself. A stop or kill is final. */
export interface RestartPolicy {
  /** `on-failure`: after a signal or an exit code other than 0. */
  readonly policy: "never" | "on-failure" | "always";
  /** Consecutive restarts; 0 means no limit. A run longer than `maxBackoffMs` resets the count. */
  readonly maxRestarts: number;
  /** Delay before the first of consecutive restarts. Doubles up to `maxBackoffMs`. */
  readonly backoffMs: number;
  readonly maxBackoffMs: number;
}

/** How to check a process. */
export type HealthProbe =
  /** Healthy when a connection to loopback succeeds. */
  | { readonly type: "tcp"; readonly port: number }
  /** Healthy when a GET on loopback answers 200 to 399. */
  | { readonly type: "http"; readonly port: number; readonly path: string }
  /** Healthy when the command, in the directory and environment of the process, exits with 0. */
  | { readonly type: "exec"; readonly command: string; readonly args: readonly string[] };

/** Periodic health check of a process. */
export interface HealthCheck {
  readonly probe: HealthProbe;
  readonly intervalMs: number;
  readonly timeoutMs: number;
  /** Consecutive failures that make the process unhealthy. */
  readonly retries: number;
  /** Failures within this time after a start do not count. */
  readonly startPeriodMs: number;
  /** Kills an unhealthy process. Its restart policy then restarts it. */
  readonly restart: boolean;
}

/** Parameters of a managed process. */
export interface ProcessSpec {
  readonly command: string;
  readonly args: readonly string[];
  /** As the client sent it; absent for the server's own directory. */
  readonly cwd?: string;
  readonly env: Readonly<Record<string, string>>;
  readonly tty: boolean;
  readonly interactive: boolean;
  readonly size: TerminalSize;
  readonly name?: string;
  readonly restart?: RestartPolicy;
  readonly health?: HealthCheck;
}

/** Result of the latest health check. */
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
  /** Limits hit before the exit; absent if none. */
  readonly limitsHit?: readonly LimitName[];
  readonly name?: string;
  readonly restarts?: number;
  /** Time of the pending restart. */
  readonly restartAtMs?: number;
  readonly health?: HealthInfo;
  /** True for a process of an earlier server: it can be inspected, stopped, killed and deleted. */
  readonly survivor?: true;
}
