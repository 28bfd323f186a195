import type { SchemaOutput, StandardSchema } from "@holdfast/core";

/** The errors of an action by code: a schema of their metadata, or `true` where they have none. */
export type ActionErrors = { readonly [code: string]: StandardSchema | true };

/** What clients see of the errors of an action: each by its code, with its metadata. */
export type DeclaredErrors<Errors extends ActionErrors> = {
  readonly [Code in keyof Errors]: Errors[Code] extends StandardSchema
    ? SchemaOutput<Errors[Code]>
    : undefined;
};

/** What `action()` returns: the function, with what is to be checked about it. */
export interface ActionDefinition<Context, Args extends readonly unknown[], Result, Errors> {
  // A call signature and generic: that lets the compiler infer the context from the actor around it.
  (c: Context, ...args: Args): Result;
  /** Phantom: the metadata of the declared errors, by code. */
  readonly "~errors": Errors | undefined;
}

interface ActionRules<Context, Errors extends ActionErrors> {
  /**
   * What the action may throw as a `UserError`, by code. The metadata is checked; another code is an
   * internal error for the caller.
   */
  readonly errors?: Errors;
  /** Whether the caller may: false is `auth.forbidden`, anything but a boolean an internal error. */
  readonly canInvoke?: (c: Context) => boolean | Promise<boolean>;
  /** "relaxed": the result does not wait for the commit. That of the actor unless given. */
  readonly durability?: "gated" | "relaxed";
}

export interface ActionOptions<Context, Input, Parsed, Output, Errors extends ActionErrors>
  extends ActionRules<Context, Errors> {
  /** Checks and types the only argument. */
  readonly input: StandardSchema<Input, Parsed>;
  /** Checks the result, on its way out. */
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
 * Describes an action beyond its code: schemas, errors, who may call it. A plain function is an action
 * as well. Throws nothing; what is wrong with it is `actor.invalid_definition` of `actor()`.
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
