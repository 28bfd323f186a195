/** Red-team suite: one file per target, each attempt with the layer that must stop it. */
import type { GuaranteeName } from "../jail/jail.ts";
import type { AttackLab } from "./lab/lab.ts";

/** Target of an attempt. */
export type AttackGroup =
  | "network"
  | "secrets"
  | "kernel"
  | "filesystem"
  | "resources"
  | "protocol"
  | "desktop"
  | "web";

/** One attempt to break out, made from inside a real jail against the shipped gate. */
export interface Attack {
  /** Stable, dotted: "network.metadata". */
  readonly id: string;
  readonly group: AttackGroup;
  /** Description of the attempt, for people. */
  readonly attempt: string;
  /** Required outcome. */
  readonly must: string;
  /** The layer that stops it. */
  readonly layer: string;
  /** Guarantees that the attempt depends on. A driver without one declares so. */
  readonly needs?: readonly GuaranteeName[];
  run(lab: AttackLab): Promise<AttackFinding>;
}

/** Observation of one attempt. */
export interface AttackFinding {
  readonly stopped: boolean;
  /** Plain text: "ENETUNREACH" and the like. */
  readonly observed: string;
  /** Result of the same attempt without protection; absent where it must not be tried. */
  readonly control?: { readonly worked: boolean; readonly observed: string };
}

/** Result of one attempt. */
export interface AttackResult {
  readonly id: string;
  readonly group: AttackGroup;
  readonly attempt: string;
  readonly must: string;
  readonly layer: string;
  readonly driver: string;
  /** `declared`: the driver declares that it lacks a needed guarantee, so that policies can refuse the driver. */
  readonly outcome: "stopped" | "not_stopped" | "not_tried" | "declared";
  readonly observed: string;
  readonly control?: AttackFinding["control"];
  /** Milliseconds. */
  readonly durationMs: number;
}

/** Results of one run. */
export interface AttackReport {
  /** True if every attempt was stopped or declared and every control succeeded. */
  readonly ok: boolean;
  readonly driver: string;
  readonly platform: string;
  readonly results: readonly AttackResult[];
}
