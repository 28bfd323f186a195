import { HoldfastError } from "@holdfast/core";
import type { DiffFile, DiffView } from "../contract/diff.ts";
import { studioLimits } from "../limits.ts";
import type { Git } from "./git.ts";
import { runsOnYourMachine } from "./runs-on-your-machine.ts";

interface RawEntry {
  readonly path: string;
  readonly oldPath?: string;
  readonly status: DiffFile["status"];
  readonly mode: string;
  /** The object of the new side. */
  readonly object: string;
}

interface Counts {
  readonly additions: number;
  readonly deletions: number;
  readonly binary: boolean;
}

interface Patch {
  readonly text: string;
  readonly truncated: boolean;
}

/**
 * Compares two trees (or commits) of the host's clone. Lists every changed file, up to `maxDiffFiles`; includes
 * patches up to `maxPatchBytes` per file and `maxDiffBytes` in total. Sets `truncated` if anything was omitted.
 */
export async function diffTrees(git: Git, hostGit: string, base: string, tree: string): Promise<DiffView> {
  const compare = [
    "--git-dir",
    hostGit,
    "diff-tree",
    "-r",
    "--no-ext-diff",
    "--no-textconv",
    "--no-color",
    "--find-renames",
  ];
  // Both lists come in one answer.
  const options = { maxOutputBytes: 2 * studioLimits.maxDiffListBytes };
  const list = ["-z", "--raw", "--numstat", "--full-index", base, tree];
  const { entries, rest } = parseRaw(await git.run([...compare, ...list], options));
  const counts = parseNumstat(rest);
  if (entries.length === 0) return { base, tree, files: [], truncated: false };
  const listed = entries.slice(0, studioLimits.maxDiffFiles);
  const splitter = new PatchSplitter(listed);
  await git.stream([...compare, "--patch", "--full-index", base, tree], (chunk) => splitter.push(chunk));
  const patches = splitter.finish();

  let truncated = entries.length > listed.length;
  const files = listed.map((entry, index): DiffFile => {
    const count = counts.get(entry.path) ?? { additions: 0, deletions: 0, binary: false };
    const patch = patches[index] ?? { text: "", truncated: false };
    truncated ||= patch.truncated;
    return {
      path: entry.path,
      ...(entry.oldPath === undefined ? {} : { oldPath: entry.oldPath }),
      status: entry.status,
      ...count,
      contentId: contentIdOf(entry),
      patch: count.binary || patch.truncated ? "" : patch.text,
      runsOnYourMachine: runsOnYourMachine(entry.path, entry.mode),
    };
  });
  return truncateDiff({ base, tree, files, truncated }, studioLimits.maxDiffMessageBytes);
}

/** Fits a diff into `maxBytes`: drops the longest patches first, then files from the end of the list. */
function truncateDiff(diff: DiffView, maxBytes: number): DiffView {
  const sizes = diff.files.map((file) => Buffer.byteLength(JSON.stringify(file)) + 1);
  let total = sizes.reduce((sum, size) => sum + size, 200);
  if (total <= maxBytes) return diff;
  const files: DiffFile[] = [...diff.files];
  const longestFirst = sizes.map((_, index) => index).sort((a, b) => (sizes[b] ?? 0) - (sizes[a] ?? 0));
  for (const index of longestFirst) {
    const file = files[index];
    if (total <= maxBytes || file === undefined) break;
    const withoutPatch = { ...file, patch: "" };
    total -= (sizes[index] ?? 0) - Buffer.byteLength(JSON.stringify(withoutPatch)) - 1;
    files[index] = withoutPatch;
  }
  while (total > maxBytes) total -= Buffer.byteLength(JSON.stringify(files.pop())) + 1;
  return { ...diff, files, truncated: true };
}

/** Reads the entries of `--raw`. `rest` are the fields that follow them. */
function parseRaw(output: Buffer): { readonly entries: RawEntry[]; readonly rest: readonly string[] } {
  const fields = output.toString("utf8").split("\0");
  const entries: RawEntry[] = [];
  let i = 0;
  while (fields[i]?.startsWith(":") === true) {
    const [, mode = "", , object = "", status] = (fields[i++] ?? "").slice(1).split(" ");
    const first = fields[i++] ?? "";
    const letter = status?.charAt(0) ?? "";
    if (letter === "R" || letter === "C") {
      const path = fields[i++] ?? "";
      entries.push({ path, oldPath: first, status: letter === "R" ? "renamed" : "copied", mode, object });
    } else {
      entries.push({ path: first, status: statusOf(letter), mode, object });
    }
  }
  return { entries, rest: fields.slice(i) };
}

