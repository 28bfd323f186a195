/** An optimistic change whose call is pending, or confirmed while an earlier one is pending. */
export interface OptimisticChange<State> {
  readonly number: number;
  readonly apply: ((state: State) => State) | undefined;
  readonly confirmed: boolean;
}

/**
 * The loaded state and the optimistic changes over it. While a change is pending, events are queued: one of them may
 * report the same change, which would be applied twice.
 */
export interface View<State> {
  readonly loaded: { readonly state: State } | undefined;
  readonly changes: readonly OptimisticChange<State>[];
  readonly queuedEvents: readonly ((state: State) => State)[];
  readonly error: Error | null;
}

export type ViewAction<State> =
  | { readonly type: "loaded"; readonly state: State }
  | { readonly type: "failed"; readonly error: Error }
  | { readonly type: "event"; readonly apply: (state: State) => State }
  | { readonly type: "change"; readonly number: number; readonly apply: OptimisticChange<State>["apply"] }
  | { readonly type: "confirmed"; readonly number: number }
  | { readonly type: "refused"; readonly number: number };

export function initialView<State>(): View<State> {
  return { loaded: undefined, changes: [], queuedEvents: [], error: null };
}

function reduceView<State>(view: View<State>, action: ViewAction<State>): View<State> {
  switch (action.type) {
    case "loaded":
      // Responses and events of one connection are in order: queued events are part of this state.
      return applyQueued({ ...view, loaded: { state: action.state }, queuedEvents: [], error: null });
    case "failed":
      return { ...view, error: action.error };
    case "event":
      // Before the first load there is nothing to change: the load includes it.
      return view.loaded === undefined
        ? view
        : applyQueued({ ...view, queuedEvents: [...view.queuedEvents, action.apply] });
    case "change": {
      const change = { number: action.number, apply: action.apply, confirmed: false };
      return { ...view, changes: [...view.changes, change] };
    }
    case "confirmed": {
      const confirm = (change: OptimisticChange<State>) =>
        change.number === action.number ? { ...change, confirmed: true } : change;
      return applyQueued({ ...view, changes: view.changes.map(confirm) });
    }
    case "refused":
      return applyQueued({ ...view, changes: view.changes.filter(({ number }) => number !== action.number) });
  }
}

/** A view and the actor that it belongs to. */
export interface OwnedView<State> {
  readonly owner: unknown;
  readonly view: View<State>;
}

export interface OwnedAction<State> {
  readonly owner: unknown;
  /** True if the component still shows that actor. */
  readonly isShown: boolean;
  readonly action: ViewAction<State>;
}

export function unownedView<State>(): OwnedView<State> {
  return { owner: undefined, view: initialView<State>() };
}

export function reduceOwnedView<State>(
  owned: OwnedView<State>,
  { owner, isShown, action }: OwnedAction<State>,
): OwnedView<State> {
  const isOwn = owned.owner === owner;
  // Ignore a late result of an actor that the component no longer shows.
  if (!isOwn && !isShown) return owned;
  const view = reduceView(isOwn ? owned.view : initialView<State>(), action);
  return view === owned.view ? owned : { owner, view };
}

/** Once no change is pending, events are applied again. */
function applyQueued<State>(view: View<State>): View<State> {
  if (!view.changes.every(({ confirmed }) => confirmed)) return view;
  const { loaded, queuedEvents } = view;
  const next = loaded && { state: queuedEvents.reduce((state, apply) => apply(state), loaded.state) };
  return { ...view, loaded: queuedEvents.length === 0 ? loaded : next, changes: [], queuedEvents: [] };
}

/** The loaded state with the optimistic changes, in the order in which they were made. */
export function visibleState<State>(view: View<State>): State | undefined {
  if (view.loaded === undefined) return undefined;
  return view.changes.reduce((state, { apply }) => apply?.(state) ?? state, view.loaded.state);
}
