/** A line of a file that a person wants to see. */
export interface Place {
  readonly path: string;
  readonly line: number;
}
