import { isRecord } from "../../http/problem.ts";
import type { PermissionRule } from "../types.ts";
import type { PermissionVerdict } from "./policy.ts";

type ToolCall = Readonly<Record<string, unknown>>;

const names: Readonly<Record<string, string>> = {
  execute: "bash",
  search: "grep",
  fetch: "webfetch",
  delete: "edit",
  move: "edit",
};

/** Returns the permission that a tool call needs, as named in rules: `edit`, `bash`, `read`, `webfetch`, ... */
export function permissionName({ kind }: ToolCall): string {
  const text = typeof kind === "string" && kind !== "" ? kind : "other";
  return names[text] ?? text;
}

/**
 * Returns the texts that rule patterns are matched against: the command or the paths of a tool call, else its title.
 */
export function permissionPatterns(call: ToolCall): string[] {
  const raw = isRecord(call.rawInput) ? call.rawInput : {};
  const command = readCommand(raw);
  if (command !== undefined) return [command];
  const paths = [...records(call.content), ...records(call.locations), raw].flatMap((item) => {
    const path = item.path ?? item.filePath ?? item.file_path;
    return typeof path === "string" ? [path] : [];
  });
  if (paths.length > 0) return [...new Set(paths)];
  return [typeof call.title === "string" ? call.title : "*"];
}

/** Returns the command line in a tool's input. */
export function readCommand(input: ToolCall): string | undefined {
  const { command } = input;
  if (typeof command === "string") return command;
  return Array.isArray(command) ? command.join(" ") : undefined;
}

/** Returns the verdict of the rules on a tool call; undefined if they do not cover everything that it touches. */
export function evaluateRules(
  rules: readonly PermissionRule[],
  call: ToolCall,
): PermissionVerdict | undefined {
  if (rules.length === 0) return undefined;
  const name = permissionName(call);
  const verdicts = permissionPatterns(call).map(
    (pattern) =>
      rules.findLast((rule) => matchesPattern(rule.permission, name) && matchesPattern(rule.pattern, pattern))
        ?.action,
  );
  if (verdicts.includes("deny")) return "deny";
  return verdicts.every((verdict) => verdict === "allow") ? "allow" : undefined;
}

/** Whether `text` matches `pattern`, in which `*` matches anything. Linear in the text. */
function matchesPattern(pattern: string, text: string): boolean {
  const [first = "", ...rest] = pattern.split("*");
  const last = rest.pop();
  if (last === undefined) return first === text;
  if (!text.startsWith(first)) return false;
  let at = first.length;
  for (const part of rest) {
    const found = text.indexOf(part, at);
    if (found === -1) return false;
    at = found + part.length;
  }
  return text.length - at >= last.length && text.endsWith(last);
}

function records(value: unknown): Readonly<Record<string, unknown>>[] {
  return Array.isArray(value) ? value.filter(isRecord) : [];
}