/** The object in fewer characters, with the mode unless it is that of an ordinary file. */
function contentIdOf({ object, mode }: RawEntry): string {
  const id = Buffer.from(object, "hex").toString("base64url");
  return mode === "100644" ? id : `${id}.${mode}`;
}

function statusOf(letter: string): DiffFile["status"] {
  switch (letter) {
    case "A":
      return "added";
    case "D":
      return "deleted";
    case "T":
      return "type-changed";
    case "M":
      return "modified";
    default:
      throw new HoldfastError("git", "failed", `git diff-tree returned the unknown status "${letter}"`);
  }
}

function parseNumstat(fields: readonly string[]): Map<string, Counts> {
  const counts = new Map<string, Counts>();
  for (let i = 0; i + 1 < fields.length; ) {
    const [additions = "", deletions = "", name = ""] = splitTabs(fields[i++] ?? "");
    // For a rename this name is empty; the old and the new name follow as separate fields.
    const path = name === "" ? (fields[++i] ?? "") : name;
    if (name === "") i++;
    const binary = additions === "-";
    counts.set(path, {
      additions: binary ? 0 : Number(additions),
      deletions: binary ? 0 : Number(deletions),
      binary,
    });
  }
  return counts;
}

function splitTabs(field: string): [string, string, string] {
  const first = field.indexOf("\t");
  const second = field.indexOf("\t", first + 1);
  return [field.slice(0, first), field.slice(first + 1, second), field.slice(second + 1)];
}

const fileHeader = Buffer.from("diff --git ");

/**
 * Splits git's stream of patches into one patch per listed file, within the limits. Git emits them in list order. A
 * content line cannot look like a file header, because it starts with a blank, "+", "-" or "\". A type change is
 * emitted as two patches.
 */
class PatchSplitter {
  readonly #sections: { bytes: Buffer[]; size: number; truncated: boolean; type: boolean }[];
  #fileIndex = -1;
  #inSecondPatch = false;
  #total = 0;
  /** Start of a line that is still too short to tell whether it is a header. */
  #pending: Buffer = Buffer.alloc(0);
  #atLineStart = true;

  constructor(entries: readonly RawEntry[]) {
    this.#sections = entries.map((entry) => ({
      bytes: [],
      size: 0,
      truncated: false,
      type: entry.status === "type-changed",
    }));
  }

  push(chunk: Buffer): void {
    const data = this.#pending.length === 0 ? chunk : Buffer.concat([this.#pending, chunk]);
    this.#pending = Buffer.alloc(0);
    let start = 0;
    while (start < data.length) {
      if (this.#atLineStart) {
        const head = data.subarray(start, start + fileHeader.length);
        if (head.length < fileHeader.length && fileHeader.subarray(0, head.length).equals(head)) {
          this.#pending = Buffer.from(head);
          return;
        }
        if (head.equals(fileHeader)) this.#startFile();
      }
      const end = data.indexOf(0x0a, start);
      const stop = end < 0 ? data.length : end + 1;
      this.#append(data.subarray(start, stop));
      this.#atLineStart = end >= 0;
      start = stop;
    }
  }

  finish(): Patch[] {
    if (this.#pending.length > 0) this.#append(this.#pending);
    return this.#sections.map((section) => ({
      text: Buffer.concat(section.bytes).toString("utf8"),
      truncated: section.truncated,
    }));
  }

  #startFile(): void {
    if (this.#sections[this.#fileIndex]?.type === true && !this.#inSecondPatch) {
      this.#inSecondPatch = true;
      return;
    }
    this.#inSecondPatch = false;
    this.#fileIndex++;
  }

  #append(bytes: Buffer): void {
    const section = this.#sections[this.#fileIndex];
    if (section === undefined || section.truncated) return;
    if (
      section.size + bytes.length > studioLimits.maxPatchBytes ||
      this.#total + bytes.length > studioLimits.maxDiffBytes
    ) {
      section.truncated = true;
      return;
    }
    section.bytes.push(Buffer.from(bytes));
    section.size += bytes.length;
    this.#total += bytes.length;
  }
}
