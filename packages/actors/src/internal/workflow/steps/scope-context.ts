import type { Scope } from "../run/scope.ts";

/** The context with which loops, branches and tries run user code in a scope of its own. */
export interface ScopeContext {
  readonly scope: Scope;
  /** Runs user code on the stack with a context of its own for `scope`. */
  enter(scope: Scope, fn: (ctx: ScopeContext) => unknown): Promise<unknown>;
}
