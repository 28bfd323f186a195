import type { JsonPointer } from "./pointer.ts";
import type { PolicyAction } from "./policy.ts";

/** The operand of a condition. */
export type PolicyScalar = string | number | boolean | null;

export type JsonValue = PolicyScalar | readonly JsonValue[] | { readonly [name: string]: JsonValue };

/**
 * One condition on an argument: a pointer and exactly one operator. A list of values matches if each value does; only
 * `equals` compares a list as a whole.
 */
export type PolicyCondition =
  /** Equal JSON, ignoring the order of keys. */
  | { readonly pointer: JsonPointer; readonly equals: JsonValue }
  /** One of these. */
  | { readonly pointer: JsonPointer; readonly in: readonly PolicyScalar[] }
  /** A string prefix. For paths use `under`. */
  | { readonly pointer: JsonPointer; readonly prefix: string }
  /** A glob over the whole string: `*` is any characters, `?` is one, a backslash escapes the next. */
  | { readonly pointer: JsonPointer; readonly matches: string }
  /** This path or one below it, by whole segments. */
  | { readonly pointer: JsonPointer; readonly under: string }
  /** At most, inclusive. */
  | { readonly pointer: JsonPointer; readonly max: number }
  /** At least, inclusive. */
  | { readonly pointer: JsonPointer; readonly min: number }
  /** Whether the argument is absent. */
  | { readonly pointer: JsonPointer; readonly absent: boolean };

/** Properties of the caller that a rule may match. */
export const policySubjects = ["organization", "user", "agent", "group", "session"] as const;

/** One of {@link policySubjects}. */
export type PolicySubject = (typeof policySubjects)[number];

/** A rule of the policy file: its conditions and its action. */
export interface PolicyRule {
  /** Unique in the file; recorded in the audit log for each call that the rule decided. */
  readonly id: string;
  /** Each subject must match the caller's: exactly, or by prefix with a `*` at the end. */
  readonly subjects?: { readonly [subject in PolicySubject]?: string };
  /** Names, or patterns with `*`. */
  readonly tools: readonly string[];
  /** All must hold. */
  readonly when?: readonly PolicyCondition[];
  /** Matches only tainted sessions (true) or only clean ones (false). */
  readonly tainted?: boolean;
  readonly action: PolicyAction;
  /** Shown to the agent when a call is denied, and recorded in the audit log. */
  readonly reason?: string;
}

/** The content of `policy.json`. The first rule that matches decides. */
export interface PolicyRules {
  readonly version: 1;
  readonly rules: readonly PolicyRule[];
}

/** Path of the file below a data directory. */
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
  /** Characters of a subject, a pointer, and the operand of a text condition. */
  maxTextCharacters: 1_024,
  /** Characters of a text that is matched against a pattern; a longer one is unclear. */
  maxMatchedCharacters: 8_192,
  /** Bytes of a proposed rule's conditions, as JSON. */
  maxProposalBytes: 4 * 1024,
} as const;
