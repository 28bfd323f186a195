import { useEffect, useState, useSyncExternalStore } from "react";
import type { CounterLoad } from "./counter-load.ts";

/** What the client of the counter sees. */
export function Counter({ load }: { readonly load: CounterLoad }) {
  const view = useSyncExternalStore(load.subscribe, () => load.view);
  const waitingMs = useWaiting(view.since);
  const isExact = view.acknowledged === view.stored;
  return (
    <section className="card" aria-label="Counter">
      <header>
        <h2>A counter</h2>
        <span className="muted">{view.node === "" ? "starting" : `at ${view.node}`}</span>
      </header>
      <p className="figures">
        <Figure label="Calls answered" value={view.acknowledged.toLocaleString("en")} id="acknowledged" />
        <Figure label="Counted" value={view.stored.toLocaleString("en")} id="stored" />
        <Figure label="Longest wait" value={seconds(view.longestMs)} id="longest" />
        <Figure label="Errors" value={String(view.errors)} id="errors" />
      </p>
      <Bars durations={view.durations} waitingMs={waitingMs} />
      <p className={isExact ? "verdict ok" : "verdict danger"} role="status">
        {isExact ? "Nothing lost, nothing counted twice." : "The count differs from the answers."}
      </p>
    </section>
  );
}

export function Figure(props: { readonly label: string; readonly value: string; readonly id: string }) {
  return (
    <span className="figure">
      <strong data-figure={props.id}>{props.value}</strong>
      <span className="muted">{props.label}</span>
    </span>
  );
}

const width = 480;
const height = 72;
const bars = 81;

/** One bar for each call, logarithmic from 1 ms to 20 s; the call in progress last. */
function Bars({
  durations,
  waitingMs,
}: {
  readonly durations: readonly number[];
  readonly waitingMs: number;
}) {
  const all = waitingMs > 0 ? [...durations, waitingMs] : durations;
  const step = width / bars;
  return (
    <svg
      className="bars"
      viewBox={`0 0 ${width} ${height}`}
      role="img"
      aria-label="Duration of the latest calls"
    >
      {all.map((ms, at) => {
        const size = Math.max(2, (Math.log10(Math.max(1, ms)) / Math.log10(20_000)) * height);
        const isWaiting = waitingMs > 0 && at === all.length - 1;
        return (
          <rect
            // biome-ignore lint/suspicious/noArrayIndexKey: a bar is nothing but its place
            key={at}
            className={isWaiting ? "waiting" : ms > 1_000 ? "slow" : "quick"}
            x={at * step}
            y={height - size}
            width={step - 1}
            height={size}
          />
        );
      })}
    </svg>
  );
}

/** Time that a call has been waiting, in milliseconds, once that is worth showing. */
function useWaiting(since: number | undefined): number {
  const [waitingMs, setWaitingMs] = useState(0);
  useEffect(() => {
    setWaitingMs(0);
    if (since === undefined) return;
    const look = (): void => {
      const waitedMs = performance.now() - since;
      if (waitedMs > 200) setWaitingMs(waitedMs);
    };
    const timer = setInterval(look, 100);
    return () => clearInterval(timer);
  }, [since]);
  return since === undefined ? 0 : waitingMs;
}

function seconds(ms: number): string {
  return ms < 1_000 ? `${Math.round(ms)} ms` : `${(ms / 1_000).toFixed(1)} s`;
}
