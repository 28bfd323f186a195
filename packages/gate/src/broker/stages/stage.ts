/** The stages that every tool call passes, in order. */
import type { CatalogEntry } from "../catalog.ts";
import type { RequestEnvelope } from "../messages/wire.ts";
import type { Principal } from "../tool.ts";

/** In order. A refusal by stage n implies that the earlier stages passed the call. */
export const stageNames = ["construct", "topic", "payload", "authorize", "confirm", "route"] as const;
export type StageName = (typeof stageNames)[number];

/** Output of the first stage. */
export interface ConstructedCall {
  readonly envelope: RequestEnvelope;
  readonly principal: Principal;
  /** Size of the frame. */
  readonly bytes: number;
}

/** A call of a tool that exists. */
export interface AddressedCall extends ConstructedCall {
  readonly entry: CatalogEntry;
}

/** A call that the policy allows, or for which it requires an approval. */
export interface AuthorizedCall extends AddressedCall {
  readonly ask: { readonly rule: string; readonly reason: string } | undefined;
  readonly rule: string;
  /** Data of the decision for the audit log. */
  readonly auditData: Readonly<Record<string, unknown>>;
}

/** A call that was approved, or needs no approval. */
export interface ConfirmedCall extends AuthorizedCall {
  /** Id of the consumed approval. */
  readonly approval: string | undefined;
}
