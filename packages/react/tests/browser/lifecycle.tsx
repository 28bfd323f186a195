/** Components whose options change, whose connections are refused or lost, and that mount and unmount. */
import { Component, type ReactNode, StrictMode, Suspense, useEffect, useRef, useState } from "react";
import { createRoot } from "react-dom/client";
import { createHoldfast, createHoldfastWithClient, useActorState } from "../../src/index.ts";
import type { counter, locked, visits } from "./actors.ts";

interface Registry {
  readonly "~actors"?: { counter: typeof counter; locked: typeof locked; visits: typeof visits };
}

const kit = createHoldfast<Registry>({ endpoint: location.origin });
const { useActor } = kit;

/** Sets the props of the component, for the tests. */
declare global {
  interface Window {
    show(props: Props | null): void;
    seen: string[];
    disposeClient(): Promise<void>;
  }
}

interface Props {
  readonly kind?: "visitor" | "suspended" | "broken" | "state";
  readonly name?: string;
  readonly key?: string;
  readonly enabled?: boolean;
  readonly params?: unknown;
  readonly label?: string;
}

window.seen = [];

function Visitor({ of: name, id, enabled, params, label }: Props & { of: string; id: string }) {
  const actor = useActor({ name: name as "visits", key: [id], enabled: enabled ?? true, params });
  const renders = useRef(0);
  renders.current++;
  const options = useRef(0);
  useEffect(() => {
    options.current += actor.opts.enabled === true ? 1 : 0;
  }, [actor.opts]);
  const [heard, hear] = useState("");
  // A new callback at each render, which must be called with the values of that render.
  actor.useEvent("visited", (count: number) => hear(`${label ?? ""}${count}`));
  const state = `${actor.connStatus} ${actor.error?.code ?? "fine"} ${actor.handle === null ? "-" : "handle"}`;
  useEffect(() => {
    window.seen.push(state);
  }, [state]);
  return (
    <>
      <output id="state">{state}</output>
      <output id="heard">{heard}</output>
      <output id="renders">{renders.current}</output>
      <output id="options">{options.current}</output>
      <button type="button" id="visit" onClick={() => void actor.connection?.visit()}>
        visit
      </button>
    </>
  );
}

function Suspended({ of: name, id }: { of: string; id: string }) {
  const actor = useActor({ name: name as "visits", key: [id], suspense: true });
  return <output id="state">{actor.connStatus}</output>;
}

/** Shows the state of one of two actors that are both connected. */
function Stateful({ id }: { id: string }) {
  const left = useActor({ name: "visits", key: ["left"] });
  const right = useActor({ name: "visits", key: ["right"] });
  const actor = useActor({ name: "visits", key: [id] });
  const { state } = useActorState(actor, {
    load: (visits) => visits.count(),
    on: { visited: (_count, now) => now },
  });
  const shown = `${id} ${state ?? "loading"}`;
  useEffect(() => {
    window.seen.push(shown);
  }, [shown]);
  return (
    <>
      <output id="state">{shown}</output>
      <output id="both">{`${left.connStatus} ${right.connStatus}`}</output>
    </>
  );
}

const client = createHoldfast<Registry>({ endpoint: location.origin }).client;
const broken = createHoldfastWithClient<Registry>(client);
window.disposeClient = () => client.dispose();

function Broken({ id }: { id: string }) {
  const actor = broken.useActor({ name: "visits", key: [id] });
  return <output id="state">{`${actor.connStatus} ${actor.error?.code ?? "fine"}`}</output>;
}

class Boundary extends Component<{ children: ReactNode }, { error: unknown }> {
  override state = { error: undefined };
  static getDerivedStateFromError(error: unknown) {
    return { error };
  }
  override render() {
    const { error } = this.state as { error: { code?: string } | undefined };
    if (error === undefined) return this.props.children;
    return (
      <>
        <output id="state">{`caught ${error.code}`}</output>
        <button type="button" id="again" onClick={() => this.setState({ error: undefined })}>
          again
        </button>
      </>
    );
  }
}

function App() {
  const [props, show] = useState<Props | null>(null);
  useEffect(() => {
    window.show = show;
    document.title = "ready";
  }, []);
  if (props === null) return <output id="state">nothing</output>;
  const { kind = "visitor", name = "visits", key = "a", ...rest } = props;
  if (kind === "suspended") {
    return (
      <Boundary>
        <Suspense fallback={<output id="state">waiting</output>}>
          <Suspended of={name} id={key} />
        </Suspense>
      </Boundary>
    );
  }
  if (kind === "broken") return <Broken id={key} />;
  if (kind === "state") return <Stateful id={key} />;
  return <Visitor of={name} id={key} {...rest} />;
}

const root = document.getElementById("root");
if (root !== null) {
  createRoot(root).render(
    <StrictMode>
      <App />
    </StrictMode>,
  );
}
