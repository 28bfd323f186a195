/**
 * Answer ids for a question of the gate. With `forTask`, an identical call in the same task is not asked about again.
 */
export const gateAnswers = {
  once: "allow",
  forTask: "allow-task",
  /** Also adds the proposed rule to the policy file. */
  byRule: "allow-rule",
  deny: "deny",
} as const;
