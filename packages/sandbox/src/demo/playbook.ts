import { readFile } from "node:fs/promises";
import { isParams } from "./rpc.ts";
import type { Edit, Turn } from "./turn.ts";

/** The file of a repository that says what the demo agent can do in it. */
export const playbookPath = ".holdfast/demo-agent.json";

type Step =
  | { readonly kind: "think" | "say" | "read" | "run"; readonly text: string }
  /** Without `oldText`, the whole file. */
  | { readonly kind: "edit"; readonly path: string; readonly oldText?: string; readonly newText: string };

interface Rule {
  /** Selects the rule by the words of the prompt. */
  readonly when: RegExp;
  readonly steps: readonly Step[];
}

/**
 * Follows the repository's playbook: the first rule whose texts to replace are all there, and that fits the prompt if
 * one does. Asks once, before the first change. Returns false if there is no playbook, or nothing left to do in it.
 */
export async function followPlaybook(prompt: string, turn: Turn, ask: boolean): Promise<boolean> {
  const rules = await readRules(turn);
  const ready: Rule[] = [];
  for (const rule of rules) if (await isReady(rule, turn)) ready.push(rule);
  const fitting = ready.find(({ when }) => when.test(prompt));
  const rule = fitting ?? ready[0];
  if (rule === undefined) return false;
  if (fitting === undefined)
    await turn.say("I have no model, so I do what I was prepared for in this repository. ");
  await follow(rule, turn, ask);
  return true;
}

async function follow({ steps }: Rule, turn: Turn, ask: boolean): Promise<void> {
  const plan = [...new Set(steps.flatMap((step) => titleOf(step) ?? []))];
  let isAllowed = !ask;
  let exitCode: number | undefined = 0;
  for (const step of steps) {
    const title = titleOf(step);
    if (title !== undefined) turn.plan(plan, plan.indexOf(title));
    if (turn.session.mode === "plan" && (step.kind === "edit" || step.kind === "run")) continue;
    switch (step.kind) {
      case "think":
        await turn.think(step.text);
        break;
      case "say":
        // What it says at the end would be wrong.
        if (exitCode === 0) await turn.say(step.text);
        break;
      case "read":
        await turn.read(turn.resolveInside(step.text));
        break;
      case "run":
        exitCode = await turn.run(step.text, false);
        // The tests that are to be repaired fail at first.
        if (!isLast(step, steps)) exitCode = 0;
        break;
      case "edit":
        if (!(await turn.edit(await editOf(step, turn), !isAllowed))) {
          await turn.say("You said no, so I left the rest as it was. ");
          return;
        }
        isAllowed = true;
    }
  }
  turn.plan(plan, plan.length);
  if (exitCode !== 0) await turn.say("The checks still fail. ");
}

function titleOf(step: Step): string | undefined {
  if (step.kind === "edit") return `Change ${step.path}`;
  return step.kind === "run" ? `Run ${step.text}` : undefined;
}

function isLast(step: Step, steps: readonly Step[]): boolean {
  return steps.findLast(({ kind }) => kind === "run") === step;
}

/** Edits of one file follow each other: only the first of each has to fit now. */
async function isReady({ steps }: Rule, turn: Turn): Promise<boolean> {
  const seen = new Set<string>();
  for (const step of steps) {
    if (step.kind !== "edit" || seen.has(step.path)) continue;
    seen.add(step.path);
    const text = await textOf(turn.resolveInside(step.path));
    if (step.oldText === undefined ? text !== null : text?.includes(step.oldText) !== true) return false;
  }
  return true;
}

async function editOf(step: Step & { readonly kind: "edit" }, turn: Turn): Promise<Edit> {
  const path = turn.resolveInside(step.path);
  const known = await textOf(path);
  const isWhole = step.oldText === undefined || known === null;
  // A function, because "$" has a meaning in a text.
  const newText = isWhole ? step.newText : known.replace(step.oldText ?? "", () => step.newText);
  return { path, oldText: known, newText };
}

async function textOf(path: string): Promise<string | null> {
  return await readFile(path, "utf8").catch(() => null);
}

/** The rules that make sense. The file belongs to the repository, so nothing in it is an error. */
async function readRules(turn: Turn): Promise<readonly Rule[]> {
  try {
    const file: unknown = JSON.parse(await readFile(turn.resolveInside(playbookPath), "utf8"));
    if (!isParams(file) || !Array.isArray(file.rules)) return [];
    return file.rules.flatMap(ruleOf);
  } catch {
    return [];
  }
}

function ruleOf(value: unknown): Rule[] {
  if (!isParams(value) || typeof value.when !== "string" || !Array.isArray(value.steps)) return [];
  const steps = value.steps.map(stepOf);
  if (steps.length === 0 || steps.some((step) => step === undefined)) return [];
  return [{ when: new RegExp(value.when, "i"), steps: steps.flatMap((step) => step ?? []) }];
}

function stepOf(value: unknown): Step | undefined {
  if (!isParams(value)) return undefined;
  if (typeof value.edit === "string" && typeof value.new === "string") {
    const old = typeof value.old === "string" ? { oldText: value.old } : {};
    return { kind: "edit", path: value.edit, newText: value.new, ...old };
  }
  for (const kind of ["think", "say", "read", "run"] as const) {
    const text = value[kind];
    if (typeof text === "string") return { kind, text };
  }
  return undefined;
}
