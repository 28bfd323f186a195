import type { JsonPointer } from "./pointer.ts";
import type { PolicyAction } from "./policy.ts";

/** What a condition compares with. */
export type PolicyScalar = string | number | boolean | null;

export type JsonValue = PolicyScalar | readonly JsonValue[] | { readonly [name: string]: JsonValue };

/**
 * One condition on an argument: where it is, and exactly one thing that must hold of it. A list of
 * values holds when each of them does; `equals` alone compares a list as a whole.
 */
export type PolicyCondition =
  /** The same JSON, whatever the order of keys. */
  | { readonly pointer: JsonPointer; readonly equals: JsonValue }
  /** One of these. */
  | { readonly pointer: JsonPointer; readonly in: readonly PolicyScalar[] }
  /** Text that begins so. For paths use `under`. */
  | { readonly pointer: JsonPointer; readonly prefix: string }
  /** The whole text: `*` stands for any characters, `?` for one, a backslash takes the next as it is. */
  | { readonly pointer: JsonPointer; readonly matches: string }
  /** This path or one below it, by whole segments. */
  | { readonly pointer: JsonPointer; readonly under: string }
  /** At most, inclusive. */
  | { readonly pointer: JsonPointer; readonly max: number }
  /** At least, inclusive. */
  | { readonly pointer: JsonPointer; readonly min: number }
  /** Whether nothing is there. */
  | { readonly pointer: JsonPointer; readonly absent: boolean };

/** What a rule may say of who calls. */
export const policySubjects = ["organization", "user", "agent", "group", "session"] as const;

/** One of {@link policySubjects}. */
export type PolicySubject = (typeof policySubjects)[number];

/** A rule of the policy file: what it is about, and what then happens. */
export interface PolicyRule {
  /** Unique in the file; on the audit log for each call that the rule decided about. */
  readonly id: string;
  /** Each that is named must be the caller's: exactly, or up to a `*` at the end. */
  readonly subjects?: { readonly [subject in PolicySubject]?: string };
  /** Names, or patterns with `*`. */
  readonly tools: readonly string[];
  /** All must hold. */
  readonly when?: readonly PolicyCondition[];
  /** Only for sessions into which content from outside has come, or only for others. */
  readonly tainted?: boolean;
  readonly action: PolicyAction;
  /** Told to the agent when a call is forbidden, and kept on the audit log. */
  readonly reason?: string;
}

/** The content of `policy.json`. The first rule that matches decides. */
export interface PolicyRules {
  readonly version: 1;
  readonly rules: readonly PolicyRule[];
}

/** Its name in a data directory. */
export const policyFile = "policy.json";

export const policyLimits = {
  maxFileBytes: 256 * 1024,
  maxDepth: 16,
  maxRules: 500,
  maxTools: 64,
  maxConditions: 32,
  /** Values of `in`. */
  maxValues: 256,
  maxIdCharacters: 128,
  maxReasonCharacters: 300,
  /** Of a subject, a pointer, and what a condition compares text with. */
  maxTextCharacters: 1_024,
  /** Of a text to which a pattern is held; a longer one cannot be judged. */
  maxMatchedCharacters: 8_192,
  /** Of the conditions of a rule that is proposed, as JSON. */
  maxProposalBytes: 4 * 1024,
} as const;
