import { HoldfastError } from "@holdfast/core";
import type { DiffFile, DiffView } from "../contract.ts";
import { studioLimits } from "../limits.ts";
import type { Git } from "./git.ts";
import { runsOnYourMachine } from "./runs-on-your-machine.ts";

interface RawEntry {
  readonly path: string;
  readonly oldPath?: string;
  readonly status: DiffFile["status"];
  readonly mode: string;
}

interface Counts {
  readonly additions: number;
  readonly deletions: number;
  readonly binary: boolean;
}

interface Patch {
  readonly text: string;
  readonly cut: boolean;
}

/**
 * Compares two trees (or commits) of the host's own repository. Every changed file is listed, up to
 * `maxDiffFiles`; patches are kept up to `maxPatchBytes` a file and `maxDiffBytes` together, and
 * `truncated` says that something was left out.
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
  const options = { maxOutputBytes: studioLimits.maxDiffListBytes };
  const entries = parseRaw(await git.run([...compare, "-z", "--raw", "--full-index", base, tree], options));
  const counts = parseNumstat(await git.run([...compare, "-z", "--numstat", base, tree], options));
  const listed = entries.slice(0, studioLimits.maxDiffFiles);
  const splitter = new PatchSplitter(listed);
  await git.stream([...compare, "--patch", "--full-index", base, tree], (chunk) => splitter.push(chunk));
  const patches = splitter.finish();

  let truncated = entries.length > listed.length;
  const files = listed.map((entry, index): DiffFile => {
    const count = counts.get(entry.path) ?? { additions: 0, deletions: 0, binary: false };
    const patch = patches[index] ?? { text: "", cut: false };
    truncated ||= patch.cut;
    return {
      path: entry.path,
      ...(entry.oldPath === undefined ? {} : { oldPath: entry.oldPath }),
      status: entry.status,
      ...count,
      patch: count.binary ? "" : patch.text,
      runsOnYourMachine: runsOnYourMachine(entry.path, entry.mode),
    };
  });
  return fit({ base, files, truncated }, studioLimits.maxDiffMessageBytes);
}

/** An answer is bounded: the longest patches give way first, then the end of the list. */
function fit(diff: DiffView, maxBytes: number): DiffView {
  const sizes = diff.files.map((file) => Buffer.byteLength(JSON.stringify(file)) + 1);
  let total = sizes.reduce((sum, size) => sum + size, 200);
  if (total <= maxBytes) return diff;
  const files: DiffFile[] = [...diff.files];
  const longestFirst = sizes.map((_, index) => index).sort((a, b) => (sizes[b] ?? 0) - (sizes[a] ?? 0));
  for (const index of longestFirst) {
    const file = files[index];
    if (total <= maxBytes || file === undefined) break;
    const bare = { ...file, patch: "" };
    total -= (sizes[index] ?? 0) - Buffer.byteLength(JSON.stringify(bare)) - 1;
    files[index] = bare;
  }
  while (total > maxBytes) total -= Buffer.byteLength(JSON.stringify(files.pop())) + 1;
  return { ...diff, files, truncated: true };
}

function parseRaw(output: Buffer): RawEntry[] {
  const fields = output.toString("utf8").split("\0");
  const entries: RawEntry[] = [];
  for (let i = 0; i + 1 < fields.length; ) {
    const [, mode, , , status] = (fields[i++] ?? "").slice(1).split(" ");
    const first = fields[i++] ?? "";
    const letter = status?.charAt(0) ?? "";
    if (letter === "R" || letter === "C") {
      const path = fields[i++] ?? "";
      entries.push({ path, oldPath: first, status: letter === "R" ? "renamed" : "copied", mode: mode ?? "" });
    } else {
      entries.push({ path: first, status: statusOf(letter), mode: mode ?? "" });
    }
  }
  return entries;
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
      throw new HoldfastError("git", "failed", `git diff-tree answered with the unknown status "${letter}"`);
  }
}

function parseNumstat(output: Buffer): Map<string, Counts> {
  const fields = output.toString("utf8").split("\0");
  const counts = new Map<string, Counts>();
  for (let i = 0; i + 1 < fields.length; ) {
    const [additions = "", deletions = "", name = ""] = splitTabs(fields[i++] ?? "");
    // A rename has an empty name here, then the old and the new name as fields of their own.
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
 * Cuts the stream of all patches into one patch per listed file, keeping only what the limits allow.
 * Git writes them in the order of the list. No line of content can look like a file's header, since
 * each begins with a blank, "+", "-" or "\". A change of type is written as two patches.
 */
class PatchSplitter {
  readonly #sections: { bytes: Buffer[]; size: number; cut: boolean; type: boolean }[];
  #next = -1;
  #second = false;
  #total = 0;
  /** The start of a line whose first bytes do not yet tell whether it is a header. */
  #pending: Buffer = Buffer.alloc(0);
  #atLineStart = true;

  constructor(entries: readonly RawEntry[]) {
    this.#sections = entries.map((entry) => ({
      bytes: [],
      size: 0,
      cut: false,
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
        if (head.equals(fileHeader)) this.#beginFile();
      }
      const end = data.indexOf(0x0a, start);
      const stop = end < 0 ? data.length : end + 1;
      this.#keep(data.subarray(start, stop));
      this.#atLineStart = end >= 0;
      start = stop;
    }
  }

  finish(): Patch[] {
    if (this.#pending.length > 0) this.#keep(this.#pending);
    return this.#sections.map((section) => ({
      text: Buffer.concat(section.bytes).toString("utf8"),
      cut: section.cut,
    }));
  }

  #beginFile(): void {
    if (this.#sections[this.#next]?.type === true && !this.#second) {
      this.#second = true;
      return;
    }
    this.#second = false;
    this.#next++;
  }

  #keep(bytes: Buffer): void {
    const section = this.#sections[this.#next];
    if (section === undefined || section.cut) return;
    if (
      section.size + bytes.length > studioLimits.maxPatchBytes ||
      this.#total + bytes.length > studioLimits.maxDiffBytes
    ) {
      section.cut = true;
      return;
    }
    section.bytes.push(Buffer.from(bytes));
    section.size += bytes.length;
    this.#total += bytes.length;
  }
}
