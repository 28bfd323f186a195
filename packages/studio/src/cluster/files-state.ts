import type { Place } from "./place.ts";

/** The newest snapshot of a task's files, in the objects of its actor. */
export interface FilesSnapshot {
  /** Hash of the object that lists its chunks. */
  readonly manifest: string;
  /** Number of the turn; 0 before the first. */
  readonly turn: number;
  /** True for a snapshot that a node made in the middle of that turn, before it stopped. */
  readonly midTurn: boolean;
  readonly createdAt: number;
}

/** What a task knows about its files, on several nodes. */
export interface FilesState {
  /** The data directory that has them. */
  place?: Place;
  snapshot?: FilesSnapshot;
  /** True if they may have changed after the snapshot. */
  changed?: boolean;
  /** Number of turns that have begun. */
  turns?: number;
}

/** What the log says when a task goes on elsewhere. */
export function moveText({ snapshot, changed }: FilesState, from: Place, to: Place): string {
  if (snapshot === undefined) {
    return (
      `This task continues on node ${to.node} from a new clone of the repository. ` +
      `Node ${from.node} had stored no snapshot: files changed there are lost.`
    );
  }
  const text = `This task continues on node ${to.node} from ${describe(snapshot)}.`;
  return changed === true ? `${text} Files changed after it on node ${from.node} are lost.` : text;
}

function describe({ turn, midTurn }: FilesSnapshot): string {
  if (turn === 0) return "the snapshot of its start";
  return midTurn ? `the snapshot of the middle of turn ${turn}` : `the snapshot of the end of turn ${turn}`;
}
