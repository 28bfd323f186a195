/** The stages that every tool call passes, in order. */
import type { CatalogEntry } from "../catalog.ts";
import type { RequestEnvelope } from "../messages/wire.ts";
import type { Principal } from "../tool.ts";

/** In their order. A refusal of stage n says that the stages before it let the call pass. */
export const stageNames = ["construct", "topic", "payload", "authorize", "confirm", "route"] as const;
export type StageName = (typeof stageNames)[number];

/** What the first stage makes of a frame. */
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

/** A call that the policy lets pass, or wants asked about. */
export interface AuthorizedCall extends AddressedCall {
  readonly ask: { readonly rule: string; readonly reason: string } | undefined;
  readonly rule: string;
  /** What the audit log keeps of the decision. */
  readonly auditData: Readonly<Record<string, unknown>>;
}

/** A call that a person allowed, or that needed nobody. */
export interface ConfirmedCall extends AuthorizedCall {
  /** Of the approval that was used up. */
  readonly approval: string | undefined;
}
