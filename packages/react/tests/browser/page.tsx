import { StrictMode, Suspense, useState } from "react";
import { createRoot } from "react-dom/client";
import { createHoldfast, useAction, useActorState, useEvent } from "../../src/index.ts";
import type { counter, locked } from "./actors.ts";

interface Registry {
  readonly "~actors"?: { counter: typeof counter; locked: typeof locked };
}

const { useActor } = createHoldfast<Registry>({ endpoint: location.origin });

function Counter({ id, name }: { id: string; name: string }) {
  const actor = useActor({ name: "counter", key: [name] });
  const [last, setLast] = useState<number>();
  const [events, setEvents] = useState(0);
  actor.useEvent("changed", setLast);
  useEvent(actor, "changed", () => setEvents((count) => count + 1));
  const add = useAction(actor, (a, by: number) => a.add(by));
  const { state, mutate, pending } = useActorState(actor, {
    load: (a) => a.get(),
    on: { changed: (_count, now) => now },
  });
  return (
    <section id={id}>
      <output className="status">{actor.connStatus}</output>
      <output className="last">{last ?? "none"}</output>
      <output className="events">{events}</output>
      <output className="state">{state ?? "loading"}</output>
      <output className="pending">{String(pending)}</output>
      <output className="error">{add.error?.message ?? "fine"}</output>
      <button type="button" className="add" onClick={() => void add.run(1).catch(() => undefined)}>
        add
      </button>
      <button type="button" className="too-much" onClick={() => void add.run(1_000).catch(() => undefined)}>
        too much
      </button>
      <button
        type="button"
        className="optimistic"
        onClick={() =>
          void mutate(
            (a) => a.addWhenTold(10),
            (count) => count + 10,
          )
        }
      >
        optimistic
      </button>
      <button
        type="button"
        className="refused"
        onClick={() =>
          void mutate(
            (a) => a.refuse(),
            (count) => count + 500,
          ).catch(() => undefined)
        }
      >
        refused
      </button>
    </section>
  );
}

function Suspended() {
  const actor = useActor({ name: "counter", key: ["suspended"], suspense: true });
  return <output id="suspended">{actor.connStatus}</output>;
}

function Locked() {
  const { error } = useActor({ name: "locked", key: [] });
  return <output id="locked">{error === null ? "open" : `${error.group}.${error.code}`}</output>;
}

function Off() {
  const actor = useActor({ name: "counter", key: ["off"], enabled: false });
  return <output id="off">{actor.connStatus}</output>;
}

function App() {
  const [twice, setTwice] = useState(true);
  const [shown, setShown] = useState(true);
  return (
    <>
      {shown && <Counter id="one" name="shared" />}
      {twice && <Counter id="two" name="shared" />}
      <button type="button" id="once" onClick={() => setTwice(false)}>
        once
      </button>
      <button type="button" id="none" onClick={() => setShown(false)}>
        none
      </button>
      <Suspense fallback={<output id="suspended">waiting</output>}>
        <Suspended />
      </Suspense>
      <Locked />
      <Off />
    </>
  );
}

const root = document.getElementById("root");
if (root !== null) {
  createRoot(root).render(
    <StrictMode>
      <App />
    </StrictMode>,
  );
}
