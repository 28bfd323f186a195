import type { ApprovalOption } from "../contract.ts";
import { field, isRecord, list, text } from "../transcript/read.ts";

/** An ACP permission request, read with distrust. */
export interface PermissionRequest {
  readonly title: string;
  readonly kind?: string;
  /** What the agent says that it will do: the tool's input, or its content where there is no input. */
  readonly input: unknown;
  readonly options: readonly ApprovalOption[];
}

const kinds = ["allow_once", "allow_always", "reject_once", "reject_always"] as const;
const maxOptions = 12;

/** Undefined when it cannot be shown to anybody: no option that is understood. */
export function readPermission(params: unknown): PermissionRequest | undefined {
  const call = field(params, "toolCall");
  const options: ApprovalOption[] = [];
  for (const option of list(field(params, "options")).slice(0, maxOptions)) {
    const kind = kinds.find((known) => known === field(option, "kind"));
    const id = text(field(option, "optionId"));
    if (kind === undefined || id === "" || id.length > 200) continue;
    options.push({ id, kind, name: visible(text(field(option, "name"), 200)) || kind.replace("_", " ") });
  }
  if (options.length === 0) return undefined;
  const kind = text(field(call, "kind"), 50);
  const rawInput = field(call, "rawInput");
  const input = rawInput === undefined || rawInput === null ? readContent(field(call, "content")) : rawInput;
  return {
    title: text(field(call, "title"), 500) || "The agent asks for permission",
    ...(kind === "" ? {} : { kind }),
    input,
    options,
  };
}

function readContent(content: unknown): unknown {
  const parts = list(content).slice(0, 20).filter(isRecord);
  return parts.length === 0 ? {} : parts;
}

/** Control and direction characters could make an option read as another one. */
function visible(name: string): string {
  return name.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, " ").trim();
}
