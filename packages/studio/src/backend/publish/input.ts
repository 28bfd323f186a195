import { HoldfastError } from "@holdfast/core";
import type { PublishInput } from "../../contract/publish.ts";
import { studioLimits } from "../../limits.ts";

const branchPrefix = "holdfast/";

/** Checks what somebody has entered, and drops unknown fields. Throws `publish.invalid_input`. */
export function readPublishInput(input: unknown): PublishInput {
  if (input === undefined || input === null) return {};
  const { maxReviewers, maxAssignees } = studioLimits;
  if (typeof input !== "object") throw invalid("it must be an object");
  const { title, body, draft, baseBranch, branch, reviewers, assignees, labels } = input as Readonly<
    Record<string, unknown>
  >;
  if (draft !== undefined && typeof draft !== "boolean") throw invalid("draft must be true or false");
  const { to } = input as { readonly to?: unknown };
  if (to !== undefined && to !== "fork" && to !== "branch") throw invalid("to must be fork or branch");
  if (title !== undefined && textOf("title", title, studioLimits.maxPullRequestTitle).trim() === "")
    throw invalid("title must not be empty");
  return {
    ...(title === undefined ? {} : { title: String(title).trim().replace(/\s+/g, " ") }),
    ...(body === undefined ? {} : { body: textOf("body", body, studioLimits.maxPullRequestBody) }),
    ...(draft === undefined ? {} : { draft }),
    ...(to === undefined ? {} : { to }),
    ...(baseBranch === undefined ? {} : { baseBranch: branchOf("baseBranch", baseBranch) }),
    ...(branch === undefined ? {} : { branch: ownBranchOf(branch) }),
    ...(reviewers === undefined ? {} : { reviewers: usersOf("reviewers", reviewers, maxReviewers) }),
    ...(assignees === undefined ? {} : { assignees: usersOf("assignees", assignees, maxAssignees) }),
    ...(labels === undefined ? {} : { labels: labelsOf(labels) }),
  };
}

/** Throws `publish.invalid_input`. */
export function readMergeMethod(options: unknown): "merge" | "squash" {
  const { method = "merge" } = Object(options) as { readonly method?: unknown };
  if (method === "merge" || method === "squash") return method;
  throw invalid("method must be merge or squash");
}

function ownBranchOf(value: unknown): string {
  const branch = branchOf("branch", value);
  if (branch.startsWith(branchPrefix)) return branch;
  throw invalid(`branch must begin with ${branchPrefix}`);
}

function branchOf(name: string, value: unknown): string {
  const text = textOf(name, value, 200);
  // What git check-ref-format allows for a branch.
  const isName =
    !/[\p{Cc}\s~^:?*[\\]|\.\.|@\{|\/\/|\/\.|\.\/|\.lock(?:\/|$)/u.test(text) && !/^[-./]|[./]$/.test(text);
  if (isName && text !== "@") return text;
  throw invalid(`${name} must be the name of a branch`);
}

function usersOf(field: string, value: unknown, max: number): readonly string[] {
  if (!Array.isArray(value) || value.length > max)
    throw invalid(`${field} must be a list of at most ${max} names`);
  const names = value.map((name) => textOf(`each of ${field}`, name, 100));
  if (names.some((name) => !/^[\w.-]+$/.test(name)))
    throw invalid(`each of ${field} must be the name of a user`);
  return [...new Set(names)];
}

function labelsOf(value: unknown): readonly string[] {
  const { maxPullRequestLabels: max } = studioLimits;
  if (!Array.isArray(value) || value.length > max)
    throw invalid(`labels must be a list of at most ${max} names`);
  const names = value.map((name) => textOf("a label", name, 100).trim());
  // GitLab takes all labels as one text with commas between.
  if (names.some((name) => name === "" || /[,\p{Cc}]/u.test(name)))
    throw invalid("a label must be one line without commas");
  return [...new Set(names)];
}

function textOf(name: string, value: unknown, max: number): string {
  if (typeof value === "string" && value.length <= max) return value;
  throw invalid(`${name} must be text of at most ${max} characters`);
}

function invalid(message: string): HoldfastError {
  return new HoldfastError("publish", "invalid_input", `The task cannot be published so: ${message}.`, {
    statusCode: 400,
  });
}
