import { HoldfastError, isHoldfastError } from "@holdfast/core";
import { EntryInProgressError, HistoryDivergedError } from "../../../workflow/errors.ts";
import type { Entry, ScopeNode } from "../history/history.ts";
import { checkName, showPath } from "../history/location.ts";
import { describeError, type EntryKind, type EntryStatus } from "../history/record.ts";
import { workflowLimits } from "../limits.ts";
import { ReplayEnd } from "./replay-end.ts";
import type { Fiber, WorkflowRun } from "./run.ts";

interface Seen {
  readonly name: string;
  readonly kind: EntryKind;
}

/** Kinds that are found by name alone: their order among the others is free. */
const unordered: ReadonlySet<EntryKind> = new Set<EntryKind>(["version_check", "removed"]);

/** States of an entry that has not ended. */
const unsettled: ReadonlySet<EntryStatus> = new Set<EntryStatus>(["pending", "running"]);

/** Kinds with scopes of their own. */
const containers: ReadonlySet<EntryKind> = new Set<EntryKind>(["loop", "join", "race", "try"]);

/**
 * One scope of a run: hands out entries in the order in which the code requests them, and detects a divergence from
 * the recorded order.
 */
export class Scope {
  readonly run: WorkflowRun;
  readonly fiber: Fiber;
  readonly node: ScopeNode;
  /** The entries recorded before this run, in order. */
  readonly #recorded: Entry[];
  #next = 0;
  readonly #seen: Seen[] = [];
  readonly #names = new Set<string>();
  readonly #parent: Scope | undefined;
  /** The contexts of the steps that run in this scope and below it. */
  readonly #steps: object[] = [];
  #busy: string | undefined;
  #counter = 0;
  #refused: Entry | undefined;

  constructor(run: WorkflowRun, fiber: Fiber, node: ScopeNode, parent?: Scope) {
    if (node.path.length > 2 * workflowLimits.maxNesting) {
      const message = `Operations of a workflow are nested at most ${workflowLimits.maxNesting} deep`;
      throw new HoldfastError("workflow", "too_deep", message);
    }
    this.run = run;
    this.fiber = fiber;
    this.node = node;
    this.#parent = parent;
    this.#recorded = [...node.entries.values()].filter(({ kind }) => !unordered.has(kind));
  }

  /** The context of the step that runs in this scope or below it. */
  get step(): object | undefined {
    return this.#steps.at(-1);
  }

  /** Registers a running step, until the returned function is called. */
  stepBegan(step: object): () => void {
    const outer = this.#parent?.stepBegan(step);
    this.#steps.push(step);
    return () => {
      this.#steps.splice(this.#steps.indexOf(step), 1);
      outer?.();
    };
  }

  /** True if there are recorded entries that the code has not reached. */
  get behind(): boolean {
    return this.#next < this.#recorded.length;
  }

  /** Runs one operation. Returns the very promise that user code awaits: see `DeterminismGuard.watch`. */
  operate<T>(name: unknown, kind: EntryKind, what: string, body: (entry: Entry) => Promise<T>): Promise<T> {
    const { guard } = this.run;
    guard.leave();
    let running: Promise<T>;
    try {
      running = this.#begin(name, kind, what, body);
    } catch (error) {
      const isOver = error instanceof ReplayEnd || (error instanceof Error && this.#over);
      if (isOver && this.fiber.refusalLimit.refuse(error)) return new Promise(() => {});
      return guard.watch(Promise.reject(error));
    }
    const settled = running.then(
      (value) => {
        this.#busy = undefined;
        return value;
      },
      (error: unknown) => {
        this.#busy = undefined;
        throw error;
      },
    );
    return guard.watch(settled);
  }

  async #perform<T>(entry: Entry, body: (entry: Entry) => Promise<T>): Promise<T> {
    // While a transaction is open, nothing else of the workflow continues.
    await this.run.actor.transactionLock.pass();
    this.fiber.check();
    if (entry.data.refused === true) throw refusal(entry);
    if (this.fiber.collecting && unsettled.has(entry.status)) {
      if (!containers.has(entry.kind)) throw new ReplayEnd();
      // Its scopes are visited, and the entry itself stays unchanged.
      entry.detached = true;
    }
    try {
      const result = await body(entry);
      this.fiber.check();
      return result;
    } catch (error) {
      if (!entry.recorded && !this.#over && isHoldfastError(error)) {
        entry.error = describeError(error);
        this.#refused = entry;
      }
      throw error;
    }
  }

