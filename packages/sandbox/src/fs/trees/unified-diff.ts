import { formatPatch, structuredPatch } from "diff";

/** Timeout for the comparison of two files. */
const timeoutMs = 200;

export interface PatchSide {
  readonly text: string;
  /** Mode in git's notation: `100644`, `100755`, or `120000` for a link. */
  readonly mode: string;
}

export interface PatchRequest {
  readonly name: string;
  /** Absent for an added file. */
  readonly before: PatchSide | undefined;
  /** Absent for a deleted file. */
  readonly after: PatchSide | undefined;
  readonly context: number;
}

/** Formats the change of a file as `git diff` does. Returns undefined if the comparison exceeds {@link timeoutMs}. */
export function formatGitPatch(
  request: PatchRequest,
): { readonly patch: string; readonly additions: number; readonly deletions: number } | undefined {
  const { name, before, after, context } = request;
  const found = structuredPatch("a", "b", before?.text ?? "", after?.text ?? "", undefined, undefined, {
    context,
    timeout: timeoutMs,
  });
  if (!found) return undefined;
  const lines = found.hunks.flatMap((hunk) => hunk.lines);
  const count = (sign: string) => lines.filter((line) => line.startsWith(sign)).length;
  const [old, young] = [quoteName(`a/${name}`), quoteName(`b/${name}`)];
  const head = [`diff --git ${old} ${young}`, ...modes(before, after)];
  const body = found.hunks.length === 0 ? "" : extractHunks(formatPatch(found));
  if (body !== "") head.push(`--- ${before ? old : "/dev/null"}`, `+++ ${after ? young : "/dev/null"}`);
  return { patch: `${head.join("\n")}\n${body}`, additions: count("+"), deletions: count("-") };
}

function modes(before: PatchSide | undefined, after: PatchSide | undefined): string[] {
  if (!before) return [`new file mode ${after?.mode ?? ""}`];
  if (!after) return [`deleted file mode ${before.mode}`];
  return before.mode === after.mode ? [] : [`old mode ${before.mode}`, `new mode ${after.mode}`];
}

/** Returns the patch without its two header lines. */
function extractHunks(patch: string): string {
  return patch.slice(patch.indexOf("@@"));
}

/** Quotes a name with control characters or quotes as a C string, as git does. */
function quoteName(name: string): string {
  if (!/[\p{Cc}"\\]/u.test(name)) return name;
  const escaped = name.replaceAll(/[\p{Cc}"\\]/gu, (character) => {
    if (character === '"' || character === "\\") return `\\${character}`;
    return `\\${character.charCodeAt(0).toString(8).padStart(3, "0")}`;
  });
  return `"${escaped}"`;
}
