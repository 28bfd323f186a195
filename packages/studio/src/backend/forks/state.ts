/** Whether a task of a fork gets the secrets of its repository's environment, and who has said so. */
export interface ForkSecrets {
  readonly isAllowed: boolean;
  /** Id of the person. */
  readonly by: string;
  readonly at: number;
}
