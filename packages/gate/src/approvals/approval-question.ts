/** What a request says to a person, and what it is bound to. */
import { createHash } from "node:crypto";
import { encodeJson, HoldfastError } from "@holdfast/core";
import type { PolicyRule } from "../policy/rule.ts";
import { approvalLimits } from "./approval-limits.ts";
import type { ApprovalRequest, ApprovedCall } from "./approvals.ts";
import { detailForCard } from "./card-detail.ts";
import { escapeForDisplay } from "./display-text.ts";

/** A request without its arguments: as a person sees it, with the hash of the call. At most 64 KiB. */
export interface ApprovalQuestion {
  readonly session: string;
  readonly tool: string;
  /** SHA-256 of the call; see {@link bindingOf}. */
  readonly binding: string;
  readonly title: string;
  readonly detail: string;
  readonly truncated: boolean;
  readonly timeoutMs: number;
  readonly proposal?: PolicyRule;
  readonly origin?: string;
  readonly denialHolds?: boolean;
}

/** Throws `approval.arguments_too_large`. */
export function questionOf(request: ApprovalRequest): ApprovalQuestion {
  const { session, tool, proposal, origin, denialHolds } = request;
  const text = encodeJson(request.arguments ?? null);
  if (Buffer.byteLength(text) > approvalLimits.maxArgumentBytes) {
    const message = `Arguments hold at most ${approvalLimits.maxArgumentBytes} bytes`;
    throw new HoldfastError("approval", "arguments_too_large", message, { statusCode: 413 });
  }
  const timeoutMs = Math.max(request.timeoutMs ?? approvalLimits.timeoutMs, 1);
  const detail = detailForCard(request.arguments, approvalLimits.maxDetailCharacters);
  return {
    ...{ session, tool, binding: bindingOf(request) },
    title: escapeForDisplay(request.title ?? tool, approvalLimits.maxTitleCharacters).text,
    ...{ detail: detail.text, truncated: detail.truncated },
    timeoutMs: Math.min(timeoutMs, approvalLimits.maxTimeoutMs),
    ...(proposal === undefined ? {} : { proposal }),
    ...(origin === undefined ? {} : { origin: originText(origin) }),
    ...(denialHolds === true ? { denialHolds } : {}),
  };
}

function originText(origin: string): string {
  return escapeForDisplay(origin.replace(/\s+/g, " "), approvalLimits.maxOriginCharacters).text;
}

/** Hash that binds an approval to its call: another argument, tool or session is another call. */
export function bindingOf({ session, tool, version, arguments: args }: ApprovedCall): string {
  const plain: unknown = JSON.parse(encodeJson(args ?? null));
  const text = JSON.stringify(
    version === undefined
      ? [1, tool, session, canonical(plain)]
      : [2, tool, version, session, canonical(plain)],
  );
  return createHash("sha256").update(text).digest("hex");
}

/** Canonical JSON with sorted keys, since their order carries no meaning. */
function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(",")}]`;
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  const members = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
  return `{${members.map(([key, member]) => `${JSON.stringify(key)}:${canonical(member)}`).join(",")}}`;
}
