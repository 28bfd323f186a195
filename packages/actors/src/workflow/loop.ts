/** The decision of an iteration: continue with a state, or break with a value. */
export type LoopResult<State, Value> =
  | { readonly continue: true; readonly state: State }
  | { readonly break: true; readonly value: Value };

/** A loop without state may also return nothing, which continues. */
export type LoopIterationResult<State, Value> = Promise<
  // biome-ignore lint/suspicious/noConfusingVoidType: a body without a return statement is what this allows.
  LoopResult<State, Value> | (State extends undefined ? void : never)
>;

/** Return values of an iteration of `ctx.loop`. */
export const Loop: {
  /** Continues with the next iteration, which gets `state`. */
  continue<State = undefined>(state?: State): { readonly continue: true; readonly state: State };
  /** Ends the loop; `ctx.loop()` returns `value`. */
  break<Value = undefined>(value?: Value): { readonly break: true; readonly value: Value };
} = {
  // An absent argument is the value `undefined` of the default type.
  continue: <State>(state?: State) => ({ continue: true, state: state as State }),
  break: <Value>(value?: Value) => ({ break: true, value: value as Value }),
};
