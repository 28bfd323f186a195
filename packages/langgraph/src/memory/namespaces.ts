import type { MatchCondition } from "@langchain/langgraph-checkpoint";

/** The labels with which every matching namespace begins. */
export function prefixOf(conditions: readonly MatchCondition[]): string[] {
  let longest: string[] = [];
  for (const { matchType, path } of conditions) {
    if (matchType !== "prefix") continue;
    const wildcard = path.indexOf("*");
    const labels = path.slice(0, wildcard === -1 ? path.length : wildcard);
    if (labels.length > longest.length) longest = labels;
  }
  return longest;
}

/** True if a namespace fits all conditions; "*" stands for any label. */
export function matches(namespace: readonly string[], conditions: readonly MatchCondition[]): boolean {
  return conditions.every(({ matchType, path }) => {
    const start = matchType === "prefix" ? 0 : namespace.length - path.length;
    if (start < 0 || path.length > namespace.length) return false;
    return path.every((label, at) => label === "*" || label === namespace[start + at]);
  });
}
