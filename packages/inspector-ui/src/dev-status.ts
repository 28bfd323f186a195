/** What `holdfast dev` knows of the program, as `GET /inspector/status` and its event stream send it. */
export interface DevStatus {
  /** The file that is run, relative to the folder of the project. */
  readonly entry: string;
  /** The number of the version that answers, from 1; undefined if none does. */
  readonly version: number | undefined;
  /** True while a newer version starts. */
  readonly isReloading: boolean;
  /** Why the newest version does not run. */
  readonly problem: DevProblem | undefined;
  /** What the compiler says about types; undefined if the project has no TypeScript, or before its first result. */
  readonly types: readonly TypeProblem[] | undefined;
}

/** A version that could not be started, or that has ended. */
export interface DevProblem {
  readonly title: string;
  /** The error as the program has printed it. */
  readonly text: string;
}

/** One message of the compiler. */
export interface TypeProblem {
  /** Relative to the folder of the project. */
  readonly file: string;
  readonly line: number;
  readonly column: number;
  /** Such as "TS2322". */
  readonly code: string;
  readonly message: string;
}
