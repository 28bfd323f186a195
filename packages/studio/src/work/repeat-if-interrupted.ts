import { isErrorCode } from "@holdfast/core";

/** A call is repeated this often. Each repetition needs another node that dies meanwhile. */
const maxRepetitions = 5;

/**
 * Makes a call of an actor, and makes it again if the node that ran it died, or gave the actor away, in the middle
 * (`action.interrupted`). Only for calls that do no harm when they run twice. Throws what the call throws; once `signal`
 * is aborted, it is not repeated.
 */
export async function repeatIfInterrupted<Result>(
  call: () => Promise<Result>,
  signal: AbortSignal,
): Promise<Result> {
  for (let repetitions = 0; ; repetitions++) {
    try {
      return await call();
    } catch (error) {
      const isOver = repetitions >= maxRepetitions || signal.aborted;
      if (isOver || !isErrorCode(error, "action", "interrupted")) throw error;
    }
  }
}
