import type { ScheduledFireInfo } from "../../ports/scheduled-fire.ts";

/** The actions of a definition, or the record of actions itself. */
type ActionsOf<T> = T extends { readonly "~types"?: infer Shape }
  ? NonNullable<Shape> extends { readonly actions: infer Actions }
    ? Actions
    : never
  : T;

/** The arguments without the leading context and the trailing fire info. */
type ArgumentsOf<Action> = Action extends (c: never, ...args: infer Args) => unknown
  ? Args extends [...infer Own, ScheduledFireInfo]
    ? Own
    : Args
  : never;

/** Names of actions; nested ones are joined with dots. */
type NamesIn<Actions> = {
  [Key in keyof Actions & string]: Actions[Key] extends (...args: never[]) => unknown
    ? Key
    : `${Key}.${NamesIn<Actions[Key]>}`;
}[keyof Actions & string];

type ActionAt<Actions, Name> = Name extends keyof Actions
  ? Actions[Name]
  : Name extends `${infer Group}.${infer Rest}`
    ? Group extends keyof Actions
      ? ActionAt<Actions[Group], Rest>
      : never
    : never;

export type ScheduledActionName<T> = NamesIn<ActionsOf<T>>;

export type ScheduledActionArguments<T, Name> = ArgumentsOf<ActionAt<ActionsOf<T>, Name>>;
