import type { DiffFile, ReviewView } from "../../../contract.ts";

/** Files with more changed lines than this are collapsed initially. */
const foldAbove = 500;

const generatedNames =
  /(^|\/)(package-lock\.json|npm-shrinkwrap\.json|yarn\.lock|pnpm-lock\.yaml|bun\.lockb?|Cargo\.lock|composer\.lock|Gemfile\.lock|poetry\.lock|uv\.lock|go\.sum|flake\.lock)$|(^|\/)(dist|vendor|node_modules|__snapshots__)\/|\.(min\.(js|css)|map|snap|pb\.go)$/;

/** True for files that programs write, by their names. */
export function isGenerated(path: string): boolean {
  return generatedNames.test(path);
}

export function startsOpen(file: DiffFile, viewed: boolean): boolean {
  if (viewed || file.status === "deleted" || isGenerated(file.path)) return false;
  return file.additions + file.deletions <= foldAbove;
}

/** Paths of the files that are viewed: those whose content is still the one that was marked. */
export function viewedPaths(files: readonly DiffFile[], review: ReviewView | undefined): ReadonlySet<string> {
  const marks = new Map(review?.viewed.map(({ path, contentId }) => [path, contentId]));
  return new Set(files.filter((file) => marks.get(file.path) === file.contentId).map(({ path }) => path));
}

/** Why a file without lines has none. */
export function describeEmptyDiff(file: DiffFile): string {
  if (file.additions + file.deletions > 0) return "Not shown, because all changes together are too large.";
  return file.status === "added" ? "This file is empty." : "Only the name, type or mode changed.";
}
