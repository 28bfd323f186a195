import type { SchemaOutput, StandardSchema } from "@holdfast/core";

/** The declared errors of an action by code: a schema of their metadata, or `true` for none. */
export type ActionErrors = { readonly [code: string]: StandardSchema | true };

/** The declared errors of an action as clients see them: by code, with their metadata. */
export type DeclaredErrors<Errors extends ActionErrors> = {
  readonly [Code in keyof Errors]: Errors[Code] extends StandardSchema
    ? SchemaOutput<Errors[Code]>
    : undefined;
};

/** The return value of `action()`: the function together with its checks. */
export interface ActionDefinition<Context, Args extends readonly unknown[], Result, Errors> {
  // A generic call signature, so that the compiler infers the context from the surrounding actor.
  (c: Context, ...args: Args): Result;
  /** Type-only: the metadata of the declared errors, by code. */
  readonly "~errors": Errors | undefined;
}

/** How an action appears to MCP clients; see `@holdfast/mcp`. */
export interface ActionTool {
  readonly title?: string;
  /** What a model reads to decide whether to call it. */
  readonly description?: string;
  /** Validates the only argument of calls over MCP, for an action that declares no input. */
  readonly input?: StandardSchema;
  /** True if the action changes nothing: clients ask less before they call it. */
  readonly readOnly?: boolean;
  /** False if what the action changes is only added to. Default: true. */
  readonly destructive?: boolean;
  /** True if a second call with the same input changes nothing more. */
  readonly idempotent?: boolean;
  /** True: a resource to read, not a tool. The action takes no arguments. */
  readonly resource?: boolean;
}

interface ActionRules<Context, Errors extends ActionErrors> {
  /**
   * Errors that the action may throw as a `UserError`, by code. Their metadata is validated; any other code is an
   * internal error for the caller.
   */
  readonly errors?: Errors;
  /**
   * Decides whether the caller may call the action: false throws `auth.forbidden`, any other value than a boolean is
   * an internal error.
   */
  readonly canInvoke?: (c: Context) => boolean | Promise<boolean>;
  /** "relaxed": the result does not wait for the commit. Default: the durability of the actor. */
  readonly durability?: "gated" | "relaxed";
  /** Makes the action a tool of the actor's MCP server, or a resource. */
  readonly mcp?: true | ActionTool;
}

export interface ActionOptions<Context, Input, Parsed, Output, Errors extends ActionErrors>
  extends ActionRules<Context, Errors> {
  /** Validates and types the only argument. */
  readonly input: StandardSchema<Input, Parsed>;
  /** Validates the result. */
  readonly output?: StandardSchema<Output, unknown>;
  readonly handler: (c: Context, input: Parsed) => Output | Promise<Output>;
}

export interface PlainActionOptions<
  Context,
  Args extends readonly unknown[],
  Result,
  Errors extends ActionErrors,
> extends ActionRules<Context, Errors> {
  readonly input?: undefined;
  readonly output?: StandardSchema<Awaited<Result>, unknown>;
  readonly handler: (c: Context, ...args: Args) => Result;
}

/**
 * Describes an action beyond its code: schemas, errors, access. A plain function is an action, too. Invalid options
 * are reported by `actor()` as `actor.invalid_definition`.
 */
export function action<
  Context,
  Input,
  Parsed,
  Output,
  const Errors extends ActionErrors = Record<never, never>,
>(
  options: ActionOptions<Context, Input, Parsed, Output, Errors>,
): ActionDefinition<Context, [input: Input], Promise<Output>, DeclaredErrors<Errors>>;
export function action<
  Context,
  Args extends readonly unknown[],
  Result,
  const Errors extends ActionErrors = Record<never, never>,
>(
  options: PlainActionOptions<Context, Args, Result, Errors>,
): ActionDefinition<Context, Args, Result, DeclaredErrors<Errors>>;
export function action(options: { readonly handler: (...args: never[]) => unknown }): unknown {
  const handler = (c: never, ...args: never[]): unknown => options.handler(c, ...args);
  return Object.assign(handler, { "~action": options, "~errors": undefined });
}
