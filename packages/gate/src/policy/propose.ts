import { createHash } from "node:crypto";
import type { Approval } from "../approvals/approvals.ts";
import type { JsonSchema } from "../broker/tool.ts";
import { segmentsOf } from "./conditions.ts";
import { parsePolicy } from "./parse-policy.ts";
import { pointerTo } from "./pointer.ts";
import { type JsonValue, type PolicyCondition, type PolicyRule, policyLimits } from "./rule.ts";

/** The call that needs an approval. */
export interface ProposedCall {
  readonly tool: { readonly name: string; readonly argumentsSchema: JsonSchema };
  readonly arguments: Readonly<Record<string, unknown>>;
  readonly group: string;
  readonly tainted: boolean;
}

/**
 * The narrow rule proposed with an approval: the same tool, group and arguments, with paths limited to the same
 * folder. Undefined if none is narrow enough. It allows nothing until a person adds it to the policy file.
 */
export function proposeRule(approval: Approval): PolicyRule | undefined {
  return approval.proposal;
}

/** Proposes a rule for a call. */
export function ruleFor({ tool, arguments: args, group, tainted }: ProposedCall): PolicyRule | undefined {
  // A group whose name ends in "*" cannot be matched exactly.
  if (group === "" || group.endsWith("*")) return undefined;
  const when = [...conditionsOf(args), ...absences(tool.argumentsSchema, args)];
  const text = JSON.stringify([tool.name, group, tainted, when]);
  if (Buffer.byteLength(text) > policyLimits.maxProposalBytes) return undefined;
  const digest = createHash("sha256").update(text).digest("hex").slice(0, 12);
  const rule = {
    id: `allow-${tool.name}-${digest}`,
    subjects: { group },
    tools: [tool.name],
    ...(when.length === 0 ? {} : { when }),
    // Approving a call in a clean session says nothing about a tainted one.
    ...(tainted ? {} : { tainted: false }),
    action: "allow",
    reason: "a person allowed this call without further questions",
  };
  try {
    // A rule that the parser would refuse is not proposed.
    return parsePolicy(Buffer.from(JSON.stringify({ version: 1, rules: [rule] }))).rules[0];
  } catch {
    return undefined;
  }
}

function conditionsOf(args: Readonly<Record<string, unknown>>): PolicyCondition[] {
  return Object.entries(args).map(([name, value]) => {
    const pointer = pointerTo(name);
    const folder = isPathName(name) && typeof value === "string" ? folderOf(value) : undefined;
    if (folder !== undefined) return { pointer, under: folder };
    const equals: JsonValue = JSON.parse(JSON.stringify(value));
    return { pointer, equals };
  });
}

/** Optional arguments that were absent must stay absent: another argument can make it another call. */
function absences(schema: JsonSchema, args: Readonly<Record<string, unknown>>): PolicyCondition[] {
  const properties: unknown = schema["properties"];
  if (typeof properties !== "object" || properties === null) return [];
  return Object.keys(properties)
    .filter((name) => !Object.hasOwn(args, name))
    .map((name) => ({ pointer: pointerTo(name), absent: true }));
}

function isPathName(name: string): boolean {
  return /(?:^|_)(?:path|file|folder|dir|directory)$/i.test(name);
}

/** The folder of a path if it is at least two levels below the root; others would be too broad. */
function folderOf(path: string): string | undefined {
  const read = segmentsOf(path);
  if (read === undefined || path.includes(":")) return undefined;
  const parts = read.parts.slice(0, -1);
  if (parts.length < (read.absolute ? 2 : 1)) return undefined;
  return `${read.absolute ? "/" : ""}${parts.join("/")}`;
}
