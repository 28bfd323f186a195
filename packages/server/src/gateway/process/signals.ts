/**
 * Shuts the process down on a signal: every registry of the process drains, then the signal takes its default effect.
 * A second signal takes effect immediately.
 */

type Drain = () => Promise<void>;
type Termination = "SIGTERM" | "SIGINT";

const draining = new Set<Drain>();
let ending = false;

/** Drains on SIGTERM and SIGINT; the returned function stops that. */
export function onTermination(drain: Drain): () => void {
  if (draining.size === 0) {
    process.on("SIGTERM", onSignal);
    process.on("SIGINT", onSignal);
  }
  draining.add(drain);
  return () => {
    draining.delete(drain);
    // While the process drains, a second signal still has to be handled.
    if (draining.size === 0 && !ending) stopListening();
  };
}

function onSignal(signal: Termination): void {
  if (ending) {
    end(signal);
    return;
  }
  ending = true;
  void Promise.allSettled([...draining].map((drain) => drain())).then(() => end(signal));
}

function end(signal: Termination): void {
  stopListening();
  // The kernel does not end process 1 of a container with a signal that it does not handle.
  if (process.pid === 1) process.exit(signal === "SIGINT" ? 130 : 143);
  process.kill(process.pid, signal);
}

function stopListening(): void {
  process.removeListener("SIGTERM", onSignal);
  process.removeListener("SIGINT", onSignal);
}
