/**
 * Ends the process in good order when it is asked to: every registry of the process drains, then the
 * signal does what it would have done. A second signal does it at once.
 */

type Drain = () => Promise<void>;
type Termination = "SIGTERM" | "SIGINT";

const draining = new Set<Drain>();
let ending = false;

/** Drains on SIGTERM and SIGINT; the returned function takes that back. */
export function onTermination(drain: Drain): () => void {
  if (draining.size === 0) {
    process.on("SIGTERM", onSignal);
    process.on("SIGINT", onSignal);
  }
  draining.add(drain);
  return () => {
    draining.delete(drain);
    // While the process ends, a second signal still has to be heard.
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
  // The kernel does not end process 1 of a container by a signal that it does not handle.
  if (process.pid === 1) process.exit(signal === "SIGINT" ? 130 : 143);
  process.kill(process.pid, signal);
}

function stopListening(): void {
  process.removeListener("SIGTERM", onSignal);
  process.removeListener("SIGINT", onSignal);
}