  /**
   * Records that an operation was refused before it had an entry, if the code continues nevertheless: then a replay
   * has to refuse it in the same way. Code that ends there may be corrected.
   */
  #recordRefusal(): void {
    const entry = this.#refused;
    if (entry === undefined) return;
    this.#refused = undefined;
    entry.status = "failed";
    entry.data = { refused: true };
    this.run.record(() => this.run.history.save(entry));
  }

  #begin<T>(name: unknown, kind: EntryKind, what: string, body: (entry: Entry) => Promise<T>): Promise<T> {
    this.check();
    checkName(name, what);
    if (this.#busy !== undefined) {
      const message = `${what} "${name}" cannot begin while "${this.#busy}" is in progress: is an await missing?`;
      throw this.fail(new EntryInProgressError(message));
    }
    const entry = this.take(name, kind);
    this.#busy = name;
    return this.#perform(entry, body);
  }

  get #over(): boolean {
    return this.fiber.cancelled !== undefined || this.run.fault !== undefined;
  }

  /** Throws if the scope must not continue. */
  check(): void {
    this.fiber.check();
    if (this.run.fault !== undefined) throw this.run.fault;
  }

  /** An error of the code itself: the run fails with it even if the code continues. */
  fail(error: Error): Error {
    this.run.fault ??= error;
    return error;
  }

  /** The entry of this name, recorded or new. */
  take(name: string, kind: EntryKind): Entry {
    this.#recordRefusal();
    if (this.#names.has(name)) {
      const where = this.node.path.length === 0 ? "the workflow" : `"${showPath(this.node.path)}"`;
      throw this.#diverged({ name, kind }, `The name "${name}" is used twice in ${where}`);
    }
    const existing = this.node.entries.get(name);
    if (existing !== undefined && existing.kind !== kind) {
      throw this.#diverged(
        { name, kind },
        `Expected ${kind} "${name}", but the history has a ${existing.kind}`,
      );
    }
    const expected = this.#recorded[this.#next];
    if (!unordered.has(kind)) {
      if (expected !== undefined && existing !== expected) {
        const found = existing === undefined ? "which is new" : "which comes later";
        throw this.#diverged(
          { name, kind },
          `The history continues with ${expected.kind} "${expected.name}", but the code with ${kind} "${name}", ${found}`,
        );
      }
      if (expected !== undefined) this.#next++;
    }
    if (existing === undefined && this.fiber.collecting) throw new ReplayEnd();
    const entry = existing ?? this.run.history.begin(this.node, name, kind, this.run.now());
    this.#names.add(name);
    this.#seen.push({ name, kind });
    return entry;
  }

  /** The next generated name of an operation without a name of its own. */
  number(kind: string): string {
    return `${kind}#${++this.#counter}`;
  }

  /** The code no longer has this entry: its position in the record is skipped. */
  skip(name: string, kind: EntryKind): Entry | undefined {
    const existing = this.node.entries.get(name);
    if (existing === undefined) return undefined;
    if (existing.kind !== kind && existing.kind !== "removed") {
      throw this.#diverged(
        { name, kind: "removed" },
        `removed("${name}", "${kind}") replaces a ${kind}, but the history has a ${existing.kind}`,
      );
    }
    const at = this.#recorded.indexOf(existing, this.#next);
    if (at >= 0) this.#recorded.splice(at, 1);
    this.#names.add(name);
    this.#seen.push({ name, kind });
    return existing;
  }

  /** Called when the code of the scope has ended: operations that it did not await are stopped. */
  abandon(): void {
    if (this.#busy !== undefined) this.fiber.cancel();
  }

  /** Called when the code of the scope has ended without an error. */
  finish(): void {
    if (this.#busy !== undefined) {
      const message = `The code ended while "${this.#busy}" was still in progress: is an await missing before it?`;
      throw this.fail(new EntryInProgressError(message));
    }
    this.#recordRefusal();
    const nextRecorded = this.#recorded[this.#next];
    if (nextRecorded === undefined || this.fiber.cancelled !== undefined) return;
    throw this.#diverged(
      undefined,
      `The history continues with ${nextRecorded.kind} "${nextRecorded.name}", but the code ends`,
    );
  }

  #diverged(asked: Seen | undefined, why: string): Error {
    const expected = this.#recorded.map(({ kind, name }) => `${kind} ${name}`);
    const ordered = this.#seen.filter(({ kind }) => !unordered.has(kind));
    const found = [...ordered, ...(asked === undefined ? [] : [asked])].map(
      ({ kind, name }) => `${kind} ${name}`,
    );
    const scope = showPath(this.node.path);
    const where = scope === "" ? "" : ` in "${scope}"`;
    const message = `History diverged${where}: ${why}\n${sideBySide(expected, found)}`;
    return this.fail(new HistoryDivergedError(message, { metadata: { scope, expected, found } }));
  }
}

function refusal({ error }: Entry): Error {
  const { group, code, metadata } = error?.metadata ?? {};
  return new HoldfastError(String(group), String(code), error?.message ?? "unknown error", { metadata });
}

const shownLines = 20;

/** Two lists side by side, around the first line in which they differ. */
function sideBySide(recorded: readonly string[], found: readonly string[]): string {
  const length = Math.max(recorded.length, found.length);
  let first = 0;
  while (first < length && recorded[first] === found[first]) first++;
  const from = Math.max(0, first - shownLines / 2);
  const until = Math.min(length, from + shownLines);
  const width = Math.max(8, ...recorded.slice(from, until).map((line) => line.length));
  const lines = [`  ${"recorded".padEnd(width)} | code`];
  for (let at = from; at < until; at++) {
    const mark = recorded[at] === found[at] ? " " : ">";
    lines.push(`${mark} ${(recorded[at] ?? "").padEnd(width)} | ${found[at] ?? ""}`);
  }
  return lines.join("\n");
}
