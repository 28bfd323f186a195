/** The red-team suite: one file a target, each attempt with what must stop it. */
import type { GuaranteeName } from "../jail/jail.ts";
import type { AttackLab } from "./lab/lab.ts";

/** What an attempt is aimed at. */
export type AttackGroup = "network" | "secrets" | "kernel" | "filesystem" | "resources" | "protocol" | "web";

/** One attempt to get out, tried from inside a real jail against the gate that ships. */
export interface Attack {
  /** Stable, dotted: "network.metadata". */
  readonly id: string;
  readonly group: AttackGroup;
  /** What is tried, for people. */
  readonly attempt: string;
  /** What has to happen. */
  readonly must: string;
  /** What stops it. */
  readonly layer: string;
  /** Guarantees without which the row cannot pass: a driver that lacks one has declared it. */
  readonly needs?: readonly GuaranteeName[];
  run(lab: AttackLab): Promise<AttackFinding>;
}

/** What was seen in one attempt. */
export interface AttackFinding {
  readonly stopped: boolean;
  /** Plain text: "ENETUNREACH" and the like. */
  readonly observed: string;
  /** What the same attempt did where nothing stands in its way; absent when it may not be tried there. */
  readonly control?: { readonly worked: boolean; readonly observed: string };
}

/** How one attempt ended. */
export interface AttackResult {
  readonly id: string;
  readonly group: AttackGroup;
  readonly attempt: string;
  readonly must: string;
  readonly layer: string;
  readonly driver: string;
  /** `declared`: the driver says that it lacks what the row needs, so policies can refuse it. */
  readonly outcome: "stopped" | "not_stopped" | "not_tried" | "declared";
  readonly observed: string;
  readonly control?: AttackFinding["control"];
  /** Milliseconds. */
  readonly durationMs: number;
}

/** How the attempts of one run ended. */
export interface AttackReport {
  /** True when every row is stopped or declared, and every control worked. */
  readonly ok: boolean;
  readonly driver: string;
  readonly platform: string;
  readonly results: readonly AttackResult[];
}
