/** Labels of tasks: what a label may be, their order, and those that come from a forge. */
import { HoldfastError } from "@holdfast/core";
import { studioLimits } from "../limits.ts";

const { maxTaskLabels, maxTaskLabelCharacters } = studioLimits;

/**
 * The labels of a client as a task keeps them: trimmed, each once whatever its case, by name. Throws `task.invalid_input`.
 */
export function readLabels(given: unknown): readonly string[] {
  if (!Array.isArray(given)) throw invalid("`labels` must be a list of texts");
  const labels = inOrder((given as unknown[]).map(readLabel));
  if (labels.length > maxTaskLabels) throw invalid(`A task has at most ${maxTaskLabels} labels`);
  return labels;
}

/**
 * The labels of a task after a change: first those of `remove` go, whatever their case, then those of `add` come. Throws
 * `task.invalid_input`.
 */
export function changedLabels(labels: readonly string[], change: unknown): readonly string[] {
  if (typeof change !== "object" || change === null) throw invalid("Name the labels to add or to remove");
  const { add = [], remove = [] } = change as { readonly add?: unknown; readonly remove?: unknown };
  if (!Array.isArray(add) || !Array.isArray(remove)) throw invalid("`add` and `remove` are lists of texts");
  const gone = new Set((remove as unknown[]).map((label) => readLabel(label).toLowerCase()));
  return readLabels([...labels.filter((label) => !gone.has(label.toLowerCase())), ...(add as unknown[])]);
}

function readLabel(given: unknown): string {
  const label = typeof given === "string" ? given.trim() : "";
  if (label !== "" && label.length <= maxTaskLabelCharacters && !/[,\p{Cc}\p{Cs}]/u.test(label)) return label;
  throw invalid(
    `A label is text of 1 to ${maxTaskLabelCharacters} characters, without commas and control characters`,
  );
}

/** The labels of an issue or a pull request as those of a task, which may be shorter and fewer. */
export function labelsOfForge(given: readonly string[]): readonly string[] {
  const readable = given.map((label) =>
    label
      .replace(/[,\s\p{Cc}\p{Cs}]+/gu, " ")
      .trim()
      .slice(0, maxTaskLabelCharacters)
      // The cut may be in the middle of a character.
      .replace(/\p{Cs}$/u, "")
      .trim(),
  );
  return inOrder(readable.filter((label) => label !== "")).slice(0, maxTaskLabels);
}

/** True if two lists have the same labels. */
export function areSameLabels(a: readonly string[] = [], b: readonly string[] = []): boolean {
  return a.length === b.length && a.every((label, at) => label === b[at]);
}

function inOrder(labels: readonly string[]): readonly string[] {
  const byName = new Map<string, string>();
  for (const label of labels) {
    const key = label.toLowerCase();
    if (!byName.has(key)) byName.set(key, label);
  }
  return [...byName.values()].toSorted((a, b) => (a < b ? -1 : 1));
}

function invalid(message: string): HoldfastError {
  return new HoldfastError("task", "invalid_input", message, { statusCode: 400 });
}
