import { formatPatch, structuredPatch } from "diff";

/** How long two files may be compared line by line. */
const timeoutMs = 200;

export interface PatchSide {
  readonly text: string;
  /** As git has it: `100644`, `100755`, `120000` for a link. */
  readonly mode: string;
}

export interface PatchRequest {
  readonly name: string;
  /** Absent for a file that is new. */
  readonly before: PatchSide | undefined;
  /** Absent for a file that is gone. */
  readonly after: PatchSide | undefined;
  readonly context: number;
}

/** A change of one file as `git diff` writes it; undefined for texts that differ too much to compare in time. */
export function patchText(
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
  const [old, young] = [quoted(`a/${name}`), quoted(`b/${name}`)];
  const head = [`diff --git ${old} ${young}`, ...modes(before, after)];
  const body = found.hunks.length === 0 ? "" : hunksOf(formatPatch(found));
  if (body !== "") head.push(`--- ${before ? old : "/dev/null"}`, `+++ ${after ? young : "/dev/null"}`);
  return { patch: `${head.join("\n")}\n${body}`, additions: count("+"), deletions: count("-") };
}

function modes(before: PatchSide | undefined, after: PatchSide | undefined): string[] {
  if (!before) return [`new file mode ${after?.mode ?? ""}`];
  if (!after) return [`deleted file mode ${before.mode}`];
  return before.mode === after.mode ? [] : [`old mode ${before.mode}`, `new mode ${after.mode}`];
}

/** What stands behind the two lines of names. */
function hunksOf(patch: string): string {
  return patch.slice(patch.indexOf("@@"));
}

/** A name with control characters or quotes is written as a string of C, as git does. */
function quoted(name: string): string {
  if (!/[\p{Cc}"\\]/u.test(name)) return name;
  const escaped = name.replaceAll(/[\p{Cc}"\\]/gu, (character) => {
    if (character === '"' || character === "\\") return `\\${character}`;
    return `\\${character.charCodeAt(0).toString(8).padStart(3, "0")}`;
  });
  return `"${escaped}"`;
}
