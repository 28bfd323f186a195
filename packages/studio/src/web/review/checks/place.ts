/** A line of a file that a person wants to see. */
export interface Place {
  readonly path: string;
  readonly line: number;
}

/** A check that a person wants to see. */
export interface FocusedCheck {
  readonly name: string;
}
