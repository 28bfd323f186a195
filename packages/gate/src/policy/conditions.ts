import { matchesGlob } from "./glob.ts";
import { nothing, valueAt } from "./pointer.ts";
import { type PolicyCondition, type PolicyScalar, policyLimits } from "./rule.ts";

/**
 * Result of a condition. "unclear" if it cannot be evaluated: a path with "..", a string compared with a number,
 * arguments that are not stored. An unclear condition never allows a call.
 */
export type Truth = boolean | "unclear";

/** `args` is undefined if the arguments are unknown. */
function holds(condition: PolicyCondition, args: unknown): Truth {
  if (args === undefined) return "unclear";
  const value = valueAt(args, condition.pointer);
  if ("absent" in condition) return (value === nothing) === condition.absent;
  if (value === nothing) return false;
  if ("equals" in condition) return sameJson(value, condition.equals);
  return Array.isArray(value)
    ? ofAll(value.map((each) => holdsOf(condition, each)))
    : holdsOf(condition, value);
}

export function allHold(conditions: readonly PolicyCondition[], args: unknown): Truth {
  let unclear = false;
  for (const condition of conditions) {
    const truth = holds(condition, args);
    if (truth === false) return false;
    unclear ||= truth === "unclear";
  }
  return unclear ? "unclear" : true;
}

/** A list matches if each of its values does. It is unclear if they differ; an empty list does not match. */
function ofAll(truths: readonly Truth[]): Truth {
  if (truths.every((each) => each === false)) return false;
  return truths.every((each) => each === true) ? true : "unclear";
}

function holdsOf(
  condition: Exclude<PolicyCondition, { absent: boolean } | { equals: unknown }>,
  value: unknown,
): Truth {
  if ("in" in condition) return isOneOf(value, condition.in);
  if ("max" in condition) return typeof value === "number" ? value <= condition.max : "unclear";
  if ("min" in condition) return typeof value === "number" ? value >= condition.min : "unclear";
  if (typeof value !== "string") return "unclear";
  if ("prefix" in condition) return value.startsWith(condition.prefix);
  if ("under" in condition) return isUnder(value, condition.under);
  // Matching time grows with the length, which an agent chooses.
  if (value.length > policyLimits.maxMatchedCharacters) return "unclear";
  return matchesGlob(condition.matches, value);
}

function isOneOf(value: unknown, values: readonly PolicyScalar[]): Truth {
  const truths = values.map((each) => sameJson(value, each));
  if (truths.includes(true)) return true;
  // The value has another type than all of them, and how the tool converts it is unknown.
  return truths.includes(false) ? false : "unclear";
}

/** Values that differ only in type ("5" and 5), at any depth, may be the same to a tool. */
function sameJson(value: unknown, expected: unknown): Truth {
  if (value === null || expected === null) return value === expected;
  if (Array.isArray(value) !== Array.isArray(expected)) return "unclear";
  if (typeof value !== typeof expected) return "unclear";
  if (typeof value !== "object" || typeof expected !== "object") return value === expected;
  const names = Object.keys(value);
  if (names.length !== Object.keys(expected).length) return false;
  if (!names.every((name) => Object.hasOwn(expected, name))) return false;
  const truths = names.map((name) => sameJson(Reflect.get(value, name), Reflect.get(expected, name)));
  if (truths.includes(false)) return false;
  return truths.includes("unclear") ? "unclear" : true;
}

/** Segments of a path, or undefined when two programs could interpret it differently. */
export function segmentsOf(
  path: string,
): { readonly absolute: boolean; readonly parts: string[] } | undefined {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: rejects control characters.
  if (/[\\\u0000-\u001f\u007f]|%(?:2e|2f|5c|00)/i.test(path)) return undefined;
  if (path === "" || path.startsWith("//") || path.startsWith("~")) return undefined;
  const parts = path.split("/").filter((part) => part !== "" && part !== ".");
  if (parts.includes("..")) return undefined;
  return { absolute: path.startsWith("/"), parts };
}

function isUnder(path: string, folder: string): Truth {
  const [inner, outer] = [segmentsOf(path), segmentsOf(folder)];
  // Only the tool knows what a relative path is relative to.
  if (inner === undefined || outer === undefined || inner.absolute !== outer.absolute) return "unclear";
  return outer.parts.every((part, at) => inner.parts[at] === part);
}
