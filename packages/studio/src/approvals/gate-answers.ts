/**
 * Ids of the answers to a question of the gate. For the task: the same call again, exactly as shown, is
 * not asked about.
 */
export const gateAnswers = {
  once: "allow",
  forTask: "allow-task",
  /** Also writes the proposed rule into the policy file. */
  byRule: "allow-rule",
  deny: "deny",
} as const;
