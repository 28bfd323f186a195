/** A change whose call has no answer yet. */
export interface Optimistic<State> {
  readonly number: number;
  readonly apply: ((state: State) => State) | undefined;
}

/** What was loaded, and the changes shown over it. */
export interface View<State> {
  readonly loaded: { readonly state: State } | undefined;
  readonly changes: readonly Optimistic<State>[];
  readonly error: Error | null;
}

export type ViewAction<State> =
  | { readonly type: "loaded"; readonly state: State }
  | { readonly type: "failed"; readonly error: Error }
  | { readonly type: "event"; readonly apply: (state: State) => State }
  | { readonly type: "changing"; readonly change: Optimistic<State> }
  | { readonly type: "changed"; readonly number: number };

export function initialView<State>(): View<State> {
  return { loaded: undefined, changes: [], error: null };
}

export function reduceView<State>(view: View<State>, action: ViewAction<State>): View<State> {
  switch (action.type) {
    case "loaded":
      return { ...view, loaded: { state: action.state }, error: null };
    case "failed":
      return { ...view, error: action.error };
    case "event":
      // Before the first load there is nothing to change: the load brings it.
      return view.loaded === undefined
        ? view
        : { ...view, loaded: { state: action.apply(view.loaded.state) } };
    case "changing":
      return { ...view, changes: [...view.changes, action.change] };
    case "changed":
      return { ...view, changes: view.changes.filter(({ number }) => number !== action.number) };
  }
}

/** The loaded state with the optimistic changes over it, in the order in which they were made. */
export function viewOf<State>(view: View<State>): State | undefined {
  if (view.loaded === undefined) return undefined;
  return view.changes.reduce((state, { apply }) => apply?.(state) ?? state, view.loaded.state);
}
