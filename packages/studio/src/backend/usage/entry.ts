import type { EgressUsage } from "@holdfast/gate";

/** What a model call used. */
export type UsageTokens = Pick<
  EgressUsage,
  "model" | "inputTokens" | "outputTokens" | "cacheReadTokens" | "cacheWriteTokens"
>;

/** Whose usage something is. */
export interface UsageSubject {
  /** Id of the person who sent the prompt; of a group, "group/NAME". */
  readonly person: string;
  readonly personName: string;
  readonly task: string;
  readonly title: string;
  readonly session: string;
  readonly agent: string;
  readonly repository: string;
}

interface Entry {
  readonly version: 1;
  /** Names the cause: it is counted once. */
  readonly id: string;
  readonly at: number;
  readonly subject: UsageSubject;
}

/** Something that was used. */
export type UsageEntry =
  | (Entry & { readonly kind: "turn" })
  | (Entry & { readonly kind: "sandbox"; readonly durationMs: number })
  | (Entry & {
      readonly kind: "call";
      /** Absent if the server was killed while the call ran. */
      readonly tokens?: UsageTokens;
      /** Millionths of a US dollar. Absent if the model has no price. */
      readonly costMicros?: number;
      readonly isInterrupted?: true;
    });
